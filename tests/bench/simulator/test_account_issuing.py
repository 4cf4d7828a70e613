"""The account's own authority: the keys and certificates of Option 1."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from opened_account import open_account
from simulator_fixtures import ACCOUNT_ID, MORNING, Cloud

from labkit import certificates

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("cloud_fixtures",)


@pytest.mark.needs("openssl")
def test_keys_and_certificate_belong_together(cloud: Cloud, tmp_path: Path) -> None:
    """The pair is RSA-2048, its private key PKCS#1, and openssl finds it in the certificate."""
    made = cloud.iot.create_keys_and_certificate(setAsActive=True)
    pair = made["keyPair"]
    assert pair["PrivateKey"].splitlines()[0].endswith(f"RSA PRIVATE {'KEY'}-----")
    (tmp_path / "device.key").write_text(pair["PrivateKey"])
    (tmp_path / "device.pem").write_text(made["certificatePem"])
    reported = [
        subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        for command in (
            ["openssl", "rsa", "-in", "device.key", "-pubout"],
            ["openssl", "x509", "-in", "device.pem", "-noout", "-pubkey"],
        )
    ]
    assert reported == [pair["PublicKey"], pair["PublicKey"]]
    key = serialization.load_pem_public_key(pair["PublicKey"].encode())
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048


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
    reported = cloud.iot.describe_certificate(certificateId=made["certificateId"])
    reported = reported["certificateDescription"]
    assert (reported["status"], reported["ownedBy"], reported["certificateMode"]) == (
        "INACTIVE",
        ACCOUNT_ID,
        "DEFAULT",
    )
    assert "caCertificateId" not in reported


def test_seeded_account_issues_the_same_certificates(tmp_path: Path) -> None:
    """Two accounts of one seed issue equal certificates, and a second one for the same request."""
    key = ec.derive_private_key(7, ec.SECP256R1())
    request = certificates.certificate_request(key, certificates.parse_subject("CN=led"))
    pem = request.public_bytes(serialization.Encoding.PEM).decode()
    made = []
    for number, seed in enumerate(("a", "a", "b")):
        account = open_account(tmp_path / str(number), seed)
        made.append(
            [
                account.call("CreateCertificateFromCsr", {"certificateSigningRequest": pem})
                for _ in range(2)
            ]
        )
        account.close()
    assert made[0] == made[1] != made[2]
    assert made[0][0] != made[0][1]
