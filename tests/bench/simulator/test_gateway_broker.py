from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from labkit.bench.simulator.file_limit import WANTED_FILES
from labkit.bench.simulator.gateway.broker import Broker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator_fixtures import Cloud

    from labkit.bench.simulator.mqtt import Publish

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
        self._broker.publish(f"will/{self.client_id}", b"lost", 0)

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
        broker.subscriptions.add(faller, above, 0)
    broker.publish("first", b"", 0)
    assert [len(faller.heard) for faller in fallers] == [1] * SESSIONS
    assert broker.client_ids == ()


def test_message_is_routed_after_one_that_failed(broker: Broker) -> None:
    """An error in one delivery reaches its sender, and does not stop those that come later."""
    faller = Faller(broker, 1)
    broker.joined(faller)
    broker.subscriptions.add(faller, "a", 1)
    with pytest.raises(AssertionError):
        broker.publish("a", b"", 1)
    broker.subscriptions.add(faller, "b", 0)
    broker.publish("b", b"", 0)
    assert faller.heard == ["b"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of open files")
@pytest.mark.parametrize(("soft", "after"), [(256, "more"), (WANTED_FILES + 1, "same")])
def test_limit_of_open_files_is_raised_and_never_lowered(soft: int, after: str) -> None:
    """Where a shell allows few open files, the service takes what it may have."""
    program = f"""
import resource
from labkit.bench.simulator.file_limit import raise_file_limit, WANTED_FILES
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
soft = {soft} if hard == resource.RLIM_INFINITY else min({soft}, hard)
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
raise_file_limit()
new, same_hard = resource.getrlimit(resource.RLIMIT_NOFILE)
print("more" if new > soft else "same" if new == soft else "less", hard == same_hard)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [after, "True"]
