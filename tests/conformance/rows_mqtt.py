"""Rows: MQTT as AWS has it: what is too much, and what is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from device import ACCEPTED, CLOSED, connects, plugged_in
from expected import gives
from rows_connect import ALL, allowed
from rows_messages import publishes, subscribes
from table import row

if TYPE_CHECKING:
    from situation import Situation
    from table import Act, Steps

QUOTAS = "quotas: message broker and protocols; it is disconnected"

for _what, _topic, _taken in (
    ("seven slashes", "a/b/c/d/e/f/g/h", True),
    ("eight slashes", "a/b/c/d/e/f/g/h/i", False),
    ("256 bytes", "t" * 256, True),
    ("257 bytes", "t" * 257, False),
):

    @row(
        "PUBLISH",
        f"to a topic of {_what}",
        gives({"taken": _taken, "alive": _taken}),
        source=QUOTAS,
    )
    def _(s: Situation, topic: str = _topic) -> Act:
        return publishes(s, ALL, topic)


for _many, _granted in ((8, True), (9, False)):

    @row(
        "SUBSCRIBE",
        f"{_many} filters at once",
        gives({"granted": _granted}),
        source=f"{QUOTAS}: 8 subscriptions a request",
    )
    def _(s: Situation, many: int = _many) -> Act:
        return subscribes(s, ALL, *[f"hello/{number}" for number in range(many)])


for _length, _end in ((128, ACCEPTED), (129, CLOSED)):

    @row(
        "CONNECT",
        f"a client id of {_length} bytes",
        gives(_end),
        source=f"{QUOTAS}: 128 bytes; open: where it ends",
    )
    def _(s: Situation, length: int = _length) -> Act:
        leaf = allowed(s)
        return lambda: connects(s.judge, leaf, "c" * length)


for _what, _bytes in {
    "a packet of an unknown kind": b"\xf0\x00",
    "a second CONNECT": b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03LED",
    "a length that does not end": b"\x30\xff\xff\xff\xff\xff",
    "a SUBSCRIBE without a filter": b"\x82\x02\x00\x01",
    "PUBLISH with QoS 3": b"\x36\x07\x00\x01x\x00\x01hi",
    "PUBLISH with QoS 2": b"\x34\x07\x00\x01x\x00\x01hi",
    "PUBLISH to a wild card": b"\x30\x04\x00\x01#h",
}.items():

    @row(
        "(malformed)",
        _what,
        gives({"alive": False, "neighbour": True}),
        source="MQTT 3.1.1; guide: MQTT, QoS 2 is not supported",
    )
    def _(s: Situation, sent: bytes = _bytes) -> Steps:
        leaf = allowed(s)
        yield
        with plugged_in(s.judge, leaf) as device, plugged_in(s.judge, leaf) as neighbour:
            device.connect(s.name())
            neighbour.connect(s.name())
            alive = device.send(sent)
            return {"alive": alive, "neighbour": neighbour.ping()}
