"""The step of Option 1: AWS IoT makes the key pair, and its private key goes into the header.

The private key is in the keys header from its first moment on this computer, and nowhere else:
no file of its own, no journal, no difference, no message.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from labkit import certificates
from labkit.cloud.resources import CERTIFICATE
from labkit.errors import CertificateError
from labkit.lab.procedure.steps import headers
from labkit.lab.procedure.steps.workbench import Outcome
from labkit.workspace import write

if TYPE_CHECKING:
    from labkit.cloud.resources import Resource
    from labkit.lab.procedure.steps.workbench import Workbench
    from labkit.workspace import Entry

_FILE = "deviceCert.pem"


@dataclass(frozen=True, slots=True)
class KeysAndCertificate:
    """A key pair and certificate made by AWS IoT; the repr does not depend on the key.

    Attributes:
        certificate: the certificate in the account, with the status that it was made with.
        algorithm: the key pair's, such as "RSA-2048".
        key_lines: how many lines of PEM the private key has.
    """

    certificate: Resource
    algorithm: str
    key_lines: int

    def __repr__(self) -> str:
        """Return a line for the certificate and one for the private key."""
        return (
            f"certificate  {self.certificate.status}, for an {self.algorithm} key, in {_FILE} and "
            f"{headers.CERTIFICATE_PEM}\n"
            f"private key  {self.algorithm}, {self.key_lines} lines of PEM, in "
            f"{headers.PRIVATE_KEY_PEM} and nowhere else"
        )


def create_keys_and_certificate(workbench: Workbench, before: Entry | None) -> Outcome:
    """Have a key pair and its certificate made, or find the pair that is in the header.

    The pair is found if the header's private key belongs to the certificate and the account has the
    certificate. Otherwise another one is made, because AWS IoT returns a private key only once;
    this device's earlier certificates are retired first. If the program is killed between AWS's
    answer and its note, the account keeps a certificate of unknown id: INACTIVE, attached to
    nothing, without its key. It is not touched, because it could be someone else's.

    Raises:
        CertificateError: what AWS IoT answered does not belong together; nothing was written.
    """
    pem = _pem_in_place(workbench)
    certificate = workbench.account.find_certificate(_id(pem)) if pem else None
    if pem is None or certificate is None:
        _retire_earlier(workbench)
        new = workbench.account.create_keys_and_certificate()
        pem, key_pem, certificate = new.certificate_pem, new.private_key_pem, new.resource
        if not _belongs(pem, key_pem) or _id(pem) != certificate.name:
            raise CertificateError(
                "AWS IoT's answer is not consistent: expected the certificate of its private key, "
                "got the certificate of another key. Nothing was written; run the step again."
            )
    else:
        key_pem = headers.value_now(workbench, headers.PRIVATE_KEY_PEM) or ""
    write(workbench.workspace.path(_FILE), pem)
    headers.import_key_pair(workbench, pem, key_pem)
    status = str(before.facts["created_as"]) if before else certificate.status
    return Outcome(
        KeysAndCertificate(
            replace(certificate, status=status),
            certificates.key_algorithm(certificates.load_certificate(pem).public_key()),
            len(key_pem.splitlines()),
        ),
        {"certificate_id": certificate.name, "arn": certificate.arn, "created_as": status},
    )


def _pem_in_place(workbench: Workbench) -> str | None:
    """Return the certificate whose private key is in the header, or None.

    The file is checked first, then the header: each can be lost, or changed by hand.
    """
    file = workbench.workspace.path(_FILE)
    key_pem = headers.value_now(workbench, headers.PRIVATE_KEY_PEM)
    found = [
        file.read_text(errors="replace") if file.exists() else None,
        headers.value_now(workbench, headers.CERTIFICATE_PEM),
    ]
    return next((pem for pem in found if pem and key_pem and _belongs(pem, key_pem)), None)


def _belongs(certificate_pem: str, private_key_pem: str) -> bool:
    """Return whether a certificate is for a private key; False for any other text."""
    try:
        key = certificates.load_private_key(private_key_pem)
        return certificates.load_certificate(certificate_pem).public_key() == key.public_key()
    except CertificateError:
        return False


def _retire_earlier(workbench: Workbench) -> None:
    """Retire this device's earlier certificates, whose private keys are not in the header.

    An unused one, INACTIVE and attached to nothing, is deleted. One that may have been in use is
    set INACTIVE, which can be reversed. Others' certificates are not touched.
    """
    ledger = workbench.workspace.ledger(lambda: workbench.now)
    for made in ledger.there():
        if made.kind != CERTIFICATE or not made.is_certain:
            continue
        earlier = workbench.account.find_certificate(made.name)
        if earlier is None:  # the program was killed between the deletion and its note
            workbench.account.notes.deleted(CERTIFICATE, made.name)
        elif earlier.status == "INACTIVE" and not workbench.account.attachments(earlier.arn):
            workbench.account.delete_certificate(made.name)
        elif earlier.status == "ACTIVE":
            workbench.account.set_certificate_status(made.name, "INACTIVE")


def _id(pem: str) -> str:
    return certificates.certificate_id(certificates.load_certificate(pem))
