"""The CA's private key: plain or encrypted, as lab.toml states.

You are prompted for an encrypted key's passphrase: twice when the key is created, and once in a
program that needs it. It is kept only in that program's memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit import certificates
from labkit.workspace import write

if TYPE_CHECKING:
    from labkit.lab.procedure.steps.workbench import Workbench


def load_ca_key(workbench: Workbench) -> certificates.SigningKey:
    """Read the CA's private key, asking for its passphrase where it has one.

    Raises:
        CertificateError: the file holds something else, or the passphrase is wrong.
    """
    file = workbench.workspace.path("rootCA.key")
    raw = file.read_bytes()
    # The label of PKCS #8 and the header of openssl's older forms both say so.
    if b"ENCRYPTED" not in raw:
        return certificates.load_private_key(raw)
    passphrase = workbench.passphrase.known(file)
    key = certificates.load_private_key(raw, passphrase)
    workbench.passphrase.keep(file, passphrase)
    return key


def write_ca_key(workbench: Workbench, key: certificates.SigningKey) -> None:
    """Write the CA's private key (0600), encrypted where lab.toml says so.

    Raises:
        CertificateError: the passphrase is not usable; nothing was written.
    """
    file = workbench.workspace.path("rootCA.key")
    passphrase = None
    if workbench.workspace.settings.ca_is_encrypted:
        passphrase = workbench.passphrase.new(file)
    write(file, certificates.private_key_to_pem(key, passphrase), private=True)
    if passphrase is not None:
        workbench.passphrase.keep(file, passphrase)
