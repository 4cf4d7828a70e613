"""The tags of CA certificates, policies and provisioning templates, set at their creation.

Source: AWS IoT API reference: ListTagsForResource.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.bench.simulator.account.context import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labkit.bench.simulator.account.context import Call, Operation

_TAGGABLE = {
    "cacert": "SELECT 1 FROM ca_certificates WHERE id = ?",
    "policy": "SELECT 1 FROM policies WHERE name = ?",
    "provisioningtemplate": "SELECT 1 FROM provisioning_templates WHERE name = ?",
}


def set_tags(call: Call, arn: str, tags: Sequence[Mapping[str, str]]) -> None:
    """Replace the tags of a resource."""
    call.run("DELETE FROM tags WHERE resource = ?", arn)
    for tag in tags:
        call.run(
            "INSERT OR REPLACE INTO tags (resource, key, value) VALUES (?, ?, ?)",
            *(arn, tag["Key"], tag.get("Value", "")),
        )


def _list(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    arn = request["resourceArn"]
    for kind, query in _TAGGABLE.items():
        name = call.identity.name_in(arn, kind)
        if name is not None:
            call.find(query, name, missing=f"Resource not found: {arn}")
            rows = call.all("SELECT key, value FROM tags WHERE resource = ? ORDER BY key", arn)
            return {"tags": [{"Key": row["key"], "Value": row["value"]} for row in rows]}
    raise Refusal("InvalidRequestException", f"This resource cannot have tags: {arn}")


OPERATIONS: dict[str, Operation] = {"ListTagsForResource": _list}
