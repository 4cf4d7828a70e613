from __future__ import annotations

import contextlib
import os
import socket
import ssl
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtensionOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulator_fixtures import (
    MORNING,
    OPEN,
    Authority,
    Client,
    Cloud,
    Device,
    connected,
    last_reason,
)
from steady_client import undisturbed

from labkit.bench.simulator import mqtt
from labkit.bench.simulator.board import board_tls
from labkit.bench.simulator.gateway import tls_connection
from labkit.bench.simulator.mqtt.decoder import Decoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest_plugins = ("cloud_fixtures",)

TIMEOUT_S = 0.3
SOCKETS = 300
CUT_OFF = r"(?i)pipe|reset|eof|closed|abort"
"""What sending fails with, on any platform, once the other side has ended the connection."""


@pytest.fixture
def steady(cloud: Cloud, led: Device) -> Iterator[None]:
    """Have a well-behaved client publish and hear its own messages through the whole test."""
    with undisturbed(cloud, led):
        yield


@pytest.fixture
def bad(cloud: Cloud, ca: Authority) -> Device:
    """Return a device that may do anything and behaves badly."""
    device = ca.issue("bad")
    cloud.register(device)
    cloud.attach_policy(device, OPEN, name="open")
    return device


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the gateway wait for a CONNECT for a fraction of a second only."""
    monkeypatch.setattr("labkit.bench.simulator.gateway.mqtt_session.CONNECT_TIMEOUT_S", TIMEOUT_S)


def ends(connection: socket.socket, within_s: float = 5) -> bool:
    """Return whether the other side ends a connection; a reset is an end as well."""
    connection.settimeout(within_s)
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def drip(slow: socket.socket, sent: bytes, *, size: int = 1, pause_s: float = 0) -> None:
    """Send bytes in small pieces."""
    for at in range(0, len(sent), size):
        slow.sendall(sent[at : at + size])
        time.sleep(pause_s)


def is_broken(sent: bytes, *, connected: bool) -> bool:
    """Return whether what a client sent must end its connection."""
    try:
        packets = list(Decoder().feed(sent))
    except mqtt.MqttProtocolError:
        return True
    first = packets and not isinstance(packets[0], mqtt.Connect) and not connected
    return bool(first) or any(isinstance(each, mqtt.Disconnect) for each in packets)


VALID = [
    mqtt.Connect("bad", 60, will=mqtt.Will("a", b"x")),
    mqtt.Publish("a/b", b"x" * 20, 1, 7),
    mqtt.Subscribe(1, (("a/#", 1),)),
    mqtt.Unsubscribe(2, ("a/#",)),
    mqtt.PubAck(3),
    mqtt.PingReq(),
]
DAMAGED = st.builds(
    lambda packet, at, byte: packet[: at % len(packet)] + byte + packet[at % len(packet) :][1:],
    st.sampled_from(VALID).map(mqtt.encode),
    st.integers(0, 40),
    st.binary(max_size=2),
)
ANYTHING = st.lists(st.binary(min_size=1, max_size=40) | DAMAGED, min_size=1, max_size=4)


@pytest.mark.parametrize("connected", [False, True])
@pytest.mark.usefixtures("steady")
def test_any_bytes_after_the_handshake(cloud: Cloud, bad: Device, *, connected: bool) -> None:
    """What is not MQTT ends its connection, before and after CONNECT.

    The `cloud` fixture fails the test if anything is logged as an error.
    """
    context = cloud.tls(bad)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(ANYTHING)
    def send(pieces: list[bytes]) -> None:
        sent = b"".join(pieces)
        with (
            socket.create_connection(cloud.address, timeout=5) as raw,
            context.wrap_socket(raw, server_hostname=cloud.gateway.endpoint_name) as client,
        ):
            if connected:
                client.sendall(mqtt.encode(mqtt.Connect("bad")))
            with contextlib.suppress(OSError):  # it may have been closed already
                client.sendall(sent)
                if not is_broken(sent, connected=connected):
                    return
            assert ends(client)

    send()


@pytest.mark.usefixtures("steady", "hasty")
def test_garbage_instead_of_tls(cloud: Cloud) -> None:
    """Random bytes, HTTP and records that promise more than comes: all of them are cut off."""
    garbage = [os.urandom(size) for size in (1, 5, 100, 20_000)]
    garbage += [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + os.urandom(300)]
    garbage += [mqtt.encode(mqtt.Connect("bad")), b"\x16\x03\x01\x40\x00\x01", b"\x00" * 50]
    with contextlib.ExitStack() as stack:
        sockets = []
        for sent in garbage:
            each = stack.enter_context(socket.create_connection(cloud.address, timeout=5))
            each.sendall(sent)
            sockets.append(each)
        assert all(map(ends, sockets))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.usefixtures("steady", "hasty")
def test_half_handshakes_that_stall(cloud: Cloud, bad: Device, version: ssl.TLSVersion) -> None:
    """Whatever the step at which a client falls silent, it is cut off in time."""
    with contextlib.ExitStack() as stack:
        stalled = []
        for kept_back in ("half a hello", "all behind the hello", "the last byte"):
            raw = stack.enter_context(socket.create_connection(cloud.address, timeout=5))
            coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = cloud.tls(bad, version=version).wrap_bio(
                coming, going, server_hostname=cloud.gateway.endpoint_name
            )
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            hello = going.read()
            raw.sendall(hello[: len(hello) // 2] if kept_back == "half a hello" else hello)
            if kept_back == "the last byte":
                coming.write(raw.recv(65536))
                with contextlib.suppress(ssl.SSLWantReadError):
                    tls.do_handshake()
                raw.sendall(going.read()[:-1])
            stalled.append(raw)
        assert all(map(ends, stalled))
    assert last_reason(cloud) == f"no CONNECT within {TIMEOUT_S:g} s"


@pytest.mark.usefixtures("steady", "hasty")
def test_slow_loris(cloud: Cloud, bad: Device) -> None:
    """Bytes that drip, of a handshake or of a CONNECT, do not buy time."""
    drops = mqtt.encode(mqtt.Connect("bad", will=mqtt.Will("a", b"x" * 1000)))
    hello = b"\x16\x03\x01\x40\x00\x01" + bytes(1000)
    with (
        socket.create_connection(cloud.address, timeout=5) as raw,
        Client(cloud, bad) as client,
    ):
        for slow, sent in ((client.socket, drops), (raw, hello)):
            with pytest.raises(OSError, match=CUT_OFF):
                drip(slow, sent, pause_s=TIMEOUT_S / 20)


@pytest.mark.usefixtures("steady")
def test_hundreds_of_idle_sockets(cloud: Cloud, bad: Device) -> None:
    """They may sit there and all go at once; one more device is let in all the same."""
    with contextlib.ExitStack() as stack:
        for _ in range(SOCKETS):
            stack.enter_context(socket.create_connection(cloud.address, timeout=5))
        with connected(cloud, bad) as client:
            assert client.ask(mqtt.PingReq()) == mqtt.PingResp()


@pytest.mark.usefixtures("steady")
def test_client_that_never_reads(
    cloud: Cloud, bad: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is owed is kept up to a limit; then its connection ends, and its publisher's not."""
    monkeypatch.setattr(tls_connection, "_MAX_UNSENT", 1 << 20)
    with Client(cloud, bad) as deaf, Client(cloud, bad) as talker:
        deaf.ask(mqtt.Connect("deaf", will=mqtt.Will("deaf/will", b"lost")))
        deaf.ask(mqtt.Subscribe(1, (("flood", 0),)))
        talker.ask(mqtt.Connect("talker"))
        talker.ask(mqtt.Subscribe(1, (("deaf/will", 0),)))
        # What the kernel's buffers of both ends hold comes on top of the limit.
        for _ in range(200):
            talker.send(mqtt.Publish("flood", b"x" * 100_000))
        assert talker.receive() == mqtt.Publish("deaf/will", b"lost")
        assert last_reason(cloud) == "the client does not read its messages"
        assert "deaf" not in cloud.gateway.connections
        assert ends(deaf.socket)


