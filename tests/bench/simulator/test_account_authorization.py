"""Versions of policies, and what a device may do, asked without a device."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from simulator_fixtures import ALLOW_ALL, Authority, Cloud, Device, refused

if TYPE_CHECKING:
    from collections.abc import Sequence

pytest_plugins = ("cloud_fixtures",)

DENY_PUBLISH = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "iot:Publish", "Resource": "*"}],
    }
)


@pytest.fixture
def led(cloud: Cloud) -> Device:
    """A device whose certificate is registered, ACTIVE."""
    authority = Authority()
    cloud.register_ca(authority)
    device = authority.issue("led")
    cloud.register(device)
    return device


def decide(
    cloud: Cloud, device: Device, action: str, resources: Sequence[str], **request: object
) -> dict[str, Any]:
    """Ask for one decision."""
    info = {
        "actionType": action,
        "resources": [cloud.arn(*each.split("/", 1)) for each in resources],
    }
    reported = cloud.iot.test_authorization(
        principal=cloud.arn("cert", device.id),
        authInfos=[info],
        **{"clientId": device.name, **request},
    )
    [result] = reported["authResults"]
    return dict(result)


def test_decisions_are_the_gateways(cloud: Cloud, led: Device) -> None:
    """The hello world's policy allows its own client id and topics, and nothing else."""
    cloud.attach_policy(led)
    cloud.attach_thing(led)
    allowed = decide(cloud, led, "CONNECT", ["client/led"])
    assert allowed["authDecision"] == "ALLOWED"
    assert [each["policyName"] for each in allowed["allowed"]["policies"]] == ["hello"]
    assert decide(cloud, led, "PUBLISH", ["topic/led/x"])["authDecision"] == "ALLOWED"
    both = decide(cloud, led, "PUBLISH", ["topic/led/x", "topic/other/x"])
    assert both["authDecision"] == "IMPLICIT_DENY"
    denied = decide(cloud, led, "CONNECT", ["client/other"])
    assert denied["authDecision"] == "IMPLICIT_DENY"
    implicit = denied["denied"]["implicitDeny"]["policies"]
    assert [each["policyName"] for each in implicit] == ["hello"]


def test_thing_name_without_a_thing_is_a_missing_value(cloud: Cloud, led: Device) -> None:
    """What the policy asks for and the connection lacks is named."""
    cloud.attach_policy(led)
    reported = decide(cloud, led, "CONNECT", ["client/led"])
    assert reported["authDecision"] == "IMPLICIT_DENY"
    assert reported["missingContextValues"] == ["iot:Connection.Thing.ThingName"]
    cloud.attach_thing(led)
    assert decide(cloud, led, "CONNECT", ["client/led"])["missingContextValues"] == []


def test_question_about_nobody_is_refused(cloud: Cloud, led: Device) -> None:
    """No principal, one that is not there, a policy that is not there, no action."""
    call = cloud.iot.test_authorization
    info = [{"actionType": "CONNECT", "resources": [cloud.arn("client", "led")]}]
    arn = cloud.arn("cert", led.id)
    invalid, missing = ("InvalidRequestException", 400), ("ResourceNotFoundException", 404)
    assert refused(call, authInfos=info) == invalid
    assert refused(call, authInfos=info, principal=cloud.arn("cert", "0" * 64)) == missing
    assert refused(call, authInfos=info, principal=arn, policyNamesToAdd=["x"]) == missing
    assert refused(call, authInfos=[{"resources": ["x"]}], principal=arn) == invalid


def test_version_in_force_decides(cloud: Cloud, led: Device) -> None:
    """A new version changes nothing until it is the default one."""
    cloud.iot.create_policy(policyName="p", policyDocument=ALLOW_ALL)
    cloud.iot.attach_policy(policyName="p", target=cloud.arn("cert", led.id))
    made = cloud.iot.create_policy_version(policyName="p", policyDocument=DENY_PUBLISH)
    assert (made["policyVersionId"], made["isDefaultVersion"]) == ("2", False)
    assert decide(cloud, led, "PUBLISH", ["topic/x"])["authDecision"] == "ALLOWED"
    cloud.iot.create_policy_version(policyName="p", policyDocument=DENY_PUBLISH, setAsDefault=True)
    assert decide(cloud, led, "PUBLISH", ["topic/x"])["authDecision"] == "EXPLICIT_DENY"
    assert cloud.iot.get_policy(policyName="p")["defaultVersionId"] == "3"
