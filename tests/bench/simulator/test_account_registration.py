"""RegisterThing and templates by name: what a template makes, finds, overrides and undoes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from simulator_fixtures import ACCOUNT_ID, ALLOW_ALL, Authority, Cloud, refused

if TYPE_CHECKING:
    from collections.abc import Mapping

pytest_plugins = ("cloud_fixtures",)

ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/provisioning"


def template(
    certificate: Mapping[str, Any],
    *,
    thing: Mapping[str, Any] | None = None,
    policy: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """Return a template with a thing, a certificate and a policy."""
    kinds = {
        "thing": ("AWS::IoT::Thing", {"ThingName": "led"} | dict(thing or {})),
        "certificate": ("AWS::IoT::Certificate", dict(certificate)),
        "policy": ("AWS::IoT::Policy", dict(policy or {"PolicyDocument": ALLOW_ALL})),
    }
    resources = {
        name: {
            "Type": kind,
            "Properties": properties,
            "OverrideSettings": dict((overrides or {}).get(name, {})),
        }
        for name, (kind, properties) in kinds.items()
    }
    return json.dumps({"Resources": resources})


@pytest.fixture
def registered(cloud: Cloud) -> str:
    """Register an INACTIVE certificate and return its id."""
    device = Authority().issue("led")
    cloud.iot.register_certificate_without_ca(certificatePem=device.pem)
    return device.id


def status(cloud: Cloud, identifier: str) -> str:
    """Return a certificate's status."""
    told = cloud.iot.describe_certificate(certificateId=identifier)
    return str(told["certificateDescription"]["status"])


def test_template_makes_and_attaches_everything(cloud: Cloud, registered: str) -> None:
    """Thing, policy and ACTIVE certificate, named by their logical names in the answer."""
    body = template({"CertificateId": registered}, thing={"AttributePayload": {"room": "1"}})
    made = cloud.iot.register_thing(templateBody=body)
    arns = made["resourceArns"]
    assert arns["thing"] == cloud.arn("thing", "led")
    assert arns["certificate"] == cloud.arn("cert", registered)
    assert status(cloud, registered) == "ACTIVE"
    assert made["certificatePem"].startswith("-----BEGIN CERTIFICATE-----")
    assert cloud.iot.list_principal_things(principal=arns["certificate"])["things"] == ["led"]
    [policy] = cloud.iot.list_attached_policies(target=arns["certificate"])["policies"]
    assert policy["policyArn"] == arns["policy"]
    assert cloud.iot.describe_thing(thingName="led")["attributes"] == {"room": "1"}
    again = cloud.iot.register_thing(templateBody=body)
    assert again["resourceArns"] == arns


def test_certificate_of_a_registered_ca_is_registered(cloud: Cloud) -> None:
    """A certificate's text registers it; the second time it is the same one."""
    ca = Authority()
    cloud.register_ca(ca)
    device = ca.issue("led")
    properties = {"CertificatePem": device.pem, "CACertificatePem": ca.pem, "Status": "INACTIVE"}
    made = cloud.iot.register_thing(templateBody=template(properties))
    assert made["resourceArns"]["certificate"] == cloud.arn("cert", device.id)
    assert status(cloud, device.id) == "INACTIVE"
    assert cloud.iot.register_thing(templateBody=template(properties)) is not None


def test_failure_undoes_the_whole_template(cloud: Cloud, registered: str) -> None:
    """A policy that is not there: no thing is left behind, and the status is what it was."""
    body = template({"CertificateId": registered}, policy={"PolicyName": "missing"})
    call = cloud.iot.register_thing
    assert refused(call, templateBody=body) == ("ResourceRegistrationFailureException", 400)
    assert cloud.iot.list_things()["things"] == []
    assert status(cloud, registered) == "INACTIVE"


@pytest.mark.parametrize(
    ("override", "attributes"),
    [
        ("DO_NOTHING", {"room": "1", "floor": "2"}),
        ("REPLACE", {"room": "9"}),
        ("MERGE", {"room": "9", "floor": "2"}),
    ],
)
def test_thing_that_is_there_is_overridden_as_asked(
    cloud: Cloud, registered: str, override: str, attributes: dict[str, str]
) -> None:
    """OverrideSettings decide about other attributes."""
    there = {"attributes": {"room": "1", "floor": "2"}}
    cloud.iot.create_thing(thingName="led", attributePayload=there)
    body = template(
        {"CertificateId": registered},
        thing={"AttributePayload": {"room": "9"}},
        overrides={"thing": {"AttributePayload": override}},
    )
    cloud.iot.register_thing(templateBody=body)
    assert cloud.iot.describe_thing(thingName="led")["attributes"] == attributes


@pytest.mark.parametrize("overrides", [{}, {"thing": {"AttributePayload": "FAIL"}}])
def test_thing_with_other_attributes_is_a_conflict(
    cloud: Cloud, registered: str, overrides: dict[str, dict[str, str]]
) -> None:
    """FAIL, and no setting at all: the call fails."""
    cloud.iot.create_thing(thingName="led", attributePayload={"attributes": {"room": "1"}})
    body = template({"CertificateId": registered}, overrides=overrides)
    answer = refused(cloud.iot.register_thing, templateBody=body)
    assert answer == ("ConflictingResourceUpdateException", 409)


