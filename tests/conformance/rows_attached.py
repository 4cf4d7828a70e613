"""Rows: policies on certificates, and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expected import Seen, gives, raises
from situation import policy
from table import row

if TYPE_CHECKING:
    from situation import Situation
    from table import Act

INVALID = raises("InvalidRequestException", 400)
LIMIT = raises("LimitExceededException", 410)
ATTACH = "model: AttachPolicy"


def names_on(s: Situation, arn: str) -> list[str]:
    """Return the names of a certificate's policies."""
    return sorted(it["policyName"] for it in s.iot.list_attached_policies(target=arn)["policies"])


@row("AttachPolicy", "to a certificate", gives([Seen("name")]), source=ATTACH, free=True)
def _(s: Situation) -> Act:
    arn, name = s.cert_arn(), s.policy()
    s.seen["name"] = name

    def act() -> object:
        s.iot.attach_policy(policyName=name, target=arn)
        return names_on(s, arn)

    return act


@row("AttachPolicy", "twice", gives({"attached": 1}), source=f"{ATTACH}; open", free=True)
def _(s: Situation) -> Act:
    arn, name = s.cert_arn(), s.policy()
    s.iot.attach_policy(policyName=name, target=arn)

    def act() -> object:
        s.iot.attach_policy(policyName=name, target=arn)
        return {"attached": len(names_on(s, arn))}

    return act


for _call, _method, _member in (
    ("AttachPolicy", "attach_policy", "target"),
    ("DetachPolicy", "detach_policy", "target"),
    ("AttachPrincipalPolicy", "attach_principal_policy", "principal"),
    ("DetachPrincipalPolicy", "detach_principal_policy", "principal"),
):

    @row(_call, "to what is no ARN", INVALID, source=f"model: {_call}; open", free=True)
    def _(s: Situation, method: str = _method, member: str = _member) -> Act:
        name = s.policy()
        return lambda: getattr(s.iot, method)(policyName=name, **{member: "nonsense"})


@row("AttachPolicy", "the tenth", gives({"attached": 10}), source="quotas")
def _(s: Situation) -> Act:
    arn = s.cert_arn()

    def act() -> object:
        for _ in range(10):
            s.iot.attach_policy(policyName=s.policy(), target=arn)
        return {"attached": len(names_on(s, arn))}

    return act


@row("AttachPolicy", "the eleventh", LIMIT, source="quotas; model: LimitExceededException")
def _(s: Situation) -> Act:
    arn = s.cert_arn()
    for _ in range(10):
        s.iot.attach_policy(policyName=s.policy(), target=arn)
    name = s.policy()
    return lambda: s.iot.attach_policy(policyName=name, target=arn)


@row("DetachPolicy", "from a certificate", gives([]), source="model: DetachPolicy", free=True)
def _(s: Situation) -> Act:
    arn, name = s.cert_arn(), s.policy()
    s.iot.attach_policy(policyName=name, target=arn)

    def act() -> object:
        s.iot.detach_policy(policyName=name, target=arn)
        return names_on(s, arn)

    return act


@row(
    "AttachPrincipalPolicy",
    "is AttachPolicy under its old name",
    gives([Seen("name")]),
    source="model: AttachPrincipalPolicy, deprecated",
    free=True,
)
def _(s: Situation) -> Act:
    arn, name = s.cert_arn(), s.policy()
    s.seen["name"] = name

    def act() -> object:
        s.iot.attach_principal_policy(policyName=name, principal=arn)
        return names_on(s, arn)

    return act


@row(
    "DetachPrincipalPolicy",
    "is DetachPolicy under its old name",
    gives([]),
    source="model: DetachPrincipalPolicy, deprecated",
    free=True,
)
def _(s: Situation) -> Act:
    arn, name = s.cert_arn(), s.policy()
    s.iot.attach_policy(policyName=name, target=arn)

    def act() -> object:
        s.iot.detach_principal_policy(policyName=name, principal=arn)
        return names_on(s, arn)

    return act


for _call, _look in {
    "ListAttachedPolicies": lambda s, _, arn: [
        it["policyArn"] for it in s.iot.list_attached_policies(target=arn)["policies"]
    ],
    "ListPrincipalPolicies": lambda s, _, arn: [
        it["policyArn"] for it in s.iot.list_principal_policies(principal=arn)["policies"]
    ],
}.items():

    @row(_call, "one is attached", gives([Seen("policy")]), source=f"model: {_call}", free=True)
    def _(s: Situation, look: object = _look) -> Act:
        arn, name = s.cert_arn(), s.policy()
        s.iot.attach_policy(policyName=name, target=arn)
        s.seen["policy"] = s.arn("policy", name)
        return lambda: look(s, name, arn)


for _call, _look in {
    "ListTargetsForPolicy": lambda s, name: s.iot.list_targets_for_policy(policyName=name)[
        "targets"
    ],
    "ListPolicyPrincipals": lambda s, name: s.iot.list_policy_principals(policyName=name)[
        "principals"
    ],
}.items():

    @row(_call, "one certificate", gives([Seen("arn")]), source=f"model: {_call}", free=True)
    def _(s: Situation, look: object = _look) -> Act:
        arn, name = s.cert_arn(), s.policy()
        s.iot.attach_policy(policyName=name, target=arn)
        return lambda: look(s, name)


@row(
    "ListAttachedPolicies",
    "page by page, one a page",
    gives({"names": 3}),
    source="model: ListAttachedPolicies, marker and nextMarker",
    free=True,
)
def _(s: Situation) -> Act:
    arn = s.cert_arn()
    for _ in range(3):
        s.iot.attach_policy(policyName=s.policy(), target=arn)

    def act() -> object:
        pages = s.iot.get_paginator("list_attached_policies").paginate(
            target=arn, PaginationConfig={"PageSize": 1}
        )
        return {"names": len({it["policyName"] for page in pages for it in page["policies"]})}

    return act


@row(
    "TagResource",
    "a policy, and another value afterwards",
    gives([{"Key": "lab", "Value": "two"}]),
    source="model: TagResource",
    free=True,
)
def _(s: Situation) -> Act:
    arn = s.arn("policy", s.policy())

    def act() -> object:
        for value in ("one", "two"):
            s.iot.tag_resource(resourceArn=arn, tags=[{"Key": "lab", "Value": value}])
        return s.iot.list_tags_for_resource(resourceArn=arn)["tags"]

    return act


@row("UntagResource", "a policy", gives({"tags": []}), source="model: UntagResource", free=True)
def _(s: Situation) -> Act:
    arn = s.arn("policy", s.policy())
    s.iot.tag_resource(resourceArn=arn, tags=[{"Key": "lab", "Value": "one"}])

    def act() -> object:
        s.iot.untag_resource(resourceArn=arn, tagKeys=["lab"])
        return s.iot.list_tags_for_resource(resourceArn=arn)

    return act


@row(
    "ListTagsForResource",
    "a policy made with tags",
    gives({"tags": [{"Key": "lab", "Value": "one"}]}),
    source="model: CreatePolicy, ListTagsForResource",
    free=True,
)
def _(s: Situation) -> Act:
    name, tags = s.name("policy"), [{"Key": "lab", "Value": "one"}]
    document = policy(("iot:Connect", "*"))
    s.iot.create_policy(policyName=name, policyDocument=document, tags=tags)
    return lambda: s.iot.list_tags_for_resource(resourceArn=s.arn("policy", name))
