from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from newcomers import VERSIONS, chained, drops, nothing_came, status, watcher
from paho.mqtt.enums import CallbackAPIVersion
from simulator_fixtures import (
    Authority,
    Client,
    Cloud,
    last_reason,
    refused,
)

from labkit import policy
from labkit.bench.simulator import mqtt

if TYPE_CHECKING:
    import ssl


pytest_plugins = ("cloud_fixtures",)


ROLE = "arn:aws:iam::123456789012:role/JITP"
COMMON_NAME = "AWS::IoT::Certificate::CommonName"
COUNTRY = "AWS::IoT::Certificate::Country"


def template(*declared: str) -> dict[str, str]:
    """Return a registration config: thing, hello world's policy and ACTIVE; and parameters."""
    body = {
        "Parameters": {name: {"Type": "String"} for name in (COMMON_NAME, *declared)},
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "Properties": {"ThingName": {"Ref": COMMON_NAME}},
            },
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {
                    "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"},
                    "Status": "ACTIVE",
                },
            },
            "policy": {
                "Type": "AWS::IoT::Policy",
                "Properties": {
                    "PolicyDocument": json.dumps(
                        policy.hello_world_policy("us-east-1", "123456789012")
                    )
                },
            },
        },
    }
    body["Parameters"]["AWS::IoT::Certificate::Id"] = {"Type": "String"}
    return {"templateBody": json.dumps(body), "roleArn": ROLE}


@pytest.mark.parametrize("version", VERSIONS)
def test_template_provisions_and_the_second_connection_is_in(
    cloud: Cloud, version: ssl.TLSVersion
) -> None:
    """JITP: thing, policy and ACTIVE come from the template; the first connection drops anyway."""
    authority = Authority("JITP CA")
    cloud.register_ca(authority, allowAutoRegistration=True, registrationConfig=template())
    device = chained(authority.issue("LED"), authority)
    with watcher(cloud) as operator:
        drops(cloud, device, version)
        assert isinstance(operator.receive(), mqtt.Publish)
        assert status(cloud, device) == "ACTIVE"
        with Client(cloud, device, version=version) as client:
            assert client.ask(mqtt.Connect("LED")) == mqtt.ConnAck()
            assert client.ask(mqtt.Publish("LED/a", b"x", 1, 1)) == mqtt.PubAck(1)
            assert nothing_came(operator)


def test_paho_tries_again_and_is_in(cloud: Cloud) -> None:
    """A client that reconnects by itself, as devices should, needs no more than that."""
    authority = Authority("JITP CA")
    cloud.register_ca(authority, allowAutoRegistration=True, registrationConfig=template())
    device = chained(authority.issue("LED"), authority)
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="LED")
    client.tls_set_context(cloud.tls(device))
    ends, connected_at_last = list[object](), threading.Event()
    client.on_disconnect = lambda *about: ends.append(about[3])
    client.on_connect = lambda *_: connected_at_last.set()
    # The name must be the endpoint's, the address is loopback's.
    client._create_socket_connection = lambda: socket.create_connection(cloud.address)  # noqa: SLF001 paho has no other seam
    client.connect(cloud.gateway.endpoint_name, 8883)
    client.loop_start()
    try:
        assert connected_at_last.wait(10)
        assert len(ends) == 1
        assert cloud.gateway.connections == ("LED",)
    finally:
        client.disconnect()
        client.loop_stop()


def test_parameter_that_the_subject_lacks_leaves_it_pending(cloud: Cloud) -> None:
    """A template that declares a country fails for CN=LED, at every connection."""
    authority = Authority("JITP CA")
    config = template(COUNTRY)
    cloud.register_ca(authority, allowAutoRegistration=True, registrationConfig=config)
    device = chained(authority.issue("LED"), authority)
    for _ in range(2):
        drops(cloud, device)
        assert status(cloud, device) == "PENDING_ACTIVATION"
        assert "Country" in last_reason(cloud)
    assert refused(cloud.iot.describe_thing, thingName="LED")[0] == "ResourceNotFoundException"
