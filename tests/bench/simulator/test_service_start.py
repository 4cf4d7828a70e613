"""A service that cannot start says why in one sentence, and leaves nothing that says it runs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from simulator_fixtures import ACCOUNT_ID, REGION

from labkit.bench.simulator.account import Account
from labkit.bench.simulator.board.board import warm_up
from labkit.bench.simulator.gateway.gateway import Gateway
from labkit.bench.simulator.service import Service, Settings
from labkit.support.seeding import Randomness

if TYPE_CHECKING:
    from pathlib import Path


def start(state: Path) -> subprocess.CompletedProcess[str]:
    """Try to start the service; it is expected to give up at once."""
    command = [sys.executable, "-m", "labkit.bench.simulator", "--state", str(state)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory with an account and a gateway's identity in it."""
    # The service does so in a thread, where pytest's and tlslite-ng's warning filters would meet.
    warm_up()
    account = Account(
        tmp_path,
        region=REGION,
        account_id=ACCOUNT_ID,
        randomness=Randomness(),
        clock=Settings(tmp_path).clock(),
    )
    Gateway(account, tmp_path).close()
    account.close()
    return tmp_path


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("account.sqlite3", "account.sqlite3 cannot be read as the account's database"),
        ("gateway/rootCA.key", "gateway does not contain the gateway's keys"),
        ("gateway/server.pem", "gateway does not contain the gateway's keys"),
    ],
)
def test_damaged_state_is_named(state: Path, file: str, message: str) -> None:
    """What is damaged, and what to do: no traceback, no ready file."""
    (state / file).write_bytes(b"something else, and long enough to be looked at" * 9)
    ended = start(state)
    assert ended.returncode == 1
    assert message in ended.stderr
    assert "Move" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (state / "ready.json").exists()


def test_undamaged_state_is_started_on(state: Path) -> None:
    """The same directory, left alone, makes a service, whose end takes the ready file away."""
    service = Service(Settings(state))
    service.start()
    assert (state / "ready.json").exists()
    service.close()
    assert not (state / "ready.json").exists()


def test_ready_file_that_cannot_be_written_leaves_none(state: Path) -> None:
    """Where the second file cannot be written, the first one is taken back."""
    (state / "file").touch()
    with pytest.raises(OSError, match="file"):
        Service(Settings(state, ready_file=state / "file" / "ready.json")).start()
    assert not (state / "ready.json").exists()


def test_no_board_is_plugged_into_a_service_that_ends(state: Path) -> None:
    """A board that is added after the end would listen for ever."""
    service = Service(Settings(state))
    ready = service.start()
    service._plug_in("one")  # noqa: SLF001 what POST /boards/one calls
    assert list(ready["board_urls"]) == ["one"]
    service.close()
    service._plug_in("two")  # noqa: SLF001 as above
    assert list(ready["board_urls"]) == ["one"]
    assert not (state / "ready.json").exists()
