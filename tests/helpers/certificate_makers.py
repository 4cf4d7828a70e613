"""Keys, CAs and requests for the certificates' tests, the right ones and the wrong ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from labkit import certificates
from labkit.keys import PublicKey

NOW = datetime(2026, 1, 1, 9, tzinfo=UTC)
CODE = "0123456789abcdef" * 4
CA_NAME = certificates.parse_subject("CN=Lab root CA,O=My Lab")
THING_NAME = certificates.parse_subject("CN=my-thing,O=My Lab")
DER = serialization.Encoding.DER
PEM = serialization.Encoding.PEM
CN = NameOID.COMMON_NAME
ORGANIZATION = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "My Lab")
CA_TRUE = x509.BasicConstraints(ca=True, path_length=None)
CA_FALSE = x509.BasicConstraints(ca=False, path_length=None)


@cache
def ec_key(purpose: str, curve: type[ec.EllipticCurve] = ec.SECP256R1) -> object:
    """Return one EC key a purpose, the same throughout the tests."""
    assert purpose
    return ec.generate_private_key(curve())


@cache
def rsa_key(purpose: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return one RSA key a purpose, the same throughout the tests."""
    assert purpose
    return rsa.generate_private_key(65537, bits)


def device_key() -> PublicKey:
    """Return the device's public key."""
    return PublicKey.from_key(ec_key("device"))


def make_ca(key: object = None, **changes: object) -> x509.Certificate:
    """Make the lab's CA, or one that differs in what is given."""
    arguments = {"now": NOW, "serial_number": 1} | changes
    return certificates.root_ca(key or ec_key("ca"), CA_NAME, **arguments)


def unchecked_ca(
    key: object, *extensions: x509.ExtensionType, name: x509.Name = CA_NAME, days: int = 3650
) -> x509.Certificate:
    """Make a CA certificate that `root_ca` would not make."""
    builder = x509.CertificateBuilder(
        name,
        name,
        key.public_key(),
        1,
        NOW.replace(tzinfo=None),
        (NOW + timedelta(days=days)).replace(tzinfo=None),
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(key, hashes.SHA256())


def unchecked_request(key: object, *names: x509.NameAttribute) -> x509.CertificateSigningRequest:
    """Make a request that `certificate_request` would not make."""
    name = x509.Name(list(names)) if names else THING_NAME
    return x509.CertificateSigningRequestBuilder(name).sign(key, hashes.SHA256())


def private_pem(key: object) -> bytes:
    """Return a key in PEM."""
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def public_pem(key: object) -> bytes:
    """Return the public half of a key in PEM."""
    return key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
