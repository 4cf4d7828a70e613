"""Tags, on the resources that the service model lets carry them: CA certificates and policies.

Source: AWS IoT API reference: TagResource, UntagResource, ListTagsForResource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.simulator.account.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labkit.simulator.account.context import Call, Operation

__all__ = ["OPERATIONS", "set_tags"]

_MAX_TAGS = 50


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
    ca_id, policy = call.identity.name_in(arn, "cacert"), call.identity.name_in(arn, "policy")
    if ca_id is not None and call.one("SELECT 1 FROM ca_certificates WHERE id = ?", ca_id):
        return arn
    if policy is not None and call.one("SELECT 1 FROM policies WHERE name = ?", policy):
        return arn
    if ca_id is None and policy is None:
        raise Refusal("InvalidRequestException", f"This resource carries no tags: {arn}")
    raise Refusal("ResourceNotFoundException", f"Resource not found: {arn}")


OPERATIONS: dict[str, Operation] = {
    "TagResource": _tag,
    "UntagResource": _untag,
    "ListTagsForResource": _list,
}
