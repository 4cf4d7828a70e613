from __future__ import annotations

import re
import socket
import ssl
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from simulator_fixtures import (
    Authority,
    Client,
    Cloud,
    Device,
    connected,
    last_reason,
)

from labkit.bench.simulator import mqtt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


pytest_plugins = ("cloud_fixtures",)


def is_ended(connection: socket.socket) -> bool:
    """Return whether nothing comes any more; a reset is an end as well."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def eventually(condition: Callable[[], bool], within_s: float = 2) -> bool:
    """Return whether a condition comes true in time."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize("version", VERSIONS)
def test_hello_world_is_accepted(cloud: Cloud, led: Device, version: ssl.TLSVersion) -> None:
    """CONNECT, SUBSCRIBE, PUBLISH and its own message back, over TLS 1.2 and 1.3."""
    with Client(cloud, led, version=version) as client:
        assert client.ask(mqtt.Connect("LED", 60)) == mqtt.ConnAck()
        wanted = mqtt.Subscribe(1, (("LED/example/topic", 1),))
        assert client.ask(wanted) == mqtt.SubAck(1, (1,))
        client.send(mqtt.Publish("LED/example/topic", b"Hello World!", 1, packet_id=7))
        assert client.receive() == mqtt.PubAck(7)
        assert client.receive() == mqtt.Publish("LED/example/topic", b"Hello World!", 1, 1)
        client.send(mqtt.PubAck(1))
        assert client.ask(mqtt.PingReq()) == mqtt.PingResp()
        assert cloud.gateway.connections == ("LED",)
        assert client.ask(mqtt.Disconnect()) is None
    accepted, closed = cloud.events
    assert (accepted.verb, accepted.client_id, accepted.certificate_id) == (
        "accepted", "LED", led.id,
    )  # fmt: skip
    assert (closed.verb, closed.reason) == ("closed", "the client sent DISCONNECT")
    assert cloud.gateway.connections == ()


def test_paho_says_hello(cloud: Cloud, led: Device) -> None:
    """A second implementation, Eclipse paho, is served as well: QoS 0, QoS 1 and wildcards."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="LED")
    client.tls_set_context(cloud.tls(led))
    got: list[tuple[str, bytes]] = []
    subscribed, done = threading.Event(), threading.Event()

    def on_message(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        got.append((message.topic, message.payload))
        if len(got) == 2:
            done.set()

    # A client that refers to itself is deleted late, and closes its last sockets as late.
    client.on_connect = lambda client, *_: client.subscribe("LED/example/topic", 1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = on_message
    # The name must be the endpoint's, the address is loopback's.
    client._create_socket_connection = lambda: socket.create_connection(cloud.address)  # noqa: SLF001 paho has no other seam
    client.connect(cloud.gateway.endpoint_name, 8883)
    client.loop_start()
    try:
        assert subscribed.wait(5)
        for qos in (0, 1):
            client.publish("LED/example/topic", f"Hello {qos}", qos)
        assert done.wait(5)
    finally:
        client.disconnect()
        client.loop_stop()
    assert got == [("LED/example/topic", b"Hello 0"), ("LED/example/topic", b"Hello 1")]


def test_a_refused_client_takes_nothing_over(cloud: Cloud, ca: Authority, led: Device) -> None:
    """Only who may connect under a client id, and with that will, ends the one that has it."""
    thief = ca.issue("thief")
    cloud.register(thief)
    cloud.iot.attach_policy(policyName="hello", target=cloud.arn("cert", thief.id))
    with connected(cloud, led) as owner, Client(cloud, thief) as later:
        assert later.ask(mqtt.Connect("LED")) is None
        assert owner.ask(mqtt.PingReq()) == mqtt.PingResp()
    will = mqtt.Will("pump/x")
    with connected(cloud, led) as owner, Client(cloud, led) as later:
        assert later.ask(mqtt.Connect("LED", will=will)) is None
        assert owner.ask(mqtt.PingReq()) == mqtt.PingResp()


def test_silent_connection_is_closed_after_one_and_a_half_keep_alives(
    cloud: Cloud, ca: Authority, led: Device
) -> None:
    """With a keep-alive of 1 s, silence ends a connection; one that pings in time stays."""
    pump = ca.issue("pump")
    cloud.register(pump)
    cloud.attach_thing(pump)
    cloud.iot.attach_policy(policyName="hello", target=cloud.arn("cert", pump.id))
    with Client(cloud, led) as silent, Client(cloud, pump) as talker:
        silent.ask(mqtt.Connect("LED", keep_alive_s=1))
        talker.ask(mqtt.Connect("pump", keep_alive_s=1))
        while "LED" in cloud.gateway.connections:
            assert talker.ask(mqtt.PingReq()) == mqtt.PingResp()
            time.sleep(0.2)
        assert silent.receive() is None
        assert last_reason(cloud) == "no packet within 1.5 times the keep-alive, 1.5 s"
        assert talker.ask(mqtt.PingReq()) == mqtt.PingResp()


@pytest.mark.parametrize("status", ["INACTIVE", "REVOKED"])
def test_certificate_that_leaves_active_loses_its_connections(
    cloud: Cloud, led: Device, status: str
) -> None:
    """At once, whether CONNECT was sent already or not."""
    with connected(cloud, led) as client, Client(cloud, led) as shaken:
        assert eventually(lambda: len(cloud.gateway._broker._by_arn) == 1)  # noqa: SLF001 TLS 1.2: nothing to ask
        cloud.iot.update_certificate(certificateId=led.id, newStatus=status)
        for each in (client, shaken):
            assert each.receive() is None
    assert last_reason(cloud) == f"the certificate is {status} now"


def test_certificate_that_stays_active_keeps_its_connections(cloud: Cloud, led: Device) -> None:
    """An update to the same status, and another certificate's end, are no reason to close."""
    other = Authority("Another CA")
    cloud.register_ca(other)
    pump = other.issue("pump")
    cloud.register(pump)
    with connected(cloud, led) as client:
        cloud.iot.update_certificate(certificateId=led.id, newStatus="ACTIVE")
        cloud.iot.update_certificate(certificateId=pump.id, newStatus="REVOKED")
        assert client.ask(mqtt.PingReq()) == mqtt.PingResp()


