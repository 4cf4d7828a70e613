"""The rules that are checked before a certificate is signed, and after.

Each rule is a function that raises `CertificateError`. Other tools sign most of what these rules
refuse; the device or AWS IoT then refuses it later, far from the cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import PublicKeyAlgorithmOID

from labkit.certificates.subjects import ignore_name_warnings, subject_text
from labkit.errors import CertificateError

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from labkit.certificates.loading import SigningKey
    from labkit.keys import PublicKey

CertifiedKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
"""A public key of a type that the procedure uses."""

RSA_BITS_MIN = 2048
"""What AWS IoT accepts (AWS IoT Core developer guide, transport security), and NIST since 2014."""

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

_UNUSABLE = (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature)


def verify_ca(ca: x509.Certificate, now: datetime | None = None) -> None:
    """Verify that a certificate may act as the lab's certificate authority (CA).

    Args:
        ca: the CA's certificate.
        now: the time at which it must be valid, with a time zone; None skips this check.

    Raises:
        CertificateError: its key is neither RSA of 2048 bits or more nor EC P-256,
            basicConstraints is not CA:TRUE, keyUsage excludes signing certificates, or it is not
            valid at that time.

    Not checked: who signed it, whether it was revoked, and its extended key usage.

    Source: RFC 5280, sections 4.2.1.3 and 4.2.1.9.
    """
    remedy = "make the CA again with such a key"
    verify_key_is_accepted(ca.public_key(), "the CA", remedy)
    if ca.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS:
        # Its key signs with PSS padding only; what is signed here would verify nowhere.
        raise CertificateError(f"Key of the CA: expected plain RSA, got RSASSA-PSS; {remedy}.")
    _verify_ca_extensions(ca)
    if now is not None:
        verify_ca_is_valid(ca, now)


def _verify_ca_extensions(ca: x509.Certificate) -> None:
    try:
        extensions = ca.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise CertificateError(
            "CA certificate: its extensions cannot be read. Make the CA again."
        ) from error
    constraints = _extension(extensions, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        got = "CA:FALSE" if constraints else "none (as in a version 1 certificate)"
        raise CertificateError(
            f"CA certificate: expected basicConstraints CA:TRUE, got {got}. "
            "AWS IoT and OpenSSL refuse the certificates that it signs. Use the certificate of the "
            "root CA, not of a device, or make the CA again with "
            "basicConstraints=critical,CA:TRUE."
        )
    usage = _extension(extensions, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise CertificateError(
            "CA certificate: its keyUsage does not have keyCertSign, so it must not sign "
            "certificates. Make the CA again with keyUsage=critical,keyCertSign,cRLSign."
        )


def _extension(extensions: x509.Extensions, kind: type[_Extension]) -> _Extension | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def verify_ca_is_valid(ca: x509.Certificate, now: datetime) -> None:
    """Verify that the CA's certificate is valid at a time.

    Raises:
        CertificateError: it has expired, or is not valid yet.
    """
    if now > ca.not_valid_after_utc:
        raise CertificateError(
            f"CA certificate: it expired on {_moment(ca.not_valid_after_utc)}, and now it is "
            f"{_moment(now)}. Make a new CA and register it."
        )
    if now < ca.not_valid_before_utc:
        raise CertificateError(
            f"CA certificate: it is valid from {_moment(ca.not_valid_before_utc)}, and now it is "
            f"{_moment(now)}. Correct the clock, or wait."
        )


def verify_ca_key(ca: x509.Certificate, ca_key: SigningKey) -> None:
    """Verify that a private key belongs to the CA's certificate.

    Raises:
        CertificateError: it is another key.
    """
    if spki(ca.public_key()) != spki(ca_key.public_key()):
        raise CertificateError(
            "CA key: expected the private key of the CA certificate "
            f'"{subject_text(ca.subject)}" ({key_algorithm(ca.public_key())}), got a different key '
            f"({key_algorithm(ca_key.public_key())}). The two files are not a pair: give "
            "rootCA.pem and rootCA.key from the same folder."
        )


def verify_key_is_accepted(key: PublicKeyTypes, whose: str, remedy: str) -> CertifiedKey:
    """Verify that a key is RSA of 2048 bits or more, or EC P-256.

    Args:
        key: the public key.
        whose: the owner of the key, such as "the CA".
        remedy: what to do if the key is refused.

    Returns:
        The key.

    Raises:
        CertificateError: the key is of another type, or too short.
    """
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= RSA_BITS_MIN:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise CertificateError(
        f"Key of {whose}: expected EC P-256, or RSA with {RSA_BITS_MIN} bits or more, "
        f"got {key_algorithm(key)}; {remedy}."
    )


def verify_request(csr: x509.CertificateSigningRequest) -> CertifiedKey:
    """Verify that a request is signed by its own key, and that the key is accepted.

    Returns:
        The CSR signer's public key.

    Raises:
        CertificateError: the signature or the key is refused.

    Source: RFC 2986, section 3.
    """
    try:
        key = csr.public_key()
        _verify_hash(csr)
        signed = csr.is_signature_valid
    except _UNUSABLE as error:
        raise CertificateError(
            f"Certificate request: its key or signature is of a type that is not supported. {_REDO}"
        ) from error
    if not signed:
        raise CertificateError(
            "Certificate request: its signature does not verify with its own key. "
            f"The request was changed after signing, or damaged. {_REDO}"
        )
    return verify_key_is_accepted(key, "the CSR signer", "make a new one: openssl genrsa 2048")


def is_signed_by(key: CertifiedKey, signature: bytes, message: bytes) -> bool:
    """Return whether a signature with SHA-256 verifies; RSA with PKCS #1 v1.5."""
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        else:
            key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _verify_hash(csr: x509.CertificateSigningRequest) -> None:
    """Verify that the hash is not an old one: `cryptography` only reports "not valid" for it.

    Raises:
        CertificateError: the hash is MD5 or SHA-1.
    """
    if isinstance(csr.signature_hash_algorithm, hashes.MD5 | hashes.SHA1):
        raise CertificateError(
            "Certificate request: expected a signature with SHA-256, got one with "
            f"{csr.signature_hash_algorithm.name.upper()}. {_REDO}"
        )


