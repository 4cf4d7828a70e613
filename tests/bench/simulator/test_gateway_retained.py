from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest
from simulator_fixtures import OPEN, Authority, Client, Cloud, Device, connected, last_reason

from labkit.bench.simulator import mqtt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ("cloud_fixtures",)

STATE = mqtt.Publish("LED/state", b"on", 1, 1, retain=True)


@pytest.fixture
def owner(cloud: Cloud, ca: Authority) -> Device:
    """Return a device that may do anything."""
    device = ca.issue("owner")
    cloud.register(device)
    cloud.attach_policy(device, OPEN, name="open")
    return device


def also_denied(cloud: Cloud, device: Device, action: str) -> None:
    """Take one action away from a device."""
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}],
    }
    cloud.attach_policy(device, document, name="denied")


def ping(client: Client) -> mqtt.Packet | None:
    """Ask for an answer: what comes before it was on its way."""
    return client.ask(mqtt.PingReq())


@pytest.fixture
def publisher(cloud: Cloud, owner: Device) -> Iterator[Client]:
    """Connect the device that publishes."""
    with connected(cloud, owner) as client:
        yield client


def test_retained_message_reaches_a_later_subscriber(
    cloud: Cloud, publisher: Client, owner: Device
) -> None:
    """It comes after the SUBACK, with the retain flag and the lower of the two QoS."""
    assert publisher.ask(STATE) == mqtt.PubAck(1)
    with Client(cloud, owner) as later:
        later.ask(mqtt.Connect("later"))
        for packet_id, qos in ((1, 0), (2, 1)):
            wanted = mqtt.Subscribe(packet_id, (("LED/state", qos),))
            assert later.ask(wanted) == mqtt.SubAck(packet_id, (qos,))
            came = later.receive()
            assert isinstance(came, mqtt.Publish)
            assert (came.topic, came.payload, came.qos, came.retain) == (
                "LED/state", b"on", qos, True,
            )  # fmt: skip
        assert ping(later) == mqtt.PingResp()


def test_who_has_subscribed_already_gets_it_as_any_other(
    cloud: Cloud, publisher: Client, owner: Device
) -> None:
    """MQTT-3.3.1-9: the retain flag is for new subscriptions."""
    with Client(cloud, owner) as early:
        early.ask(mqtt.Connect("early"))
        early.ask(mqtt.Subscribe(1, (("LED/#", 1),)))
        publisher.ask(STATE)
        assert early.receive() == mqtt.Publish("LED/state", b"on", 1, 1)


@pytest.mark.parametrize("topic_filter", ["LED/#", "LED/+", "#", "LED/state/more", "LED"])
def test_filter_with_wildcards_gets_nothing_retained(publisher: Client, topic_filter: str) -> None:
    """AWS IoT differs from MQTT 3.1.1 here: the filter must be the topic itself."""
    publisher.ask(STATE)
    assert publisher.ask(mqtt.Subscribe(2, ((topic_filter, 0),))) == mqtt.SubAck(2, (0,))
    assert ping(publisher) == mqtt.PingResp()


def test_last_message_counts_and_an_empty_one_clears(publisher: Client) -> None:
    """One message a topic is kept; an empty one ends that and reaches subscribers itself."""
    publisher.ask(STATE)
    publisher.ask(mqtt.Publish("LED/state", b"off", 1, 2, retain=True))
    publisher.ask(mqtt.Publish("LED/state", b"passing", 1, 3))
    publisher.ask(mqtt.Subscribe(4, (("LED/state", 0),)))
    assert publisher.receive() == mqtt.Publish("LED/state", b"off", retain=True)
    publisher.send(mqtt.Publish("LED/state", b"", 0, retain=True))
    assert publisher.receive() == mqtt.Publish("LED/state", b"")
    publisher.ask(mqtt.Unsubscribe(5, ("LED/state",)))
    publisher.ask(mqtt.Subscribe(6, (("LED/state", 0),)))
    assert ping(publisher) == mqtt.PingResp()


def test_retaining_needs_a_permission_of_its_own(cloud: Cloud, owner: Device) -> None:
    """Without iot:RetainPublish the connection closes and nothing is kept; iot:Publish stays."""
    also_denied(cloud, owner, "iot:RetainPublish")
    with connected(cloud, owner) as client:
        assert client.ask(mqtt.Publish("LED/state", b"on", 1, 1)) == mqtt.PubAck(1)
        assert client.ask(STATE) is None
    assert last_reason(cloud).startswith("iot:RetainPublish on topic/LED/state: explicitly denied")
    assert cloud.account.retained("LED/state") is None


