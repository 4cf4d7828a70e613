"""What tests ask about a handshake that the gateway saw."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from labkit.bench import handshake

if TYPE_CHECKING:
    from simulator_fixtures import Cloud

    from labkit.bench.handshake import Handshake, Step

DOOR = "a board"
TOLD = {
    *("door", "offered", "server_name", "version", "steps", "alert", "alert_sent_by"),
    *("certificate_id", "subject", "refusal", "client_id", "is_accepted", "ended"),
}
"""All that is told: no key, no random number, no address, no time."""


def told(cloud: Cloud, door: str = DOOR) -> dict[str, Any]:
    """Return what is told of the last attempt through a door, as it comes out of JSON."""
    attempt, _ = cloud.gateway.attempts.last(door)
    assert attempt is not None
    assert set(attempt.told()) == TOLD
    again: dict[str, Any] = json.loads(json.dumps(attempt.told()))
    return again


def seen(cloud: Cloud, door: str = DOOR) -> Handshake:
    """Return the last attempt through a door, step by step."""
    return handshake.read(told(cloud, door))


def step(shaken: Handshake, sender: str, message: str) -> Step:
    """Return a step by who sent what."""
    (found,) = [it for it in shaken.steps if (it.sender, it.message) == (sender, message)]
    return found


def broke(shaken: Handshake) -> tuple[str, str]:
    """Return who had sent the message at which it broke, and its name."""
    at = shaken.broke_at
    assert at is not None, shaken
    return at.sender, at.message
