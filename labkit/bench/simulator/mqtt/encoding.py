"""Control packets to bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.bench.simulator.mqtt.packets import (
    QOS_MAX,
    ConnAck,
    Connect,
    Disconnect,
    MqttProtocolError,
    Packet,
    PingReq,
    PingResp,
    PubAck,
    Publish,
    SubAck,
    Subscribe,
    UnsubAck,
    Unsubscribe,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["encode"]

_PROTOCOL_LEVEL = 4
_MAX_FIELD_BYTES = 0xFFFF


def encode(packet: Packet) -> bytes:
    """Return a packet's bytes, fixed header and all.

    Raises:
        MqttProtocolError: the packet cannot be sent: a text is longer than 65,535 bytes or holds
            U+0000, a packet identifier is missing, a QoS is none.
    """
    return _ENCODERS[type(packet)](packet)


def _encode_connect(packet: Connect) -> bytes:
    """Return the bytes of a CONNECT (section 3.1)."""
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
    return _packet(0x10, header + b"".join(fields))


def _encode_connack(packet: ConnAck) -> bytes:
    """Return the bytes of a CONNACK (section 3.2)."""
    return _packet(0x20, bytes([packet.session_present, packet.return_code]))


def _encode_publish(packet: Publish) -> bytes:
    """Return the bytes of a PUBLISH (section 3.3)."""
    first = 0x30 | packet.dup << 3 | _checked_qos(packet.qos) << 1 | packet.retain
    identifier = _identifier(packet.packet_id) if packet.qos else b""
    return _packet(first, _text(packet.topic) + identifier + packet.payload)


def _encode_puback(packet: PubAck) -> bytes:
    """Return the bytes of a PUBACK (section 3.4)."""
    return _packet(0x40, _identifier(packet.packet_id))


def _encode_subscribe(packet: Subscribe) -> bytes:
    """Return the bytes of a SUBSCRIBE (section 3.8)."""
    filters = b"".join(_text(name) + bytes([_checked_qos(qos)]) for name, qos in packet.filters)
    return _packet(0x82, _identifier(packet.packet_id) + filters)


def _encode_suback(packet: SubAck) -> bytes:
    """Return the bytes of a SUBACK (section 3.9)."""
    return _packet(0x90, _identifier(packet.packet_id) + bytes(packet.return_codes))


def _encode_unsubscribe(packet: Unsubscribe) -> bytes:
    """Return the bytes of an UNSUBSCRIBE (section 3.10)."""
    return _packet(0xA2, _identifier(packet.packet_id) + b"".join(map(_text, packet.filters)))


def _encode_unsuback(packet: UnsubAck) -> bytes:
    """Return the bytes of an UNSUBACK (section 3.11)."""
    return _packet(0xB0, _identifier(packet.packet_id))


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    Connect: _encode_connect,
    ConnAck: _encode_connack,
    Publish: _encode_publish,
    PubAck: _encode_puback,
    Subscribe: _encode_subscribe,
    SubAck: _encode_suback,
    Unsubscribe: _encode_unsubscribe,
    UnsubAck: _encode_unsuback,
    PingReq: lambda _: b"\xc0\x00",
    PingResp: lambda _: b"\xd0\x00",
    Disconnect: lambda _: b"\xe0\x00",
}


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
