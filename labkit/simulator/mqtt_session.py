"""One device's MQTT connection, decided as AWS IoT decides.

The client id, and with it the thing and the policies, are judged at CONNECT: refused, the
connection is closed without a CONNACK. Every PUBLISH, SUBSCRIBE and delivery is judged after it.

Source: AWS IoT Core developer guide: MQTT; authorization; AWS IoT Core quotas. An unauthorized
SUBSCRIBE closes the connection (aws/aws-iot-device-sdk-js issues 125 and 191); a SUBACK with 0x80
means too many (aws/aws-iot-device-sdk-embedded-C pull request 1108).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from labkit.simulator import mqtt, topics

if TYPE_CHECKING:
    from labkit.policy import Decision
    from labkit.simulator.account.connections import Grants
    from labkit.simulator.admission import Admission
    from labkit.simulator.broker import Broker
    from labkit.simulator.tls_connection import TlsConnection

__all__ = ["MqttSession"]

CONNECT_TIMEOUT_S = 10.0
"""From the TCP connection to the CONNECT packet."""

KEEP_ALIVE_MAX_S = 1200
"""AWS IoT's, and what a keep-alive of 0 stands for."""

_MAX_SUBSCRIPTIONS = 50
_MAX_FILTERS = 8
_MAX_CLIENT_ID = 128
_MAX_PAYLOAD = 128 * 1024
_MAX_QOS = 1


class _ClosedError(Exception):
    """The connection is to be closed; the reason is the text."""


