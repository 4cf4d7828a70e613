"""Rows: what a connected device may publish, subscribe to and receive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from device import plugged_in
from expected import gives
from rows_connect import ALL, allowed, attached
from situation import policy
from table import row

if TYPE_CHECKING:
    from situation import Situation
    from table import Act, Steps

PUBLISH = "guide: Publish/Subscribe policy examples"
REFUSED = 0x80
LARGEST = 128 * 1024


def publishes(s: Situation, document: str, topic: str, payload: bytes = b"hello") -> Act:
    """Return calls that connect and publish, and say whether the message was taken."""
    leaf = allowed(s, document)

    def act() -> object:
        with plugged_in(s.judge, leaf) as device:
            device.connect(s.name())
            taken = device.publish(topic, payload)
            return {"taken": taken, "alive": device.ping()}

    return act


def both(s: Situation, *statements: tuple[str, str]) -> str:
    """Return a policy that allows to connect, and something on ARNs of this account."""
    arns = [(action, s.arn(*arn.split("/", 1))) for action, arn in statements]
    return policy(("iot:Connect", "*"), *arns)


@row(
    "PUBLISH",
    "to a topic that the policy allows",
    gives({"taken": True, "alive": True}),
    source=PUBLISH,
)
def _(s: Situation) -> Act:
    return publishes(s, both(s, ("iot:Publish", "topic/hello/*")), "hello/world")


@row(
    "PUBLISH",
    "to a topic that the policy does not speak of",
    gives({"taken": False, "alive": False}),
    source="guide: AWS IoT Core policies: it is disconnected",
)
def _(s: Situation) -> Act:
    return publishes(s, both(s, ("iot:Publish", "topic/hello/*")), "other/world")


@row(
    "PUBLISH",
    "allowed on topicfilter/, which is for subscriptions",
    gives({"taken": False, "alive": False}),
    source=PUBLISH,
)
def _(s: Situation) -> Act:
    return publishes(s, both(s, ("iot:Publish", "topicfilter/hello/*")), "hello/world")


@row("PUBLISH", "128 KB", gives({"taken": True, "alive": True}), source="quotas: message size")
def _(s: Situation) -> Act:
    return publishes(s, ALL, "hello", b"x" * LARGEST)


@row(
    "PUBLISH",
    "a byte more than 128 KB",
    gives({"taken": False, "alive": False}),
    source="quotas: message size; it is disconnected",
)
def _(s: Situation) -> Act:
    return publishes(s, ALL, "hello", b"x" * (LARGEST + 1))


@row(
    "PUBLISH",
    "to the thing's own topic and to another's",
    gives({"own": True, "other": False}),
    source="guide: Thing policy variables",
)
def _(s: Situation) -> Steps:
    own = "topic/hello/${iot:Connection.Thing.ThingName}/*"
    leaf = allowed(s, both(s, ("iot:Publish", own)))
    thing = attached(s, leaf)
    yield
    with plugged_in(s.judge, leaf) as device:
        device.connect(thing)
        taken = device.publish(f"hello/{thing}/x", b"")
        return {"own": taken, "other": device.publish("hello/other/x", b"")}


def subscribes(s: Situation, document: str, *topic_filters: str) -> Act:
    """Return calls that connect and subscribe, and say what was granted."""
    leaf = allowed(s, document)

    def act() -> object:
        with plugged_in(s.judge, leaf) as device:
            device.connect(s.name())
            granted = device.subscribe(*topic_filters)
            return {"granted": granted is not None and granted < REFUSED}

    return act


for _filter, _allowed, _granted in (
    ("hello/world", "topicfilter/hello/world", True),
    ("hello/#", "topicfilter/hello/#", True),
    ("hello/+", "topicfilter/hello/*", True),
    ("other/#", "topicfilter/hello/*", False),
    ("#", "topicfilter/hello/*", False),
    ("hello/world", "topic/hello/world", False),
):

    @row(
        "SUBSCRIBE",
        f"to {_filter}, allowed on {_allowed}",
        gives({"granted": _granted}),
        source=f"{PUBLISH}: topicfilter/, where + and # are letters",
    )
    def _(s: Situation, topic_filter: str = _filter, allow: str = _allowed) -> Act:
        return subscribes(s, both(s, ("iot:Subscribe", allow)), topic_filter)


@row(
    "SUBSCRIBE",
    "a message comes back",
    gives({"topic": "hello/world", "payload": "hello"}),
    source="guide: MQTT",
)
def _(s: Situation) -> Steps:
    leaf = allowed(s)
    yield
    with plugged_in(s.judge, leaf) as device, plugged_in(s.judge, leaf) as other:
        device.connect(s.name())
        other.connect(s.name())
        device.subscribe("hello/+")
        other.publish("hello/world", b"hello")
        topic, payload = device.message() or ("", b"")
        return {"topic": topic, "payload": payload.decode()}


@row(
    "SUBSCRIBE",
    "granted, but iot:Receive is not",
    gives({"granted": True, "got": False}),
    source="guide: AWS IoT Core policy actions, iot:Receive",
)
def _(s: Situation) -> Steps:
    allow = ("iot:Subscribe", "topicfilter/*"), ("iot:Publish", "topic/*")
    leaf = allowed(s, both(s, *allow))
    yield
    with plugged_in(s.judge, leaf) as device:
        device.connect(s.name())
        granted = device.subscribe("hello/#", qos=0)
        device.publish("hello/world", b"hello")
        got = device.message(0.1)
        return {"granted": granted == 0, "got": got is not None}
