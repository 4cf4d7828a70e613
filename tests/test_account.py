from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from simulator_fixtures import (
    ACCOUNT_ID,
    MORNING,
    REGION,
    Authority,
    Cloud,
    iot_client,
)

from labkit import certificates
from labkit.seeding import Randomness
from labkit.simulator.account import OPERATIONS, Account, Change, Kind
from labkit.simulator.rest_json import RestJsonModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ALLOW_ALL = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}],
    }
)
ABSENT = "0" * 64


@pytest.fixture
def cloud(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Cloud]:
    """Run an account; whatever it logs as an error fails the test.

    An answer that the service model does not list for its call is logged as an error.
    """
    cloud = Cloud(tmp_path)
    yield cloud
    cloud.close()
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    assert [record.getMessage() for record in records if record.levelname == "ERROR"] == []


@pytest.fixture
def ca() -> Authority:
    """Return a CA that is not registered."""
    return Authority()


def refused(call: Callable[..., Any], **parameters: object) -> tuple[str, int]:
    """Return the code and the HTTP status with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


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


# The registration of a CA


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


# The registration of a certificate


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


@pytest.mark.parametrize("status", ["PENDING_TRANSFER", "PENDING_ACTIVATION", "NONSENSE"])
def test_pending_status_is_refused(cloud: Cloud, ca: Authority, status: str) -> None:
    """The PENDING_ statuses are AWS's own, at registration and later."""
    cloud.register_ca(ca)
    device = ca.issue("LED")
    expected = ("InvalidRequestException", 400)
    assert (
        refused(cloud.iot.register_certificate, certificatePem=device.pem, status=status)
        == expected
    )
    cloud.register(device)
    update = cloud.iot.update_certificate
    assert refused(update, certificateId=device.id, newStatus=status) == expected


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


# Things


def test_creating_a_thing_again_is_the_same_thing(cloud: Cloud) -> None:
    """CreateThing is idempotent for an equal configuration and refused for another."""
    first = cloud.iot.create_thing(thingName="LED", attributePayload={"attributes": {"room": "1"}})
    again = cloud.iot.create_thing(thingName="LED", attributePayload={"attributes": {"room": "1"}})
    assert first["thingArn"] == cloud.arn("thing", "LED")
    assert again["thingId"] == first["thingId"]
    with pytest.raises(cloud.iot.exceptions.ResourceAlreadyExistsException) as caught:
        cloud.iot.create_thing(thingName="LED")
    assert caught.value.response["resourceArn"] == first["thingArn"]
    described = cloud.iot.describe_thing(thingName="LED")
    assert (described["attributes"], described["version"]) == ({"room": "1"}, 1)


@pytest.mark.parametrize("name", ["a b", "é", "x" * 129, "a/b"])
def test_bad_thing_name_is_refused(cloud: Cloud, name: str) -> None:
    """A thing's name is [a-zA-Z0-9:_-]{1,128}."""
    assert refused(cloud.iot.create_thing, thingName=name) == ("InvalidRequestException", 400)
    assert cloud.iot.create_thing(thingName="x" * 128)


def test_thing_type_must_exist(cloud: Cloud) -> None:
    """There are no thing types here, so that naming one is naming a missing one."""
    call = cloud.iot.create_thing
    assert refused(call, thingName="LED", thingTypeName="lamp") == (
        "ResourceNotFoundException",
        404,
    )


def test_thing_has_three_attributes_at_most(cloud: Cloud) -> None:
    """A thing without a type has at most three attributes."""
    attributes = {"a": "1", "b": "2", "c": "3"}
    cloud.iot.create_thing(thingName="ok", attributePayload={"attributes": attributes})
    more = {"attributes": {**attributes, "d": "4"}}
    call = cloud.iot.create_thing
    assert refused(call, thingName="no", attributePayload=more) == ("InvalidRequestException", 400)


def test_deleting_a_thing_that_is_not_there_succeeds(cloud: Cloud) -> None:
    """AWS answers so; an expected version is compared where there is a thing."""
    cloud.iot.delete_thing(thingName="LED")
    cloud.iot.create_thing(thingName="LED")
    call = cloud.iot.delete_thing
    assert refused(call, thingName="LED", expectedVersion=2) == ("VersionConflictException", 409)
    call(thingName="LED", expectedVersion=1)
    describe = cloud.iot.describe_thing
    assert refused(describe, thingName="LED") == ("ResourceNotFoundException", 404)


