"""MQTT topic names and filters within AWS IoT's limits, and who has subscribed to which filter.

Topics that begin with `$` are reserved. Devices may subscribe to the account's events there. The
services behind the other reserved topics (shadows, jobs, streams, rules) are not simulated: a
publish or a subscription to one of them is refused.

Source: MQTT 3.1.1, section 4.7; AWS IoT Core developer guide, MQTT; Reserved topics; AWS IoT Core
quotas, message broker: 256 bytes, 7 slashes.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

EVENTS: Final = "$aws/events/"
"""The only reserved topics that devices may subscribe to here."""

_MAX_BYTES = 256
_MAX_SLASHES = 7

S = TypeVar("S")


class Subscriptions(Generic[S]):
    """The filters of all sessions, each with the QoS that was granted."""

    def __init__(self) -> None:
        self._filters: dict[S, dict[str, int]] = {}

    def of(self, session: S) -> dict[str, int]:
        """Return a session's filters, each with its QoS."""
        return self._filters.setdefault(session, {})

    def forget(self, session: S) -> None:
        """End all subscriptions of a session."""
        self._filters.pop(session, None)

    def matching(self, topic: str) -> dict[S, int]:
        """Return the subscribers of a topic, each with the highest QoS of its matching filters."""
        granted = {
            session: [qos for name, qos in filters.items() if matches(name, topic)]
            for session, filters in self._filters.items()
        }
        return {session: max(each) for session, each in granted.items() if each}


def is_within_limits(topic: str) -> bool:
    """Return whether AWS IoT accepts a topic name or filter of this length."""
    return len(topic.encode()) <= _MAX_BYTES and topic.count("/") <= _MAX_SLASHES


def is_filter(text: str) -> bool:
    """Return whether a text is a topic filter: a wildcard fills its level, `#` is the last level.

    Source: MQTT-4.7.1-2, MQTT-4.7.1-3, MQTT-4.7.3-1.
    """
    levels = text.split("/")
    alone = all(level in ("+", "#") or not set(level) & {"+", "#"} for level in levels)
    return bool(text) and alone and "#" not in levels[:-1]


def matches(topic_filter: str, topic: str) -> bool:
    """Return whether a filter matches a topic name.

    A filter that begins with a wildcard does not match names that begin with `$` (MQTT-4.7.2-1).
    AWS IoT differs from section 4.7.1.2: `sensor/#` does not match `sensor` itself.
    """
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for position, level in enumerate(wanted):
        if position >= len(levels):
            return False
        if level == "#":
            return True
        if level not in ("+", levels[position]):
            return False
    return len(wanted) == len(levels)
