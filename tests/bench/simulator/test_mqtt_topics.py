from __future__ import annotations

from labkit.bench.simulator.gateway.topics import Subscriptions


def test_a_subscriber_gets_its_highest_qos() -> None:
    """Of all its filters that match; ending a subscription ends what it asked for."""
    subscriptions: Subscriptions[str] = Subscriptions()
    for session, name, qos in (("1", "a/+", 0), ("1", "a/b", 1), ("2", "#", 0), ("3", "x", 1)):
        subscriptions.of(session)[name] = qos
    assert subscriptions.matching("a/b") == {"1": 1, "2": 0}
    del subscriptions.of("1")["a/b"]
    subscriptions.forget("2")
    assert subscriptions.matching("a/b") == {"1": 0}
    assert subscriptions.of("2") == {}
