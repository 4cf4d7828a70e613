"""The MQTT hello world: connect over mutual TLS, subscribe, publish, hear oneself, disconnect.

One attempt a boot: the demo's retries change nothing on a bench whose answers stay the same.

Source: Amazon FreeRTOS, the MQTT demos of 201910.00 and 202203.00; MQTT 3.1.1.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, TypeVar

from labkit.bench.simulator import mqtt
from labkit.bench.simulator.board import board_tls
from labkit.bench.simulator.board.board_tls import Credentials, TlsError, TlsStream
from labkit.bench.simulator.board.credentials import PemError, certificates_of_pem, is_certificate
from labkit.bench.simulator.board.provisioning import JITR_MACRO, load_key
from labkit.bench.simulator.mqtt.decoder import Decoder

if TYPE_CHECKING:
    from labkit.bench.simulator.board.machine import Machine
    from labkit.bench.simulator.board.releases import Release

__all__ = ["run_hello_world"]

MESSAGE = "Hello World!"

_TLS_PORTS = (8883, 443)
_KEEP_ALIVE_S = 60
_TIMED_OUT = 0x6800

_CKR_OBJECT_HANDLE_INVALID = 0x82
_TLS_ERROR_NO_PRIVATE_KEY = 2004
_TLS_ERROR_HANDSHAKE_FAILED = 0x7D1
_X509_INVALID_FORMAT = 0x2180

_HANDSHAKE_MS = 110
_CONNECT_MS = 65
_SUBSCRIBE_MS = 65
_PUBLISH_MS = 435
_ECHO_MS = 60
_DISCONNECT_MS = 440
"""What these steps took on the consoles of real firmware code, so that ticks look like life."""

_P = TypeVar("_P", bound=mqtt.Packet)


class _CredentialsError(Exception):
    """Key or certificate cannot be put to use; `status` is what the firmware calls it."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _EndedError(Exception):
    """The demo cannot go on; what there was to say about it has been printed."""


def run_hello_world(machine: Machine) -> bool:
    """Run the demo once.

    Returns:
        Whether it completed.
    """
    host = machine.image.text("clientcredentialMQTT_BROKER_ENDPOINT")
    thing = machine.image.text("clientcredentialIOT_THING_NAME")
    machine.console.say("demo started", thing=thing, length=len(thing))
    try:
        stream = _connect_tls(machine, host)
        _talk(_Session(machine, stream), thing, f"{thing}/example/topic")
        stream.close()
    except _EndedError:
        return False
    finally:
        for connection in machine.open_sockets:
            connection.close()
    machine.console.say("completed")
    return True


def _connect_tls(machine: Machine, host: str) -> TlsStream:
    connection = _connect_tcp(machine, host)
    machine.open_sockets.add(connection)
    failed: _CredentialsError | None = None
    try:
        credentials = _credentials(machine)
    except _CredentialsError as error:
        failed, credentials = error, Credentials()
    try:
        if failed is not None:
            _give_up_without_handshake(machine.release, failed)
        stream = board_tls.connect(
            connection,
            host,
            _port(machine),
            credentials,
            root_ca_file=machine.network.root_ca_file,
            now=machine.network.now(),
        )
    except TlsError as error:
        machine.clock.spend(_HANDSHAKE_MS)
        _report(machine, host, error, failed)
        raise _EndedError from error
    machine.clock.spend(_HANDSHAKE_MS)
    machine.console.say("tls connected", host=host)
    return stream


def _report(machine: Machine, host: str, error: TlsError, failed: _CredentialsError | None) -> None:
    if failed is None:
        machine.console.say("handshake failed", code=error.code, text=error.text)
    elif error.code != failed.status:
        machine.console.say("credentials failed", pkcs11=failed.status, text=error.text)
    machine.console.say("tls failed", code=error.code, host=host)


def _give_up_without_handshake(release: Release, failed: _CredentialsError) -> None:
    """Raise what a release that does not even try reports: PKCS #11's statuses all become one."""
    if release.connects_without_credentials:
        return
    pkcs11 = failed.status == _CKR_OBJECT_HANDLE_INVALID
    raise TlsError(_TLS_ERROR_HANDSHAKE_FAILED if pkcs11 else failed.status, "", "")


def _connect_tcp(machine: Machine, host: str) -> socket.socket:
    address = machine.network.resolve(host, _port(machine))
    if address is None:
        machine.console.say("not resolved", host=host)
        raise _EndedError
    try:
        if _port(machine) not in _TLS_PORTS:
            raise ConnectionRefusedError
        return socket.create_connection(address, timeout=board_tls.TIMEOUT_S)
    except OSError as error:
        machine.console.say("not reached", host=host)
        raise _EndedError from error


def _port(machine: Machine) -> int:
    return machine.image.number("clientcredentialMQTT_BROKER_PORT", _TLS_PORTS[0])


