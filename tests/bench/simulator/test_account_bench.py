"""What `./lab bench` measures of the account is done by devices that are really let in."""

from __future__ import annotations

import account_bench
import pytest

from labkit.bench.simulator import mqtt

NUMBERS = {"FEW": 2, "MANY": 4, "TURNS": 2, "CALLS": 2, "CONNECTIONS": 2, "DEVICES": 3}


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure a few of everything: what is asserted is not how long it takes."""
    for name, number in NUMBERS.items():
        monkeypatch.setattr(account_bench, name, number)


def test_flatness_is_shown_beside_its_promise() -> None:
    """A line for attaching and one for deciding, each with its ratio."""
    lines = list(account_bench.flatness())
    assert [line.split("  ")[0] for line in lines] == ["attach a thing", "decide"]
    assert all("among 4: " in line and "at most 1.5 is promised" in line for line in lines)


def test_speed_is_shown_beside_its_promise() -> None:
    """A line for the calls, one for each version of TLS, and one for the devices at once."""
    lines = list(account_bench.speed())
    assert [line.split("  ")[0] for line in lines] == [
        "control call",
        "mutual TLS",
        "mutual TLS",
        "devices at once",
    ]
    assert [line.rpartition("; ")[2] for line in lines] == [
        "under 8 is promised)",
        "under 15 is promised)",
        "under 15 is promised)",
        "3 are promised)",
    ]


def test_another_devices_message_ends_the_bench() -> None:
    """The twin: a device that hears anything but its own message is not counted."""
    heard = [mqtt.PubAck(7), mqtt.Publish("another/own", b"another", 1, 1)]
    own = mqtt.Publish("fleet-0/own", b"fleet-0", 1, 1)
    account_bench.expect([mqtt.PubAck(7), own], mqtt.PubAck(7), own)
    with pytest.raises(SystemExit, match="another/own"):
        account_bench.expect(heard, mqtt.PubAck(7), own)