def test_things_are_listed_in_pages(cloud: Cloud) -> None:
    """A paginator sees every thing once."""
    names = [f"thing-{number}" for number in range(7)]
    for name in names:
        cloud.iot.create_thing(thingName=name)
    pages = cloud.iot.get_paginator("list_things").paginate(PaginationConfig={"PageSize": 3})
    assert [[thing["thingName"] for thing in page["things"]] for page in pages] == [
        names[:3],
        names[3:6],
        names[6:],
    ]
    assert refused(cloud.iot.list_things, nextToken="bm9uZQ==") == ("InvalidRequestException", 400)


# Policies


def test_policy_is_kept_as_it_was_written(cloud: Cloud) -> None:
    """GetPolicy gives back the document, character for character."""
    document = ALLOW_ALL.replace(",", ",\n  ")
    made = cloud.iot.create_policy(policyName="all", policyDocument=document)
    kept = cloud.iot.get_policy(policyName="all")
    assert made["policyArn"] == kept["policyArn"] == cloud.arn("policy", "all")
    assert made["policyVersionId"] == kept["defaultVersionId"] == "1"
    assert kept["policyDocument"] == document
    [version] = cloud.iot.list_policy_versions(policyName="all")["policyVersions"]
    assert (version["versionId"], version["isDefaultVersion"]) == ("1", True)
    found = cloud.iot.get_policy_version(policyName="all", policyVersionId="1")
    assert found["policyDocument"] == document


@pytest.mark.parametrize(
    "document",
    ["", "{", "[]", "{}", ALLOW_ALL.replace("Allow", "Maybe"), ALLOW_ALL.replace("*", "x" * 2048)],
)
def test_malformed_policy_is_refused(cloud: Cloud, document: str) -> None:
    """What is no policy, or longer than 2,048 characters, is refused."""
    call = cloud.iot.create_policy
    assert refused(call, policyName="all", policyDocument=document) == (
        "MalformedPolicyException",
        400,
    )


def test_white_space_of_a_policy_does_not_count(cloud: Cloud) -> None:
    """The 2,048 characters are counted without white space."""
    document = ALLOW_ALL.replace(",", "," + " " * 3000)
    assert cloud.iot.create_policy(policyName="all", policyDocument=document)["policyArn"]


def test_same_policy_name_again_is_refused(cloud: Cloud) -> None:
    """CreatePolicy is not idempotent."""
    cloud.iot.create_policy(policyName="all", policyDocument=ALLOW_ALL)
    call = cloud.iot.create_policy
    assert refused(call, policyName="all", policyDocument=ALLOW_ALL) == (
        "ResourceAlreadyExistsException",
        409,
    )
    assert refused(call, policyName="a b", policyDocument=ALLOW_ALL) == (
        "InvalidRequestException",
        400,
    )


def test_certificate_has_ten_policies_at_most(cloud: Cloud, ca: Authority) -> None:
    """The eleventh is refused; attaching the tenth again is not."""
    cloud.register_ca(ca)
    arn = cloud.register(ca.issue("LED"))
    for number in range(11):
        cloud.iot.create_policy(policyName=f"p{number}", policyDocument=ALLOW_ALL)
    for number in (*range(10), 9):
        cloud.iot.attach_policy(policyName=f"p{number}", target=arn)
    attach = cloud.iot.attach_policy
    assert refused(attach, policyName="p10", target=arn) == ("LimitExceededException", 410)


# Attachments, and the order in which all is undone


def test_attachments_are_seen_from_both_sides(cloud: Cloud, ca: Authority) -> None:
    """Policies and things are listed by certificate, certificates by policy and by thing."""
    cloud.register_ca(ca)
    device = ca.issue("LED")
    cloud.allow(device)
    arn = cloud.arn("cert", device.id)
    policy = {"policyName": "hello", "policyArn": cloud.arn("policy", "hello")}
    assert cloud.iot.list_attached_policies(target=arn)["policies"] == [policy]
    assert cloud.iot.list_principal_policies(principal=arn)["policies"] == [policy]
    assert cloud.iot.list_targets_for_policy(policyName="hello")["targets"] == [arn]
    assert cloud.iot.list_policy_principals(policyName="hello")["principals"] == [arn]
    assert cloud.iot.list_thing_principals(thingName="LED")["principals"] == [arn]
    assert cloud.iot.list_principal_things(principal=arn)["things"] == ["LED"]


