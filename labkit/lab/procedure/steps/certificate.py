"""Steps on the workstation: the certificate authority, the request and the device's certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit import certificates
from labkit.errors import CertificateError
from labkit.keys import PublicKey
from labkit.lab.procedure.steps.ca_key import load_ca_key, write_ca_key
from labkit.lab.procedure.steps.workbench import Outcome
from labkit.workspace import write

if TYPE_CHECKING:
    from cryptography import x509

    from labkit.lab.procedure.steps.workbench import Workbench
    from labkit.workspace import Entry

_CA = "certificate authority"
"""Whose keys and serial numbers these are, for a seeded lab: the CA is shared by all devices."""


def create_ca(workbench: Workbench, _before: Entry | None) -> Outcome:
    """Create the CA's key (0600) and certificate, or find the ones that are there.

    Raises:
        CertificateError: key and certificate are there, and do not belong together; or the key is
            encrypted, and the passphrase is wrong.
    """
    key_file, certificate_file = (
        workbench.workspace.path(f"rootCA.{end}") for end in ("key", "pem")
    )
    if not key_file.exists():
        if certificate_file.exists():
            raise CertificateError(
                f"{certificate_file} exists, but its key does not: expected rootCA.key next to it. "
                "Restore the key, or move the certificate to create another CA."
            )
        write_ca_key(workbench, _new_ca_key(workbench))
    key = load_ca_key(workbench)
    if not certificate_file.exists():
        certificate = certificates.root_ca(
            key,
            certificates.parse_subject(workbench.workspace.settings.ca_subject),
            now=workbench.now,
            serial_number=workbench.randomness.serial_number(_whose(workbench), "rootCA.pem"),
        )
        write(certificate_file, certificates.to_pem(certificate))
    certificate = certificates.load_certificate(certificate_file.read_bytes())
    certificates.Issuer(certificate, key)
    return Outcome(certificates.describe(certificate))


def sign_request(workbench: Workbench, _before: Entry | None) -> Outcome:
    """Write the certificate signing request, signed by a key that lives as long as this call.

    Its subject is the thing's name. The signer's private key is never written anywhere.
    """
    file = workbench.workspace.path("deviceCert.csr")
    subject = certificates.parse_subject(f"CN={workbench.thing_name}")
    if file.exists():
        request = certificates.load_request(file.read_bytes())
        if request.subject == subject and request.is_signature_valid:
            return Outcome(request)
    temporary_key = workbench.randomness.ec_key(workbench.thing_name, "temporary CSR signer")
    request = certificates.certificate_request(temporary_key, subject)
    write(file, certificates.to_pem(request))
    return Outcome(request)


def issue_certificate(workbench: Workbench, _before: Entry | None) -> Outcome:
    """Issue the certificate for the device's own public key, or find the one that is right.

    Raises:
        CertificateError: one of the rules for issuing is broken; nothing was signed.
    """
    request = certificates.load_request(workbench.read("deviceCert.csr"))
    device_key = PublicKey.from_pem(workbench.read("DevicePublicKey.pem"))
    ca = certificates.load_certificate(workbench.read("rootCA.pem"))
    file = workbench.workspace.path("deviceCert.pem")
    if not (file.exists() and _is_right(file.read_bytes(), device_key, ca, request)):
        certificate = certificates.Issuer(ca, load_ca_key(workbench)).issue(
            request,
            public_key=device_key,
            now=workbench.now,
            serial_number=workbench.randomness.serial_number(
                workbench.thing_name, f"deviceCert.pem for {device_key.sha256}"
            ),
        )
        write(file, certificates.to_pem(certificate))
    certificate = certificates.load_certificate(file.read_bytes())
    facts: dict[str, object] = {
        "certificate_id": certificates.certificate_id(certificate),
        "key": device_key.sha256,
    }
    return Outcome(certificates.describe(certificate), facts)


def _is_right(
    pem: bytes, key: PublicKey, ca: x509.Certificate, csr: x509.CertificateSigningRequest
) -> bool:
    """Return whether a certificate is the one that would be issued again."""
    try:
        certificates.verify_device_certificate(
            certificates.load_certificate(pem), public_key=key, ca=ca, csr=csr
        )
    except CertificateError:
        return False
    return True


def _whose(workbench: Workbench) -> str:
    """Return whose a seeded CA's key is: each CA has one of its own."""
    settings = workbench.workspace.settings
    return f"{_CA}, {settings.route}" if settings.has_ca_of_its_own else _CA


def _new_ca_key(workbench: Workbench) -> certificates.SigningKey:
    if workbench.workspace.settings.ca_key == "EC P-256":
        return workbench.randomness.ec_key(_whose(workbench), "rootCA.key")
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 the rarer case

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
