from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from simulator_fixtures import (
    ACCOUNT_ID,
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


def test_registration_code_is_64_hex_digits_and_stays(cloud: Cloud) -> None:
    """The code is the account's: the same at every call."""
    code = cloud.iot.get_registration_code()["registrationCode"]
    assert re.fullmatch(r"[0-9a-f]{64}", code)
    assert cloud.iot.get_registration_code()["registrationCode"] == code


def test_ca_is_registered_with_the_proof_of_its_key(cloud: Cloud, ca: Authority) -> None:
    """A verification certificate with the code, signed by the CA's key, registers the CA."""
    identifier = cloud.register_ca(ca, allowAutoRegistration=True)
    answer = cloud.iot.describe_ca_certificate(certificateId=identifier)
    described = answer["certificateDescription"]
    assert identifier == certificates.certificate_id(ca.certificate)
    assert described["certificateArn"] == cloud.arn("cacert", identifier)
    assert described["certificatePem"] == ca.pem
    assert described["status"] == "ACTIVE"
    assert described["autoRegistrationStatus"] == "ENABLE"
    assert described["certificateMode"] == "DEFAULT"
    assert described["ownedBy"] == ACCOUNT_ID
    assert described["creationDate"] == MORNING
    assert described["validity"]["notAfter"] == ca.certificate.not_valid_after_utc


def test_ca_is_inactive_unless_told_otherwise(cloud: Cloud, ca: Authority) -> None:
    """Without setAsActive a CA is INACTIVE."""
    identifier = cloud.register_ca(ca, setAsActive=False)
    [summary] = cloud.iot.list_ca_certificates()["certificates"]
    assert (summary["certificateId"], summary["status"]) == (identifier, "INACTIVE")


@pytest.mark.parametrize(
    "garbage", ["hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_no_ca(cloud: Cloud, ca: Authority, garbage: str) -> None:
    """Other stand-ins accept "hello" as a CA."""
    code = cloud.iot.get_registration_code()["registrationCode"]
    call = cloud.iot.register_ca_certificate
    expected = ("CertificateValidationException", 400)
    assert (
        refused(call, caCertificate=garbage, verificationCertificate=ca.verification(code))
        == expected
    )
    assert refused(call, caCertificate=ca.pem, verificationCertificate=garbage) == expected


def test_ca_without_a_verification_certificate_is_refused(cloud: Cloud, ca: Authority) -> None:
    """The certificate mode DEFAULT demands it, SNI_ONLY forbids it."""
    call = cloud.iot.register_ca_certificate
    code = cloud.iot.get_registration_code()["registrationCode"]
    assert refused(call, caCertificate=ca.pem) == ("InvalidRequestException", 400)
    proof = {"verificationCertificate": ca.verification(code), "certificateMode": "SNI_ONLY"}
    assert refused(call, caCertificate=ca.pem, **proof) == ("InvalidRequestException", 400)


def test_verification_certificate_with_another_code_is_refused(cloud: Cloud, ca: Authority) -> None:
    """The common name must be this account's registration code."""
    assert refused(
        cloud.iot.register_ca_certificate,
        caCertificate=ca.pem,
        verificationCertificate=ca.verification("0" * 64),
    ) == ("RegistrationCodeValidationException", 400)


def test_verification_certificate_of_another_ca_is_refused(cloud: Cloud, ca: Authority) -> None:
    """Another key cannot prove that one holds the CA's, even under the CA's name."""
    code = cloud.iot.get_registration_code()["registrationCode"]
    for impostor in (Authority("Another CA"), Authority(ca.name)):
        assert refused(
            cloud.iot.register_ca_certificate,
            caCertificate=ca.pem,
            verificationCertificate=impostor.verification(code),
        ) == ("CertificateValidationException", 400)


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
        (),
        (x509.BasicConstraints(ca=False, path_length=None),),
        (
            x509.BasicConstraints(ca=True, path_length=None),
            x509.KeyUsage(True, *[False] * 8),  # noqa: FBT003 digitalSignature and nothing else
        ),
    ],
    ids=["none", "CA:FALSE", "no keyCertSign"],
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


def test_expired_ca_is_refused(cloud: Cloud) -> None:
    """A CA is registered only while it is valid."""
    ca = Authority(valid_days=60)
    code = cloud.iot.get_registration_code()["registrationCode"]
    cloud.clock.now += timedelta(days=61)
    assert refused(
        cloud.iot.register_ca_certificate,
        caCertificate=ca.pem,
        verificationCertificate=ca.verification(code),
    ) == ("CertificateValidationException", 400)


def test_same_ca_again_is_refused_with_its_id(cloud: Cloud, ca: Authority) -> None:
    """ResourceAlreadyExistsException names the id and the ARN that there are."""
    identifier = cloud.register_ca(ca)
    with pytest.raises(cloud.iot.exceptions.ResourceAlreadyExistsException) as caught:
        cloud.register_ca(ca)
    assert caught.value.response["resourceId"] == identifier
    assert caught.value.response["resourceArn"] == cloud.arn("cacert", identifier)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409


def test_eleventh_ca_of_one_subject_is_refused(cloud: Cloud) -> None:
    """Ten CAs may share a subject."""
    for _ in range(10):
        cloud.register_ca(Authority())
    with pytest.raises(cloud.iot.exceptions.LimitExceededException):
        cloud.register_ca(Authority())
    assert cloud.register_ca(Authority("Another subject"))


def test_ca_is_updated_and_deleted_in_order(cloud: Cloud, ca: Authority) -> None:
    """An ACTIVE CA cannot be deleted, an INACTIVE one can, and is gone then."""
    identifier = cloud.register_ca(ca)
    delete = cloud.iot.delete_ca_certificate
    assert refused(delete, certificateId=identifier) == ("CertificateStateException", 406)
    cloud.iot.update_ca_certificate(certificateId=identifier, newStatus="INACTIVE")
    delete(certificateId=identifier)
    assert refused(delete, certificateId=identifier) == ("ResourceNotFoundException", 404)
    assert cloud.iot.list_ca_certificates()["certificates"] == []


def test_certificate_of_a_registered_ca_is_registered(cloud: Cloud, ca: Authority) -> None:
    """The id is the SHA-256 of the DER; without a status the certificate is INACTIVE."""
    ca_id, device = cloud.register_ca(ca), ca.issue("LED")
    answer = cloud.iot.register_certificate(certificatePem=device.pem)
    assert answer["certificateId"] == device.certificate.fingerprint(hashes.SHA256()).hex()
    assert answer["certificateArn"] == cloud.arn("cert", device.id)
    described = cloud.iot.describe_certificate(certificateId=device.id)["certificateDescription"]
    assert described["status"] == "INACTIVE"
    assert described["caCertificateId"] == ca_id
    assert described["certificatePem"] == device.pem
    assert described["validity"]["notAfter"] == device.certificate.not_valid_after_utc


@pytest.mark.parametrize("mode", ["DEFAULT", "SNI_ONLY"])
def test_certificate_is_registered_in_its_cas_mode(cloud: Cloud, ca: Authority, mode: str) -> None:
    """A CA of the mode SNI_ONLY makes SNI_ONLY certificates (RegisterCACertificate)."""
    if mode == "DEFAULT":
        cloud.register_ca(ca)
    else:
        cloud.iot.register_ca_certificate(
            caCertificate=ca.pem, certificateMode=mode, setAsActive=True
        )
    device = ca.issue("LED")
    cloud.register(device)
    described = cloud.iot.describe_certificate(certificateId=device.id)["certificateDescription"]
    assert described["certificateMode"] == mode


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({}, "INACTIVE"),
        ({"setAsActive": True}, "ACTIVE"),
        ({"status": "ACTIVE"}, "ACTIVE"),
        ({"status": "INACTIVE"}, "INACTIVE"),
        ({"status": "REVOKED"}, "REVOKED"),
    ],
)
def test_certificate_gets_the_status_that_is_asked_for(
    cloud: Cloud, ca: Authority, parameters: dict[str, object], status: str
) -> None:
    """ACTIVE, INACTIVE and REVOKED can be asked for at registration."""
    cloud.register_ca(ca)
    cloud.iot.register_certificate(certificatePem=ca.issue("LED").pem, **parameters)
    [summary] = cloud.iot.list_certificates()["certificates"]
    assert summary["status"] == status


