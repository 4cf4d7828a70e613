"""Devices that are not registered, and a listener for their first connections."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from simulator_fixtures import (
    OPEN,
    Authority,
    Client,
    Cloud,
    Device,
    connected,
    refused,
)

from labkit.bench.simulator import mqtt

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "VERSIONS",
    "Chained",
    "alert",
    "chained",
    "drops",
    "is_unknown",
    "no_event",
    "status",
    "watcher",
]

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@dataclass
class Chained(Device):
    """A device that sends a CA's certificate behind its own, as the JITR macro makes it do."""

    ca: Authority

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write certificates and key."""
        certificate, key = super().write(folder)
        certificate.write_text(self.pem + self.ca.pem)
        return certificate, key


def chained(device: Device, ca: Authority) -> Chained:
    """Return the device with a CA to send."""
    return Chained(device.name, device.key, device.certificate, ca)


def watcher(cloud: Cloud) -> Client:
    """Connect somebody who has subscribed to the event of every CA."""
    authority = Authority("Operators' CA")
    cloud.register_ca(authority)
    operator = authority.issue("operator")
    cloud.register(operator)
    cloud.attach_policy(operator, OPEN, name="open")
    client = connected(cloud, operator)
    wanted = mqtt.Subscribe(1, (("$aws/events/certificates/registered/+", 1),))
    assert client.ask(wanted) == mqtt.SubAck(1, (1,))
    return client


def no_event(client: Client) -> bool:
    """Return whether nothing waits in front of the answer to a ping."""
    return client.ask(mqtt.PingReq()) == mqtt.PingResp()


def drops(cloud: Cloud, device: Device, version: ssl.TLSVersion = VERSIONS[0]) -> None:
    """Connect and be closed in good order: close_notify, and no CONNACK before it."""
    raw = socket.create_connection(cloud.address, timeout=5)
    # Without close_notify this raises: it does not take a mere end of file for an end.
    with cloud.tls(device, version=version).wrap_socket(
        raw, server_hostname=cloud.gateway.endpoint_name, suppress_ragged_eofs=False
    ) as client:
        client.sendall(mqtt.encode(mqtt.Connect(device.name)))
        assert client.recv(100) == b""


def alert(cloud: Cloud, device: Device, **tls: ssl.TLSVersion) -> str:
    """Return the alert with which a handshake ends."""
    with pytest.raises(ssl.SSLError) as caught, cloud.connect(device, **tls) as connection:
        connection.recv(1)
    return str(caught.value.reason)


def status(cloud: Cloud, device: Device) -> str:
    """Return a certificate's status in the registry."""
    answer = cloud.iot.describe_certificate(certificateId=device.id)
    return str(answer["certificateDescription"]["status"])


def is_unknown(cloud: Cloud, device: Device) -> bool:
    """Return whether a certificate is not registered."""
    answer = refused(cloud.iot.describe_certificate, certificateId=device.id)
    return answer == ("ResourceNotFoundException", 404)
