from __future__ import annotations

from simulator_fixtures import OPEN, Authority, Client, Cloud, Device, connected

from labkit.bench.simulator import mqtt

pytest_plugins = ("cloud_fixtures",)


def test_will_is_published_when_a_connection_is_lost(cloud: Cloud, ca: Authority) -> None:
    """A connection that ends without DISCONNECT leaves its will; DISCONNECT takes it back."""
    device, watcher = ca.issue("first"), ca.issue("second")
    for each in (device, watcher):
        cloud.register(each)
        cloud.attach_policy(each, OPEN, name=each.name)
    will = mqtt.Will("status/first", b"lost")
    with connected(cloud, watcher) as second:
        second.ask(mqtt.Subscribe(1, (("status/#", 0),)))
        for farewell in (mqtt.Disconnect(), None):
            with Client(cloud, device) as client:
                client.ask(mqtt.Connect("first", will=will))
                if farewell is not None:
                    assert client.ask(farewell) is None
                    assert second.ask(mqtt.PingReq()) == mqtt.PingResp()
        assert second.receive() == mqtt.Publish("status/first", b"lost")


def test_will_must_be_allowed_at_connect(cloud: Cloud, led: Device) -> None:
    """A will that the policy does not let one publish refuses the CONNECT."""
    with Client(cloud, led) as client:
        assert client.ask(mqtt.Connect("LED", will=mqtt.Will("pump/x"))) is None
    with Client(cloud, led) as client:
        assert client.ask(mqtt.Connect("LED", will=mqtt.Will("LED/x"))) == mqtt.ConnAck()


def test_will_of_a_session_that_is_taken_over_is_published(cloud: Cloud, ca: Authority) -> None:
    """Being taken over is not a DISCONNECT (MQTT-3.1.2-8); a refused one causes nothing."""
    owner, watcher, thief = (ca.issue(name) for name in ("owner", "watcher", "thief"))
    for each in (owner, watcher):
        cloud.register(each)
        cloud.attach_policy(each, OPEN, name=each.name)
    cloud.register(thief)
    will = mqtt.Will("status/owner", b"lost")
    with (
        connected(cloud, watcher) as watching,
        Client(cloud, owner) as former,
        Client(cloud, thief) as refused,
    ):
        watching.ask(mqtt.Subscribe(1, (("status/#", 0),)))
        former.ask(mqtt.Connect("owner", will=will))
        assert refused.ask(mqtt.Connect("owner")) is None
        assert watching.ask(mqtt.PingReq()) == mqtt.PingResp()
        assert former.ask(mqtt.PingReq()) == mqtt.PingResp()
        with connected(cloud, owner) as later:
            assert former.receive() is None
            assert watching.receive() == mqtt.Publish("status/owner", b"lost")
            assert later.ask(mqtt.PingReq()) == mqtt.PingResp()
            # The subscriptions went with the former connection, and the will with it as well.
            assert later.ask(mqtt.Disconnect()) is None
        assert watching.ask(mqtt.PingReq()) == mqtt.PingResp()