def _credentials(machine: Machine) -> Credentials:
    """Read key and certificates for the session, as `prvInitializeClientCredential` does."""
    held = machine.flash.read()
    key = load_key(held.private_key)
    if key is None:
        machine.console.say("no key file")
        machine.console.say("no private key")
        raise _CredentialsError(_TLS_ERROR_NO_PRIVATE_KEY)
    if held.certificate is None:
        machine.console.say("no certificate file")
        raise _CredentialsError(_CKR_OBJECT_HANDLE_INVALID)
    if not is_certificate(held.certificate):
        raise _CredentialsError(_X509_INVALID_FORMAT)
    jitr_pem = machine.image.text(JITR_MACRO)
    if not jitr_pem:
        machine.console.say("no jitr file")
        return Credentials((held.certificate,), key)
    try:
        return Credentials((held.certificate, *certificates_of_pem(jitr_pem)), key)
    except PemError as error:
        raise _CredentialsError(_X509_INVALID_FORMAT) from error


class _Session:
    """An MQTT connection of the demo, which ends by saying why."""

    def __init__(self, machine: Machine, stream: TlsStream) -> None:
        self.machine, self._stream = machine, stream
        self._decoder, self._received = Decoder(), list[mqtt.Packet]()

    def send(self, packet: mqtt.Packet, *, step: str) -> None:
        """Send a packet."""
        try:
            self._stream.send(mqtt.encode(packet))
        except TlsError as error:
            raise self.ended(step, "lost", code=error.code) from error

    def wait(self, *, step: str) -> mqtt.Packet:
        """Return the next packet."""
        while not self._received:
            try:
                self._received += self._decoder.feed(self._stream.receive())
            except TlsError as error:
                how = "unanswered" if error.code == _TIMED_OUT else "lost"
                raise self.ended(step, how, code=error.code) from error
            except mqtt.MqttProtocolError as error:
                raise self.ended(step, "lost", code=1) from error
        return self._received.pop(0)

    def expect(self, kind: type[_P], *, step: str) -> _P:
        """Return the next packet of a kind; the demo knows nothing to do with another."""
        while not isinstance(packet := self.wait(step=step), kind):
            pass
        return packet

    def ended(self, step: str, how: str, **fields: object) -> _EndedError:
        """Print how a step came to nothing and return the error to raise."""
        self.machine.console.say(f"{step} {how}", **fields)
        return _EndedError()

    def passed(self, ms: int, packet: mqtt.Packet) -> None:
        """Let the time of a round trip pass and say that its answer came."""
        self.machine.clock.spend(ms)
        self.machine.console.say("packet", size=_remaining_length(packet))


def _talk(session: _Session, thing: str, topic: str) -> None:
    _connect(session, thing)
    _subscribe(session, topic)
    _publish(session, topic)
    session.machine.clock.spend(_DISCONNECT_MS)
    session.send(mqtt.Disconnect(), step="publish")
    session.machine.console.say("disconnected")


def _connect(session: _Session, thing: str) -> None:
    session.machine.console.say("connecting")
    session.send(mqtt.Connect(thing, keep_alive_s=_KEEP_ALIVE_S), step="connect")
    answer = session.expect(mqtt.ConnAck, step="connect")
    session.passed(_CONNECT_MS, answer)
    if answer.return_code:
        raise session.ended("connect", "refused")
    session.machine.console.say("mqtt connected")


def _subscribe(session: _Session, topic: str) -> None:
    session.send(mqtt.Subscribe(1, ((topic, 1),)), step="subscribe")
    answer = session.expect(mqtt.SubAck, step="subscribe")
    session.passed(_SUBSCRIBE_MS, answer)
    if mqtt.SUBSCRIPTION_REFUSED in answer.return_codes:
        raise session.ended("subscribe", "refused", topic=topic)
    session.machine.console.say("subscribed")


def _publish(session: _Session, topic: str) -> None:
    """Publish, and wait for both the broker's acknowledgement and the message's echo."""
    session.machine.console.say("publishing")
    session.send(mqtt.Publish(topic, MESSAGE.encode(), qos=1, packet_id=2), step="publish")
    session.machine.clock.spend(_PUBLISH_MS)
    session.machine.console.say("publish sent")
    first = session.wait(step="publish")
    second = session.wait(step="publish")
    # Brokers differ in which of the two comes first: the console shows them in one order.
    echo, acknowledgement = (first, second) if isinstance(first, mqtt.Publish) else (second, first)
    if not isinstance(echo, mqtt.Publish) or not isinstance(acknowledgement, mqtt.PubAck):
        raise session.ended("publish", "unanswered")
    session.passed(_ECHO_MS, echo)
    payload = echo.payload.decode("utf-8", "replace")
    session.machine.console.say("message", topic=echo.topic, payload=payload)
    if echo.qos:
        session.send(mqtt.PubAck(echo.packet_id), step="publish")
    session.passed(0, acknowledgement)
    session.machine.console.say("acknowledged")


def _remaining_length(packet: mqtt.Packet) -> int:
    """Return the length behind a packet's fixed header: what the firmware calls received."""
    raw = mqtt.encode(packet)
    length_bytes = next(i for i, byte in enumerate(raw[1:], start=1) if byte < 0x80)  # noqa: PLR2004 MQTT 2.2.3
    return len(raw) - 1 - length_bytes
