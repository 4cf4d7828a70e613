"""Policies: read as AWS reads them, decided as AWS decides."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from labkit.errors import PolicyError
from labkit.policy import (
    Decision,
    connection_context,
    evaluate,
    hello_world_policy,
    parse,
    resource_arn,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

REGION, ACCOUNT = "us-east-1", "123456789012"
ATTACHED = connection_context("my-thing", attached=True)
NOT_ATTACHED = connection_context("my-thing", attached=False)


def arn(resource: str) -> str:
    """Return a resource's ARN in the account of these tests."""
    return resource_arn(REGION, ACCOUNT, resource)


def statement(**members: object) -> dict[str, object]:
    """Return a statement that allows everything, or what the members say."""
    return {"Effect": "Allow", "Action": "*", "Resource": "*"} | members


def document(*statements: object, **members: object) -> dict[str, object]:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)} | members


def decide(
    action: str, resource: str, *statements: object, context: Mapping[str, str] = ATTACHED
) -> Decision:
    """Decide by one document."""
    return evaluate(parse(document(*statements)), action, arn(resource), context)


# The hello world.


@pytest.mark.parametrize(
    ("action", "resource", "attached", "not_attached"),
    [
        ("iot:Connect", "client/my-thing", True, False),
        ("iot:Connect", "client/other", False, False),
        ("iot:Connect", "client/my-thing-2", False, False),
        ("iot:Publish", "topic/my-thing/example/topic", True, False),
        ("iot:Receive", "topic/my-thing/example/topic", True, False),
        ("iot:Subscribe", "topicfilter/my-thing/example/topic", True, False),
        ("iot:Subscribe", "topicfilter/my-thing/#", False, False),
        ("iot:Publish", "topic/other/example/topic", False, False),
        ("iot:Publish", "topic/my-thing", False, False),
        ("iot:Publish", "topic/my-thing/example/other", False, False),
        ("iot:Subscribe", "topicfilter/+/example/topic", False, False),
        ("iot:Subscribe", "topicfilter/#", False, False),
        ("iot:Subscribe", "topic/my-thing/example/topic", False, False),
        ("iot:Publish", "topicfilter/my-thing/example/topic", False, False),
        ("iot:GetThingShadow", "thing/my-thing", False, False),
    ],
)
def test_the_hello_world_is_allowed_and_nothing_else(
    action: str, resource: str, *, attached: bool, not_attached: bool
) -> None:
    """What an attached device needs is allowed; another's name, or no attachment, is not."""
    policy = parse(hello_world_policy(REGION, ACCOUNT))
    full = arn(resource)
    assert evaluate(policy, action, full, ATTACHED).allowed is attached
    assert evaluate(policy, action, full, NOT_ATTACHED).allowed is not_attached


def test_another_account_or_region_is_denied() -> None:
    """The ARN as a whole must match."""
    policy = parse(hello_world_policy(REGION, ACCOUNT))
    for region, account in (("eu-west-1", ACCOUNT), (REGION, "210987654321")):
        other = resource_arn(region, account, "client/my-thing")
        assert not evaluate(policy, "iot:Connect", other, ATTACHED)


def test_the_hello_world_policy_is_json_of_allowed_size() -> None:
    """It goes to CreatePolicy as JSON and comes back the same."""
    policy = hello_world_policy(REGION, ACCOUNT)
    assert parse(json.dumps(policy)) == parse(policy)
    assert len(json.dumps(policy)) < 2048


@pytest.mark.parametrize(
    ("region", "partition"),
    [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_partitions_follow_the_region(region: str, partition: str) -> None:
    """China and GovCloud have partitions of their own."""
    expected = f"arn:{partition}:iot:{region}:{ACCOUNT}:client/x"
    assert resource_arn(region, ACCOUNT, "client/x") == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("useast1", ACCOUNT), 'Region: expected one such as "us-east-1", got "useast1"'),
        ((REGION, "1234"), "Account id: expected 12 digits, got 4 characters"),
    ],
)
def test_a_policy_is_not_made_of_anything(arguments: tuple[str, str], message: str) -> None:
    """Regions and account ids that would open the policy are refused."""
    with pytest.raises(PolicyError, match=message):
        hello_world_policy(*arguments)


# Deciding.


def test_what_nothing_allows_is_denied() -> None:
    """No policy at all, and no matching statement, deny with their reasons."""
    assert (
        evaluate([], "iot:Connect", arn("client/x"), {}).reason == "denied: no policy is attached"
    )
    decision = decide("iot:Connect", "client/x", statement(Action="iot:Publish"))
    assert not decision
    assert decision.statement is None
    assert repr(decision) == f"denied: no statement allows iot:Connect on {arn('client/x')}"


