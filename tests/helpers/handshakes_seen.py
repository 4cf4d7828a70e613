"""What tests ask about a handshake that the gateway saw."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from labkit.bench import handshake

if TYPE_CHECKING:
    from simulator_fixtures import Cloud

    from labkit.bench.handshake import Handshake, Step

CLIENT = "a board"
REPORTED = {
    *("offered", "server_name", "version", "steps", "alert", "alert_sent_by"),
    *("certificate_id", "subject", "refusal", "client_id", "is_accepted", "ended"),
}
"""All that is reported: no key, no random number, no address, no time."""


def reported(cloud: Cloud, client: str = CLIENT) -> dict[str, Any]:
    """Return what is reported of the last attempt of a client, as it comes out of JSON."""
    attempt, _ = cloud.gateway.attempts.last(client)
    assert attempt is not None
    assert set(attempt.to_json()) == REPORTED
    again: dict[str, Any] = json.loads(json.dumps(attempt.to_json()))
    return again


def seen(cloud: Cloud, client: str = CLIENT) -> Handshake:
    """Return the last attempt of a client, step by step."""
    return handshake.read(reported(cloud, client))


def step(shaken: Handshake, sender: str, message: str) -> Step:
    """Return a step by who sent what."""
    (found,) = [it for it in shaken.steps if (it.sender, it.message) == (sender, message)]
    return found


def broke(shaken: Handshake) -> tuple[str, str]:
    """Return who had sent the message at which it broke, and its name."""
    at = shaken.broke_at
    assert at is not None, shaken
    return at.sender, at.message
