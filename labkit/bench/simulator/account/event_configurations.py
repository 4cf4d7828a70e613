"""Which events the account tells; none, until somebody asks for them.

Source: AWS IoT API reference: DescribeEventConfigurations, UpdateEventConfigurations; AWS IoT Core
developer guide, Event messages. The configuration is kept; of the events themselves only that of
just-in-time registration is published, which no configuration governs.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from labkit.bench.simulator.account.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.bench.simulator.account.context import Call, Operation

__all__ = ["OPERATIONS"]

_SETTING = "event configurations"
_TYPES = (
    "THING", "THING_GROUP", "THING_TYPE", "THING_GROUP_MEMBERSHIP", "THING_GROUP_HIERARCHY",
    "THING_TYPE_ASSOCIATION", "JOB", "JOB_EXECUTION", "POLICY", "CERTIFICATE", "CA_CERTIFICATE",
)  # fmt: skip
"""Source: botocore's `iot` model, EventType."""


def _describe(call: Call, _: Mapping[str, Any]) -> dict[str, Any]:
    kept = _kept(call)
    configurations = {name: {"Enabled": name in kept["enabled"]} for name in _TYPES}
    times = {
        name: datetime.fromisoformat(kept[key])
        for name, key in (("creationDate", "created"), ("lastModifiedDate", "modified"))
        if key in kept
    }
    return {"eventConfigurations": configurations, **times}


def _update(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    kept = _kept(call)
    enabled = set(kept["enabled"])
    for name, says in request.get("eventConfigurations", {}).items():
        if name not in _TYPES:
            raise Refusal("InvalidRequestException", f"There is no event type {name}")
        (enabled.add if says.get("Enabled") else enabled.discard)(name)
    now = call.now.isoformat()
    value = {"enabled": sorted(enabled), "created": kept.get("created", now), "modified": now}
    call.run(
        "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", _SETTING, json.dumps(value)
    )
    return {}


def _kept(call: Call) -> dict[str, Any]:
    row = call.one("SELECT value FROM settings WHERE name = ?", _SETTING)
    kept: dict[str, Any] = json.loads(row["value"]) if row else {"enabled": []}
    return kept


OPERATIONS: dict[str, Operation] = {
    "DescribeEventConfigurations": _describe,
    "UpdateEventConfigurations": _update,
}
