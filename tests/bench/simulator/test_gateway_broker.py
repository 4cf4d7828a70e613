from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from labkit.bench.simulator.gateway.broker import Broker
from labkit.bench.simulator.mqtt import Publish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator_fixtures import Cloud


pytest_plugins = ("cloud_fixtures",)

SESSIONS = 2000


class Faller:
    """A session that ends at its first message, and whose will is the next message."""

    arn = ""

    def __init__(self, broker: Broker, number: int) -> None:
        self.client_id = f"client {number}"
        self.heard: list[str] = []
        self._broker = broker

    def deliver(self, message: Publish, qos: int) -> None:
        """Fall over."""
        assert qos == 0
        self.heard.append(message.topic)
        self._broker.left(self)
        self._broker.publish(Publish(f"will/{self.client_id}", b"lost"))

    def forget_grants(self) -> None:
        """Have none."""

    def close(self, reason: str) -> None:
        """Be closed."""

    def abort(self, reason: str) -> None:
        """Be aborted."""


@pytest.fixture
def broker(cloud: Cloud) -> Iterator[Broker]:
    """Return a broker of its own."""
    return Broker(cloud.account)


def test_wills_of_wills_never_nest(broker: Broker) -> None:
    """A message that fells thousands of clients, each will felling the next, is no deep stack."""
    fallers = [Faller(broker, number) for number in range(SESSIONS)]
    for number, faller in enumerate(fallers):
        broker.entered(faller)
        broker.joined(faller)
        above = f"will/client {number - 1}" if number else "first"
        broker.subscriptions.of(faller)[above] = 0
    broker.publish(Publish("first"))
    assert [len(faller.heard) for faller in fallers] == [1] * SESSIONS
    assert broker.client_ids == ()


def test_message_is_routed_after_one_that_failed(broker: Broker) -> None:
    """An error in one delivery reaches its sender, and does not stop those that come later."""
    faller = Faller(broker, 1)
    broker.joined(faller)
    broker.subscriptions.of(faller)["a"] = 1
    with pytest.raises(AssertionError):
        broker.publish(Publish("a", qos=1))
    broker.subscriptions.of(faller)["b"] = 0
    broker.publish(Publish("b"))
    assert faller.heard == ["b"]