class MqttSession:
    """What runs inside a TLS connection, from CONNECT to its end.

    Args:
        broker: the others, and the account.
        connection: what carries it.

    Attributes:
        client_id: empty before CONNECT was accepted.
        subscriptions: each filter with its granted QoS.
    """

    def __init__(self, broker: Broker, connection: TlsConnection) -> None:
        self.client_id = ""
        self.subscriptions: dict[str, int] = {}
        self._broker = broker
        self._connection = connection
        self._admission: Admission | None = None
        self._grants: Grants | None = None
        self._decoder = mqtt.Decoder()
        self._will: mqtt.Will | None = None
        self._packet_id = 0
        self._loop = asyncio.get_running_loop()
        self._silence_s = CONNECT_TIMEOUT_S
        self._heard_at = self._loop.time()
        self._timer = self._loop.call_later(self._silence_s, self._check_silence)
        broker.entered(self)

    @property
    def arn(self) -> str:
        """The certificate's ARN; empty inside the handshake."""
        return self._admission.arn if self._admission else ""

    def handshake_done(self, admission: Admission) -> None:
        """Begin: the client's certificate was let in."""
        self._admission = admission
        self._broker.admitted(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes; what breaks a rule closes the connection."""
        try:
            for packet in self._decoder.feed(data):
                self._handle(packet)
        except mqtt.MqttProtocolError as error:
            if error.return_code is not None and not self.client_id:
                self._send(mqtt.ConnAck(error.return_code))
            self.close(f"not MQTT 3.1.1: {error}")
        except _ClosedError as closed:
            self.close(str(closed))

    def connection_lost(self, admission: Admission | None, reason: str) -> None:
        """End, however it came; the will is published unless the client said DISCONNECT."""
        self._timer.cancel()
        self._broker.left(self)
        self._broker.note(self._connection.peer, admission, self.client_id, reason)
        if self._will is not None:
            self._broker.route(mqtt.Publish(self._will.topic, self._will.payload, self._will.qos))

    def deliver(self, message: mqtt.Publish) -> None:
        """Send a message if a subscription asks for it and the certificate may receive it."""
        wanted = [
            qos for name, qos in self.subscriptions.items() if topics.matches(name, message.topic)
        ]
        if not wanted or not self._decide("iot:Receive", f"topic/{message.topic}", self.client_id):
            return
        qos = min(message.qos, max(wanted))
        if qos:
            self._packet_id = self._packet_id % 0xFFFF + 1
        packet_id = self._packet_id if qos else 0
        self._send(mqtt.Publish(message.topic, message.payload, qos, packet_id))

    def forget_grants(self) -> None:
        """Ask the account again at the next decision."""
        self._grants = None

    def close(self, reason: str) -> None:
        """Close the connection in good order."""
        self._connection.close(reason)

    def abort(self, reason: str) -> None:
        """Close the connection at once; no will is published."""
        self._will = None
        self._connection.abort(reason)

    def _handle(self, packet: mqtt.Packet) -> None:
        self._heard_at = self._loop.time()
        if not self.client_id:
            if not isinstance(packet, mqtt.Connect):
                raise _ClosedError("the first packet is not CONNECT (MQTT-3.1.0-1)")
            self._connect(packet)
            return
        match packet:
            case mqtt.Publish():
                self._publish(packet)
            case mqtt.Subscribe():
                self._subscribe(packet)
            case mqtt.Unsubscribe():
                self._unsubscribe(packet)
            case mqtt.PingReq():
                self._send(mqtt.PingResp())
            case mqtt.Disconnect():
                self._disconnect()
            case mqtt.PubAck():
                pass  # nothing is sent again: sessions end with their connection
            case _:
                raise _ClosedError(f"{type(packet).__name__.upper()} has no place here")

    def _connect(self, packet: mqtt.Connect) -> None:
        client_id = packet.client_id
        size = len(client_id.encode())
        if not 0 < size <= _MAX_CLIENT_ID or client_id.startswith("$"):
            raise _ClosedError(f"CONNECT refused: client id of {size} bytes, or it begins with $")
        self._grants = self._broker.account.grants(self.arn, client_id)
        self._require("iot:Connect", f"client/{client_id}", client_id)
        if packet.will is not None:
            self._check_message(packet.will, client_id)
        self.client_id = client_id
        self._will = packet.will
        keep_alive_s = min(packet.keep_alive_s or KEEP_ALIVE_MAX_S, KEEP_ALIVE_MAX_S)
        self._silence_s = 1.5 * keep_alive_s
        self._restart_timer()
        self._broker.joined(self)
        self._broker.note(self._connection.peer, self._admission, client_id, "", accepted=True)
        self._send(mqtt.ConnAck())

    def _publish(self, packet: mqtt.Publish) -> None:
        self._check_message(packet, self.client_id)
        if packet.qos:
            self._send(mqtt.PubAck(packet.packet_id))
        self._broker.route(packet)

    def _check_message(self, message: mqtt.Publish | mqtt.Will, client_id: str) -> None:
        """Refuse a message, or a will, that AWS IoT would not take."""
        if message.qos > _MAX_QOS:
            raise _ClosedError("QoS 2 is not supported")
        if message.retain:
            raise _ClosedError("retained messages are not offered")
        if len(message.payload) > _MAX_PAYLOAD:
            raise _ClosedError(f"the payload of {len(message.payload)} bytes is over 128 KB")
        if not topics.is_within_limits(message.topic):
            raise _ClosedError("the topic is over 256 bytes or 7 slashes")
        self._require("iot:Publish", f"topic/{message.topic}", client_id)

    def _subscribe(self, packet: mqtt.Subscribe) -> None:
        if len(packet.filters) > _MAX_FILTERS:
            raise _ClosedError(f"SUBSCRIBE has more than {_MAX_FILTERS} topic filters")
        self._send(
            mqtt.SubAck(packet.packet_id, tuple(self._add(*wanted) for wanted in packet.filters))
        )

    def _add(self, name: str, qos: int) -> int:
        if qos > _MAX_QOS:
            raise _ClosedError("QoS 2 is not supported")
        if not topics.is_filter(name) or not topics.is_within_limits(name):
            raise _ClosedError(f"SUBSCRIBE has an invalid topic filter: {name!r}")
        self._require("iot:Subscribe", f"topicfilter/{name}", self.client_id)
        if name not in self.subscriptions and len(self.subscriptions) >= _MAX_SUBSCRIPTIONS:
            return mqtt.SUBSCRIPTION_REFUSED
        self.subscriptions[name] = qos
        return qos

    def _unsubscribe(self, packet: mqtt.Unsubscribe) -> None:
        for name in packet.filters:
            self.subscriptions.pop(name, None)
        self._send(mqtt.UnsubAck(packet.packet_id))

    def _disconnect(self) -> None:
        self._will = None
        raise _ClosedError("the client said DISCONNECT")

    def _require(self, action: str, resource: str, client_id: str) -> None:
        decision = self._decide(action, resource, client_id)
        if not decision.allowed:
            raise _ClosedError(f"{action} on {resource}: {decision.reason}")

    def _decide(self, action: str, resource: str, client_id: str) -> Decision:
        if self._grants is None:
            self._grants = self._broker.account.grants(self.arn, client_id)
        variables = (self._admission.variables if self._admission else None) or {}
        arn = self._broker.account.identity.resource(resource)
        return self._grants.decide(action, arn, client_id, variables)

    def _send(self, packet: mqtt.Packet) -> None:
        self._connection.write(mqtt.encode(packet))

    def _restart_timer(self) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_later(self._silence_s, self._check_silence)

    def _check_silence(self) -> None:
        """Close a connection that was silent for too long (MQTT-3.1.2-24)."""
        left_s = self._heard_at + self._silence_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._check_silence)
        elif self.client_id:
            self.close(f"nothing was heard for 1.5 times the keep-alive, {self._silence_s:g} s")
        else:
            self._connection.abort(f"no CONNECT within {self._silence_s:g} s")
