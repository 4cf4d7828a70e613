"""Rows: what a certificate may do with its policies, asked without a device."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from expected import Seen, gives, raises
from situation import policy
from table import row

if TYPE_CHECKING:
    from situation import Situation
    from table import Act, Steps

INVALID = raises("InvalidRequestException", 400)
TEST = "model: TestAuthorization, AuthResult"


@row(
    "GetEffectivePolicies",
    "one is attached",
    gives([{"policyName": Seen("name"), "policyArn": Seen("policy"), "same": True}]),
)
def _(s: Situation) -> Steps:
    arn, document = s.cert_arn(), policy(("iot:Connect", "*"))
    name = s.policy(document)
    s.iot.attach_policy(policyName=name, target=arn)
    s.seen.update(name=name, policy=s.arn("policy", name))
    yield
    found = s.iot.get_effective_policies(principal=arn)["effectivePolicies"]
    return [it | {"same": json.loads(it["policyDocument"]) == json.loads(document)} for it in found]


@row(
    "GetEffectivePolicies",
    "without a principal",
    INVALID,
    source="model: GetEffectivePolicies; open",
)
def _(s: Situation) -> Act:
    return s.iot.get_effective_policies


CLIENT = "arn:aws:iot:us-east-1:123456789012:client/LED"
TOPIC = "arn:aws:iot:us-east-1:123456789012:topic/hello/LED"
CONNECT = {"actionType": "CONNECT", "resources": [CLIENT]}
PUBLISH = {"actionType": "PUBLISH", "resources": [TOPIC]}


def decisions(s: Situation, document: str, *infos: object, **more: object) -> Act:
    """Return the call that asks what a certificate with one policy may do."""
    arn = s.cert_arn()
    s.iot.attach_policy(policyName=s.policy(document), target=arn)

    def act() -> object:
        answer = s.iot.test_authorization(principal=arn, authInfos=list(infos), **more)
        return [it["authDecision"] for it in answer["authResults"]]

    return act


@row(
    "TestAuthorization",
    "one allowed, one not spoken of",
    gives(["ALLOWED", "IMPLICIT_DENY"]),
    source=TEST,
)
def _(s: Situation) -> Act:
    return decisions(s, policy(("iot:Connect", CLIENT)), CONNECT, PUBLISH)


@row("TestAuthorization", "a deny beats an allow", gives(["EXPLICIT_DENY"]), source=TEST)
def _(s: Situation) -> Act:
    return decisions(s, policy(("iot:*", "*"), ("iot:Publish", TOPIC, "Deny")), PUBLISH)


@row(
    "TestAuthorization",
    "the client id is a policy variable",
    gives(["ALLOWED"]),
    source=f"{TEST}; guide: Basic policy variables, iot:ClientId",
)
def _(s: Situation) -> Act:
    document = policy(("iot:Connect", CLIENT.replace("LED", "${iot:ClientId}")))
    return decisions(s, document, CONNECT, clientId="LED")


@row("TestAuthorization", "a certificate without a policy", gives(["IMPLICIT_DENY"]), source=TEST)
def _(s: Situation) -> Act:
    arn = s.cert_arn()
    return lambda: [
        it["authDecision"]
        for it in s.iot.test_authorization(principal=arn, authInfos=[CONNECT])["authResults"]
    ]


@row("TestAuthorization", "a policy to add", gives(["ALLOWED"]), source=TEST)
def _(s: Situation) -> Act:
    added = s.policy(policy(("iot:Publish", TOPIC)))
    return decisions(s, policy(("iot:Connect", CLIENT)), PUBLISH, policyNamesToAdd=[added])


@row("TestAuthorization", "a policy to skip", gives(["IMPLICIT_DENY"]), source=TEST)
def _(s: Situation) -> Act:
    arn, name = s.cert_arn(), s.policy(policy(("iot:Connect", CLIENT)))
    s.iot.attach_policy(policyName=name, target=arn)
    ask = {"principal": arn, "authInfos": [CONNECT], "policyNamesToSkip": [name]}
    return lambda: [it["authDecision"] for it in s.iot.test_authorization(**ask)["authResults"]]


for _many in (0, 11):

    @row("TestAuthorization", f"{_many} questions", INVALID, source="model: AuthInfos, 1 to 10")
    def _(s: Situation, many: int = _many) -> Act:
        arn = s.cert_arn()
        return lambda: s.unchecked.test_authorization(principal=arn, authInfos=[CONNECT] * many)
