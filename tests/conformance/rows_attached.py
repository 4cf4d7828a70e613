"""Rows: policies on certificates, and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expected import Seen, gives, raises
from situation import policy
from table import row

if TYPE_CHECKING:
    from situation import Situation
    from table import Act, Steps

INVALID = raises("InvalidRequestException", 400)
LIMIT = raises("LimitExceededException", 410)
ATTACH = "model: AttachPolicy"


def names_on(s: Situation, arn: str) -> list[str]:
    """Return the names of a certificate's policies."""
    return sorted(it["policyName"] for it in s.iot.list_attached_policies(target=arn)["policies"])


@row("AttachPolicy", "to a certificate", gives([Seen("name")]))
def _(s: Situation) -> Steps:
    arn, name = s.cert_arn(), s.policy()
    s.seen["name"] = name
    yield
    s.iot.attach_policy(policyName=name, target=arn)
    return names_on(s, arn)


@row("AttachPolicy", "twice", gives({"attached": 1}), source=f"{ATTACH}; open")
def _(s: Situation) -> Steps:
    arn, name = s.cert_arn(), s.policy()
    s.iot.attach_policy(policyName=name, target=arn)
    yield
    s.iot.attach_policy(policyName=name, target=arn)
    return {"attached": len(names_on(s, arn))}


for _call, _method in (
    ("AttachPolicy", "attach_policy"),
    ("DetachPolicy", "detach_policy"),
):

    @row(_call, "to an invalid ARN", INVALID, source=f"model: {_call}; open")
    def _(s: Situation, method: str = _method) -> Act:
        name = s.policy()
        return lambda: getattr(s.iot, method)(policyName=name, target="nonsense")


@row("AttachPolicy", "the tenth", gives({"attached": 10}), source="quotas")
def _(s: Situation) -> Steps:
    arn = s.cert_arn()
    yield
    for _ in range(10):
        s.iot.attach_policy(policyName=s.policy(), target=arn)
    return {"attached": len(names_on(s, arn))}


@row("AttachPolicy", "the eleventh", LIMIT, source="quotas; model: LimitExceededException")
def _(s: Situation) -> Act:
    arn = s.cert_arn()
    for _ in range(10):
        s.iot.attach_policy(policyName=s.policy(), target=arn)
    name = s.policy()
    return lambda: s.iot.attach_policy(policyName=name, target=arn)


@row("DetachPolicy", "from a certificate", gives([]))
def _(s: Situation) -> Steps:
    arn, name = s.cert_arn(), s.policy()
    s.iot.attach_policy(policyName=name, target=arn)
    yield
    s.iot.detach_policy(policyName=name, target=arn)
    return names_on(s, arn)


@row("ListAttachedPolicies", "one is attached", gives([Seen("policy")]))
def _(s: Situation) -> Act:
    arn, name = s.cert_arn(), s.policy()
    s.iot.attach_policy(policyName=name, target=arn)
    s.seen["policy"] = s.arn("policy", name)
    return lambda: [it["policyArn"] for it in s.iot.list_attached_policies(target=arn)["policies"]]


@row("ListTargetsForPolicy", "one certificate", gives([Seen("arn")]))
def _(s: Situation) -> Act:
    arn, name = s.cert_arn(), s.policy()
    s.iot.attach_policy(policyName=name, target=arn)
    return lambda: s.iot.list_targets_for_policy(policyName=name)["targets"]


@row(
    "ListAttachedPolicies",
    "page by page, one a page",
    gives({"names": 3}),
    source="model: ListAttachedPolicies, marker and nextMarker",
)
def _(s: Situation) -> Steps:
    arn = s.cert_arn()
    for _ in range(3):
        s.iot.attach_policy(policyName=s.policy(), target=arn)
    yield
    pages = s.iot.get_paginator("list_attached_policies").paginate(
        target=arn, PaginationConfig={"PageSize": 1}
    )
    return {"names": len({it["policyName"] for page in pages for it in page["policies"]})}


@row(
    "ListTagsForResource",
    "a policy made with tags",
    gives({"tags": [{"Key": "lab", "Value": "one"}]}),
    source="model: CreatePolicy, ListTagsForResource",
)
def _(s: Situation) -> Act:
    name, tags = s.name("policy"), [{"Key": "lab", "Value": "one"}]
    document = policy(("iot:Connect", "*"))
    s.iot.create_policy(policyName=name, policyDocument=document, tags=tags)
    return lambda: s.iot.list_tags_for_resource(resourceArn=s.arn("policy", name))
