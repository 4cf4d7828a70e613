"""One device's MQTT connection, with AWS IoT's decisions.

CONNECT is decided by the client id, and with it by the thing and the policies; a refused connection
is closed without a CONNACK. Then every PUBLISH, SUBSCRIBE and delivery is decided. A session ends
with its connection, whatever `clean session` is.

Source: AWS IoT Core developer guide: MQTT; AWS IoT Core quotas. A SUBACK with 0x80 means too many
subscriptions (aws/aws-iot-device-sdk-embedded-C pull request 1108).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from labkit.bench.simulator import mqtt
from labkit.bench.simulator.gateway import admission
from labkit.bench.simulator.gateway.permissions import Permissions, RefusedError
from labkit.bench.simulator.mqtt.decoder import Decoder

if TYPE_CHECKING:
    from labkit.bench.simulator.gateway.admission import Admission, RegistrationCandidate
    from labkit.bench.simulator.gateway.broker import Broker
    from labkit.bench.simulator.gateway.tls_connection import TlsConnection

CONNECT_TIMEOUT_S = 10.0
"""From the TCP connection to the CONNECT packet."""

KEEP_ALIVE_MAX_S = 1200
"""AWS IoT's maximum, which is also used for a keep-alive of 0."""

_MAX_SUBSCRIPTIONS = 50
_MAX_FILTERS = 8


