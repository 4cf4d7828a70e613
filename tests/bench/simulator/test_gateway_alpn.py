from __future__ import annotations

import socket
import ssl
import subprocess

import pytest
from simulator_fixtures import Cloud, Device, last_reason

from labkit.bench.simulator import mqtt

pytest_plugins = ("cloud_fixtures",)

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("offered", "selected"),
    [
        ([], None),
        (["x-amzn-mqtt-ca"], "x-amzn-mqtt-ca"),
        (["h2", "x-amzn-mqtt-ca"], "x-amzn-mqtt-ca"),
    ],
)
def test_alpn_selects_mqtt(
    cloud: Cloud,
    led: Device,
    *,
    version: ssl.TLSVersion,
    offered: list[str],
    selected: str | None,
) -> None:
    """A client that offers x-amzn-mqtt-ca gets it; one that offers nothing gets in as well."""
    context = cloud.tls(led, version=version)
    if offered:
        context.set_alpn_protocols(offered)
    with (
        socket.create_connection(cloud.address, timeout=5) as raw,
        context.wrap_socket(raw, server_hostname=cloud.gateway.endpoint_name) as tls,
    ):
        assert tls.selected_alpn_protocol() == selected
        tls.sendall(mqtt.encode(mqtt.Connect("LED")))
        assert tls.recv(4) == mqtt.encode(mqtt.ConnAck())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("offered", ["http/1.1", "x-amzn-http-ca", "x-amzn-mqtt-ca2"])
def test_alpn_without_mqtt_gets_an_alert(
    cloud: Cloud, led: Device, version: ssl.TLSVersion, offered: str
) -> None:
    """Other protocols are not spoken here: no_application_protocol (RFC 7301)."""
    context = cloud.tls(led, version=version)
    context.set_alpn_protocols([offered])
    with (
        socket.create_connection(cloud.address, timeout=5) as raw,
        pytest.raises(ssl.SSLError, match="no application protocol"),
    ):
        context.wrap_socket(raw, server_hostname=cloud.gateway.endpoint_name)
    assert last_reason(cloud) == f"the client offers {offered} by ALPN, not x-amzn-mqtt-ca"


@pytest.mark.needs("openssl")
def test_openssl_negotiates_alpn(cloud: Cloud, led: Device) -> None:
    """`openssl s_client -alpn` reports the protocol, as on port 443 of AWS IoT."""
    certificate, key = led.write(cloud.folder)
    outcomes = {}
    for offered in ("x-amzn-mqtt-ca", "http/1.1"):
        done = subprocess.run(
            [
                *("openssl", "s_client", "-connect", f"127.0.0.1:{cloud.address[1]}"),
                *("-servername", cloud.gateway.endpoint_name, "-alpn", offered),
                *("-CAfile", cloud.gateway.root_ca_file, "-cert", certificate, "-key", key),
            ],
            input=b"",
            capture_output=True,
            check=False,
        )
        outcomes[offered] = done.returncode, b"ALPN protocol: " + offered.encode() in done.stdout
    assert outcomes == {"x-amzn-mqtt-ca": (0, True), "http/1.1": (1, False)}
