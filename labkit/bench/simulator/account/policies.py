"""Policies, and the certificates that they are attached to.

Source: AWS IoT API reference: CreatePolicy, AttachPolicy, DeletePolicy and their siblings; AWS
IoT Core quotas for the sizes and counts.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from labkit import policy as policies
from labkit.bench.simulator.account.certificates import find_principal
from labkit.bench.simulator.account.context import Call, Change, Kind, Operation, Page
from labkit.bench.simulator.account.refusal import Refusal
from labkit.bench.simulator.account.tags import set_tags
from labkit.errors import PolicyError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

__all__ = ["OPERATIONS", "check_document", "find_policy", "find_version"]

_MAX_ATTACHED = 10
"""Policies on one certificate."""


def _create_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    name, document = request["policyName"], request["policyDocument"]
    arn = call.identity.arn("policy", name)
    if call.one("SELECT 1 FROM policies WHERE name = ?", name):
        raise Refusal(
            "ResourceAlreadyExistsException",
            f"Policy cannot be created - name already exists (name={name})",
            resourceId=name,
            resourceArn=arn,
        )
    check_document(document)
    now = call.now.isoformat()
    call.insert(
        "policies",
        name=name,
        default_version=1,
        created=now,
        modified=now,
        generation=call.identifier(f"policy {name}"),
    )
    call.insert("policy_versions", policy=name, version=1, document=document, created=now)
    set_tags(call, arn, request.get("tags", []))
    return {
        "policyName": name,
        "policyArn": arn,
        "policyDocument": document,
        "policyVersionId": "1",
    }


def check_document(document: str) -> None:
    """Refuse what is no policy document.

    Raises:
        Refusal: MalformedPolicyException.
    """
    try:
        policies.parse(document)
    except PolicyError as error:
        raise Refusal(
            "MalformedPolicyException", f"Policy document is Malformed: {error}"
        ) from error


def _get_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    policy = find_policy(call, request["policyName"])
    version = find_version(call, policy["name"], str(policy["default_version"]))
    return {
        "policyName": policy["name"],
        "policyArn": call.identity.arn("policy", policy["name"]),
        "policyDocument": version["document"],
        "defaultVersionId": str(policy["default_version"]),
        "creationDate": datetime.fromisoformat(policy["created"]),
        "lastModifiedDate": datetime.fromisoformat(policy["modified"]),
        "generationId": policy["generation"],
    }


def _list_policies(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    page = call.page(
        "SELECT rowid, name FROM policies WHERE 1",
        request=request,
        descending=not request.get("ascendingOrder", False),
    )
    return {
        "policies": [_summary(call, row["name"]) for row in page.rows],
        "nextMarker": page.marker,
    }


def _delete_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    name = find_policy(call, request["policyName"])["name"]
    if call.one("SELECT 1 FROM policy_attachments WHERE policy = ?", name):
        raise Refusal(
            "DeleteConflictException",
            f"The policy cannot be deleted as the policy is attached to one or more principals "
            f"(name={name})",
        )
    if call.one("SELECT 1 FROM policy_versions WHERE policy = ? LIMIT 1 OFFSET 1", name):
        raise Refusal(
            "DeleteConflictException",
            f"Cannot delete the policy because it has one or more policy versions attached to it "
            f"(name={name})",
        )
    call.run("DELETE FROM policy_versions WHERE policy = ?", name)
    call.run("DELETE FROM policies WHERE name = ?", name)
    call.run("DELETE FROM settings WHERE name = ?", f"versions of policy {name}")
    set_tags(call, call.identity.arn("policy", name), [])
    return {}


def _attach(call: Call, name: str, target: str) -> dict[str, Any]:
    find_policy(call, name)
    find_principal(call, target)
    attached = {
        row["policy"]
        for row in call.all("SELECT policy FROM policy_attachments WHERE target = ?", target)
    }
    if name not in attached:
        if len(attached) >= _MAX_ATTACHED:
            raise Refusal(
                "LimitExceededException",
                f"A certificate has at most {_MAX_ATTACHED} policies: {target}",
            )
        call.insert("policy_attachments", policy=name, target=target)
        call.changes.append(Change(Kind.POLICIES, target))
    return {}


def _detach(call: Call, name: str, target: str) -> dict[str, Any]:
    if call.run("DELETE FROM policy_attachments WHERE target = ? AND policy = ?", target, name):
        call.changes.append(Change(Kind.POLICIES, target))
    return {}


def _attach_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return _attach(call, request["policyName"], request["target"])


def _attach_principal_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return _attach(call, request["policyName"], request["principal"])


def _detach_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Detach a policy; one that is not attached, or does not exist, is detached already.

    The service model lists no ResourceNotFoundException for this call. That a target which is no
    certificate's ARN is refused, no source says; it is the stricter side.
    """
    if call.identity.name_in(request["target"], "cert") is None:
        raise Refusal("InvalidRequestException", f"The target is not valid: {request['target']}")
    return _detach(call, request["policyName"], request["target"])


