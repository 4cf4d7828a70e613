"""The account's rules for a certificate, except for its signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from labkit import certificates
from labkit.bench.simulator.account.context import Refusal
from labkit.errors import CertificateError

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

_RSA_BITS_MIN = 2048
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


def invalid(message: str) -> Refusal:
    """Return the refusal of a certificate."""
    return Refusal("CertificateValidationException", message)


def load(pem: str, what: str) -> x509.Certificate:
    """Read a certificate from a request and check that AWS IoT accepts its key.

    Args:
        pem: one certificate in PEM.
        what: its name in the message, such as "The CA certificate".

    Raises:
        Refusal: CertificateValidationException.

    Source: AWS IoT Core developer guide, X.509 client certificates: RSA of 2048 bits or more, EC
        on P-256, P-384 or P-521.
    """
    try:
        certificate = certificates.load_certificate(pem)
        key = certificate.public_key()
    except (CertificateError, ValueError, UnsupportedAlgorithm) as error:
        raise invalid(f"{what} is not valid: {error}") from error
    accepted_key(key, what)
    return certificate


def accepted_key(key: PublicKeyTypes, what: str) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    """Return a public key that AWS IoT accepts.

    Args:
        key: the key.
        what: the owner in the message.

    Raises:
        Refusal: CertificateValidationException.
    """
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _RSA_BITS_MIN:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES):
        return key
    raise invalid(
        f"{what} has a key of {certificates.key_algorithm(key)}, expected RSA of {_RSA_BITS_MIN} "
        "bits or more, or EC P-256, P-384 or P-521"
    )


def require_ca(ca: x509.Certificate) -> None:
    """Refuse a certificate that may not sign certificates.

    Raises:
        Refusal: CertificateValidationException.

    Source: RFC 5280, sections 4.2.1.3 and 4.2.1.9.
    """
    try:
        constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        raise invalid("The CA certificate has no basicConstraints, expected CA:TRUE") from None
    except (ValueError, x509.DuplicateExtension) as error:
        raise invalid("The CA certificate's extensions cannot be read") from error
    if not constraints.ca:
        raise invalid("The CA certificate has basicConstraints CA:FALSE, expected CA:TRUE")
    try:
        usage = ca.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not usage.key_cert_sign:
        raise invalid("The CA certificate's keyUsage does not include keyCertSign")


def require_valid_at(certificate: x509.Certificate, now: datetime, what: str) -> None:
    """Refuse a certificate that is expired or not valid yet.

    Raises:
        Refusal: CertificateValidationException.
    """
    if now > certificate.not_valid_after_utc:
        raise invalid(f"{what} expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC")
    if now < certificate.not_valid_before_utc:
        raise invalid(
            f"{what} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC"
        )
