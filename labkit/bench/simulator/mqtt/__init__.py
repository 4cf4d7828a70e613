"""MQTT 3.1.1 control packets to and from bytes, for both ends of a connection.

::

    decoder = Decoder()                     # of mqtt.decoder
    for packet in decoder.feed(chunk):      # Connect, Publish, Subscribe, ...
        transport.write(encode(PingResp()))

Malformed bytes raise `MqttProtocolError`; the connection must then be closed (MQTT-4.8.0-1). The
packets of QoS 2 (PUBREC, PUBREL, PUBCOMP) are refused: AWS IoT does not support QoS 2.

Source: MQTT Version 3.1.1, OASIS Standard, sections 2 and 3; "MQTT-…" are its clauses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

QOS_MAX = 2

SUBSCRIPTION_REFUSED = 0x80
"""The return code of a SUBACK for a filter that is refused (section 3.9.3)."""

_PROTOCOL_LEVEL = 4
_CLEAN_SESSION = 0x02


class MqttProtocolError(Exception):
    """The peer sent bytes that are not MQTT 3.1.1; the connection must be closed.

    Attributes:
        return_code: what a server puts into a CONNACK before it closes, or None for no CONNACK.
    """

    def __init__(self, message: str, *, return_code: int | None = None) -> None:
        super().__init__(message)
        self.return_code = return_code


@dataclass(frozen=True, slots=True)
class Will:
    """What the server publishes for a client whose connection is lost."""

    topic: str
    payload: bytes = b""
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Connect:
    """CONNECT; `keep_alive_s` 0 turns the keep-alive off. Name and password are not read."""

    client_id: str
    keep_alive_s: int = 0
    will: Will | None = None


@dataclass(frozen=True, slots=True)
class ConnAck:
    """CONNACK; `return_code` 0 is accepted."""

    return_code: int = 0


@dataclass(frozen=True, slots=True)
class Publish:
    """PUBLISH; `packet_id` is 0 for QoS 0 and 1 to 65,535 otherwise."""

    topic: str
    payload: bytes = b""
    qos: int = 0
    packet_id: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class PubAck:
    """PUBACK, the answer to a QoS 1 PUBLISH."""

    packet_id: int


@dataclass(frozen=True, slots=True)
class Subscribe:
    """SUBSCRIBE; each filter with the QoS that is requested."""

    packet_id: int
    filters: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class SubAck:
    """SUBACK; for each filter the QoS that is granted, or 0x80 for refused."""

    packet_id: int
    return_codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """UNSUBSCRIBE."""

    packet_id: int
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnsubAck:
    """UNSUBACK, the answer to an UNSUBSCRIBE."""

    packet_id: int


@dataclass(frozen=True, slots=True)
class PingReq:
    """PINGREQ."""


@dataclass(frozen=True, slots=True)
class PingResp:
    """PINGRESP."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """DISCONNECT: the client leaves in good order, and its will is dropped."""


Packet = (
    Connect
    | ConnAck
    | Publish
    | PubAck
    | Subscribe
    | SubAck
    | Unsubscribe
    | UnsubAck
    | PingReq
    | PingResp
    | Disconnect
)


def encode(packet: Packet) -> bytes:
    """Return a packet's bytes, with its fixed header; the values are not checked."""
    first_byte, body = _ENCODERS[type(packet)]
    if isinstance(packet, Publish):
        first_byte |= packet.qos << 1 | packet.retain
    raw = body(packet)
    length, rest = bytearray(), len(raw)
    while True:
        rest, low = divmod(rest, 128)
        length.append(low | (0x80 if rest else 0))
        if not rest:
            return bytes([first_byte]) + bytes(length) + raw


def _connect(packet: Connect) -> bytes:
    flags, fields = _CLEAN_SESSION, [_field(packet.client_id.encode())]
    if packet.will is not None:
        flags |= 0x04 | packet.will.qos << 3 | packet.will.retain << 5
        fields += [_field(packet.will.topic.encode()), _field(packet.will.payload)]
    head = _field(b"MQTT") + bytes([_PROTOCOL_LEVEL, flags]) + packet.keep_alive_s.to_bytes(2)
    return head + b"".join(fields)


def _publish(packet: Publish) -> bytes:
    identifier = packet.packet_id.to_bytes(2) if packet.qos else b""
    return _field(packet.topic.encode()) + identifier + packet.payload


def _subscribe(packet: Subscribe) -> bytes:
    filters = [_field(name.encode()) + bytes([qos]) for name, qos in packet.filters]
    return packet.packet_id.to_bytes(2) + b"".join(filters)


def _unsubscribe(packet: Unsubscribe) -> bytes:
    filters = [_field(name.encode()) for name in packet.filters]
    return packet.packet_id.to_bytes(2) + b"".join(filters)


_ENCODERS: dict[type, tuple[int, Callable[[Any], bytes]]] = {
    Connect: (0x10, _connect),
    ConnAck: (0x20, lambda packet: bytes([0, packet.return_code])),
    Publish: (0x30, _publish),
    PubAck: (0x40, lambda packet: packet.packet_id.to_bytes(2)),
    Subscribe: (0x82, _subscribe),
    SubAck: (0x90, lambda packet: packet.packet_id.to_bytes(2) + bytes(packet.return_codes)),
    Unsubscribe: (0xA2, _unsubscribe),
    UnsubAck: (0xB0, lambda packet: packet.packet_id.to_bytes(2)),
    PingReq: (0xC0, lambda _: b""),
    PingResp: (0xD0, lambda _: b""),
    Disconnect: (0xE0, lambda _: b""),
}
"""Each packet's first byte, and the function that returns its body."""


def _field(content: bytes) -> bytes:
    return len(content).to_bytes(2) + content
