"""Retained messages: the last one of each topic, for whoever subscribes later.

Source: MQTT 3.1.1, section 3.3.1.3; AWS IoT Core developer guide, MQTT retained messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.bench.simulator.account.context import Call

__all__ = ["Retained", "retain", "retained"]


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


def retained(call: Call) -> tuple[Retained, ...]:
    """Return every retained message."""
    rows = call.all("SELECT topic, payload, qos FROM retained_messages ORDER BY topic")
    return tuple(Retained(row["topic"], row["payload"], row["qos"]) for row in rows)
