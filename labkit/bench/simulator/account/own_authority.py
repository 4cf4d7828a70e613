"""The account's own certificate authority, and the certificates that AWS IoT issues with it.

Option 1 of the documentation is `CreateKeysAndCertificate`: AWS IoT makes the key pair, and its
private key stands in the answer, once. `CreateCertificateFromCsr` leaves the key where it is.

Source: AWS IoT API reference: CreateKeysAndCertificate, CreateCertificateFromCsr; AWS IoT Core
developer guide, create AWS IoT client certificates. Certificates of the real authority carry its
name, the subject `CN=AWS IoT Certificate` and the end of 2049, and an RSA signature; here it is
an EC P-256 one, which a seeded bench can repeat.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from labkit import certificates
from labkit.bench.simulator.account.certificates import add
from labkit.bench.simulator.account.refusal import Refusal
from labkit.bench.simulator.account.x509_rules import accepted_key
from labkit.errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.bench.simulator.account.context import Call, Operation

__all__ = ["OPERATIONS", "create_from_request", "issue", "key_pair", "new_key"]

END_OF_VALIDITY: Final = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
"""When certificates of AWS IoT's own authority end."""

_RSA_BITS = 2048
_SETTING = "own authority's key"
_SUBJECT = "CN=AWS IoT Certificate"
_ISSUER = "C=US, ST=Washington, L=Seattle, O=Amazon.com Inc., OU=Amazon Web Services"
_USAGE = x509.KeyUsage(
    digital_signature=True, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
    encipher_only=False, decipher_only=False,
)  # fmt: skip


def new_key() -> rsa.RSAPrivateKey:
    """Return a new key pair of the kind that AWS IoT makes: RSA-2048."""
    return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)


def key_pair(key: rsa.RSAPrivateKey) -> dict[str, str]:
    """Return both halves of a key pair as AWS IoT answers them: PKCS#1 and SubjectPublicKeyInfo."""
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {"PublicKey": public.decode(), "PrivateKey": private.decode()}


def issue(
    call: Call,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    *,
    subject: x509.Name | None = None,
    ends: datetime = END_OF_VALIDITY,
) -> x509.Certificate:
    """Return a new certificate for a public key, signed by the account's own authority.

    Each call makes another certificate, also for the same key.
    """
    authority = _authority_key(call)
    spki = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for number in itertools.count(1):
        certificate = _signed(
            authority, key, subject or certificates.parse_subject(_SUBJECT),
            serial_number=call.randomness.serial_number(
                call.identity.account_id, f"serial {number} for {spki.hex()}"
            ),
            begins=call.now, ends=ends,
        )  # fmt: skip
        identifier = certificates.certificate_id(certificate)
        if call.one("SELECT 1 FROM certificates WHERE id = ?", identifier) is None:
            break
    return certificate


def create_from_request(call: Call, csr_pem: str, status: str) -> dict[str, Any]:
    """Issue and register a certificate that carries a request's subject and key.

    Raises:
        Refusal: InvalidRequestException for what is no request, one that its own key did not
            sign, or a key that AWS IoT does not take.
    """
    try:
        request = certificates.load_request(csr_pem)
        key = accepted_key(request.public_key(), "The request")
        signed = request.is_signature_valid
    except (CertificateError, ValueError) as error:
        raise Refusal("InvalidRequestException", f"The request is not valid: {error}") from error
    except Refusal as refusal:
        raise Refusal("InvalidRequestException", refusal.message) from refusal
    if not signed:
        raise Refusal("InvalidRequestException", "The request is not signed by the key in it")
    certificate = issue(call, key, subject=request.subject)
    return _with_pem(add(call, certificate, status=status), certificate)


def _create_keys_and_certificate(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    key = new_key()
    certificate = issue(call, key.public_key())
    created = add(call, certificate, status=_status(request))
    return _with_pem(created, certificate) | {"keyPair": key_pair(key)}


def _create_certificate_from_csr(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return create_from_request(call, request["certificateSigningRequest"], _status(request))


def _status(request: Mapping[str, Any]) -> str:
    return "ACTIVE" if request.get("setAsActive") else "INACTIVE"


def _with_pem(created: dict[str, Any], certificate: x509.Certificate) -> dict[str, Any]:
    return created | {"certificatePem": certificates.to_pem(certificate)}


def _authority_key(call: Call) -> ec.EllipticCurvePrivateKey:
    """Return the authority's key, made at the first use."""
    row = call.one("SELECT value FROM settings WHERE name = ?", _SETTING)
    if row is not None:
        return ec.derive_private_key(int(row["value"], 16), ec.SECP256R1())
    key = call.randomness.ec_key(call.identity.account_id, _SETTING)
    call.insert("settings", name=_SETTING, value=f"{key.private_numbers().private_value:x}")
    return key


def _signed(
    authority: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    subject: x509.Name,
    *,
    serial_number: int,
    begins: datetime,
    ends: datetime,
) -> x509.Certificate:
    issuer_identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(certificates.parse_subject(_ISSUER))
        .public_key(key)
        .serial_number(serial_number)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(issuer_identifier, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_USAGE, critical=True)
        .sign(authority, hashes.SHA256(), ecdsa_deterministic=True)
    )


OPERATIONS: dict[str, Operation] = {
    "CreateKeysAndCertificate": _create_keys_and_certificate,
    "CreateCertificateFromCsr": _create_certificate_from_csr,
}