def test_an_explicit_deny_wins_wherever_it_stands() -> None:
    """Before or after an Allow, in the same policy or another one."""
    allow = statement(Sid="Open")
    deny = statement(Effect="Deny", Action="iot:Publish", Sid="Shut")
    for statements in ((allow, deny), (deny, allow)):
        decision = decide("iot:Publish", "topic/a", *statements)
        assert not decision
        assert decision.sid == "Shut"
        assert decision.reason.startswith("explicitly denied by statement")
        assert decide("iot:Connect", "client/a", *statements).sid == "Open"
    policies = [parse(document(allow), name="A"), parse(document(deny), name="B")]
    decision = evaluate(policies, "iot:Publish", arn("topic/a"), {})
    assert (decision.policy, decision.statement) == ("B", 1)
    assert decision.reason == 'explicitly denied by statement 1 ("Shut") of policy B'


def test_a_deny_that_is_not_about_the_request_denies_nothing() -> None:
    """Its resource or condition must match as well."""
    allow = statement()
    elsewhere = statement(Effect="Deny", Resource=arn("topic/b"))
    otherwise = statement(
        Effect="Deny", Condition={"Bool": {"iot:Connection.Thing.IsAttached": "false"}}
    )
    assert decide("iot:Publish", "topic/a", allow, elsewhere, otherwise)
    assert not decide("iot:Publish", "topic/b", allow, elsewhere)
    assert not decide("iot:Publish", "topic/a", allow, otherwise, context=NOT_ATTACHED)


def test_a_denial_by_default_says_what_came_nearest() -> None:
    """The resource, the variable or the condition that stood in the way is named."""
    thing = "${iot:Connection.Thing.ThingName}"
    attached = {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}
    for entry, reason in (
        (
            statement(Resource=arn("topic/b"), Sid="B"),
            f'statement 1 ("B"): only on {arn("topic/b")}',
        ),
        (statement(Resource=arn(f"topic/{thing}")), f"statement 1: {thing} has no value here"),
        (statement(Condition=attached), "its condition Bool iot:Connection.Thing.IsAttached"),
    ):
        decision = decide("iot:Publish", "topic/a", entry, context=NOT_ATTACHED)
        assert reason in decision.reason


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        ("*", True),
        ("iot:*", True),
        ("iot:Publish", True),
        ("IOT:publish", True),
        ("iot:Pub*", True),
        ("iot:P?blish", True),
        ("iot:Publis", False),
        ("iot:Publish?", False),
        ("iot:Receive", False),
        ("greengrass:*", False),
    ],
)
def test_actions_have_wildcards_and_no_case(pattern: str, *, allowed: bool) -> None:
    """NotAction is the same turned round."""
    assert decide("iot:Publish", "topic/a", statement(Action=pattern)).allowed is allowed
    turned = {"Effect": "Allow", "NotAction": pattern, "Resource": "*"}
    assert decide("iot:Publish", "topic/a", turned).allowed is not allowed


@pytest.mark.parametrize(
    ("pattern", "resource", "allowed"),
    [
        ("topic/a", "topic/a", True),
        ("topic/a", "topic/A", False),
        ("topic/*", "topic/a/b/c", True),
        ("topic/*", "topicfilter/a", False),
        ("topic*", "topicfilter/a", True),
        ("topic/a?c", "topic/abc", True),
        ("topic/a?c", "topic/ac", False),
        ("topic/*/b/*", "topic/a/b/b/c", True),
        ("topic/*/b", "topic/a/b/c", False),
        ("topicfilter/a/+/b", "topicfilter/a/+/b", True),
        ("topicfilter/a/+/b", "topicfilter/a/x/b", False),
        ("topicfilter/a/#", "topicfilter/a/b", False),
        ("topicfilter/a/*", "topicfilter/a/#", True),
        ("topic/${iot:ClientId}", "topic/my-thing", True),
        ("topic/${IOT:clientid}", "topic/my-thing", True),
        ("topic/${iot:ClientId}", "topic/other", False),
        ("topic/${iot:Connection.Thing.ThingName}/*", "topic/my-thing/a", True),
        ("topic/${iot:Certificate.Subject.CommonName}", "topic/my-thing", False),
        ("topic/a${*}b", "topic/a*b", True),
        ("topic/a${*}b", "topic/axb", False),
        ("topic/a${?}", "topic/a?", True),
        ("topic/a${?}", "topic/ab", False),
        ("topic/${$}aws/a", "topic/$aws/a", True),
        (
            "topic/$aws/things/${iot:ClientId}/shadow/*",
            "topic/$aws/things/my-thing/shadow/get",
            True,
        ),
        ("topic/a.c", "topic/abc", False),
        ("topic/a\nb*", "topic/a\nb\nc", True),
    ],
)
def test_resources_have_wildcards_and_variables(
    pattern: str, resource: str, *, allowed: bool
) -> None:
    """MQTT's own wildcards are only characters; NotResource is the same turned round."""
    assert decide("iot:X", resource, statement(Resource=arn(pattern))).allowed is allowed
    turned = {"Effect": "Allow", "Action": "*", "NotResource": arn(pattern)}
    without_value = "Certificate" in pattern
    expected = not allowed and not without_value
    assert decide("iot:X", resource, turned).allowed is expected