_REDO = "Make it again: openssl req -new -key tempCsrSigner.key -out deviceCert.csr."


def verify_device_key(public_key: PublicKey, *, signer_der: bytes, ca_der: bytes) -> None:
    """Verify that the device's key is neither the CSR signer's nor the CA's.

    Args:
        public_key: the key to certify.
        signer_der: the CSR signer's key, DER SubjectPublicKeyInfo.
        ca_der: the CA's key, DER SubjectPublicKeyInfo.

    Raises:
        CertificateError: it is one of these keys.
    """
    if public_key.der == ca_der:
        raise CertificateError(
            f"Device key: expected the device's own public key, got the CA's ({public_key.short})."
            " The owner of the CA key could act as the device. Use DevicePublicKey.pem from the "
            "device's console."
        )
    if public_key.der == signer_der:
        raise CertificateError(
            "Device key: expected the device's own public key, got the CSR signer's "
            f"({public_key.short}). The device cannot use such a certificate, which is why the "
            "documented command has -force_pubkey DevicePublicKey.pem. Use DevicePublicKey.pem "
            "from the device's console."
        )


def verify_outlived_by(ca: x509.Certificate, not_before: datetime, not_after: datetime) -> None:
    """Verify that a certificate ends no later than its CA.

    Raises:
        CertificateError: it ends later. The message names the number of days that fit.
    """
    if not_after <= ca.not_valid_after_utc:
        return
    days = (ca.not_valid_after_utc - not_before).days
    remedy = f"Ask for at most {days} days, or make" if days > 0 else "No whole day is left: make"
    raise CertificateError(
        f"Validity: expected an end no later than the CA's, {_moment(ca.not_valid_after_utc)}, "
        f"got {_moment(not_after)}. {remedy} a new CA and register it."
    )


def verify_issued_by(certificate: x509.Certificate, ca: x509.Certificate) -> None:
    """Verify that a CA issued a certificate: its issuer is the CA's subject, and its signature.

    Args:
        certificate: any certificate.
        ca: the certificate of the CA that should have issued it.

    Raises:
        CertificateError: the issuer has another name, or the CA's key did not sign it.

    Not checked: validity, and whether the CA may sign (`verify_ca`).
    """
    with ignore_name_warnings():
        issuer, subject = certificate.issuer, ca.subject
    if issuer != subject:
        raise CertificateError(
            f'Issuer: expected "{subject_text(subject)}", got "{subject_text(issuer)}". '
            "Another CA issued this certificate. Give the certificate of that CA."
        )
    try:
        certificate.verify_directly_issued_by(ca)
    except _UNUSABLE as error:
        raise CertificateError(
            f'Signature: the key of "{subject_text(subject)}" did not sign this certificate. '
            "Another CA with the same name signed it, or the certificate was changed afterwards. "
            "Give the certificate of the CA that issued it."
        ) from error


def is_issued_by(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    """Return whether a CA issued a certificate; see `verify_issued_by`."""
    try:
        verify_issued_by(certificate, ca)
    except CertificateError:
        return False
    return True


def verify_device_certificate(
    certificate: x509.Certificate,
    *,
    public_key: PublicKey,
    ca: x509.Certificate,
    csr: x509.CertificateSigningRequest | None = None,
) -> None:
    """Verify that a certificate holds the device's key and that the CA signed it.

    Args:
        certificate: the device's certificate.
        public_key: the device's key.
        ca: the certificate of the CA.
        csr: the request that it was issued for, if it still exists.

    Raises:
        CertificateError: it holds another key (the message names the owner if known), or the CA
            did not sign it.
    """
    signer_der = None if csr is None else spki(csr.public_key())
    verify_certified_key(
        certificate, public_key, signer_der=signer_der, ca_der=spki(ca.public_key())
    )
    verify_issued_by(certificate, ca)


def verify_certified_key(
    certificate: x509.Certificate,
    public_key: PublicKey,
    *,
    signer_der: bytes | None,
    ca_der: bytes,
) -> None:
    """Verify that a certificate holds the device's key.

    Args:
        certificate: the device's certificate.
        public_key: the device's key.
        signer_der: the CSR signer's key, DER SubjectPublicKeyInfo, or None if it is unknown.
        ca_der: the CA's key, DER SubjectPublicKeyInfo.

    Raises:
        CertificateError: it holds another key. The message names the owner if known.
    """
    certified = spki(certificate.public_key())
    whose = "a different key"
    if certified == signer_der:
        whose = "the CSR signer's: -force_pubkey was missing"
    elif certified == ca_der:
        whose = "the CA's: this is the CA's own certificate, or -force_pubkey had the CA's key"
    elif certified == public_key.der:
        return
    raise CertificateError(
        f"Certificate: expected the device's key ({public_key.short}), got {whose}. "
        "Issue the certificate again for DevicePublicKey.pem."
    )


def key_algorithm(key: PublicKeyTypes) -> str:
    """Return a key's algorithm and size: `EC P-256`, `RSA-2048`, `Ed25519`."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA-{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {_CURVES.get(key.curve.name, key.curve.name)}"
    return type(key).__name__.removesuffix("PublicKey")


_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


def spki(key: PublicKeyTypes) -> bytes:
    """Return a key as DER SubjectPublicKeyInfo."""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}"
