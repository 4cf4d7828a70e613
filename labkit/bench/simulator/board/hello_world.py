"""The MQTT hello world: connect over mutual TLS, subscribe, publish, receive it, disconnect.

There is one attempt per boot: on a bench, the demo's retries would give the same results.

Source: Amazon FreeRTOS, the MQTT demos of 201910.00 and 202203.00; MQTT 3.1.1.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from labkit.bench.simulator import mqtt
from labkit.bench.simulator.board import board_tls
from labkit.bench.simulator.board.board_tls import Credentials, TlsError, TlsStream
from labkit.bench.simulator.board.burst_demo import run_burst_demo
from labkit.bench.simulator.board.credentials import (
    PemError,
    certificates_of_pem,
    is_certificate,
)
from labkit.bench.simulator.board.demo_session import DemoEndedError, Session
from labkit.bench.simulator.board.provisioning import JITR_MACRO, load_key

if TYPE_CHECKING:
    from labkit.bench.simulator.board.machine import Machine
    from labkit.bench.simulator.board.releases import Release

MESSAGE = "Hello World!"

_TLS_PORTS = (8883, 443)

_CKR_OBJECT_HANDLE_INVALID = 0x82
_TLS_ERROR_NO_PRIVATE_KEY = 2004
_TLS_ERROR_HANDSHAKE_FAILED = 0x7D1
_X509_INVALID_FORMAT = 0x2180

_HANDSHAKE_MS = 110
_SUBSCRIBE_MS = 65
_PUBLISH_MS = 435
_ECHO_MS = 60
_DISCONNECT_MS = 440
"""Durations of these steps on the consoles of real firmware code."""


class _CredentialsError(Exception):
    """Key or certificate cannot be used; `status` is the firmware's code."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def run_hello_world(machine: Machine) -> bool:
    """Run the demo once.

    Returns:
        Whether it completed.
    """
    host = machine.image.text("clientcredentialMQTT_BROKER_ENDPOINT")
    thing = machine.image.text("clientcredentialIOT_THING_NAME")
    demo = machine.image.demo
    client_id = demo.client_id(thing)
    machine.console.log("demo started", client=client_id, length=len(client_id))
    try:
        session = Session(machine, stream := _connect_tls(machine, host))
        if machine.release.publishes_in_bursts:
            run_burst_demo(session, demo, thing)
        else:
            _run_demo(session, thing, f"{thing}/example/topic")
        stream.close()
    except DemoEndedError:
        return False
    finally:
        for connection in machine.open_sockets:
            connection.close()
    machine.console.log("completed")
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
        raise DemoEndedError from error
    machine.clock.spend(_HANDSHAKE_MS)
    machine.console.log("tls connected", host=host)
    return stream


def _report(machine: Machine, host: str, error: TlsError, failed: _CredentialsError | None) -> None:
    if failed is None:
        machine.console.log("handshake failed", code=error.code, text=error.text)
    elif error.code != failed.status:
        machine.console.log("credentials failed", pkcs11=failed.status, text=error.text)
    machine.console.log("tls failed", code=error.code, host=host)


def _give_up_without_handshake(release: Release, failed: _CredentialsError) -> None:
    """Raise the error of a release that needs credentials for a handshake."""
    if release.connects_without_credentials:
        return
    pkcs11 = failed.status == _CKR_OBJECT_HANDLE_INVALID
    raise TlsError(_TLS_ERROR_HANDSHAKE_FAILED if pkcs11 else failed.status, "", "")


def _connect_tcp(machine: Machine, host: str) -> socket.socket:
    address = machine.network.resolve(host, _port(machine))
    if address is None:
        machine.console.log("not resolved", host=host)
        raise DemoEndedError
    try:
        if _port(machine) not in _TLS_PORTS:
            raise ConnectionRefusedError
        return socket.create_connection(address, timeout=board_tls.TIMEOUT_S)
    except OSError as error:
        machine.console.log("not reached", host=host)
        raise DemoEndedError from error


def _port(machine: Machine) -> int:
    return machine.image.number("clientcredentialMQTT_BROKER_PORT", _TLS_PORTS[0])


def _credentials(machine: Machine) -> Credentials:
    """Read key and certificates for the session, as `prvInitializeClientCredential` does."""
    held = machine.flash.read()
    key = load_key(held.private_key)
    if key is None:
        machine.console.log("no key file")
        machine.console.log("no private key")
        raise _CredentialsError(_TLS_ERROR_NO_PRIVATE_KEY)
    if held.certificate is None:
        machine.console.log("no certificate file")
        raise _CredentialsError(_CKR_OBJECT_HANDLE_INVALID)
    if not is_certificate(held.certificate):
        raise _CredentialsError(_X509_INVALID_FORMAT)
    jitr_pem = machine.image.text(JITR_MACRO)
    if not jitr_pem:
        machine.console.log("no jitr file")
        return Credentials((held.certificate,), key)
    try:
        return Credentials((held.certificate, *certificates_of_pem(jitr_pem)), key)
    except PemError as error:
        raise _CredentialsError(_X509_INVALID_FORMAT) from error


def _run_demo(session: Session, thing: str, topic: str) -> None:
    session.connect(thing)
    _subscribe(session, topic)
    _publish(session, topic)
    session.machine.clock.spend(_DISCONNECT_MS)
    session.send(mqtt.Disconnect(), step="publish")
    session.machine.console.log("disconnected")


def _subscribe(session: Session, topic: str) -> None:
    session.send(mqtt.Subscribe(1, ((topic, 1),)), step="subscribe")
    answer = session.expect(mqtt.SubAck, step="subscribe")
    session.passed(_SUBSCRIBE_MS, answer)
    if mqtt.SUBSCRIPTION_REFUSED in answer.return_codes:
        raise session.ended("subscribe", "refused", topic=topic)
    session.machine.console.log("subscribed")


def _publish(session: Session, topic: str) -> None:
    """Publish, and wait for both the broker's acknowledgement and the message's echo."""
    session.machine.console.log("publishing")
    session.send(mqtt.Publish(topic, MESSAGE.encode(), qos=1, packet_id=2), step="publish")
    session.machine.clock.spend(_PUBLISH_MS)
    session.machine.console.log("publish sent")
    first = session.wait(step="publish")
    second = session.wait(step="publish")
    # Either of the two can arrive first; the console shows them in one order.
    echo, acknowledgement = (first, second) if isinstance(first, mqtt.Publish) else (second, first)
    if not isinstance(echo, mqtt.Publish) or not isinstance(acknowledgement, mqtt.PubAck):
        raise session.ended("publish", "lost", code=1)
    session.passed(_ECHO_MS, echo)
    payload = echo.payload.decode("utf-8", "replace")
    session.machine.console.log("message", topic=echo.topic, payload=payload)
    if echo.qos:
        session.send(mqtt.PubAck(echo.packet_id), step="publish")
    session.passed(0, acknowledgement)
    session.machine.console.log("acknowledged")
