"""Retained messages: the last one of each topic, for later subscribers.

Source: MQTT 3.1.1, section 3.3.1.3; AWS IoT Core developer guide, Using MQTT retained messages. The
quota of retained messages is not enforced, and none expires after three years.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.bench.simulator.account.context import Call


@dataclass(frozen=True, slots=True)
class Retained:
    """A retained message.

    Attributes:
        topic: its topic.
        payload: its bytes, at least one.
        qos: 0 or 1.
    """

    topic: str
    payload: bytes
    qos: int


def retain(call: Call, topic: str, payload: bytes, qos: int) -> None:
    """Keep a message as the last one of its topic; an empty one clears the topic."""
    call.run("DELETE FROM retained_messages WHERE topic = ?", topic)
    if payload:
        call.insert("retained_messages", topic=topic, payload=payload, qos=qos)


def retained(call: Call, topic: str) -> Retained | None:
    """Return the retained message of a topic, or None."""
    row = call.one("SELECT payload, qos FROM retained_messages WHERE topic = ?", topic)
    return None if row is None else Retained(topic, row["payload"], row["qos"])
