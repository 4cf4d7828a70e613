"""The account's own certificate authority, and the certificates that AWS IoT issues with it.

Option 1 of the documentation is `CreateKeysAndCertificate`: AWS IoT generates the key pair, and
returns the private key once. With `CreateCertificateFromCsr` the caller keeps the key.

Source: AWS IoT API reference: CreateKeysAndCertificate, CreateCertificateFromCsr; AWS IoT Core
developer guide, create AWS IoT client certificates. The real authority's certificates have its
name, the subject `CN=AWS IoT Certificate`, the end of 2049, and an RSA signature; here it is an
EC P-256 signature, which a seeded bench can repeat.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from labkit import certificates
from labkit.bench.simulator.account.certificates import add
from labkit.bench.simulator.account.context import Refusal
from labkit.bench.simulator.account.x509_rules import accepted_key
from labkit.certificates import signing
from labkit.errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.bench.simulator.account.context import Call, Operation

    _PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

END_OF_VALIDITY: Final = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
"""The end of validity of AWS IoT's own certificates."""

_RSA_BITS = 2048
_SETTING = "own authority's key"
_SUBJECT = "CN=AWS IoT Certificate"
_ISSUER = "C=US, ST=Washington, L=Seattle, O=Amazon.com Inc., OU=Amazon Web Services"


def _create_keys_and_certificate(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    subject = certificates.parse_subject(_SUBJECT)
    return _create(call, request, key.public_key(), subject) | {"keyPair": _key_pair(key)}


def _create_certificate_from_csr(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Issue a certificate with a request's subject and key."""
    try:
        csr = certificates.load_request(request["certificateSigningRequest"])
        key = accepted_key(csr.public_key(), "The request")
        is_signed = csr.is_signature_valid
    except (CertificateError, ValueError) as error:
        raise Refusal("InvalidRequestException", f"The request is not valid: {error}") from error
    except Refusal as refusal:
        raise Refusal("InvalidRequestException", refusal.message) from refusal
    if not is_signed:
        raise Refusal("InvalidRequestException", "The request is not signed by the key in it")
    return _create(call, request, key, csr.subject)


def _create(
    call: Call, request: Mapping[str, Any], key: _PublicKey, subject: x509.Name
) -> dict[str, Any]:
    certificate = _issue(call, key, subject)
    status = "ACTIVE" if request.get("setAsActive") else "INACTIVE"
    created = add(call, certificate, status=status)
    return created | {"certificatePem": certificates.to_pem(certificate)}


def _key_pair(key: rsa.RSAPrivateKey) -> dict[str, str]:
    """Return a key pair as AWS IoT does, in PEM: PKCS#1 and SubjectPublicKeyInfo."""
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {"PublicKey": public.decode(), "PrivateKey": private.decode()}


def _issue(call: Call, key: _PublicKey, subject: x509.Name) -> x509.Certificate:
    """Return a new certificate, signed by the account's own authority.

    Each call issues another certificate, also for the same key.
    """
    authority = ec.derive_private_key(
        int(call.setting(_SETTING, lambda: _new_authority_key(call)), 16), ec.SECP256R1()
    )
    spki = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    extensions = [
        signing.extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
        ),
        signing.extension(x509.SubjectKeyIdentifier.from_public_key(key)),
        signing.extension(x509.BasicConstraints(ca=False, path_length=None), critical=True),
        signing.extension(signing.key_usage(digital_signature=True), critical=True),
    ]
    for number in itertools.count(1):
        serial_number = call.randomness.serial_number(
            call.identity.account_id, f"serial {number} for {spki.hex()}"
        )
        certificate = signing.sign(
            signing.builder(
                subject,
                certificates.parse_subject(_ISSUER),
                key,
                serial_number=serial_number,
                valid=(call.now, END_OF_VALIDITY),
                extensions=extensions,
            ),
            authority,
        )
        identifier = certificates.certificate_id(certificate)
        if call.one("SELECT 1 FROM certificates WHERE id = ?", identifier) is None:
            break
    return certificate


def _new_authority_key(call: Call) -> str:
    key = call.randomness.ec_key(call.identity.account_id, _SETTING)
    return f"{key.private_numbers().private_value:x}"


OPERATIONS: dict[str, Operation] = {
    "CreateKeysAndCertificate": _create_keys_and_certificate,
    "CreateCertificateFromCsr": _create_certificate_from_csr,
}