def test_detached_policy_is_felt_at_the_next_action(cloud: Cloud, led: Device) -> None:
    """A connection outlives its policy until it does something that is not allowed any more."""
    with connected(cloud, led) as client:
        assert client.ask(mqtt.Publish("LED/a", b"x", 1, 1)) == mqtt.PubAck(1)
        cloud.iot.detach_policy(policyName="hello", target=cloud.arn("cert", led.id))
        assert client.ask(mqtt.PingReq()) == mqtt.PingResp()
        assert client.ask(mqtt.Publish("LED/a", b"x", 1, 2)) is None


def test_bad_clients_hurt_nobody_else(cloud: Cloud, led: Device) -> None:
    """Garbage, half a handshake and 200 idle sockets: a device is served all the same."""
    with connected(cloud, led) as client:
        idle = [socket.create_connection(cloud.address, timeout=5) for _ in range(200)]
        for number, bad in enumerate(idle[:50]):
            bad.sendall(b"GET / HTTP/1.1\r\n\r\n" if number % 2 else b"\x16\x03\x01\x02\x00\x01")
        assert client.ask(mqtt.PingReq()) == mqtt.PingResp()
        with idle[1] as answered:
            while answered.recv(100):
                pass
        assert re.match(
            "TLS failed in the TLS handshake: .*http", last_reason(cloud), re.IGNORECASE
        )
        for bad in idle:
            bad.close()


def test_connection_that_says_nothing_is_closed(
    cloud: Cloud, led: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Handshake and CONNECT must come in time."""
    monkeypatch.setattr("labkit.bench.simulator.gateway.mqtt_session.CONNECT_TIMEOUT_S", 0.3)
    with socket.create_connection(cloud.address, timeout=5) as idle:
        assert is_ended(idle)
    with Client(cloud, led) as shaken:
        assert is_ended(shaken.socket)
    assert last_reason(cloud) == "no CONNECT within 0.3 s"


def test_identity_of_the_gateway_stays(tmp_path: Path) -> None:
    """Root, certificate, keys and name are the same in the next run; keys are mode 0600."""
    kept = []
    for _ in range(2):
        cloud = Cloud(tmp_path)
        files = sorted((tmp_path / "gateway").iterdir())
        kept.append((cloud.gateway.endpoint_name, [path.read_bytes() for path in files]))
        cloud.close()
    assert kept[0] == kept[1]
    modes = {path.name: path.stat().st_mode & 0o777 for path in files if path.suffix == ".key"}
    assert modes == {"rootCA.key": 0o600, "server.key": 0o600}


@pytest.mark.needs("openssl")
def test_openssl_verifies_the_servers_certificate(cloud: Cloud) -> None:
    """`openssl verify -x509_strict` finds nothing wrong; another name is a mismatch."""
    folder = cloud.gateway.root_ca_file.parent
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver"]
    command += ["-CAfile", folder / "rootCA.pem", "-verify_hostname"]
    for name, code in ((cloud.gateway.endpoint_name, 0), ("other.example", 2)):
        done = subprocess.run(
            [*command, name, folder / "server.pem"], capture_output=True, check=False
        )
        assert done.returncode == code, done.stderr
