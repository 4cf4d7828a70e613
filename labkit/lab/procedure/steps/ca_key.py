"""The CA's private key: kept in the clear or encrypted, as lab.toml says.

An encrypted key's passphrase is asked for, twice when the key is made and once in a program that
needs it; it is kept in that program's memory and nowhere else: no file, no variable, no message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit import certificates
from labkit.errors import CertificateError
from labkit.support.prompt import ask_unseen
from labkit.workspace import write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from labkit.lab.procedure.steps.workbench import Workbench

__all__ = ["Passphrase", "load_ca_key", "write_ca_key"]


def _ask(question: str) -> str:
    """Ask at the terminal or on the page, without showing what is typed.

    Raises:
        CertificateError: nobody is there to answer.
    """
    typed = ask_unseen(question)
    if typed is None:
        raise CertificateError(
            "the CA's key is encrypted, and nobody is there to type its passphrase: run the step "
            "in a terminal or on an open page."
        )
    return typed


class Passphrase:
    """Asks for the passphrases of CA keys, and remembers while the program runs.

    Args:
        ask: shows a question and returns what is typed.
    """

    def __init__(self, ask: Callable[[str], str] = _ask) -> None:
        self._ask = ask
        self._known: dict[Path, str] = {}

    def __repr__(self) -> str:
        """Return nothing that depends on a passphrase."""
        return "Passphrase()"

    def known(self, key_file: Path) -> str:
        """Return the passphrase of a key that is there."""
        if key_file in self._known:
            return self._known[key_file]
        return self._ask(f"passphrase of {key_file.parent.name}/{key_file.name}: ")

    def new(self, key_file: Path) -> str:
        """Return the passphrase for a key that is about to be made, typed twice.

        Raises:
            CertificateError: it is empty, or the second one is another.
        """
        name = f"{key_file.parent.name}/{key_file.name}"
        chosen = self._ask(f"new passphrase for {name}: ")
        if not chosen:
            raise CertificateError(
                f"expected a passphrase for {name}, came none. Run the step again, or set "
                "ca.encrypted to false in lab.toml."
            )
        if self._ask("the same again: ") != chosen:
            raise CertificateError(
                f"the two passphrases for {name} differ: nothing was written. Run the step again."
            )
        return chosen

    def keep(self, key_file: Path, passphrase: str) -> None:
        """Remember a passphrase that was proved right, while the program runs."""
        self._known[key_file] = passphrase


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
        CertificateError: the passphrase cannot be; nothing was written.
    """
    file = workbench.workspace.path("rootCA.key")
    passphrase = None
    if workbench.workspace.settings.ca_is_encrypted:
        passphrase = workbench.passphrase.new(file)
    write(file, certificates.private_key_to_pem(key, passphrase), private=True)
    if passphrase is not None:
        workbench.passphrase.keep(file, passphrase)
