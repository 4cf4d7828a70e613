"""The simulated board on the bench: power, reset, clock."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING

import pytest
from board_bench import ENDPOINT, NOW, NOWHERE, image

from labkit.bench.simulator.board.board import Board
from labkit.bench.simulator.board.board_clock import FAST, REAL_TIME
from labkit.bench.simulator.board.flash import Flash, FlashDamagedError
from labkit.bench.simulator.board.machine import Network
from labkit.support.seeding import Randomness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Bench:
    """A board on a bench, whose console a test can read without a serial port."""

    def __init__(
        self,
        directory: Path,
        *,
        name: str = "0",
        speed: float | str = FAST,
        gateway: tuple[str, int] = NOWHERE,
    ) -> None:
        network = Network("us-east-1", gateway, directory / "root.pem", lambda: NOW)
        self.board = Board(
            name, directory, randomness=Randomness("test"), network=network, speed=speed
        )
        self.flash, self._printed = Flash(directory / "flash.json"), bytearray()
        self.board._line.print = self._hear  # noqa: SLF001 a probe on the wire

    def _hear(self, text: bytes, **_: bool) -> None:
        self._printed += text

    def printed(self, until: str) -> str:
        """Return what was printed as soon as it holds some words."""
        end = time.monotonic() + 5
        while until not in self._printed.decode() and time.monotonic() < end:
            time.sleep(0.005)
        text = self._printed.decode()
        assert until in text
        return text


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A board whose clock runs fast."""
    it = Bench(tmp_path)
    yield it
    it.board.close()


@pytest.fixture
def slow_bench(tmp_path: Path) -> Iterator[Bench]:
    """A board whose clock runs as on real hardware."""
    it = Bench(tmp_path, speed=REAL_TIME)
    yield it
    it.board.close()


def test_blank_board_prints_nothing(bench: Bench) -> None:
    """A board without an image boots into silence."""
    bench.board.reset()
    time.sleep(0.1)
    assert bench.printed("") == ""
    assert bench.board.state["boots"] == 1


def test_flashing_changes_nothing_until_the_next_boot(bench: Bench) -> None:
    """A new image runs at the next reset, not before."""
    bench.board.flash(image(endpoint="one.example"))
    time.sleep(0.1)
    assert bench.printed("") == ""
    bench.board.reset()
    bench.printed("Failed to resolve one.example.")
    bench.board.flash(image(endpoint="two.example"))
    time.sleep(0.1)
    assert "two.example" not in bench.printed("one.example")
    bench.board.reset()
    bench.printed("Failed to resolve two.example.")


def test_flash_survives_power_off(bench: Bench) -> None:
    """Power off and on boots the same image with the same key; a reset needs power."""
    bench.board.flash(image(endpoint=""))
    bench.board.reset()
    bench.printed("Failed to resolve")
    key = bench.flash.read().private_key
    bench.board.power(on=False)
    bench.board.power(on=False)
    bench.board.reset()
    assert bench.board.state["boots"] == 1
    assert bench.board.state["power"] is False
    bench.board.power(on=True)
    bench.board.power(on=True)
    assert bench.board.state["boots"] == 2
    bench.printed("2 1 [iot_thread] Device public key")
    assert bench.flash.read().private_key == key


@pytest.mark.parametrize("interrupt", ["power", "reset"])
def test_interrupted_wait_makes_no_key(slow_bench: Bench, interrupt: str) -> None:
    """Power off or a reset in the 180 s stops the program at once, and no key is made."""
    board = slow_bench.board
    board.flash(image(endpoint="", force="1"))
    board.reset()
    slow_bench.printed("Waiting for 180 seconds")
    started = time.perf_counter()
    if interrupt == "power":
        board.power(on=False)
    else:
        board.flash(image(endpoint="", force="1", delay="90"))
        board.reset()
        slow_bench.printed("Waiting for 90 seconds")
    assert time.perf_counter() - started < 60
    assert slow_bench.flash.read().private_key is None


def test_reset_ends_a_handshake_that_hangs(tmp_path: Path) -> None:
    """A server that accepts and says nothing does not hold up a reset."""
    listener = socket.create_server(("127.0.0.1", 0))
    bench = Bench(tmp_path, gateway=listener.getsockname())
    bench.board.flash(image(endpoint=ENDPOINT))
    bench.board.reset()
    connection, _ = listener.accept()
    bench.board.flash(image(endpoint="other.example"))
    started = time.perf_counter()
    bench.board.reset()
    assert time.perf_counter() - started < 60
    assert "TLS_Connect" not in bench.printed("Failed to resolve other.example.")
    for it in (bench.board, connection, listener):
        it.close()


def test_wait_can_be_let_run_fast(slow_bench: Bench) -> None:
    """The 180 s pass at once when the clock is let run fast, and the ticks count them."""
    slow_bench.board.flash(image(endpoint="", force="1"))
    slow_bench.board.reset()
    slow_bench.printed("Waiting for 180 seconds")
    assert slow_bench.flash.read().private_key is None
    slow_bench.board.speed = FAST
    slow_bench.printed(" 180011 [iot_thread] Device public key")


def test_boards_of_one_seed_have_different_keys(tmp_path: Path) -> None:
    """Keys are drawn for a board: the first pair of board 0 is not that of board 1."""
    benches = [Bench(tmp_path / name, name=name) for name in ("0", "1")]
    for bench in benches:
        bench.board.flash(image(endpoint=""))
        bench.board.reset()
        bench.printed("Failed to resolve")
        bench.board.close()
    first, second = (bench.flash.read().private_key for bench in benches)
    assert first != second


def test_state_tells_no_key(bench: Bench) -> None:
    """What a board tells of itself is JSON without its key."""
    bench.board.flash(image(endpoint=""))
    bench.board.reset()
    bench.printed("Failed to resolve")
    state = json.loads(json.dumps(bench.board.state))
    assert set(state) == {"name", "url", "power", "speed", "boots", "has_fault"}


def test_damaged_flash_is_named(bench: Bench, tmp_path: Path) -> None:
    """A flash file that is invalid: the board stays silent, and flashing says what to do."""
    (tmp_path / "flash.json").write_text('{"private_key": "secret"}')
    bench.board.reset()
    with pytest.raises(FlashDamagedError, match=r"Delete it for a blank board") as caught:
        bench.board.flash(image())
    assert "secret" not in str(caught.value)
    assert bench.printed("") == ""