@pytest.mark.parametrize("status", ["PENDING_TRANSFER", "PENDING_ACTIVATION"])
def test_pending_status_is_refused(cloud: Cloud, ca: Authority, status: str) -> None:
    """The PENDING_ statuses are AWS's own, at registration and later."""
    cloud.register_ca(ca)
    device = ca.issue("LED")
    for call in (cloud.iot.register_certificate, cloud.iot.register_certificate_without_ca):
        answer = refused(call, certificatePem=device.pem, status=status)
        assert answer == ("CertificateStateException", 406)
    cloud.register(device)
    update = cloud.iot.update_certificate
    answer = refused(update, certificateId=device.id, newStatus=status)
    assert answer == ("InvalidRequestException", 400)


def test_status_that_there_is_not_is_refused(cloud: Cloud, ca: Authority) -> None:
    """What the service model does not name is no status."""
    cloud.register_ca(ca)
    device = ca.issue("LED")
    call = cloud.iot.register_certificate
    answer = refused(call, certificatePem=device.pem, status="NONSENSE")
    assert answer == ("InvalidRequestException", 400)


def test_certificate_of_an_unknown_ca_is_refused(cloud: Cloud, ca: Authority) -> None:
    """The CA must be registered, and must have signed: its name is not enough."""
    device = ca.issue("LED")
    expected = ("CertificateValidationException", 400)
    assert refused(cloud.iot.register_certificate, certificatePem=device.pem) == expected
    assert (
        refused(cloud.iot.register_certificate, certificatePem=device.pem, caCertificatePem=ca.pem)
        == expected
    )
    cloud.register_ca(Authority(ca.name))
    assert refused(cloud.iot.register_certificate, certificatePem=device.pem) == expected


