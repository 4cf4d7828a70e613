"""Real clients' handshakes, as the gateway saw them: paho, `openssl s_client`, two at once."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from handshakes_seen import CLIENT, broke, reported, seen, step

from labkit.bench.simulator import mqtt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator_fixtures import Authority, Cloud, Device

pytest_plugins = ("cloud_fixtures",)


@pytest.fixture(autouse=True)
def port(cloud: Cloud) -> None:
    """Lead every connection of a test to one port."""
    cloud.address = cloud.gateway.open_port(CLIENT)
    cloud.gateway.attempts.look_up(CLIENT)


@pytest.mark.parametrize(
    ("client_id", "message"), [("LED", ""), ("somebody", "CONNECT")], ids=["accepted", "refused"]
)
def test_paho(cloud: Cloud, led: Device, client_id: str, message: str) -> None:
    """A real MQTT client is seen as far as it comes."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=client_id)
    certificate, key = led.write(cloud.folder)
    client.tls_set(str(cloud.gateway.root_ca_file), str(certificate), str(key))
    client.tls_insecure_set(True)  # noqa: FBT003 paho's; its name for SNI is the host's below
    answered = threading.Event()
    client.on_connect = client.on_disconnect = lambda *_: answered.set()
    with to_endpoint(cloud) as host:
        client.connect(host, cloud.address[1])
        client.loop_start()
        assert answered.wait(5)
        client.disconnect()
        client.loop_stop()
    shaken = seen(cloud)
    assert shaken.is_accepted == (not message)
    assert (shaken.broke_at.message if shaken.broke_at else "") == message
    assert step(shaken, "device", "CONNECT").means.endswith(f": {client_id}")


@contextlib.contextmanager
def to_endpoint(cloud: Cloud) -> Iterator[str]:
    """Have the endpoint's name lead to the gateway, for a client that looks names up."""
    with pytest.MonkeyPatch.context() as patch:
        look_up = socket.getaddrinfo
        patch.setattr(
            socket,
            "getaddrinfo",
            lambda _, port, *rest, **named: look_up(cloud.address[0], port, *rest, **named),
        )
        yield cloud.gateway.endpoint_name


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(("root", "expected"), [("its own", "CONNECT"), ("another", "Certificate")])
def test_openssl(cloud: Cloud, ca: Authority, led: Device, root: str, expected: str) -> None:
    """`openssl s_client` gets through with the right root, and refuses with another."""
    certificate, key = led.write(cloud.folder)
    other = cloud.folder / "other.pem"
    other.write_text(ca.pem)
    done = subprocess.run(
        [
            *(str(shutil.which("openssl")), "s_client", "-verify_return_error"),
            *("-connect", f"127.0.0.1:{cloud.address[1]}"),
            *("-servername", cloud.gateway.endpoint_name),
            *("-CAfile", str(cloud.gateway.root_ca_file if root == "its own" else other)),
            *("-cert", str(certificate), "-key", str(key)),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=20,
    )
    assert (done.returncode == 0) == (root == "its own"), done.stderr
    shaken = seen(cloud)
    assert broke(shaken)[1] == expected
    assert (shaken.alert == "unknown_ca") == (root == "another")


def test_two_at_once_are_not_mixed(cloud: Cloud, ca: Authority, led: Device) -> None:
    """Each client's attempt is its own, however they come in between each other."""
    clients = {"board 0": led, "board 1": ca.issue("stranger")}
    addresses = {name: cloud.gateway.open_port(name) for name in clients}
    ready = threading.Barrier(len(clients))
    contexts = {name: cloud.tls(device) for name, device in clients.items()}

    def shake(name: str) -> None:
        for _ in range(10):
            ready.wait(5)
            with (
                contextlib.suppress(OSError),
                socket.create_connection(addresses[name]) as raw,
                contexts[name].wrap_socket(raw, server_hostname=cloud.gateway.endpoint_name) as tls,
            ):
                tls.sendall(mqtt.encode(mqtt.Connect("LED")))
                tls.recv(1)

    threads = [threading.Thread(target=shake, args=[name]) for name in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen(cloud, "board 0").is_accepted
    assert reported(cloud, "board 0")["subject"] == "CN=LED"
    assert broke(seen(cloud, "board 1")) == ("device", "Certificate")
    assert reported(cloud, "board 1")["subject"] == "CN=stranger"