def test_attaching_twice_is_attaching_once(cloud: Cloud, ca: Authority) -> None:
    """Attaching and detaching are idempotent; the old names do the same."""
    cloud.register_ca(ca)
    device = ca.issue("LED")
    cloud.allow(device)
    arn = cloud.arn("cert", device.id)
    cloud.iot.attach_policy(policyName="hello", target=arn)
    cloud.iot.attach_principal_policy(policyName="hello", principal=arn)
    cloud.iot.attach_thing_principal(thingName="LED", principal=arn)
    assert len(cloud.iot.list_attached_policies(target=arn)["policies"]) == 1
    for _ in range(2):
        cloud.iot.detach_principal_policy(policyName="hello", principal=arn)
        cloud.iot.detach_policy(policyName="hello", target=arn)
        cloud.iot.detach_thing_principal(thingName="LED", principal=arn)
    assert cloud.iot.list_attached_policies(target=arn)["policies"] == []
    assert cloud.iot.list_principal_things(principal=arn)["things"] == []


def test_what_does_not_exist_is_not_attached(cloud: Cloud, ca: Authority) -> None:
    """A policy, a thing and a certificate must be there, and the certificate's ARN be one."""
    cloud.register_ca(ca)
    arn = cloud.register(ca.issue("LED"))
    cloud.iot.create_policy(policyName="all", policyDocument=ALLOW_ALL)
    cloud.iot.create_thing(thingName="LED")
    attach, attach_thing = cloud.iot.attach_policy, cloud.iot.attach_thing_principal
    missing = ("ResourceNotFoundException", 404)
    assert refused(attach, policyName="none", target=arn) == missing
    assert refused(attach, policyName="all", target=cloud.arn("cert", ABSENT)) == missing
    assert refused(attach_thing, thingName="none", principal=arn) == missing
    assert refused(attach_thing, thingName="LED", principal=cloud.arn("cert", ABSENT)) == missing
    assert refused(attach, policyName="all", target="LED") == ("InvalidRequestException", 400)


def test_exclusive_thing_is_the_only_one(cloud: Cloud, ca: Authority) -> None:
    """An EXCLUSIVE_THING attachment admits no second thing, in either order."""
    cloud.register_ca(ca)
    arn = cloud.register(ca.issue("LED"))
    for name in ("LED", "pump"):
        cloud.iot.create_thing(thingName=name)
    attach, exclusive = cloud.iot.attach_thing_principal, {"thingPrincipalType": "EXCLUSIVE_THING"}
    attach(thingName="LED", principal=arn, **exclusive)
    assert refused(attach, thingName="pump", principal=arn) == ("InvalidRequestException", 400)
    attach(thingName="LED", principal=arn)
    attach(thingName="pump", principal=arn)
    assert refused(attach, thingName="LED", principal=arn, **exclusive) == (
        "InvalidRequestException",
        400,
    )


def test_everything_is_undone_in_one_order_only(cloud: Cloud, ca: Authority) -> None:
    """Detach, INACTIVE, delete the certificate, the thing, the policy, the CA."""
    ca_id, device, iot = cloud.register_ca(ca), ca.issue("LED"), cloud.iot
    cloud.allow(device)
    arn, this = cloud.arn("cert", device.id), {"certificateId": device.id}
    assert refused(iot.delete_policy, policyName="hello") == ("DeleteConflictException", 409)
    assert refused(iot.delete_thing, thingName="LED") == ("InvalidRequestException", 400)
    assert refused(iot.delete_certificate, **this) == ("CertificateStateException", 406)
    iot.update_certificate(**this, newStatus="INACTIVE")
    conflict = ("DeleteConflictException", 409)
    assert refused(iot.delete_certificate, **this) == conflict
    assert refused(iot.delete_certificate, **this, forceDelete=True) == conflict
    iot.detach_thing_principal(thingName="LED", principal=arn)
    assert refused(iot.delete_certificate, **this) == conflict
    iot.detach_policy(policyName="hello", target=arn)
    iot.delete_certificate(**this)
    iot.delete_thing(thingName="LED")
    iot.delete_policy(policyName="hello")
    iot.update_ca_certificate(certificateId=ca_id, newStatus="INACTIVE")
    iot.delete_ca_certificate(certificateId=ca_id)
    assert refused(iot.describe_certificate, **this) == ("ResourceNotFoundException", 404)


def test_force_delete_overrides_policies_only(cloud: Cloud, ca: Authority) -> None:
    """With forceDelete, policies are detached; a thing must have been."""
    cloud.register_ca(ca)
    device = ca.issue("LED")
    cloud.register(device, status="INACTIVE")
    cloud.attach_policy(device)
    cloud.iot.delete_certificate(certificateId=device.id, forceDelete=True)
    assert cloud.iot.list_targets_for_policy(policyName="hello")["targets"] == []


