"""Provisioning templates: what one makes, overrides and undoes, and which ones are kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from simulator_fixtures import ACCOUNT_ID, ALLOW_ALL, Authority, Cloud

if TYPE_CHECKING:
    from collections.abc import Mapping

pytest_plugins = ("cloud_fixtures",)

ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/provisioning"
CERTIFICATE_ID = "AWS::IoT::Certificate::Id"
DEVICES: dict[str, Any] = {"CertificateId": {"Ref": CERTIFICATE_ID}}
"""The certificate that a device connects with."""


def template(
    certificate: Mapping[str, Any],
    *,
    thing: Mapping[str, Any] | None = None,
    policy: Mapping[str, Any] | None = None,
) -> str:
    """Return a template with a thing, a certificate and a policy."""
    kinds = {
        "thing": ("AWS::IoT::Thing", {"ThingName": "led"} | dict(thing or {})),
        "certificate": ("AWS::IoT::Certificate", dict(certificate)),
        "policy": ("AWS::IoT::Policy", dict(policy or {"PolicyDocument": ALLOW_ALL})),
    }
    resources = {
        name: {"Type": kind, "Properties": properties} for name, (kind, properties) in kinds.items()
    }
    parameters = {CERTIFICATE_ID: {"Type": "String"}}
    return json.dumps({"Parameters": parameters, "Resources": resources})


def connect(cloud: Cloud, body: str) -> tuple[str, str]:
    """Register a device's certificate automatically; return its ARN and the result in words."""
    ca = Authority("JITP CA")
    config = {"templateBody": body, "roleArn": ROLE}
    cloud.register_ca(ca, allowAutoRegistration=True, registrationConfig=config)
    device = ca.issue("led")
    result = cloud.account.register_automatically(device.certificate, ca.certificate)
    assert result is not None
    return cloud.arn("cert", device.id), result.note


def status(cloud: Cloud, arn: str) -> str:
    """Return a certificate's status."""
    answer = cloud.iot.describe_certificate(certificateId=arn.rpartition("/")[2])
    return str(answer["certificateDescription"]["status"])


def test_template_makes_and_attaches_everything(cloud: Cloud) -> None:
    """Thing with attributes, policy, and the certificate in the status that is asked for."""
    arn, note = connect(
        cloud,
        template(DEVICES | {"Status": "INACTIVE"}, thing={"AttributePayload": {"room": "1"}}),
    )
    assert note == "registered and provisioned by its template"
    assert status(cloud, arn) == "INACTIVE"
    assert cloud.iot.list_principal_things(principal=arn)["things"] == ["led"]
    [policy] = cloud.iot.list_attached_policies(target=arn)["policies"]
    found = cloud.iot.get_policy(policyName=policy["policyName"])
    assert found["policyDocument"] == ALLOW_ALL
    assert cloud.iot.describe_thing(thingName="led")["attributes"] == {"room": "1"}


def test_thing_with_other_attributes_is_a_conflict(cloud: Cloud) -> None:
    """The template fails and changes nothing."""
    cloud.iot.create_thing(thingName="led", attributePayload={"attributes": {"room": "1"}})
    arn, note = connect(cloud, template(DEVICES))
    assert "exists in account with different attributes" in note
    assert status(cloud, arn) == "PENDING_ACTIVATION"
    assert cloud.iot.list_principal_things(principal=arn)["things"] == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"policy": {"PolicyName": "missing"}}, "Policy not found"),
        ({"policy": {"PolicyDocument": "{}"}}, "Malformed"),
        ({"thing": {"ThingName": "no blanks"}}, "not a thing's name"),
        ({"thing": {"ThingName": ["led"]}}, "not a thing's name"),
        ({"thing": {"AttributePayload": {"room": 1}}}, "expected names and values"),
        ({"certificate": {"CertificateId": "0" * 64}}, "does not exist"),
        ({"certificate": DEVICES | {"Status": "REVOKED"}}, "expected ACTIVE or INACTIVE"),
        ({"certificate": {"CertificateId": ["x"]}}, "expected a text"),
    ],
)
def test_template_that_fails_changes_nothing(
    cloud: Cloud, wrong: dict[str, dict[str, Any]], words: str
) -> None:
    """The certificate stays PENDING_ACTIVATION, and no thing and no policy is left behind."""
    arn, note = connect(cloud, template(**{"certificate": DEVICES, **wrong}))
    assert words in note
    assert status(cloud, arn) == "PENDING_ACTIVATION"
    assert cloud.iot.list_things()["things"] == []
    assert cloud.iot.list_policies()["policies"] == []


def create(cloud: Cloud, **changes: object) -> dict[str, Any]:
    """Create a provisioning template."""
    given = {
        "templateName": "fleet",
        "templateBody": template(DEVICES),
        "provisioningRoleArn": ROLE,
    }
    return dict(cloud.iot.create_provisioning_template(**{**given, **changes}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"templateBody": "{}"},
        {"provisioningRoleArn": "arn:aws:iam::210987654321:role/x"},
        {"provisioningRoleArn": "a role, as it were, of nobody"},
    ],
)
def test_template_that_cannot_be_used_is_refused(cloud: Cloud, wrong: dict[str, Any]) -> None:
    """No template, no role of this account, no function."""
    with pytest.raises(cloud.iot.exceptions.InvalidRequestException):
        create(cloud, **wrong)
    assert cloud.iot.list_provisioning_templates()["templates"] == []


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"templateName": "missing", "roleArn": ROLE}, "ResourceNotFoundException"),
        ({"templateName": "fleet", "roleArn": ROLE}, "InvalidRequestException"),
        ({"templateBody": "{}", "roleArn": ROLE}, "InvalidRequestException"),
        ({"templateBody": template({"CertificateId": "x"})}, "InvalidRequestException"),
        ({"roleArn": ROLE}, "InvalidRequestException"),
        (
            {"templateName": "jitp", "roleArn": "arn:aws:iam::1:role/none"},
            "InvalidRequestException",
        ),
    ],
)
def test_ca_is_registered_with_a_template_that_can_work(
    cloud: Cloud, config: dict[str, str], error: str
) -> None:
    """A CA's template must exist, be of type JITP, and come with a role; one that does is kept."""
    create(cloud)
    create(cloud, templateName="jitp", type="JITP", enabled=True)
    with pytest.raises(getattr(cloud.iot.exceptions, error)):
        cloud.register_ca(Authority(), allowAutoRegistration=True, registrationConfig=config)
    good = {"templateName": "jitp", "roleArn": ROLE}
    ca_id = cloud.register_ca(Authority(), allowAutoRegistration=True, registrationConfig=good)
    reported = cloud.iot.describe_ca_certificate(certificateId=ca_id)
    assert reported["registrationConfig"] == good
