"""Bytes to control packets, strictly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.bench.simulator import mqtt
from labkit.bench.simulator.mqtt import MqttProtocolError, Packet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_PACKET_BYTES = 132 * 1024
"""What a `Decoder` takes unless told otherwise: AWS IoT's 128 KB of payload, and headers."""

_UNACCEPTABLE_PROTOCOL_VERSION = 1
"""The return code of a CONNACK for another protocol level (section 3.2.2.3)."""

_PUBLISH = 3
_QOS_2_PACKETS = (5, 6, 7)
_RESERVED = (0, 15)
_PROTOCOL_LEVEL = 4
_MAX_LENGTH_BYTES = 4


class Decoder:
    """Takes a connection's bytes as they come and yields whole packets.

    Args:
        max_packet_bytes: the longest body that is taken; it bounds the memory a peer can claim.
    """

    def __init__(self, *, max_packet_bytes: int = MAX_PACKET_BYTES) -> None:
        self._max_packet_bytes = max_packet_bytes
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Packet]:
        """Yield the packets that `chunk` completes.

        The chunk is taken when this is called, the packets are decoded as they are asked for: so
        those in front of a malformed one are served first.

        Raises:
            MqttProtocolError: while iterating; the decoder is of no more use then.
        """
        self._buffer += chunk
        return self._packets()

    def _packets(self) -> Iterator[Packet]:
        while (frame := self._next_frame()) is not None:
            yield _decode(*frame)

    def _next_frame(self) -> tuple[int, bytes] | None:
        """Take the next packet out of the buffer: its first byte and its body."""
        if self._buffer:
            _check_first_byte(self._buffer[0])
        length = shift = 0
        for position, byte in enumerate(self._buffer[1 : _MAX_LENGTH_BYTES + 1], start=2):
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte & 0x80:
                continue
            if length > self._max_packet_bytes:
                raise MqttProtocolError(
                    f"a packet of {length} bytes is over the limit of {self._max_packet_bytes}"
                )
            if len(self._buffer) < position + length:
                return None
            frame = self._buffer[0], bytes(self._buffer[position : position + length])
            del self._buffer[: position + length]
            return frame
        if len(self._buffer) > _MAX_LENGTH_BYTES:
            raise MqttProtocolError("the remaining length is longer than 4 bytes (section 2.2.3)")
        return None


def _decode(first_byte: int, content: bytes) -> Packet:
    if first_byte >> 4 == _PUBLISH:
        return _decode_publish(first_byte & 0x0F, _Body("PUBLISH", content))
    name, decode = _DECODERS[first_byte]
    body = _Body(name, content)
    packet = decode(body)
    body.end()
    return packet


def _check_first_byte(first_byte: int) -> None:
    kind, flags = first_byte >> 4, first_byte & 0x0F
    if kind == _PUBLISH or first_byte in _DECODERS:
        return
    if kind in _QOS_2_PACKETS:
        raise MqttProtocolError(
            "PUBREC, PUBREL and PUBCOMP belong to QoS 2, which is not supported"
        )
    if kind in _RESERVED:
        raise MqttProtocolError(f"packet type {kind} is reserved (section 2.2.1)")
    raise MqttProtocolError(f"packet type {kind} has the flags {flags:04b} (MQTT-2.2.2-2)")


