"""The account's own authority: Option 1's keys, and certificates for requests."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from simulator_fixtures import ACCOUNT_ID, MORNING, Authority, Cloud, refused

from labkit import certificates

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("cloud_fixtures",)


def request_pem(key: object, subject: str = "CN=led,O=Lab") -> str:
    """Return a request that a key has signed, PEM."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        certificates.parse_subject(subject)
    )
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    request = builder.sign(key, algorithm)  # type: ignore[arg-type]  # any key
    return request.public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.needs("openssl")
def test_keys_and_certificate_belong_together(cloud: Cloud, tmp_path: Path) -> None:
    """The pair is RSA-2048, its private key PKCS#1, and openssl finds it in the certificate."""
    made = cloud.iot.create_keys_and_certificate(setAsActive=True)
    pair = made["keyPair"]
    assert pair["PrivateKey"].splitlines()[0].endswith(f"RSA PRIVATE {'KEY'}-----")
    (tmp_path / "device.key").write_text(pair["PrivateKey"])
    (tmp_path / "device.pem").write_text(made["certificatePem"])
    told = [
        subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        for command in (
            ["openssl", "rsa", "-in", "device.key", "-pubout"],
            ["openssl", "x509", "-in", "device.pem", "-noout", "-pubkey"],
        )
    ]
    assert told == [pair["PublicKey"], pair["PublicKey"]]
    key = serialization.load_pem_public_key(pair["PublicKey"].encode())
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048


def test_private_key_is_answered_once_and_kept_nowhere(cloud: Cloud) -> None:
    """Neither a description nor the account's file knows the private key."""
    made = cloud.iot.create_keys_and_certificate()
    told = cloud.iot.describe_certificate(certificateId=made["certificateId"])
    assert "PRIVATE" not in str(told)
    secret = "".join(made["keyPair"]["PrivateKey"].splitlines()[5:7]).encode()
    for file in cloud.folder.glob("account.sqlite3*"):
        assert secret not in file.read_bytes()


def test_certificate_is_as_aws_issues_one(cloud: Cloud) -> None:
    """Amazon's name, the subject and the end of validity that AWS IoT's certificates carry."""
    made = cloud.iot.create_keys_and_certificate()
    certificate = certificates.load_certificate(made["certificatePem"])
    assert certificates.common_name(certificate.subject) == "AWS IoT Certificate"
    assert "Amazon.com Inc." in certificates.subject_text(certificate.issuer)
    assert certificate.not_valid_before_utc == MORNING
    assert certificate.not_valid_after_utc.year == 2049
    assert made["certificateId"] == certificates.certificate_id(certificate)
    assert made["certificateArn"] == cloud.arn("cert", made["certificateId"])
    told = cloud.iot.describe_certificate(certificateId=made["certificateId"])
    told = told["certificateDescription"]
    assert (told["status"], told["ownedBy"], told["certificateMode"]) == (
        "INACTIVE",
        ACCOUNT_ID,
        "DEFAULT",
    )
    assert "caCertificateId" not in told


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_request_gets_its_own_key_and_subject(cloud: Cloud, curve: ec.EllipticCurve) -> None:
    """The certificate carries the request's key, on any curve that AWS takes, and its subject."""
    key = ec.generate_private_key(curve)
    made = cloud.iot.create_certificate_from_csr(
        certificateSigningRequest=request_pem(key), setAsActive=True
    )
    certificate = certificates.load_certificate(made["certificatePem"])
    assert certificate.public_key() == key.public_key()
    assert certificates.common_name(certificate.subject) == "led"
    again = cloud.iot.create_certificate_from_csr(certificateSigningRequest=request_pem(key))
    assert again["certificateId"] != made["certificateId"]


def broken_request() -> str:
    """Return a request whose signature is another one's."""
    mine, other = (
        x509.load_pem_x509_csr(request_pem(ec.generate_private_key(ec.SECP256R1())).encode())
        for _ in range(2)
    )
    der = mine.public_bytes(serialization.Encoding.DER)
    tail = other.public_bytes(serialization.Encoding.DER)[-20:]
    changed = x509.load_der_x509_csr(der[:-20] + tail)
    return changed.public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    "pem",
    [
        "hello",
        request_pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505 it is to be refused
        request_pem(ec.generate_private_key(ec.SECP224R1())),
        request_pem(ed25519.Ed25519PrivateKey.generate()),
        broken_request(),
    ],
    ids=["no request", "RSA-1024", "P-224", "Ed25519", "another's signature"],
)
def test_request_that_aws_does_not_take_is_refused(cloud: Cloud, pem: str) -> None:
    """Text, keys that are too short or of other kinds, and broken signatures."""
    call = cloud.iot.create_certificate_from_csr
    assert refused(call, certificateSigningRequest=pem) == ("InvalidRequestException", 400)
    assert cloud.iot.list_certificates()["certificates"] == []


def test_registration_without_ca_is_sni_only(cloud: Cloud) -> None:
    """Any certificate can be registered without its CA; a second time it is there already."""
    device = Authority("unknown").issue("led")
    call = cloud.iot.register_certificate_without_ca
    assert refused(cloud.iot.register_certificate, certificatePem=device.pem) == (
        "CertificateValidationException",
        400,
    )
    made = call(certificatePem=device.pem, status="ACTIVE")
    told = cloud.iot.describe_certificate(certificateId=made["certificateId"])
    told = told["certificateDescription"]
    assert (told["certificateMode"], told["status"]) == ("SNI_ONLY", "ACTIVE")
    assert refused(call, certificatePem=device.pem) == ("ResourceAlreadyExistsException", 409)
    assert refused(call, certificatePem="hello") == ("CertificateValidationException", 400)


def test_seeded_account_issues_the_same_certificates(tmp_path: Path) -> None:
    """Two accounts of one seed issue equal certificates; one of another seed does not."""
    pem = request_pem(ec.derive_private_key(7, ec.SECP256R1()))
    made = []
    for number, seed in enumerate(("a", "a", "b")):
        (tmp_path / str(number)).mkdir()
        cloud = Cloud(tmp_path / str(number), seed=seed)
        answer = cloud.iot.create_certificate_from_csr(certificateSigningRequest=pem)
        made.append(answer["certificateId"])
        cloud.close()
    assert made[0] == made[1] != made[2]


@pytest.mark.parametrize("seed", [None, "a seed"])
def test_registration_code_is_another_after_its_deletion(tmp_path: Path, seed: str | None) -> None:
    """The code stays until it is deleted, seeded or not; deleting what is not there is refused."""
    cloud = Cloud(tmp_path, seed=seed)
    first = cloud.iot.get_registration_code()
    assert cloud.iot.get_registration_code()["registrationCode"] == first["registrationCode"]
    cloud.iot.delete_registration_code()
    assert refused(cloud.iot.delete_registration_code) == ("ResourceNotFoundException", 404)
    second = cloud.iot.get_registration_code()["registrationCode"]
    assert second != first["registrationCode"]
    cloud.iot.delete_registration_code()
    assert cloud.iot.get_registration_code()["registrationCode"] not in (
        first["registrationCode"],
        second,
    )
    cloud.close()