def test_tags_stay_with_their_resource(cloud: Cloud, ca: Authority) -> None:
    """CA certificates and policies carry tags, until they are deleted; things carry none."""
    tags = [{"Key": "made-by", "Value": "labkit"}]
    identifier = cloud.register_ca(ca, tags=tags)
    cloud.iot.create_policy(policyName="all", policyDocument=ALLOW_ALL, tags=tags)
    policy = cloud.arn("policy", "all")
    for arn in (cloud.arn("cacert", identifier), policy):
        assert cloud.iot.list_tags_for_resource(resourceArn=arn)["tags"] == tags
    cloud.iot.tag_resource(resourceArn=policy, tags=[{"Key": "b", "Value": "2"}])
    cloud.iot.untag_resource(resourceArn=policy, tagKeys=["made-by"])
    left = cloud.iot.list_tags_for_resource(resourceArn=policy)["tags"]
    assert left == [{"Key": "b", "Value": "2"}]
    cloud.iot.delete_policy(policyName="all")
    listing = cloud.iot.list_tags_for_resource
    assert refused(listing, resourceArn=policy) == ("ResourceNotFoundException", 404)
    cloud.iot.create_thing(thingName="LED")
    assert refused(listing, resourceArn=cloud.arn("thing", "LED")) == (
        "InvalidRequestException",
        400,
    )


# The endpoint, the identity, and what every AWS service refuses


def test_endpoint_is_the_same_every_time(cloud: Cloud) -> None:
    """The address has AWS's form, is the gateway's name, and stays."""
    address = cloud.iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
    assert re.fullmatch(rf"[a-z0-9]{{14}}-ats\.iot\.{REGION}\.amazonaws\.com", address)
    assert address == cloud.gateway.endpoint_name
    assert cloud.iot.describe_endpoint()["endpointAddress"] == address.replace("-ats", "")
    call = cloud.iot.describe_endpoint
    assert refused(call, endpointType="iot:Nonsense") == ("InvalidRequestException", 400)


def test_caller_is_the_accounts(cloud: Cloud) -> None:
    """STS tells the account's number, and nothing else is offered of it."""
    sts = iot_client(cloud.url, "sts")
    assert sts.get_caller_identity()["Account"] == ACCOUNT_ID
    assert refused(sts.get_session_token) == ("AccessDenied", 403)


def test_signature_for_another_region_is_refused(cloud: Cloud) -> None:
    """An account's service is in one region."""
    elsewhere = iot_client(cloud.url, region="eu-central-1")
    assert refused(elsewhere.get_registration_code) == ("InvalidSignatureException", 403)


def test_call_that_is_not_offered_is_denied(cloud: Cloud) -> None:
    """What the model knows and the account does not offer is denied, never a fault."""
    call = cloud.iot.create_keys_and_certificate
    with pytest.raises(ClientError, match="does not offer CreateKeysAndCertificate"):
        call()
    assert refused(call) == ("AccessDeniedException", 403)


SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/iot/aws4_request, "
    "SignedHeaders=host, Signature=" + "0" * 64
)


def raw(
    cloud: Cloud, method: str, path: str, body: bytes = b"", signature: str = SIGNATURE
) -> tuple[int, str | None]:
    """Return the status and the error's name for a request that boto3 would not send."""
    connection = http.client.HTTPConnection(cloud.url.removeprefix("http://"), timeout=5)
    headers = {"Authorization": signature} if signature else {}
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    json.loads(answer.read())
    connection.close()
    return answer.status, answer.getheader("x-amzn-ErrorType")


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/nonsense", b"", (404, "UnknownOperationException")),
        ("PATCH", "/endpoint", b"", (404, "UnknownOperationException")),
        ("POST", "/things/LED", b"{", (400, "SerializationException")),
        ("POST", "/things/LED", b"[]", (400, "SerializationException")),
        ("POST", "/things/LED", b"[" * 100_000, (400, "SerializationException")),
        ("POST", "/things/LED", b'{"attributePayload": 1}', (400, "SerializationException")),
        ("POST", "/policies/p", b"{}", (400, "InvalidRequestException")),
        ("POST", "/policies/p", b'{"policyDocument": 1}', (400, "SerializationException")),
        ("GET", "/certificates?pageSize=x", b"", (400, "InvalidRequestException")),
        ("GET", "/certificates?pageSize=0", b"", (400, "InvalidRequestException")),
        ("GET", "/certificates?pageSize=251", b"", (400, "InvalidRequestException")),
        ("GET", "/certificates?marker=%21", b"", (400, "InvalidRequestException")),
        ("GET", "/certificates/abc", b"", (400, "InvalidRequestException")),
        ("GET", "/policies/%00", b"", (400, "InvalidRequestException")),
        ("GET", "/things/x%2Fy", b"", (400, "InvalidRequestException")),
    ],
)
def test_nonsense_is_refused_as_aws_refuses_it(
    cloud: Cloud, method: str, path: str, body: bytes, expected: tuple[int, str]
) -> None:
    """Whatever is sent, the answer is one of AWS's errors and never a fault."""
    assert raw(cloud, method, path, body) == expected