class _Body:
    """Reads the fields of one packet's body, in order."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        self._content = content
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._content) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise MqttProtocolError(f"{self.name} ends {size - self.left} bytes early")
        self._at += size
        return self._content[self._at - size : self._at]

    def u8(self) -> int:
        return self.take(1)[0]

    def u16(self) -> int:
        return int.from_bytes(self.take(2))

    def field(self) -> bytes:
        return self.take(self.u16())

    def text(self) -> str:
        try:
            text = self.field().decode()
        except UnicodeDecodeError as error:
            raise MqttProtocolError(f"{self.name}: not UTF-8 (MQTT-1.5.3-1)") from error
        if "\0" in text:
            raise MqttProtocolError(f"{self.name}: a text holds U+0000 (MQTT-1.5.3-2)")
        return text

    def identifier(self) -> int:
        identifier = self.u16()
        if identifier == 0:
            raise MqttProtocolError(f"{self.name}: packet identifier 0 (MQTT-2.3.1-1)")
        return identifier

    def require(self, holds: bool, what: str) -> None:
        if not holds:
            raise MqttProtocolError(f"{self.name}: {what}")

    def end(self) -> None:
        if self.left:
            raise MqttProtocolError(f"{self.name} is {self.left} bytes too long")


def _decode_connect(body: _Body) -> mqtt.Connect:
    body.require(body.field() == b"MQTT", "protocol name is not MQTT (MQTT-3.1.2-1)")
    level = body.u8()
    if level != _PROTOCOL_LEVEL:
        raise MqttProtocolError(
            f"CONNECT has protocol level {level}; 4 (MQTT 3.1.1) is served here (MQTT-3.1.2-2)",
            return_code=_UNACCEPTABLE_PROTOCOL_VERSION,
        )
    flags = body.u8()
    _check_connect_flags(body, flags)
    keep_alive_s, client_id = body.u16(), body.text()
    will = None
    if flags & 0x04:
        topic, payload = body.text(), body.field()
        _check_topic_name(body, topic)
        will = mqtt.Will(topic, payload, qos=flags >> 3 & 3, retain=bool(flags & 0x20))
    username = body.text() if flags & 0x80 else None
    password = body.field() if flags & 0x40 else None
    return mqtt.Connect(client_id, keep_alive_s, bool(flags & 0x02), will, username, password)


def _check_connect_flags(body: _Body, flags: int) -> None:
    body.require(not flags & 0x01, "the reserved flag is set (MQTT-3.1.2-3)")
    body.require(
        bool(flags & 0x04) or not flags & 0x38, "will QoS or retain without a will (MQTT-3.1.2-11)"
    )
    body.require(flags & 0x18 != 0x18, "will QoS 3 (MQTT-3.1.2-14)")  # noqa: PLR2004 one bit of two
    body.require(flags & 0xC0 != 0x40, "password without a user name (MQTT-3.1.2-22)")  # noqa: PLR2004 one bit of two


def _decode_connack(body: _Body) -> mqtt.ConnAck:
    flags = body.u8()
    body.require(flags <= 1, "reserved flags are set (section 3.2.2.1)")
    return mqtt.ConnAck(body.u8(), bool(flags))


def _decode_publish(flags: int, body: _Body) -> mqtt.Publish:
    qos, dup = flags >> 1 & 3, bool(flags & 0x08)
    body.require(qos <= mqtt.QOS_MAX, "QoS 3 (MQTT-3.3.1-4)")
    body.require(not dup or qos > 0, "DUP with QoS 0 (MQTT-3.3.1-2)")
    topic = body.text()
    _check_topic_name(body, topic)
    packet_id = body.identifier() if qos else 0
    return mqtt.Publish(topic, body.take(body.left), qos, packet_id, bool(flags & 0x01), dup)


def _check_topic_name(body: _Body, topic: str) -> None:
    body.require(bool(topic), "empty topic name (MQTT-4.7.3-1)")
    body.require(not set(topic) & {"+", "#"}, "wildcard in a topic name (MQTT-3.3.2-2)")


def _decode_subscribe(body: _Body) -> mqtt.Subscribe:
    packet_id, filters = body.identifier(), []
    while body.left:
        name, qos = body.text(), body.u8()
        body.require(qos <= mqtt.QOS_MAX, f"requested QoS {qos} (MQTT-3.8.3-4)")
        filters.append((name, qos))
    body.require(bool(filters), "no topic filter (MQTT-3.8.3-3)")
    return mqtt.Subscribe(packet_id, tuple(filters))


def _decode_suback(body: _Body) -> mqtt.SubAck:
    packet_id, codes = body.identifier(), tuple(body.take(body.left))
    known = {0, 1, 2, mqtt.SUBSCRIPTION_REFUSED}
    body.require(bool(codes) and set(codes) <= known, "unknown return code (MQTT-3.9.3-2)")
    return mqtt.SubAck(packet_id, codes)


def _decode_unsubscribe(body: _Body) -> mqtt.Unsubscribe:
    packet_id, filters = body.identifier(), []
    while body.left:
        filters.append(body.text())
    body.require(bool(filters), "no topic filter (MQTT-3.10.3-2)")
    return mqtt.Unsubscribe(packet_id, tuple(filters))


_DECODERS: dict[int, tuple[str, Callable[[_Body], Packet]]] = {
    0x10: ("CONNECT", _decode_connect),
    0x20: ("CONNACK", _decode_connack),
    0x40: ("PUBACK", lambda body: mqtt.PubAck(body.identifier())),
    0x82: ("SUBSCRIBE", _decode_subscribe),
    0x90: ("SUBACK", _decode_suback),
    0xA2: ("UNSUBSCRIBE", _decode_unsubscribe),
    0xB0: ("UNSUBACK", lambda body: mqtt.UnsubAck(body.identifier())),
    0xC0: ("PINGREQ", lambda _: mqtt.PingReq()),
    0xD0: ("PINGRESP", lambda _: mqtt.PingResp()),
    0xE0: ("DISCONNECT", lambda _: mqtt.Disconnect()),
}
