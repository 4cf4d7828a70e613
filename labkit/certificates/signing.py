"""Build and sign certificates of any purpose."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

from labkit.certificates import der
from labkit.errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labkit.certificates.loading import SigningKey
    from labkit.certificates.rules import CertifiedKey

_SERIAL_NUMBER_BITS = 159
_VERSION_TAG = 0xA0
_DER = serialization.Encoding.DER


def key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    """Return the key usage with these flags and no others."""
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def extension(
    value: x509.ExtensionType, *, critical: bool = False
) -> x509.Extension[x509.ExtensionType]:
    """Return an extension as a certificate has it."""
    return x509.Extension(value.oid, critical, value)


def validity(now: datetime, valid_days: int) -> tuple[datetime, datetime]:
    """Return start and end of a validity that starts now, UTC, in whole seconds.

    Raises:
        CertificateError: less than one day, or the end is after the year 9999.
        ValueError: the time has no time zone.
    """
    if now.tzinfo is None:
        raise ValueError("now: expected a time with a time zone, such as datetime.now(UTC)")
    not_before = now.astimezone(UTC).replace(microsecond=0)
    if valid_days < 1:
        raise CertificateError(
            f"Validity: expected 1 day or more, got {valid_days}. "
            "Give the number of days; the documented command has 500."
        )
    try:
        return not_before, not_before + timedelta(days=valid_days)
    except OverflowError:
        raise CertificateError(
            f"Validity: {valid_days} days end after the year 9999. Give fewer days."
        ) from None


def builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: CertifiedKey,
    *,
    serial_number: int,
    valid: tuple[datetime, datetime],
    extensions: Iterable[x509.Extension[x509.ExtensionType]] = (),
) -> x509.CertificateBuilder:
    """Return a certificate builder with all fields set.

    The fields are set at once: each call of `cryptography`'s builder methods copies the builder.

    Raises:
        CertificateError: the serial number is not positive, or longer than RFC 5280 allows.
    """
    if serial_number < 1 or serial_number.bit_length() > _SERIAL_NUMBER_BITS:
        raise CertificateError(
            f"Serial number: expected 1 to {_SERIAL_NUMBER_BITS} bits, positive (RFC 5280, "
            f"4.1.2.2), got {serial_number.bit_length()} bits"
            f"{' and a minus sign' if serial_number < 0 else ''}. Generate a new one."
        )
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=public_key,
        serial_number=serial_number,
        not_valid_before=valid[0].replace(tzinfo=None),
        not_valid_after=valid[1].replace(tzinfo=None),
        extensions=list(extensions),
    )


def sign(filled_in: x509.CertificateBuilder, key: SigningKey) -> x509.Certificate:
    """Sign a certificate with SHA-256."""
    return filled_in.sign(key, hashes.SHA256(), ecdsa_deterministic=deterministic(key))


def deterministic(key: SigningKey) -> bool | None:
    """Return True for EC keys: their signatures are deterministic (RFC 6979), so comparable."""
    return True if isinstance(key, ec.EllipticCurvePrivateKey) else None


def version_1(certificate: x509.Certificate, key: SigningKey) -> x509.Certificate:
    """Return a certificate without extensions as version 1, signed again.

    The version is the first field and is omitted for version 1, the default (RFC 5280, 4.1).
    """
    _, algorithm, _ = der.children(der.read(certificate.public_bytes(_DER)))
    fields = der.children(der.read(certificate.tbs_certificate_bytes))
    to_be_signed = der.encode(
        der.SEQUENCE, b"".join(field.encoded for field in fields if field.tag != _VERSION_TAG)
    )
    signature = der.encode(der.BIT_STRING, b"\0" + _signature(to_be_signed, key))
    return x509.load_der_x509_certificate(
        der.encode(der.SEQUENCE, to_be_signed + algorithm.encoded + signature)
    )


def _signature(message: bytes, key: SigningKey) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
