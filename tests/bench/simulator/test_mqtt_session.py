from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from simulator_fixtures import (
    ACCOUNT_ID,
    OPEN,
    REGION,
    Authority,
    Client,
    Cloud,
    Device,
    connected,
    last_reason,
)

from labkit.bench.simulator import mqtt

if TYPE_CHECKING:
    from collections.abc import Iterator


def allowing(*statements: tuple[str, str]) -> dict[str, object]:
    """Return a policy that allows each action on a resource of this account."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": action,
                "Resource": f"arn:aws:iot:{REGION}:{ACCOUNT_ID}:{resource}",
            }
            for action, resource in statements
        ],
    }


pytest_plugins = ("cloud_fixtures",)


@pytest.mark.parametrize("client_id", ["", "x" * 129, "$x"])
def test_client_id_beyond_the_limits_is_refused(
    cloud: Cloud, ca: Authority, client_id: str
) -> None:
    """1 to 128 bytes, and no $ in front, even where the policy allows everything."""
    device = ca.issue("LED")
    cloud.register(device)
    cloud.attach_policy(device, OPEN)
    with Client(cloud, device) as client:
        assert client.ask(mqtt.Connect(client_id)) is None
    with Client(cloud, device) as client:
        assert client.ask(mqtt.Connect("x" * 128)) == mqtt.ConnAck()


def test_first_packet_must_be_connect(cloud: Cloud, led: Device) -> None:
    """MQTT-3.1.0-1."""
    with Client(cloud, led) as client:
        assert client.ask(mqtt.PingReq()) is None


def test_other_protocol_version_is_named_in_the_connack(cloud: Cloud, led: Device) -> None:
    """A CONNECT of MQTT 5 is answered with return code 1 and the end (MQTT-3.1.2-2)."""
    connect = mqtt.encode(mqtt.Connect("LED")).replace(b"MQTT\x04", b"MQTT\x05")
    with Client(cloud, led) as client:
        assert client.ask(connect) == mqtt.ConnAck(1)
        assert client.receive() is None


def test_second_connect_ends_the_connection(cloud: Cloud, led: Device) -> None:
    """MQTT-3.1.0-2."""
    with Client(cloud, led) as client:
        client.ask(mqtt.Connect("LED"))
        assert client.ask(mqtt.Connect("LED")) is None


@pytest.mark.parametrize(
    "packet",
    [
        mqtt.Publish("pump/example/topic", b"x"),
        mqtt.Publish("LED", b"x", 1, 1),
        mqtt.Publish("LED/a", b"x", 2, 1),
        mqtt.Publish("LED/a", b"x", retain=True),
        mqtt.Publish("LED/a", b"x" * (128 * 1024 + 1)),
        mqtt.Publish("LED/" + "x" * 253, b"x"),
        mqtt.Publish("LED/1/2/3/4/5/6/7/8", b"x"),
        mqtt.Subscribe(1, (("pump/#", 0),)),
        mqtt.Subscribe(1, (("#", 0),)),
        mqtt.Subscribe(1, (("LED/a", 2),)),
        mqtt.Subscribe(1, (("LED/a", 0), ("pump/a", 0))),
        mqtt.Subscribe(1, (("LED/#/a", 0),)),
        mqtt.Subscribe(1, tuple((f"LED/{number}", 0) for number in range(9))),
        mqtt.ConnAck(),
        b"\x00\x00",
        b"\x30\xff\xff\xff\xff\x7f",
    ],
    ids=lambda packet: repr(packet)[:50],
)
def test_what_is_not_allowed_ends_the_connection(
    cloud: Cloud, led: Device, packet: mqtt.Packet | bytes
) -> None:
    """An unauthorized publish or subscription, and what AWS IoT does not take, disconnect.

    Nobody else notices: a connection of another certificate stays.
    """
    other = Authority("Another CA")
    cloud.register_ca(other)
    pump = other.issue("pump")
    cloud.register(pump)
    cloud.attach_policy(pump, OPEN, name="open")
    with connected(cloud, pump) as bystander, connected(cloud, led) as client:
        assert client.ask(packet) is None
        assert bystander.ask(mqtt.PingReq()) == mqtt.PingResp()


def test_fifty_first_subscription_gets_0x80(cloud: Cloud, led: Device) -> None:
    """50 subscriptions a connection; one more fails in the SUBACK, an old one does not."""
    with connected(cloud, led) as client:
        for number in range(50):
            client.ask(mqtt.Subscribe(1, ((f"LED/{number}", 0),)))
        assert client.ask(mqtt.Subscribe(1, (("LED/50", 0),))) == mqtt.SubAck(1, (0x80,))
        assert client.ask(mqtt.Subscribe(2, (("LED/49", 1),))) == mqtt.SubAck(2, (1,))
        assert client.ask(mqtt.Unsubscribe(3, ("LED/0",))) == mqtt.UnsubAck(3)
        assert client.ask(mqtt.Subscribe(4, (("LED/50", 0),))) == mqtt.SubAck(4, (0,))


@pytest.fixture
def pair(cloud: Cloud, ca: Authority) -> Iterator[tuple[Client, Client]]:
    """Connect two devices; the second may receive below news/ only."""
    policies = [
        OPEN,
        allowing(
            ("iot:Connect", "client/*"),
            ("iot:Subscribe", "topicfilter/*"),
            ("iot:Receive", "topic/news/*"),
        ),
    ]
    devices = [ca.issue(name) for name in ("first", "second")]
    for device, document in zip(devices, policies, strict=True):
        cloud.register(device)
        cloud.attach_policy(device, document, name=device.name)
    with connected(cloud, devices[0]) as first, connected(cloud, devices[1]) as second:
        yield first, second


def test_messages_reach_those_who_want_them_and_may(pair: tuple[Client, Client]) -> None:
    """Wildcards route between connections; Receive is checked for the receiver."""
    first, second = pair
    assert second.ask(mqtt.Subscribe(1, (("#", 0), ("news/+", 1)))) == mqtt.SubAck(1, (0, 1))
    for topic, qos in (("secret/a", 1), ("news/a", 1), ("news/b", 0), ("news/a/b", 1)):
        first.send(mqtt.Publish(topic, topic.encode(), qos, packet_id=5 if qos else 0))
    assert second.receive() == mqtt.Publish("news/a", b"news/a", 1, 1)
    assert second.receive() == mqtt.Publish("news/b", b"news/b")
    assert second.receive() == mqtt.Publish("news/a/b", b"news/a/b")
    assert second.ask(mqtt.Unsubscribe(2, ("#", "news/+"))) == mqtt.UnsubAck(2)
    first.send(mqtt.Publish("news/c", b""))
    assert second.ask(mqtt.PingReq()) == mqtt.PingResp()


def test_what_follows_a_disconnect_is_not_heard(cloud: Cloud, ca: Authority) -> None:
    """Packets behind a DISCONNECT in the same write are dropped (MQTT-3.14.4-1)."""
    device, watcher = ca.issue("first"), ca.issue("second")
    for each in (device, watcher):
        cloud.register(each)
        cloud.attach_policy(each, OPEN, name=each.name)
    with connected(cloud, watcher) as second, connected(cloud, device) as first:
        second.ask(mqtt.Subscribe(1, (("a", 0),)))
        packets = (mqtt.Publish("a", b"heard"), mqtt.Disconnect(), mqtt.Publish("a", b"late"))
        first.send(b"".join(map(mqtt.encode, packets)))
        assert first.receive() is None
        assert second.receive() == mqtt.Publish("a", b"heard")
        assert second.ask(mqtt.PingReq()) == mqtt.PingResp()


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (mqtt.Publish("$aws/events/certificates/registered/x", b"{}", 1, 1), "reserved topic"),
        (mqtt.Publish("$aws/things/LED/shadow/update", b"{}", 1, 1), "has no service there"),
        (mqtt.Publish("$SYS/x", b"x", 1, 1), "reserved topic"),
        (mqtt.Subscribe(1, (("$aws/rules/lamp/#", 0),)), "below $aws/events/ only"),
        (mqtt.Subscribe(1, (("$aws/#", 0),)), "reserved topic"),
        (mqtt.Subscribe(1, (("$aws/+/certificates/#", 0),)), "reserved topic"),
        (mqtt.Subscribe(1, (("$share/group/#", 0),)), "reserved topic"),
        (mqtt.Publish("a", b"x", 1, 1, retain=True), "does not retain messages"),
    ],
    ids=lambda packet: repr(packet)[:50],
)
def test_what_the_account_does_not_offer_ends_the_connection(
    cloud: Cloud, ca: Authority, packet: mqtt.Packet, reason: str
) -> None:
    """Whatever the policy allows: reserved topics, and messages to be retained."""
    device = ca.issue("LED")
    cloud.register(device)
    cloud.attach_policy(device, OPEN)
    with connected(cloud, device) as client:
        assert client.ask(packet) is None
    assert reason in last_reason(cloud)


def test_events_can_be_subscribed_to(cloud: Cloud, ca: Authority) -> None:
    """The twin: the account's own events are the reserved topics that are offered."""
    device = ca.issue("LED")
    cloud.register(device)
    cloud.attach_policy(device, OPEN)
    with connected(cloud, device) as client:
        for topic in ("$aws/events/#", "$aws/events/certificates/registered/+", "a/$aws"):
            assert client.ask(mqtt.Subscribe(1, ((topic, 0),))) == mqtt.SubAck(1, (0,))