@pytest.mark.parametrize("client_id", ["*", "?", "a*", "${iot:ClientId}", ".*", "a|b"])
def test_no_wildcard_comes_in_through_a_variable(client_id: str) -> None:
    """A client id of a star is a star: it matches itself and nothing else."""
    context = connection_context(client_id, attached=True)
    for variable in ("iot:ClientId", "iot:Connection.Thing.ThingName"):
        entry = statement(Resource=arn(f"topic/${{{variable}}}"))
        assert decide("iot:Publish", f"topic/{client_id}", entry, context=context)
        assert not decide("iot:Publish", "topic/abc", entry, context=context)
    like = statement(Condition={"StringLike": {"key": "${iot:ClientId}"}})
    assert not decide("iot:Publish", "topic/a", like, context=context | {"key": "abc"})
    assert decide("iot:Publish", "topic/a", like, context=context | {"key": client_id})


def test_one_resource_without_value_does_not_hide_another() -> None:
    """In a list each resource is looked at by itself."""
    resources = [arn("topic/${iot:Connection.Thing.ThingName}"), arn("topic/a")]
    assert decide("iot:Publish", "topic/a", statement(Resource=resources), context=NOT_ATTACHED)
    assert not decide("iot:Publish", "topic/b", statement(Resource=resources), context=NOT_ATTACHED)


def test_documents_of_2008_have_no_variables() -> None:
    """There `${…}` is text, its stars are wildcards."""
    old = parse(document(statement(Resource=arn("topic/${iot:ClientId}")), Version="2008-10-17"))
    assert not evaluate(old, "iot:Publish", arn("topic/my-thing"), ATTACHED)
    assert evaluate(old, "iot:Publish", arn("topic/${iot:ClientId}"), ATTACHED)


KEYS = {"name": "my-thing", "count": "7"}


@pytest.mark.parametrize(
    ("operator", "key", "values", "holds"),
    [
        ("StringEquals", "name", "my-thing", True),
        ("StringEquals", "NAME", "my-thing", True),
        ("StringEquals", "name", ["a", "my-thing"], True),
        ("StringEquals", "name", "My-Thing", False),
        ("StringEquals", "name", "my-*", False),
        ("StringEquals", "absent", "x", False),
        ("StringEqualsIfExists", "absent", "x", True),
        ("StringEqualsIfExists", "name", "x", False),
        ("StringEquals", "name", "${iot:ClientId}", True),
        ("StringEquals", "name", "${absent}", False),
        ("StringNotEquals", "name", "x", True),
        ("StringNotEquals", "name", ["x", "my-thing"], False),
        ("StringNotEquals", "absent", "x", True),
        ("StringNotEquals", "name", "${absent}", False),
        ("StringEqualsIgnoreCase", "name", "My-Thing", True),
        ("StringNotEqualsIgnoreCase", "name", "My-Thing", False),
        ("StringLike", "name", "my-*", True),
        ("stringlike", "name", "my-?????", True),
        ("StringLike", "name", "my", False),
        ("StringLike", "name", "my-${*}", False),
        ("StringNotLike", "name", "my-*", False),
        ("ArnLike", "name", "my-*", True),
        ("ArnNotEquals", "name", "my-*", False),
        ("Bool", "iot:Connection.Thing.IsAttached", "true", True),
        ("Bool", "iot:Connection.Thing.IsAttached", True, True),
        ("Bool", "iot:Connection.Thing.IsAttached", ["TRUE"], True),
        ("Bool", "iot:Connection.Thing.IsAttached", "false", False),
        ("Bool", "absent", "false", False),
        ("Null", "absent", "true", True),
        ("Null", "absent", "false", False),
        ("Null", "name", "false", True),
        ("Null", "name", True, False),
    ],
)
def test_condition_operators(operator: str, key: str, values: object, *, holds: bool) -> None:
    """Each operator with a value that satisfies it and one that does not, and absent keys."""
    entry = statement(Condition={operator: {key: values}})
    assert decide("iot:X", "topic/a", entry, context=ATTACHED | KEYS).allowed is holds


def test_all_conditions_must_hold() -> None:
    """Operators and keys are joined by and, values by or."""
    block = {"StringEquals": {"name": ["a", "my-thing"], "count": "7"}, "Null": {"absent": "true"}}
    assert decide("iot:X", "topic/a", statement(Condition=block), context=KEYS)
    for change in ({"name": "b"}, {"count": "8"}, {"absent": "x"}):
        assert not decide("iot:X", "topic/a", statement(Condition=block), context=KEYS | change)


def test_the_context_of_a_connection() -> None:
    """The thing's name is there only if attached; the certificate's variables come with it."""
    context = connection_context(
        "my-thing",
        attached=True,
        certificate={"iot:Certificate.Subject.CommonName": "cn"},
    )
    assert context["iot:Connection.Thing.ThingName"] == "my-thing"
    assert context["iot:Connection.Thing.IsAttached"] == "true"
    assert context["iot:Certificate.Subject.CommonName"] == "cn"
    assert "iot:Connection.Thing.ThingName" not in NOT_ATTACHED
    assert NOT_ATTACHED["iot:Connection.Thing.IsAttached"] == "false"