def test_retained_message_needs_iot_receive(cloud: Cloud, owner: Device, ca: Authority) -> None:
    """As every delivery does."""
    deaf = ca.issue("deaf")
    cloud.register(deaf)
    cloud.iot.attach_policy(policyName="open", target=cloud.arn("cert", deaf.id))
    also_denied(cloud, deaf, "iot:Receive")
    with connected(cloud, owner) as client, connected(cloud, deaf) as listener:
        client.ask(STATE)
        assert listener.ask(mqtt.Subscribe(1, (("LED/state", 0),))) == mqtt.SubAck(1, (0,))
        assert ping(listener) == mqtt.PingResp()


def test_refused_subscription_gets_nothing(publisher: Client) -> None:
    """The 51st subscription is answered with 0x80, and not with what is retained."""
    publisher.ask(STATE)
    for number in range(50):
        publisher.ask(mqtt.Subscribe(1, ((f"a/{number}", 0),)))
    assert publisher.ask(mqtt.Subscribe(1, (("LED/state", 0),))) == mqtt.SubAck(1, (0x80,))
    assert ping(publisher) == mqtt.PingResp()


@pytest.mark.parametrize("topic", ["$aws/things/LED/shadow/update", "$aws/rules/lamp/a"])
def test_reserved_topic_is_never_retained(cloud: Cloud, owner: Device, topic: str) -> None:
    """Not even where the policy allows everything; without the flag it passes."""
    with connected(cloud, owner) as client:
        assert client.ask(mqtt.Publish(topic, b"{}", 1, 1)) == mqtt.PubAck(1)
        assert client.ask(mqtt.Publish(topic, b"{}", 1, 2, retain=True)) is None


def test_retained_message_is_committed_before_its_puback(cloud: Cloud, publisher: Client) -> None:
    """Another reader of the account's file sees it when the PUBACK is here: a kill is harmless."""
    publisher.ask(STATE)
    with contextlib.closing(sqlite3.connect(cloud.folder / "account.sqlite3")) as reader:
        kept = reader.execute("SELECT topic, payload, qos FROM retained_messages").fetchall()
    assert kept == [("LED/state", b"on", 1)]


def test_retained_message_outlives_the_gateway(tmp_path: Path) -> None:
    """The next run delivers what the last one kept, and not what it cleared."""
    cloud, authority = Cloud(tmp_path), Authority()
    cloud.register_ca(authority)
    device = authority.issue("LED")
    cloud.register(device)
    cloud.attach_policy(device, OPEN)
    with connected(cloud, device) as client:
        client.ask(STATE)
        client.ask(mqtt.Publish("LED/gone", b"x", 1, 2, retain=True))
        client.ask(mqtt.Publish("LED/gone", b"", 1, 3, retain=True))
    cloud.close()
    cloud = Cloud(tmp_path)
    try:
        with connected(cloud, device) as client:
            wanted = mqtt.Subscribe(1, (("LED/gone", 0), ("LED/state", 0)))
            assert client.ask(wanted) == mqtt.SubAck(1, (0, 0))
            assert client.receive() == mqtt.Publish("LED/state", b"on", retain=True)
            assert ping(client) == mqtt.PingResp()
    finally:
        cloud.close()


def test_will_is_retained_when_it_is_published(cloud: Cloud, owner: Device) -> None:
    """DISCONNECT takes it back; a lost connection leaves it to those who come later."""
    will = mqtt.Will("status/LED", b"lost", qos=1, retain=True)
    for farewell, kept in ((mqtt.Disconnect(), False), (None, True)):
        with connected(cloud, owner) as watching, Client(cloud, owner) as client:
            assert client.ask(mqtt.Connect("LED", will=will)) == mqtt.ConnAck()
            watching.ask(mqtt.Subscribe(1, (("status/LED", 0),)))
            if farewell is not None:
                assert client.ask(farewell) is None
            client.socket.close()
            if kept:
                assert watching.receive() == mqtt.Publish("status/LED", b"lost")
            assert bool(cloud.account.retained("status/LED")) is kept
    with connected(cloud, owner) as later:
        later.ask(mqtt.Subscribe(1, (("status/LED", 0),)))
        assert later.receive() == mqtt.Publish("status/LED", b"lost", retain=True)


def test_retained_will_needs_the_permission_at_connect(cloud: Cloud, owner: Device) -> None:
    """A will to be retained is judged as a message to be retained; another is not."""
    also_denied(cloud, owner, "iot:RetainPublish")
    for retain, answer in ((True, None), (False, mqtt.ConnAck())):
        with Client(cloud, owner) as client:
            will = mqtt.Will("status/LED", b"lost", retain=retain)
            assert client.ask(mqtt.Connect("LED", will=will)) == answer
