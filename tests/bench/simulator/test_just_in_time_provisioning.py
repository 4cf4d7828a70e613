from __future__ import annotations

import json
import socket
import threading

import paho.mqtt.client as paho
from first_connections import chained
from paho.mqtt.enums import CallbackAPIVersion
from simulator_fixtures import (
    Authority,
    Cloud,
)

from labkit import policy

pytest_plugins = ("cloud_fixtures",)


ROLE = "arn:aws:iam::123456789012:role/JITP"
COMMON_NAME = "AWS::IoT::Certificate::CommonName"


def template() -> dict[str, str]:
    """Return a registration config: thing, hello world's policy and ACTIVE."""
    body = {
        "Parameters": {name: {"Type": "String"} for name in (COMMON_NAME,)},
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