def test_certificate_of_an_inactive_ca_is_refused(cloud: Cloud, ca: Authority) -> None:
    """The CA must be ACTIVE when its certificate is registered."""
    cloud.register_ca(ca, setAsActive=False)
    assert refused(cloud.iot.register_certificate, certificatePem=ca.issue("LED").pem) == (
        "CertificateStateException",
        406,
    )


def test_ca_must_be_named_where_several_share_the_subject(cloud: Cloud, ca: Authority) -> None:
    """Two CAs of one subject: caCertificatePem decides, and must be the right one."""
    twin, device = Authority(ca.name), ca.issue("LED")
    cloud.register_ca(ca)
    cloud.register_ca(twin)
    call = cloud.iot.register_certificate
    assert refused(call, certificatePem=device.pem) == ("CertificateConflictException", 409)
    assert refused(call, certificatePem=device.pem, caCertificatePem=twin.pem) == (
        "CertificateValidationException",
        400,
    )
    assert call(certificatePem=device.pem, caCertificatePem=ca.pem)["certificateId"] == device.id


def test_same_certificate_again_is_refused_whatever_its_white_space(
    cloud: Cloud, ca: Authority
) -> None:
    """A duplicate is known by its DER, and the answer names the id that there is."""
    cloud.register_ca(ca)
    device = ca.issue("LED")
    cloud.register(device)
    for pem in (device.pem, f"\n\n{device.pem}\n", device.pem.replace("\n", "\r\n")):
        with pytest.raises(cloud.iot.exceptions.ResourceAlreadyExistsException) as caught:
            cloud.iot.register_certificate(certificatePem=pem)
        assert caught.value.response["resourceId"] == device.id
        assert caught.value.response["resourceArn"] == cloud.arn("cert", device.id)


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


def test_revoked_is_terminal(cloud: Cloud, ca: Authority) -> None:
    """A REVOKED certificate never comes back; an INACTIVE one does."""
    cloud.register_ca(ca)
    device, update = ca.issue("LED"), cloud.iot.update_certificate
    cloud.register(device)
    for status in ("INACTIVE", "ACTIVE", "REVOKED", "REVOKED"):
        update(certificateId=device.id, newStatus=status)
    for status in ("ACTIVE", "INACTIVE"):
        assert refused(update, certificateId=device.id, newStatus=status) == (
            "CertificateStateException",
            406,
        )


def test_certificates_are_listed_by_their_ca(cloud: Cloud, ca: Authority) -> None:
    """ListCertificatesByCA tells one CA's certificates from another's."""
    other = Authority("Another CA")
    ca_ids = [cloud.register_ca(authority) for authority in (ca, other)]
    devices = [ca.issue("LED"), other.issue("pump")]
    for device in devices:
        cloud.register(device)
    for ca_id, device in zip(ca_ids, devices, strict=True):
        [summary] = cloud.iot.list_certificates_by_ca(caCertificateId=ca_id)["certificates"]
        assert summary["certificateId"] == device.id
    assert cloud.iot.list_certificates_by_ca(caCertificateId=ABSENT)["certificates"] == []


def test_no_private_key_reaches_the_accounts_file(tmp_path: Path, ca: Authority) -> None:
    """What is kept of a device is its certificate; the key never came."""
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
