"""Versions of policies: at most five, of which one is in force.

Source: AWS IoT API reference: CreatePolicyVersion, SetDefaultPolicyVersion, DeletePolicyVersion
and their siblings; AWS IoT Core quotas.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from labkit.bench.simulator.account.context import Call, Change, Kind, Operation
from labkit.bench.simulator.account.policies import check_document, find_policy, find_version
from labkit.bench.simulator.account.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OPERATIONS"]

_MAX_VERSIONS = 5


def _create(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    policy, document = find_policy(call, request["policyName"]), request["policyDocument"]
    check_document(document)
    numbers = [
        row["version"]
        for row in call.all("SELECT version FROM policy_versions WHERE policy = ?", policy["name"])
    ]
    if len(numbers) >= _MAX_VERSIONS:
        raise Refusal(
            "VersionsLimitExceededException",
            f"The policy {policy['name']} already has the maximum number of versions "
            f"({_MAX_VERSIONS})",
        )
    version = _next_version(call, policy["name"], max(numbers))
    now = call.now.isoformat()
    call.insert(
        "policy_versions", policy=policy["name"], version=version, document=document, created=now
    )
    if request.get("setAsDefault"):
        _put_in_force(call, policy["name"], version)
    return {
        "policyArn": call.identity.arn("policy", policy["name"]),
        "policyDocument": document,
        "policyVersionId": str(version),
        "isDefaultVersion": bool(request.get("setAsDefault")),
    }


def _next_version(call: Call, name: str, newest: int) -> int:
    """Return a number that no version of the policy has had, deleted ones included."""
    setting = f"versions of policy {name}"
    row = call.one("SELECT value FROM settings WHERE name = ?", setting)
    version = max(newest, int(row["value"]) if row else 0) + 1
    call.run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", setting, str(version))
    return version


def _set_default(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    name = find_policy(call, request["policyName"])["name"]
    version = find_version(call, name, request["policyVersionId"])["version"]
    _put_in_force(call, name, version)
    return {}


def _put_in_force(call: Call, name: str, version: int) -> None:
    call.run(
        "UPDATE policies SET default_version = ?, modified = ? WHERE name = ?",
        *(version, call.now.isoformat(), name),
    )
    for row in call.all("SELECT target FROM policy_attachments WHERE policy = ?", name):
        call.changes.append(Change(Kind.POLICIES, row["target"]))


def _delete(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    policy = find_policy(call, request["policyName"])
    version = find_version(call, policy["name"], request["policyVersionId"])["version"]
    if version == policy["default_version"]:
        raise Refusal(
            "DeleteConflictException",
            f"Cannot delete the default version of a policy (name={policy['name']})",
        )
    call.run(
        "DELETE FROM policy_versions WHERE policy = ? AND version = ?", policy["name"], version
    )
    return {}


def _get(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    policy = find_policy(call, request["policyName"])
    version = find_version(call, policy["name"], request["policyVersionId"])
    created = datetime.fromisoformat(version["created"])
    return {
        "policyArn": call.identity.arn("policy", policy["name"]),
        "policyName": policy["name"],
        "policyDocument": version["document"],
        "policyVersionId": str(version["version"]),
        "isDefaultVersion": version["version"] == policy["default_version"],
        "creationDate": created,
        "lastModifiedDate": created,
        "generationId": policy["generation"],
    }


def _list(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    policy = find_policy(call, request["policyName"])
    versions = call.all(
        "SELECT * FROM policy_versions WHERE policy = ? ORDER BY version DESC", policy["name"]
    )
    return {
        "policyVersions": [
            {
                "versionId": str(version["version"]),
                "isDefaultVersion": version["version"] == policy["default_version"],
                "createDate": datetime.fromisoformat(version["created"]),
            }
            for version in versions
        ]
    }


OPERATIONS: dict[str, Operation] = {
    "CreatePolicyVersion": _create,
    "SetDefaultPolicyVersion": _set_default,
    "DeletePolicyVersion": _delete,
    "GetPolicyVersion": _get,
    "ListPolicyVersions": _list,
}
