"""Policies, their versions, and the certificates that they are attached to.

Source: AWS IoT API reference: CreatePolicy, AttachPolicy, DeletePolicy, CreatePolicyVersion,
DeletePolicyVersion; AWS IoT Core quotas for the sizes and counts.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from labkit import policy as policies
from labkit.bench.simulator.account.certificates import find_principal
from labkit.bench.simulator.account.context import Call, Change, Kind, Operation, Refusal
from labkit.bench.simulator.account.tags import set_tags
from labkit.errors import PolicyError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

_MAX_ATTACHED = 10
"""Policies per certificate."""

_MAX_VERSIONS = 5
"""Versions per policy; one is the default."""


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
    _check_document(document)
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


def _check_document(document: str) -> None:
    try:
        policies.parse(document)
    except PolicyError as error:
        raise Refusal(
            "MalformedPolicyException", f"Policy document is Malformed: {error}"
        ) from error


def _get_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    policy = find_policy(call, request["policyName"])
    return {
        "policyName": policy["name"],
        "policyArn": call.identity.arn("policy", policy["name"]),
        "policyDocument": find_document(call, policy["name"]),
        "defaultVersionId": str(policy["default_version"]),
        "creationDate": datetime.fromisoformat(policy["created"]),
        "lastModifiedDate": datetime.fromisoformat(policy["modified"]),
        "generationId": policy["generation"],
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


def _attach_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    name, target = request["policyName"], request["target"]
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


def _detach_policy(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Detach a policy; do nothing if it is not attached or does not exist.

    The service model lists no ResourceNotFoundException for this call. No source states that a
    target that is not a certificate's ARN is refused; it is the stricter side.
    """
    name, target = request["policyName"], request["target"]
    if call.identity.name_in(target, "cert") is None:
        raise Refusal("InvalidRequestException", f"The target is not valid: {target}")
    if call.run("DELETE FROM policy_attachments WHERE target = ? AND policy = ?", target, name):
        call.changes.append(Change(Kind.POLICIES, target))
    return {}


def _list_policies(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return call.listing(
        "policies",
        lambda row: _summary(call, row["name"]),
        "SELECT rowid, name FROM policies WHERE 1",
        request={"ascendingOrder": False, **request},
    )


def _list_attached_policies(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    find_principal(call, request["target"])
    return call.listing(
        "policies",
        lambda row: _summary(call, row["policy"]),
        "SELECT rowid, policy FROM policy_attachments WHERE target = ?",
        request["target"],
        request=request,
    )


def _list_targets(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return call.listing(
        "targets",
        lambda row: row["target"],
        "SELECT rowid, target FROM policy_attachments WHERE policy = ?",
        find_policy(call, request["policyName"])["name"],
        request=request,
    )


def _summary(call: Call, name: str) -> dict[str, str]:
    return {"policyName": name, "policyArn": call.identity.arn("policy", name)}


def _create_version(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    name, document = find_policy(call, request["policyName"])["name"], request["policyDocument"]
    _check_document(document)
    rows = call.all("SELECT version FROM policy_versions WHERE policy = ?", name)
    if len(rows) >= _MAX_VERSIONS:
        raise Refusal(
            "VersionsLimitExceededException",
            f"The policy {name} already has the maximum number of versions ({_MAX_VERSIONS})",
        )
    version = _next_version(call, name, max(row["version"] for row in rows))
    now = call.now.isoformat()
    call.insert("policy_versions", policy=name, version=version, document=document, created=now)
    if request.get("setAsDefault"):
        call.run(
            "UPDATE policies SET default_version = ?, modified = ? WHERE name = ?",
            *(version, now, name),
        )
        for row in call.all("SELECT target FROM policy_attachments WHERE policy = ?", name):
            call.changes.append(Change(Kind.POLICIES, row["target"]))
    return {
        "policyArn": call.identity.arn("policy", name),
        "policyDocument": document,
        "policyVersionId": str(version),
        "isDefaultVersion": bool(request.get("setAsDefault")),
    }


def _next_version(call: Call, name: str, newest: int) -> int:
    """Return a number that no version of the policy has had, including deleted ones."""
    setting = f"versions of policy {name}"
    version = max(newest, int(call.setting(setting, lambda: str(newest)))) + 1
    call.run("UPDATE settings SET value = ? WHERE name = ?", str(version), setting)
    return version


def _delete_version(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    policy, version = find_policy(call, request["policyName"]), request["policyVersionId"]
    name = policy["name"]
    if version == str(policy["default_version"]):
        raise Refusal(
            "DeleteConflictException",
            f"Cannot delete the default version of a policy (name={name})",
        )
    query = "DELETE FROM policy_versions WHERE policy = ? AND CAST(version AS TEXT) = ?"
    if not call.run(query, name, version):
        raise Refusal(
            "ResourceNotFoundException", f"Policy version {version} not found (name={name})"
        )
    return {}


def _list_versions(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    policy = find_policy(call, request["policyName"])
    rows = call.all(
        "SELECT * FROM policy_versions WHERE policy = ? ORDER BY version DESC", policy["name"]
    )
    versions = [
        {
            "versionId": str(row["version"]),
            "isDefaultVersion": row["version"] == policy["default_version"],
            "createDate": datetime.fromisoformat(row["created"]),
        }
        for row in rows
    ]
    return {"policyVersions": versions}


def find_policy(call: Call, name: str) -> sqlite3.Row:
    """Return a policy by its name.

    Raises:
        Refusal: ResourceNotFoundException.
    """
    return call.find(
        "SELECT * FROM policies WHERE name = ?", name, missing=f"Policy not found (name={name})"
    )


def find_document(call: Call, name: str) -> str:
    """Return the document of a policy's default version.

    Raises:
        Refusal: ResourceNotFoundException.
    """
    row = call.find(
        "SELECT v.document FROM policies p JOIN policy_versions v"
        " ON v.policy = p.name AND v.version = p.default_version WHERE p.name = ?",
        name,
        missing=f"Policy not found (name={name})",
    )
    return str(row["document"])


OPERATIONS: dict[str, Operation] = {
    "CreatePolicy": _create_policy,
    "GetPolicy": _get_policy,
    "ListPolicies": _list_policies,
    "DeletePolicy": _delete_policy,
    "AttachPolicy": _attach_policy,
    "DetachPolicy": _detach_policy,
    "ListAttachedPolicies": _list_attached_policies,
    "ListTargetsForPolicy": _list_targets,
    "CreatePolicyVersion": _create_version,
    "DeletePolicyVersion": _delete_version,
    "ListPolicyVersions": _list_versions,
}
