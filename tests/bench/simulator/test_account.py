from __future__ import annotations

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from opened_account import ABSENT, open_account
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
        from opened_account import open_account

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