class MqttSession:
    """The MQTT side of a TLS connection, from CONNECT to its end.

    Args:
        broker: the other sessions, and the account.
        connection: the TLS connection.

    Attributes:
        client_id: empty before CONNECT was accepted.
    """

    def __init__(self, broker: Broker, connection: TlsConnection) -> None:
        self.client_id = ""
        self._broker = broker
        self._connection = connection
        self._admission: Admission | None = None
        self._permissions: Permissions | None = None
        self._decoder = Decoder()
        self._open = True
        self._will: mqtt.Will | None = None
        self._packet_id = 0
        self._loop = asyncio.get_running_loop()
        self._silence_s = CONNECT_TIMEOUT_S
        self._received_at = self._loop.time()
        self._timer = self._loop.call_later(self._silence_s, self._check_silence)
        broker.entered(self)

    @property
    def arn(self) -> str:
        """The certificate's ARN; empty during the handshake."""
        return self._admission.arn if self._admission else ""

    def handshake_done(self, admission: Admission) -> None:
        """Begin: the client's certificate was accepted, for a session or for registration."""
        self._admission = admission
        if admission.candidate is None:
            self._broker.admitted(self)

    def data_received(self, data: bytes) -> None:
        """Process bytes; close the connection if they break a rule."""
        try:
            for packet in self._decoder.feed(data):
                if self._open:
                    self._handle(packet)
        except mqtt.MqttProtocolError as error:
            if error.return_code is not None and not self.client_id:
                self._send(mqtt.ConnAck(error.return_code))
            self.close(f"not MQTT 3.1.1: {error}")
        except RefusedError as refusal:
            self.close(str(refusal))

    def connection_lost(self, admission: Admission | None, reason: str) -> None:
        """End; publish the will unless the client sent DISCONNECT."""
        self._open = False
        self._timer.cancel()
        self._broker.left(self)
        self._broker.note(self._connection.peer, admission, self.client_id, reason)
        will, self._will = self._will, None
        if will is not None:
            self._broker.publish(mqtt.Publish(will.topic, will.payload, will.qos))

    def deliver(self, message: mqtt.Publish, qos: int) -> None:
        """Send a message that matches a subscription, if the certificate may receive it."""
        if self._permissions is None or not self._permissions.may_receive(message.topic):
            return
        qos = min(message.qos, qos)
        if qos:
            self._packet_id = self._packet_id % 0xFFFF + 1
        packet_id = self._packet_id if qos else 0
        self._send(mqtt.Publish(message.topic, message.payload, qos, packet_id))

    def _register(self, candidate: RegistrationCandidate) -> None:
        """Register the client's certificate and close its connection."""
        chain = self._connection.peer_chain
        reason, event = admission.register(self._broker.account, candidate, chain)
        if event is not None:
            self._broker.publish(event)
        self.close(reason)

    def forget_grants(self) -> None:
        """Ask the account again at the next decision."""
        if self._permissions is not None:
            self._permissions.forget()

    def close(self, reason: str) -> None:
        """Close the connection in good order."""
        self._connection.close(reason)

    def abort(self, reason: str) -> None:
        """Close the connection at once; no will is published."""
        self._will = None
        self._connection.abort(reason)

    def _handle(self, packet: mqtt.Packet) -> None:
        self._received_at = self._loop.time()
        if isinstance(packet, mqtt.Connect):
            self._connect(packet)
            return
        if self._permissions is None:
            raise RefusedError("the first packet is not CONNECT (MQTT-3.1.0-1)")
        match packet:
            case mqtt.Publish():
                self._publish(packet, self._permissions)
            case mqtt.Subscribe():
                self._subscribe(packet, self._permissions)
            case mqtt.Unsubscribe():
                self._unsubscribe(packet)
            case mqtt.PingReq():
                self._send(mqtt.PingResp())
            case mqtt.Disconnect():
                self._will = None
                self.close("the client sent DISCONNECT")
            case mqtt.PubAck():
                pass  # nothing is sent again: a session ends with its connection
            case _:
                raise RefusedError(f"a client must not send {type(packet).__name__.upper()}")

    def _connect(self, packet: mqtt.Connect) -> None:
        if self._permissions is not None or self._admission is None:
            raise RefusedError("the client sent CONNECT twice (MQTT-3.1.0-2)")
        self._connection.attempt.connect_received(packet.client_id)
        if self._admission.candidate is not None:
            self._register(self._admission.candidate)
            return
        permissions = Permissions(self._broker.account, self._admission, packet.client_id)
        permissions.check_connect(packet)
        self._permissions = permissions
        self.client_id = packet.client_id
        self._will = packet.will
        keep_alive_s = min(packet.keep_alive_s or KEEP_ALIVE_MAX_S, KEEP_ALIVE_MAX_S)
        self._silence_s = 1.5 * keep_alive_s
        self._restart_timer()
        self._broker.joined(self)
        self._broker.note(self._connection.peer, self._admission, self.client_id, "", accepted=True)
        self._connection.attempt.accept()
        self._send(mqtt.ConnAck())

    def _publish(self, packet: mqtt.Publish, permissions: Permissions) -> None:
        permissions.check_message(packet)
        if packet.qos:
            self._send(mqtt.PubAck(packet.packet_id))
        self._broker.publish(mqtt.Publish(packet.topic, packet.payload, packet.qos))

    def _subscribe(self, packet: mqtt.Subscribe, permissions: Permissions) -> None:
        """Subscribe to all filters or none."""
        if len(packet.filters) > _MAX_FILTERS:
            raise RefusedError(f"SUBSCRIBE has more than {_MAX_FILTERS} topic filters")
        for name, qos in packet.filters:
            permissions.check_filter(name, qos)
        codes = tuple(self._add(name, qos) for name, qos in packet.filters)
        self._send(mqtt.SubAck(packet.packet_id, codes))

    def _add(self, name: str, qos: int) -> int:
        own = self._broker.subscriptions.of(self)
        if name not in own and len(own) >= _MAX_SUBSCRIPTIONS:
            return mqtt.SUBSCRIPTION_REFUSED
        own[name] = qos
        return qos

    def _unsubscribe(self, packet: mqtt.Unsubscribe) -> None:
        for name in packet.filters:
            self._broker.subscriptions.of(self).pop(name, None)
        self._send(mqtt.UnsubAck(packet.packet_id))

    def _send(self, packet: mqtt.Packet) -> None:
        self._connection.write(mqtt.encode(packet))

    def _restart_timer(self) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_later(self._silence_s, self._check_silence)

    def _check_silence(self) -> None:
        """Close a connection without traffic for too long (MQTT-3.1.2-24)."""
        left_s = self._received_at + self._silence_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._check_silence)
        elif self.client_id:
            self.close(f"no packet within 1.5 times the keep-alive, {self._silence_s:g} s")
        else:
            self._connection.abort(f"no CONNECT within {self._silence_s:g} s")
