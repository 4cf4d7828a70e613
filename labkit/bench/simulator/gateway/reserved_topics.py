"""The topics that begin with `$`: what a device may do with them, besides what its policy says.

A device must not make topics of its own there; an operation that is not in AWS's table ends the
connection. Nothing answers here on the topics of services that the bench does not have (shadows,
jobs, streams, device defender, device location, fleet provisioning, rules): a publish is taken
and, where the table lets one subscribe to the same topic, delivered.

Source: AWS IoT Core developer guide, Reserved topics; Basic Ingest; Shared subscriptions, which are
not offered here. Open: whether a filter with a wildcard may take in topics that nobody can
subscribe to (`$aws/#`). Here its first two levels must be written out.
"""

from __future__ import annotations

from itertools import product, zip_longest

from labkit.bench.simulator.gateway import topics

_SHADOWS = ("$aws/things/+/shadow", "$aws/things/+/shadow/name/+")
_JOBS = "$aws/things/+/jobs"
_ANSWERS = ("accepted", "rejected")
_LITERAL_LEVELS = 2

_SHADOW_REQUESTS = tuple(
    f"{shadow}/{request}" for shadow, request in product(_SHADOWS, ("get", "update", "delete"))
)
_JOB_REQUESTS = tuple(
    f"{_JOBS}/{request}" for request in ("get", "start-next", "+/get", "+/update")
)
_OTHER_REQUESTS = (
    "$aws/things/+/defender/metrics/+",
    "$aws/certificates/create/+",
    "$aws/certificates/create-from-csr/+",
    "$aws/provisioning-templates/+/provision/+",
    "$aws/device_location/+/get_position_estimate",
)
_STREAMS = "$aws/things/+/streams/+"

_PUBLISHED = (
    *_SHADOW_REQUESTS,
    *_JOB_REQUESTS,
    *_OTHER_REQUESTS,
    f"{_STREAMS}/get/+",
    f"{_STREAMS}/describe/+",
    f"{topics.BASIC_INGEST}+",
    f"{topics.BASIC_INGEST}+/#",
)
"""What a device may publish to."""

_SUBSCRIBED = (
    "$aws/events/#",
    *_SHADOW_REQUESTS,
    *(f"{shadow}/update/{what}" for shadow, what in product(_SHADOWS, ("delta", "documents"))),
    *(
        f"{request}/{answer}"
        for request, answer in product(
            (*_SHADOW_REQUESTS, *_JOB_REQUESTS, *_OTHER_REQUESTS), _ANSWERS
        )
    ),
    f"{_JOBS}/notify",
    f"{_JOBS}/notify-next",
    *(f"{_STREAMS}/{what}/+" for what in ("data", "description", "rejected")),
    "$aws/things/+/tunnels/notify",
    "$aws/sitewise/asset-models/+/assets/+/properties/+",
)
"""What a device may subscribe to."""


def may_publish(topic: str) -> bool:
    """Return whether a device may publish to a topic, if its policy allows it."""
    return not topic.startswith("$") or any(topics.matches(each, topic) for each in _PUBLISHED)


def may_subscribe(topic_filter: str) -> bool:
    """Return whether a device may subscribe to a filter, if its policy allows it.

    A filter with wildcards must take in at least one topic that the table offers.
    """
    if not topic_filter.startswith("$"):
        return True
    levels = topic_filter.split("/")
    written_out = not any(topics.has_wildcard(level) for level in levels[:_LITERAL_LEVELS])
    return written_out and any(_overlap(levels, each.split("/")) for each in _SUBSCRIBED)


def _overlap(one: list[str], other: list[str]) -> bool:
    """Return whether two filters have a topic in common."""
    for first, second in zip_longest(one, other):
        if first is None or second is None:
            return False
        if "#" in (first, second):
            return True
        if first != second and "+" not in (first, second):
            return False
    return True