@pytest.mark.parametrize(
    ("override", "outcome"), [("DO_NOTHING", "INACTIVE"), ("REPLACE", "ACTIVE")]
)
def test_certificates_status_is_overridden_as_asked(
    cloud: Cloud, registered: str, override: str, outcome: str
) -> None:
    """OverrideSettings decide about the status of a certificate that is there."""
    body = template({"CertificateId": registered}, overrides={"certificate": {"Status": override}})
    cloud.iot.register_thing(templateBody=body)
    assert status(cloud, registered) == outcome


@pytest.mark.parametrize(
    "wrong",
    [
        {"thing": {"ThingName": "no blanks"}},
        {"thing": {"ThingName": ["led"]}},
        {"thing": {"AttributePayload": {"room": 1}}},
        {"thing": {"ThingTypeName": "lamp"}},
        {"policy": {"PolicyDocument": "{}"}},
        {"certificate": {"CertificateId": "0" * 64}},
        {"certificate": {"CertificateSigningRequest": "hello"}},
        {"certificate": {"CertificatePem": ["hello"]}},
        {"certificate": {"CertificateId": "0" * 64, "Status": "REVOKED"}},
    ],
)
def test_resource_that_cannot_be_made_is_a_failure(
    cloud: Cloud, registered: str, wrong: dict[str, dict[str, Any]]
) -> None:
    """Whatever a template asks for in vain ends in one exception, and leaves nothing."""
    given: dict[str, Any] = {"certificate": {"CertificateId": registered}, **wrong}
    answer = refused(cloud.iot.register_thing, templateBody=template(**given))
    assert answer == ("ResourceRegistrationFailureException", 400)
    assert cloud.iot.list_things()["things"] == []


def create(cloud: Cloud, **changes: object) -> dict[str, Any]:
    """Create a provisioning template."""
    body = template({"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}})
    given = {"templateName": "fleet", "templateBody": body, "provisioningRoleArn": ROLE}
    return dict(cloud.iot.create_provisioning_template(**{**given, **changes}))


def test_template_is_kept_changed_and_deleted(cloud: Cloud) -> None:
    """Its text stays as it is; description and enabled can be changed; then it is gone."""
    made = create(cloud, type="JITP")
    assert made["templateArn"] == cloud.arn("provisioningtemplate", "fleet")
    assert made["defaultVersionId"] == 1
    cloud.iot.update_provisioning_template(templateName="fleet", description="x", enabled=True)
    told = cloud.iot.describe_provisioning_template(templateName="fleet")
    assert (told["description"], told["enabled"], told["type"]) == ("x", True, "JITP")
    [listed] = cloud.iot.list_provisioning_templates()["templates"]
    assert listed["templateName"] == "fleet"
    with pytest.raises(cloud.iot.exceptions.ResourceAlreadyExistsException) as caught:
        create(cloud)
    assert caught.value.response["resourceId"] == "fleet"
    cloud.iot.delete_provisioning_template(templateName="fleet")
    for name in ("describe", "delete"):
        call = getattr(cloud.iot, f"{name}_provisioning_template")
        assert refused(call, templateName="fleet") == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize(
    "wrong",
    [
        {"templateBody": "{}"},
        {"templateBody": "hello"},
        {"templateBody": template({"CertificateId": "0" * 64})},
        {"templateBody": '{"Resources": {}}'},
        {"provisioningRoleArn": "arn:aws:iam::210987654321:role/x"},
        {"provisioningRoleArn": "a role, as it were, of nobody"},
        {"preProvisioningHook": {"targetArn": "arn:aws:lambda:us-east-1:1:function:x"}},
    ],
)
def test_template_that_cannot_be_used_is_refused(cloud: Cloud, wrong: dict[str, Any]) -> None:
    """No template, no role of this account, no function."""
    with pytest.raises(cloud.iot.exceptions.InvalidRequestException):
        create(cloud, **wrong)
    assert cloud.iot.list_provisioning_templates()["templates"] == []


def test_claim_is_for_enabled_fleet_templates(cloud: Cloud) -> None:
    """A claim is an ACTIVE certificate that ends after five minutes."""
    create(cloud)
    call = cloud.iot.create_provisioning_claim
    assert refused(call, templateName="fleet") == ("InvalidRequestException", 400)
    cloud.iot.update_provisioning_template(templateName="fleet", enabled=True)
    claim = call(templateName="fleet")
    assert (claim["expiration"] - cloud.clock.now).total_seconds() == 300
    assert status(cloud, claim["certificateId"]) == "ACTIVE"
    assert refused(call, templateName="other") == ("ResourceNotFoundException", 404)
    create(cloud, templateName="jitp", type="JITP", enabled=True)
    assert refused(call, templateName="jitp") == ("InvalidRequestException", 400)


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
    told = cloud.iot.describe_ca_certificate(certificateId=ca_id)
    assert told["registrationConfig"] == good
    listed = cloud.iot.list_ca_certificates(templateName="jitp")["certificates"]
    assert [each["certificateId"] for each in listed] == [ca_id]
    assert cloud.iot.list_ca_certificates(templateName="fleet")["certificates"] == []
