from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from simulator_fixtures import (
    MORNING,
    Authority,
    Cloud,
    refused,
)

from labkit import certificates

if TYPE_CHECKING:
    from pathlib import Path

ABSENT = "0" * 64


pytest_plugins = ("cloud_fixtures",)


@pytest.fixture
def ca() -> Authority:
    """Return a CA that is not registered."""
    return Authority()


def signed(
    ca: Authority,
    *extensions: x509.ExtensionType,
    name: str = "odd",
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
    issuer: str = "",
) -> str:
    """Return a certificate, PEM, that the CA signs whatever it says."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(certificates.parse_subject(f"CN={name}"))
        .issuer_name(certificates.parse_subject(f"CN={issuer or ca.name}"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(MORNING)
        .not_valid_after(MORNING + timedelta(days=30))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return certificates.to_pem(builder.sign(ca.key, hashes.SHA256()))


def test_expired_verification_certificate_is_refused(cloud: Cloud, ca: Authority) -> None:
    """A verification certificate proves something only while it is valid."""
    code = cloud.iot.get_registration_code()["registrationCode"]
    cloud.clock.now += timedelta(days=31)
    assert refused(
        cloud.iot.register_ca_certificate,
        caCertificate=ca.pem,
        verificationCertificate=ca.verification(code),
    ) == ("CertificateValidationException", 400)


@pytest.mark.parametrize(
    "extensions",
    [
        (
            x509.BasicConstraints(ca=True, path_length=None),
            x509.KeyUsage(True, *[False] * 8),  # noqa: FBT003 digitalSignature and nothing else
        ),
    ],
    ids=["no keyCertSign"],
)
def test_certificate_that_may_not_sign_is_no_ca(
    cloud: Cloud, ca: Authority, extensions: tuple[x509.ExtensionType, ...]
) -> None:
    """A CA without CA:TRUE, or whose keyUsage forbids signing, is refused."""
    code = cloud.iot.get_registration_code()["registrationCode"]
    assert refused(
        cloud.iot.register_ca_certificate,
        caCertificate=signed(ca, *extensions, name=ca.name, key=ca.key),
        verificationCertificate=ca.verification(code),
    ) == ("CertificateValidationException", 400)


def test_weak_key_is_refused(cloud: Cloud, ca: Authority) -> None:
    """RSA below 2,048 bits is not accepted; 2,048 is."""
    cloud.register_ca(ca)
    keys = [rsa.generate_private_key(65537, size) for size in (1024, 2048)]
    weak, strong = (signed(ca, key=key) for key in keys)
    assert refused(cloud.iot.register_certificate, certificatePem=weak) == (
        "CertificateValidationException",
        400,
    )
    assert cloud.iot.register_certificate(certificatePem=strong)["certificateId"]


def test_no_private_key_reaches_the_accounts_file(tmp_path: Path, ca: Authority) -> None:
    """The account stores a device's certificate, never its key."""
    cloud = Cloud(tmp_path)
    cloud.register_ca(ca)
    device = ca.issue("LED")
    cloud.allow(device)
    cloud.close()
    secret = device.key.private_numbers().private_value.to_bytes(32)
    spki = device.certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("account.sqlite3*"))
    assert spki in kept
    assert secret not in kept
