"""MQTT topic names and filters, within AWS IoT's limits.

Source: MQTT 3.1.1, section 4.7; AWS IoT Core developer guide, MQTT and Basic Ingest; AWS IoT Core
quotas, message broker: 256 bytes, 7 slashes.
"""

from __future__ import annotations

BASIC_INGEST = "$aws/rules/"
"""In front of a rule's name: such a message goes to the rule, not to subscribers."""

_BASIC_INGEST_LEVELS = 3
_MAX_BYTES = 256
_MAX_SLASHES = 7


def is_within_limits(topic: str) -> bool:
    """Return whether AWS IoT takes a topic name or filter of this length.

    The first three levels of a Basic Ingest topic, `$aws/rules/<rule name>/`, do not count.
    """
    if topic.startswith(BASIC_INGEST):
        topic = "/".join(topic.split("/")[_BASIC_INGEST_LEVELS:])
    return len(topic.encode()) <= _MAX_BYTES and topic.count("/") <= _MAX_SLASHES


def is_filter(text: str) -> bool:
    """Return whether a text is a topic filter: wildcards stand alone, `#` comes last.

    Source: MQTT-4.7.1-2, MQTT-4.7.1-3, MQTT-4.7.3-1.
    """
    levels = text.split("/")
    alone = all(level in ("+", "#") or not set(level) & {"+", "#"} for level in levels)
    return bool(text) and alone and "#" not in levels[:-1]


def has_wildcard(topic_filter: str) -> bool:
    """Return whether a topic filter stands for more than one topic."""
    return "+" in topic_filter or "#" in topic_filter


def matches(topic_filter: str, topic: str) -> bool:
    """Return whether a topic name is one of those that a filter asks for.

    A filter that begins with a wildcard leaves out names that begin with `$` (MQTT-4.7.2-1). Here
    AWS IoT differs from section 4.7.1.2: `sensor/#` does not ask for `sensor` itself.
    """
    wanted, came = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for position, level in enumerate(wanted):
        if position >= len(came):
            return False
        if level == "#":
            return True
        if level not in ("+", came[position]):
            return False
    return len(wanted) == len(came)