@pytest.mark.usefixtures("steady")
def test_client_that_never_reads_its_own_answers(
    cloud: Cloud, bad: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood of PINGREQ fills what is owed as well."""
    monkeypatch.setattr(tls_connection, "_MAX_UNSENT", 1 << 16)
    with Client(cloud, bad) as flood:
        flood.ask(mqtt.Connect("flood"))
        flood.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with pytest.raises(OSError, match=CUT_OFF):
            drip(flood.socket, mqtt.encode(mqtt.PingReq()) * 3_000_000, size=2000)


def with_extension(device: Device) -> bytes:
    """Return a certificate with an extension that is not DER."""
    extension = x509.UnrecognizedExtension(ExtensionOID.BASIC_CONSTRAINTS, b"no DER")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(device.certificate.subject)
        .issuer_name(device.certificate.issuer)
        .public_key(device.key.public_key())
        .serial_number(1)
        .not_valid_before(MORNING)
        .not_valid_after(MORNING + timedelta(days=1))
        .add_extension(extension, critical=False)
        .sign(device.key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.DER)


def with_bytes(device: Device, old: bytes, new: bytes) -> bytes:
    """Return a device's certificate with some bytes replaced."""
    der = device.certificate.public_bytes(serialization.Encoding.DER)
    assert der.count(old) == 1
    return der.replace(old, new)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (with_extension, "the certificate is not registered"),
        (lambda it: with_bytes(it, b"\xa0\3\2\1\2", b"\xa0\3\2\1\x58"), "cannot be read"),
        (lambda it: with_bytes(it, b"260101090000Z", b"2x0101090000Z"), "cannot be read"),
    ],
    ids=["extension", "version", "date"],
)
@pytest.mark.usefixtures("steady")
def test_damaged_certificate(
    cloud: Cloud, bad: Device, damage: Callable[[Device], bytes], reason: str
) -> None:
    """It is an alert to the sender, even if OpenSSL takes it for one, and no more."""
    credentials = board_tls.Credentials((damage(bad),), bad.key)
    with (
        socket.create_connection(cloud.address, timeout=5) as raw,
        pytest.raises(board_tls.TlsError) as caught,
    ):
        board_tls.connect(
            raw,
            cloud.gateway.endpoint_name,
            8883,
            credentials,
            root_ca_file=cloud.gateway.root_ca_file,
            now=MORNING,
        )
    assert caught.value.code == 0x7780
    assert reason in last_reason(cloud)
