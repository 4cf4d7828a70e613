"""Certificates of a lab: root CA, verification certificate, requests, device certificates.

Everything here is pure: keys, serial numbers and the time are arguments, ECDSA signatures are
deterministic (RFC 6979), and nothing is read or written. The documented procedure::

    ca = root_ca(ca_key, parse_subject("CN=Lab root CA"), now=now, serial_number=serial_1)
    csr = certificate_request(temporary_key, parse_subject("CN=my-thing"))
    issuer = Issuer(ca, ca_key)
    certificate = issuer.issue(csr, public_key=device_key, now=now, serial_number=serial_2)

Before it signs, `Issuer.issue` refuses everything that the device or AWS IoT would refuse later.
Afterwards it verifies that the certificate holds the device's key and that the CA signed it.
"""

from labkit.certificates.description import (
    Description,
    ExtensionText,
    certificate_id,
    describe,
    public_key,
)
from labkit.certificates.issuing import (
    DEVICE_CERTIFICATE_DAYS,
    ROOT_CA_DAYS,
    VERIFICATION_CERTIFICATE_DAYS,
    Issuer,
    certificate_request,
    root_ca,
)
from labkit.certificates.loading import (
    SigningKey,
    load_certificate,
    load_certificates,
    load_private_key,
    load_request,
    needs_passphrase,
    private_key_to_pem,
    to_pem,
)
from labkit.certificates.rules import (
    is_issued_by,
    key_algorithm,
    verify_ca,
    verify_device_certificate,
    verify_issued_by,
)
from labkit.certificates.subjects import (
    common_name,
    ignore_name_warnings,
    parse_subject,
    policy_variables,
    subject_text,
)

__all__ = [
    "DEVICE_CERTIFICATE_DAYS",
    "ROOT_CA_DAYS",
    "VERIFICATION_CERTIFICATE_DAYS",
    "Description",
    "ExtensionText",
    "Issuer",
    "SigningKey",
    "certificate_id",
    "certificate_request",
    "common_name",
    "describe",
    "ignore_name_warnings",
    "is_issued_by",
    "key_algorithm",
    "load_certificate",
    "load_certificates",
    "load_private_key",
    "load_request",
    "needs_passphrase",
    "parse_subject",
    "policy_variables",
    "private_key_to_pem",
    "public_key",
    "root_ca",
    "subject_text",
    "to_pem",
    "verify_ca",
    "verify_device_certificate",
    "verify_issued_by",
]