def _detach_principal_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    find_policy(call, request["policyName"])
    find_principal(call, request["principal"])
    return _detach(call, request["policyName"], request["principal"])


def _list_attached_policies(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return _attached(call, request["target"], request)


def _list_principal_policies(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return _attached(call, request["principal"], request)


def _attached(call: Call, target: str, request: Mapping[str, Any]) -> dict[str, Any]:
    find_principal(call, target)
    page = call.page(
        "SELECT rowid, policy FROM policy_attachments WHERE target = ?", target, request=request
    )
    return {
        "policies": [_summary(call, row["policy"]) for row in page.rows],
        "nextMarker": page.marker,
    }


def _list_targets(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    page = _targets(call, request)
    return {"targets": [row["target"] for row in page.rows], "nextMarker": page.marker}


def _list_policy_principals(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    page = _targets(call, request)
    return {"principals": [row["target"] for row in page.rows], "nextMarker": page.marker}


def _targets(call: Call, request: Mapping[str, Any]) -> Page:
    return call.page(
        "SELECT rowid, target FROM policy_attachments WHERE policy = ?",
        find_policy(call, request["policyName"])["name"],
        request=request,
    )


def _summary(call: Call, name: str) -> dict[str, str]:
    return {"policyName": name, "policyArn": call.identity.arn("policy", name)}


def find_policy(call: Call, name: str) -> sqlite3.Row:
    """Return a policy by its name.

    Raises:
        Refusal: ResourceNotFoundException.
    """
    policy = call.one("SELECT * FROM policies WHERE name = ?", name)
    if policy is None:
        raise Refusal("ResourceNotFoundException", f"Policy not found (name={name})")
    return policy


def find_version(call: Call, name: str, version: str) -> sqlite3.Row:
    """Return a version of a policy, by its number as text.

    Raises:
        Refusal: ResourceNotFoundException.
    """
    row = call.one(
        "SELECT * FROM policy_versions WHERE policy = ? AND CAST(version AS TEXT) = ?",
        *(name, version),
    )
    if row is None:
        raise Refusal(
            "ResourceNotFoundException", f"Policy version {version} not found (name={name})"
        )
    return row


OPERATIONS: dict[str, Operation] = {
    "CreatePolicy": _create_policy,
    "GetPolicy": _get_policy,
    "ListPolicies": _list_policies,
    "DeletePolicy": _delete_policy,
    "AttachPolicy": _attach_policy,
    "DetachPolicy": _detach_policy,
    "AttachPrincipalPolicy": _attach_principal_policy,
    "DetachPrincipalPolicy": _detach_principal_policy,
    "ListAttachedPolicies": _list_attached_policies,
    "ListPrincipalPolicies": _list_principal_policies,
    "ListTargetsForPolicy": _list_targets,
    "ListPolicyPrincipals": _list_policy_principals,
}
