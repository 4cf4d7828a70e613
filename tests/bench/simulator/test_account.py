from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opened_account import open_account
from simulator_fixtures import (
    ALLOW_ALL,
    Authority,
    Cloud,
    refused,
)

from labkit.bench.simulator.account import Change, Kind

if TYPE_CHECKING:
    from pathlib import Path


pytest_plugins = ("cloud_fixtures",)


@pytest.fixture
def ca() -> Authority:
    """Return a CA that is not registered."""
    return Authority()


def test_tags_stay_with_their_resource(cloud: Cloud, ca: Authority) -> None:
    """CA certificates and policies carry tags, until they are deleted; things carry none."""
    tags = [{"Key": "made-by", "Value": "labkit"}]
    identifier = cloud.register_ca(ca, tags=tags)
    cloud.iot.create_policy(policyName="all", policyDocument=ALLOW_ALL, tags=tags)
    policy = cloud.arn("policy", "all")
    for arn in (cloud.arn("cacert", identifier), policy):
        assert cloud.iot.list_tags_for_resource(resourceArn=arn)["tags"] == tags
    cloud.iot.delete_policy(policyName="all")
    listing = cloud.iot.list_tags_for_resource
    assert refused(listing, resourceArn=policy) == ("ResourceNotFoundException", 404)
    cloud.iot.create_thing(thingName="LED")
    assert refused(listing, resourceArn=cloud.arn("thing", "LED")) == (
        "InvalidRequestException",
        400,
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
