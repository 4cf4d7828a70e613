"""Bytes to control packets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from labkit.bench.simulator import mqtt
from labkit.bench.simulator.mqtt import MqttProtocolError, Packet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_PACKET_BYTES: Final = 132 * 1024
"""AWS IoT's 128 KB of payload, and headers."""

_UNACCEPTABLE_PROTOCOL_VERSION = 1
"""The return code of a CONNACK for another protocol level (section 3.2.2.3)."""

_PUBLISH = 3
_PROTOCOL_LEVEL = 4
_MAX_LENGTH_BYTES = 4


class Decoder:
    """Collects a connection's bytes and yields whole packets.

    Args:
        max_packet_bytes: the longest body that is accepted; it bounds the memory a peer can claim.
    """

    def __init__(self, *, max_packet_bytes: int = MAX_PACKET_BYTES) -> None:
        self._max_packet_bytes = max_packet_bytes
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Packet]:
        """Yield the packets that `chunk` completes.

        The chunk is stored when this is called; packets are decoded when they are requested, so
        those before a malformed one are processed first.

        Raises:
            MqttProtocolError: while iterating; the decoder cannot be used afterwards.
        """
        self._buffer += chunk
        return self._packets()

    def _packets(self) -> Iterator[Packet]:
        while (frame := self._next_frame()) is not None:
            yield _decode(*frame)

    def _next_frame(self) -> tuple[int, bytes] | None:
        """Remove the next packet from the buffer: its first byte and its body."""
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


def _check_first_byte(first_byte: int) -> None:
    if first_byte >> 4 != _PUBLISH and first_byte not in _DECODERS:
        raise MqttProtocolError(
            f"the first byte 0x{first_byte:02x} is reserved or of QoS 2, which is not supported "
            "(section 2.2)"
        )


def _decode(first_byte: int, content: bytes) -> Packet:
    if first_byte >> 4 == _PUBLISH:
        return _decode_publish(first_byte & 0x0F, _Body("PUBLISH", content))
    name, decode = _DECODERS[first_byte]
    body = _Body(name, content)
    packet = decode(body)
    body.require(not body.left, f"it is {body.left} bytes too long")
    return packet


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
        self.require(size <= self.left, f"it ends {size - self.left} bytes early")
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
        self.require("\0" not in text, "a text contains U+0000 (MQTT-1.5.3-2)")
        return text

    def topic(self) -> str:
        topic = self.text()
        self.require(bool(topic), "empty topic name (MQTT-4.7.3-1)")
        self.require(not set(topic) & {"+", "#"}, "wildcard in a topic name (MQTT-3.3.2-2)")
        return topic

    def identifier(self) -> int:
        identifier = self.u16()
        self.require(identifier != 0, "packet identifier 0 (MQTT-2.3.1-1)")
        return identifier

    def require(self, holds: bool, what: str) -> None:
        if not holds:
            raise MqttProtocolError(f"{self.name}: {what}")


def _decode_connect(body: _Body) -> mqtt.Connect:
    body.require(body.field() == b"MQTT", "the protocol name is not MQTT (MQTT-3.1.2-1)")
    level = body.u8()
    if level != _PROTOCOL_LEVEL:
        raise MqttProtocolError(
            f"CONNECT has protocol level {level}, expected 4, MQTT 3.1.1 (MQTT-3.1.2-2)",
            return_code=_UNACCEPTABLE_PROTOCOL_VERSION,
        )
    flags = body.u8()
    qos = flags >> 3 & 3
    body.require(not flags & 0x01, "the reserved flag is set (MQTT-3.1.2-3)")
    body.require(bool(flags & 0x04) or not flags & 0x38, "QoS without a will (MQTT-3.1.2-11)")
    body.require(qos <= mqtt.QOS_MAX, "will QoS 3 (MQTT-3.1.2-14)")
    keep_alive_s, client_id = body.u16(), body.text()
    will = None
    if flags & 0x04:
        will = mqtt.Will(body.topic(), body.field(), qos, retain=bool(flags & 0x20))
    for flag in (0x80, 0x40):  # the user name and the password, which AWS IoT does not check
        if flags & flag:
            body.field()
    return mqtt.Connect(client_id, keep_alive_s, will)


def _decode_connack(body: _Body) -> mqtt.ConnAck:
    body.u8()
    return mqtt.ConnAck(body.u8())


def _decode_publish(flags: int, body: _Body) -> mqtt.Publish:
    qos = flags >> 1 & 3
    body.require(qos <= mqtt.QOS_MAX, "QoS 3 (MQTT-3.3.1-4)")
    topic = body.topic()
    packet_id = body.identifier() if qos else 0
    return mqtt.Publish(topic, body.take(body.left), qos, packet_id, bool(flags & 0x01))


def _decode_subscribe(body: _Body) -> mqtt.Subscribe:
    packet_id, filters = body.identifier(), []
    while body.left:
        name, qos = body.text(), body.u8()
        body.require(qos <= mqtt.QOS_MAX, f"requested QoS {qos} (MQTT-3.8.3-4)")
        filters.append((name, qos))
    body.require(bool(filters), "no topic filter (MQTT-3.8.3-3)")
    return mqtt.Subscribe(packet_id, tuple(filters))


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
    0x90: ("SUBACK", lambda body: mqtt.SubAck(body.identifier(), tuple(body.take(body.left)))),
    0xA2: ("UNSUBSCRIBE", _decode_unsubscribe),
    0xB0: ("UNSUBACK", lambda body: mqtt.UnsubAck(body.identifier())),
    0xC0: ("PINGREQ", lambda _: mqtt.PingReq()),
    0xD0: ("PINGRESP", lambda _: mqtt.PingResp()),
    0xE0: ("DISCONNECT", lambda _: mqtt.Disconnect()),
}
