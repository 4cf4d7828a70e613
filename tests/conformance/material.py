"""Keys, CAs, certificates and requests for the situations, the right ones and the wrong ones.

Made with `cryptography` alone, so that no judge's own code has a say in them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

__all__ = ["Authority", "Leaf", "certificate_id", "ec_key", "pem", "request", "rsa_key"]

PEM = serialization.Encoding.PEM
CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
}
NAMES = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "C": NameOID.COUNTRY_NAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
}


@cache
def ec_key(purpose: str, curve: str = "P-256") -> ec.EllipticCurvePrivateKey:
    """Return one EC key a purpose, the same throughout a run."""
    assert purpose
    return ec.generate_private_key(CURVES[curve])


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return the one RSA key of a size: they are slow to make."""
    return rsa.generate_private_key(65537, bits)


@cache
def ed25519_key() -> ed25519.Ed25519PrivateKey:
    """Return a key of a kind that AWS IoT does not take."""
    return ed25519.Ed25519PrivateKey.generate()


def name(text: str) -> x509.Name:
    """Return a subject, written as `CN=LED,O=My Lab`."""
    parts = [part.split("=", 1) for part in text.split(",")]
    return x509.Name([x509.NameAttribute(NAMES[kind], value) for kind, value in parts])


def pem(certificate: x509.Certificate) -> str:
    """Return a certificate in PEM."""
    return certificate.public_bytes(PEM).decode()


def certificate_id(certificate: str | x509.Certificate) -> str:
    """Return SHA-256 of a certificate's DER, hexadecimal."""
    if isinstance(certificate, str):
        certificate = x509.load_pem_x509_certificate(certificate.encode())
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def public_pem(key: Any) -> str:  # noqa: ANN401 any kind of public key
    """Return a public key in PEM."""
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_bytes(PEM, kind).decode())


def private_pem(key: Any) -> str:  # noqa: ANN401 any kind of private key
    """Return a private key in PEM."""
    kind, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return str(key.private_bytes(PEM, kind, plain).decode())


def request(key: Any, subject: str = "CN=LED") -> str:  # noqa: ANN401 any kind of private key
    """Return a certificate signing request in PEM."""
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return (
        x509.CertificateSigningRequestBuilder(name(subject))
        .sign(key, algorithm)
        .public_bytes(PEM)
        .decode()
    )


def broken_request() -> str:
    """Return a request whose signature is wrong: one bit of its last byte."""
    good = x509.load_pem_x509_csr(request(ec_key("device")).encode())
    der = bytearray(good.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return x509.load_der_x509_csr(bytes(der)).public_bytes(PEM).decode()


def certificate(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: Any,  # noqa: ANN401 any kind of public key
    signer: Any,  # noqa: ANN401 any kind of private key
    *,
    ca: bool | None = False,
    age_days: int = 1,
    valid_days: int = 3650,
) -> x509.Certificate:
    """Make a certificate; `ca` is what its basic constraints say, None for none at all."""
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=age_days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=valid_days))
    )
    if ca is not None:
        constraints = x509.BasicConstraints(ca=ca, path_length=None)
        builder = builder.add_extension(constraints, critical=True)
    return builder.sign(signer, hashes.SHA256())


@dataclass
class Leaf:
    """A device's certificate and key, and the certificate of the CA that issued it."""

    certificate: x509.Certificate
    key: Any
    issuer: x509.Certificate

    @property
    def pem(self) -> str:
        """The certificate in PEM."""
        return pem(self.certificate)

    @property
    def id(self) -> str:
        """The certificate's id."""
        return certificate_id(self.certificate)


@dataclass
class Authority:
    """A CA of one's own, with its key, which signs whatever it is asked to."""

    subject: str
    key: Any = None
    shape: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = self.key or ec.generate_private_key(CURVES["P-256"])
        own = name(self.subject)
        shape = {"ca": True} | self.shape
        self.certificate = certificate(own, own, self.key.public_key(), self.key, **shape)

    @property
    def pem(self) -> str:
        """The certificate in PEM."""
        return pem(self.certificate)

    @property
    def id(self) -> str:
        """The certificate's id."""
        return certificate_id(self.certificate)

    def verification(self, code: str) -> str:
        """Return a verification certificate that carries a text as its common name."""
        public = ec_key("verification").public_key()
        issuer = self.certificate.subject
        return pem(certificate(name(f"CN={code}"), issuer, public, self.key))

    def issue(self, subject: str = "CN=LED", key: Any = None, **shape: int) -> Leaf:  # noqa: ANN401 as above
        """Issue a certificate for a device's key."""
        key = key or ec_key("device")
        issuer = self.certificate.subject
        made = certificate(name(subject), issuer, key.public_key(), self.key, **shape)
        return Leaf(made, key, self.certificate)
