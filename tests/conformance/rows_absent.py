"""Rows of one kind each: what is not there, a page that is too long, a marker that is invalid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from expected import Seen, gives, holds, raises
from rows_templates import made as created
from situation import ROLE, Situation, policy
from table import row

if TYPE_CHECKING:
    from collections.abc import Callable

    from table import Act, Steps

    Parameters = Callable[[Situation], dict[str, Any]]

CONNECT = {"actionType": "CONNECT", "resources": ["arn:aws:iot:us-east-1:123456789012:client/x"]}
DOCUMENT = policy(("iot:Connect", "*"))
ABSENT: dict[tuple[str, str], tuple[str, Parameters]] = {
    ("DescribeCertificate", "one that is not registered"): (
        "describe_certificate",
        lambda s: {"certificateId": s.nobody()},
    ),
    ("UpdateCertificate", "one that is not registered"): (
        "update_certificate",
        lambda s: {"certificateId": s.nobody(), "newStatus": "ACTIVE"},
    ),
    ("DeleteCertificate", "one that is not registered"): (
        "delete_certificate",
        lambda s: {"certificateId": s.nobody()},
    ),
    ("DescribeThing", "no such name"): (
        "describe_thing",
        lambda s: {"thingName": s.name()},
    ),
    ("AttachThingPrincipal", "no such thing"): (
        "attach_thing_principal",
        lambda s: {"thingName": s.name(), "principal": s.cert_arn()},
    ),
    ("AttachThingPrincipal", "no such certificate"): (
        "attach_thing_principal",
        lambda s: {"thingName": s.thing(), "principal": s.arn("cert", s.nobody())},
    ),
    ("DetachThingPrincipal", "no such thing"): (
        "detach_thing_principal",
        lambda s: {"thingName": s.name(), "principal": s.cert_arn()},
    ),
    ("ListThingPrincipals", "no such thing"): (
        "list_thing_principals",
        lambda s: {"thingName": s.name()},
    ),
    ("ListPrincipalThings", "no such certificate"): (
        "list_principal_things",
        lambda s: {"principal": s.arn("cert", s.nobody())},
    ),
    ("GetPolicy", "no such name"): (
        "get_policy",
        lambda s: {"policyName": s.name()},
    ),
    ("DeletePolicy", "no such name"): (
        "delete_policy",
        lambda s: {"policyName": s.name()},
    ),
    ("CreatePolicyVersion", "no such policy"): (
        "create_policy_version",
        lambda s: {"policyName": s.name(), "policyDocument": DOCUMENT},
    ),
    ("DeletePolicyVersion", "no such version"): (
        "delete_policy_version",
        lambda s: {"policyName": s.policy(), "policyVersionId": "7"},
    ),
    ("ListPolicyVersions", "no such policy"): (
        "list_policy_versions",
        lambda s: {"policyName": s.name()},
    ),
    ("AttachPolicy", "no such policy"): (
        "attach_policy",
        lambda s: {"policyName": s.name(), "target": s.cert_arn()},
    ),
    ("AttachPolicy", "no such certificate"): (
        "attach_policy",
        lambda s: {"policyName": s.policy(), "target": s.arn("cert", s.nobody())},
    ),
    ("ListAttachedPolicies", "no such certificate"): (
        "list_attached_policies",
        lambda s: {"target": s.arn("cert", s.nobody())},
    ),
    ("ListTargetsForPolicy", "no such policy"): (
        "list_targets_for_policy",
        lambda s: {"policyName": s.name()},
    ),
    ("GetEffectivePolicies", "no such certificate"): (
        "get_effective_policies",
        lambda s: {"principal": s.arn("cert", s.nobody())},
    ),
    ("TestAuthorization", "no such certificate"): (
        "test_authorization",
        lambda s: {"principal": s.arn("cert", s.nobody()), "authInfos": [CONNECT]},
    ),
    ("TestAuthorization", "a missing policy to add"): (
        "test_authorization",
        lambda s: {
            "principal": s.cert_arn(),
            "authInfos": [CONNECT],
            "policyNamesToAdd": [s.name()],
        },
    ),
    ("DescribeProvisioningTemplate", "no such name"): (
        "describe_provisioning_template",
        lambda _: {"templateName": "nobody"},
    ),
    ("UpdateProvisioningTemplate", "no such name"): (
        "update_provisioning_template",
        lambda _: {"templateName": "nobody", "enabled": True, "provisioningRoleArn": ROLE},
    ),
    ("DeleteProvisioningTemplate", "no such name"): (
        "delete_provisioning_template",
        lambda _: {"templateName": "nobody"},
    ),
    ("ListTagsForResource", "no such policy"): (
        "list_tags_for_resource",
        lambda s: {"resourceArn": s.arn("policy", s.name())},
    ),
}

TOO_MANY: dict[str, tuple[str, str, Parameters]] = {
    "ListCertificates": ("list_certificates", "pageSize", lambda _: {}),
    "ListPolicies": ("list_policies", "pageSize", lambda _: {}),
    "ListThings": ("list_things", "maxResults", lambda _: {}),
    "ListProvisioningTemplates": ("list_provisioning_templates", "maxResults", lambda _: {}),
    "ListAttachedPolicies": (
        "list_attached_policies",
        "pageSize",
        lambda s: {"target": s.cert_arn()},
    ),
}
PAGED: dict[str, tuple[str, str, str, Callable[[Situation], str]]] = {
    "ListCACertificates": (
        "list_ca_certificates",
        "certificates",
        "certificateId",
        lambda s: s.register_ca().id,
    ),
    "ListCertificates": (
        "list_certificates",
        "certificates",
        "certificateId",
        Situation.certificate,
    ),
    "ListPolicies": ("list_policies", "policies", "policyName", Situation.policy),
    "ListThings": ("list_things", "things", "thingName", Situation.thing),
    "ListProvisioningTemplates": (
        "list_provisioning_templates",
        "templates",
        "templateName",
        created,
    ),
}
MARKED = {
    "ListCACertificates": "list_ca_certificates",
    "ListCertificates": "list_certificates",
    "ListPolicies": "list_policies",
}


def _add(call: str, situation: str, method: str, parameters: Parameters, code: str) -> None:
    status = {"ResourceNotFoundException": 404, "InvalidRequestException": 400}[code]

    @row(call, situation, raises(code, status), source=f"model: {call}")
    def _(s: Situation) -> Act:
        arguments = parameters(s)
        return lambda: getattr(s.iot, method)(**arguments)


for (_call, _situation), (_method, _parameters) in ABSENT.items():
    _add(_call, _situation, _method, _parameters, "ResourceNotFoundException")
for _call, (_method, _member, _parameters) in TOO_MANY.items():
    _add(
        _call,
        "a page of more than 250",
        _method,
        lambda s, member=_member, parameters=_parameters: parameters(s) | {member: 251},
        "InvalidRequestException",
    )
for _call, _method in MARKED.items():
    _add(
        _call,
        "a marker that was never issued",
        _method,
        lambda _: {"marker": "bm9uc2Vuc2U"},
        "InvalidRequestException",
    )
for _call, _paged in PAGED.items():

    @row(
        _call,
        "page by page, one a page",
        gives(holds(Seen("first"), Seen("second"))),
        source=f"model: {_call}, marker or nextToken",
    )
    def _(s: Situation, paged: tuple[str, str, str, Callable[[Situation], str]] = _paged) -> Steps:
        method, members, member, make = paged
        s.seen.update(first=make(s), second=make(s))
        yield
        pages = s.iot.get_paginator(method).paginate(PaginationConfig={"PageSize": 1})
        return [one[member] for page in pages for one in page[members]]