def test_request_without_a_signature_is_refused(cloud: Cloud) -> None:
    """AWS answers 403 before it looks at the call."""
    expected = (403, "MissingAuthenticationTokenException")
    assert raw(cloud, "GET", "/endpoint", signature="") == expected
    assert raw(cloud, "GET", "/endpoint", signature="Bearer x")[1] == "IncompleteSignatureException"
    assert raw(cloud, "GET", "/endpoint") == (200, None)


def test_every_offered_call_is_one_of_the_models() -> None:
    """A misspelt operation would never be reached."""
    names = set(RestJsonModel("iot").operation_names)
    assert set(OPERATIONS) <= names


# Its memory


def open_account(folder: Path, seed: str | None = None) -> Account:
    """Open an account in a folder."""
    return Account(
        folder,
        region=REGION,
        account_id=ACCOUNT_ID,
        randomness=Randomness(seed),
        clock=lambda: MORNING,
    )


def test_account_forgets_nothing_when_it_is_closed(tmp_path: Path) -> None:
    """The code, the endpoint and a thing's id are the same in the next run."""
    calls = [
        ("GetRegistrationCode", {}),
        ("DescribeEndpoint", {}),
        ("CreateThing", {"thingName": "LED"}),
    ]
    answers = []
    for _ in range(2):
        account = open_account(tmp_path)
        answers.append([account.call(*call) for call in calls])
        account.close()
    assert answers[0] == answers[1]


def test_account_is_seeded(tmp_path: Path) -> None:
    """With a seed, two accounts are alike; with another seed, or none, they are not."""
    answers = []
    for number, seed in enumerate(("a", "a", "b", None, None)):
        account = open_account(tmp_path / str(number), seed)
        code = account.call("GetRegistrationCode", {})["registrationCode"]
        thing = account.call("CreateThing", {"thingName": "LED"})["thingId"]
        answers.append((code, account.endpoint_name(), thing))
        account.close()
    assert answers[0] == answers[1]
    assert len({*answers}) == 4
    assert len({code for code, _, _ in answers}) == 4


def test_kill_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    """Every thing whose creation was answered is there after SIGKILL."""
    program = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from test_account import open_account

        account = open_account(Path(sys.argv[1]))
        for number in range(25):
            account.call("CreateThing", {"thingName": f"thing-{number}"})
        print(number + 1, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (-9, "25"), done.stderr
    account = open_account(tmp_path)
    assert len(account.call("ListThings", {})["things"]) == 25
    account.close()


def test_eight_clients_at_once_make_200_things(cloud: Cloud) -> None:
    """The account is safe under threads: no call fails and no thing is missing."""

    def make(worker: int) -> None:
        for number in range(25):
            cloud.iot.create_thing(thingName=f"thing-{worker}-{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(8)))
    pages = cloud.iot.get_paginator("list_things").paginate()
    assert sum(len(page["things"]) for page in pages) == 200


def test_refused_call_changes_nothing_and_tells_nobody(tmp_path: Path, ca: Authority) -> None:
    """Subscribers hear of what was committed, in order, and of nothing else."""
    cloud = Cloud(tmp_path)
    cloud.register_ca(ca)
    device, heard = ca.issue("LED"), list[Change]()
    cloud.account.subscribe(heard.append)
    cloud.allow(device)
    arn = cloud.arn("cert", device.id)
    assert heard == [Change(Kind.THINGS, arn), Change(Kind.POLICIES, arn)]
    assert refused(cloud.iot.delete_certificate, certificateId=device.id)
    cloud.iot.update_certificate(certificateId=device.id, newStatus="REVOKED")
    assert heard[2:] == [Change(Kind.STATUS, arn)]
    cloud.account.unsubscribe(heard.append)
    cloud.close()


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
