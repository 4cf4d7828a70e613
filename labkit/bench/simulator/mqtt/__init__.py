"""MQTT 3.1.1 control packets to and from bytes, strictly, for both ends of a connection.

::

    decoder = Decoder()                     # of mqtt.decoder
    for packet in decoder.feed(chunk):      # Connect, Publish, Subscribe, ...
        transport.write(encode(PingResp()))

Malformed bytes raise `MqttProtocolError`; the only right answer to it is to close the connection
(MQTT-4.8.0-1). The packets of QoS 2 (PUBREC, PUBREL, PUBCOMP) are refused too: AWS IoT has no QoS
2.

Source: MQTT Version 3.1.1, OASIS Standard, sections 2 and 3; "MQTT-…" are its clauses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "QOS_MAX",
    "SUBSCRIPTION_REFUSED",
    "ConnAck",
    "Connect",
    "Disconnect",
    "MqttProtocolError",
    "Packet",
    "PingReq",
    "PingResp",
    "PubAck",
    "Publish",
    "SubAck",
    "Subscribe",
    "UnsubAck",
    "Unsubscribe",
    "Will",
    "encode",
]

_PROTOCOL_LEVEL = 4
_MAX_FIELD_BYTES = 0xFFFF

QOS_MAX = 2

SUBSCRIPTION_REFUSED = 0x80
"""The return code of a SUBACK for a filter that is refused (section 3.9.3)."""


class MqttProtocolError(ValueError):
    """The peer sent bytes that are not MQTT 3.1.1; the connection must be closed.

    Attributes:
        return_code: what a server puts into a CONNACK before it closes, or None for no CONNACK.
    """

    def __init__(self, message: str, *, return_code: int | None = None) -> None:
        super().__init__(message)
        self.return_code = return_code


@dataclass(frozen=True, slots=True)
class Will:
    """What the server publishes for a client that is lost."""

    topic: str
    payload: bytes = b""
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Connect:
    """CONNECT; `keep_alive_s` 0 turns the keep-alive off."""

    client_id: str
    keep_alive_s: int = 0
    clean_session: bool = True
    will: Will | None = None
    username: str | None = None
    password: bytes | None = None


@dataclass(frozen=True, slots=True)
class ConnAck:
    """CONNACK; `return_code` 0 is accepted."""

    return_code: int = 0
    session_present: bool = False


@dataclass(frozen=True, slots=True)
class Publish:
    """PUBLISH; `packet_id` is 0 for QoS 0 and 1 to 65,535 otherwise."""

    topic: str
    payload: bytes = b""
    qos: int = 0
    packet_id: int = 0
    retain: bool = False
    dup: bool = False


@dataclass(frozen=True, slots=True)
class PubAck:
    """PUBACK, the answer to a QoS 1 PUBLISH."""

    packet_id: int


@dataclass(frozen=True, slots=True)
class Subscribe:
    """SUBSCRIBE; each filter stands with the QoS that is asked for."""

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
    """DISCONNECT: the client leaves in good order, and its will is forgotten."""


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
    """Return a packet's bytes, with its fixed header.

    Raises:
        MqttProtocolError: the packet cannot be sent: a text is longer than 65,535 bytes or holds
            U+0000, a packet identifier is missing, a QoS is not 0, 1 or 2.
    """
    first_byte, body = _ENCODERS[type(packet)]
    if isinstance(packet, Publish):
        first_byte |= packet.dup << 3 | _checked_qos(packet.qos) << 1 | packet.retain
    return _packet(first_byte, body(packet))


def _connect(packet: Connect) -> bytes:
    flags = packet.clean_session << 1
    fields = [_text(packet.client_id)]
    if packet.will is not None:
        flags |= 0x04 | _checked_qos(packet.will.qos) << 3 | packet.will.retain << 5
        fields += [_text(packet.will.topic), _field(packet.will.payload)]
    if packet.username is not None:
        flags |= 0x80
        fields.append(_text(packet.username))
    if packet.password is not None:
        if packet.username is None:
            raise MqttProtocolError("CONNECT has a password without a user name (MQTT-3.1.2-22)")
        flags |= 0x40
        fields.append(_field(packet.password))
    header = _text("MQTT") + bytes([_PROTOCOL_LEVEL, flags]) + _u16(packet.keep_alive_s)
    return header + b"".join(fields)


def _publish(packet: Publish) -> bytes:
    identifier = _identifier(packet.packet_id) if packet.qos else b""
    return _text(packet.topic) + identifier + packet.payload


def _subscribe(packet: Subscribe) -> bytes:
    filters = [_text(name) + bytes([_checked_qos(qos)]) for name, qos in packet.filters]
    return _identifier(packet.packet_id) + b"".join(filters)


def _unsubscribe(packet: Unsubscribe) -> bytes:
    return _identifier(packet.packet_id) + b"".join(map(_text, packet.filters))


_ENCODERS: dict[type, tuple[int, Callable[[Any], bytes]]] = {
    Connect: (0x10, _connect),
    ConnAck: (0x20, lambda packet: bytes([packet.session_present, packet.return_code])),
    Publish: (0x30, _publish),
    PubAck: (0x40, lambda packet: _identifier(packet.packet_id)),
    Subscribe: (0x82, _subscribe),
    SubAck: (0x90, lambda packet: _identifier(packet.packet_id) + bytes(packet.return_codes)),
    Unsubscribe: (0xA2, _unsubscribe),
    UnsubAck: (0xB0, lambda packet: _identifier(packet.packet_id)),
    PingReq: (0xC0, lambda _: b""),
    PingResp: (0xD0, lambda _: b""),
    Disconnect: (0xE0, lambda _: b""),
}
"""Each packet's first byte, and the function that returns its body."""


def _packet(first_byte: int, body: bytes) -> bytes:
    length, rest = bytearray(), len(body)
    while True:
        rest, low = divmod(rest, 128)
        length.append(low | (0x80 if rest else 0))
        if not rest:
            return bytes([first_byte]) + bytes(length) + body


def _u16(number: int) -> bytes:
    if not 0 <= number <= _MAX_FIELD_BYTES:
        raise MqttProtocolError(f"a number of 0 to 65535 is expected, not {number}")
    return number.to_bytes(2)


def _identifier(packet_id: int) -> bytes:
    if packet_id == 0:
        raise MqttProtocolError("a packet identifier must not be 0 (MQTT-2.3.1-1)")
    return _u16(packet_id)


def _field(content: bytes) -> bytes:
    return _u16(len(content)) + content


def _text(text: str) -> bytes:
    if "\0" in text:
        raise MqttProtocolError("a text holds U+0000 (MQTT-1.5.3-2)")
    try:
        return _field(text.encode())
    except UnicodeEncodeError as error:
        raise MqttProtocolError("a text is not UTF-8 (MQTT-1.5.3-1)") from error


def _checked_qos(qos: int) -> int:
    if not 0 <= qos <= QOS_MAX:
        raise MqttProtocolError(f"QoS {qos} is none of 0, 1, 2 (MQTT-3.3.1-4)")
    return qos
