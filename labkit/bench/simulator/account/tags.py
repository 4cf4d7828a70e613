"""Tags: on CA certificates, policies and provisioning templates.

Source: AWS IoT API reference: TagResource, UntagResource, ListTagsForResource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.bench.simulator.account.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labkit.bench.simulator.account.context import Call, Operation

__all__ = ["OPERATIONS", "set_tags"]

_MAX_TAGS = 50
_TAGGABLE = {
    "cacert": "SELECT 1 FROM ca_certificates WHERE id = ?",
    "policy": "SELECT 1 FROM policies WHERE name = ?",
    "provisioningtemplate": "SELECT 1 FROM provisioning_templates WHERE name = ?",
}


def set_tags(call: Call, arn: str, tags: Sequence[Mapping[str, str]]) -> None:
    """Give a resource these tags and no others."""
    call.run("DELETE FROM tags WHERE resource = ?", arn)
    _add(call, arn, tags)


def _tag(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    arn = _taggable(call, request["resourceArn"])
    _add(call, arn, request["tags"])
    if len(_tags(call, arn)) > _MAX_TAGS:
        raise Refusal("LimitExceededException", f"A resource has at most {_MAX_TAGS} tags")
    return {}


def _untag(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    arn = _taggable(call, request["resourceArn"])
    for key in request["tagKeys"]:
        call.run("DELETE FROM tags WHERE resource = ? AND key = ?", arn, key)
    return {}


def _list(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return {"tags": _tags(call, _taggable(call, request["resourceArn"]))}


def _add(call: Call, arn: str, tags: Sequence[Mapping[str, str]]) -> None:
    for tag in tags:
        call.run(
            "INSERT OR REPLACE INTO tags (resource, key, value) VALUES (?, ?, ?)",
            *(arn, tag["Key"], tag.get("Value", "")),
        )


def _tags(call: Call, arn: str) -> list[dict[str, str]]:
    rows = call.all("SELECT key, value FROM tags WHERE resource = ? ORDER BY key", arn)
    return [{"Key": row["key"], "Value": row["value"]} for row in rows]


def _taggable(call: Call, arn: str) -> str:
    for kind, query in _TAGGABLE.items():
        name = call.identity.name_in(arn, kind)
        if name is not None and call.one(query, name):
            return arn
        if name is not None:
            raise Refusal("ResourceNotFoundException", f"Resource not found: {arn}")
    raise Refusal("InvalidRequestException", f"This resource carries no tags: {arn}")


OPERATIONS: dict[str, Operation] = {
    "TagResource": _tag,
    "UntagResource": _untag,
    "ListTagsForResource": _list,
}
