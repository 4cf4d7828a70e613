"""The board's own clock."""

from __future__ import annotations

import threading
import time

import pytest

from labkit.bench.simulator.board.board_clock import FAST, BoardClock, PowerLostError


@pytest.mark.parametrize("speed", [FAST, 1000.0, 20.0])
def test_ticks_do_not_depend_on_the_speed(speed: float | str) -> None:
    """Ticks count the board's milliseconds, whatever the speed and our machine."""
    clock = BoardClock(speed)
    for ms in (1, 10, 0.5, 88.5):
        clock.spend(ms)
    assert clock.ticks == 100


def test_as_in_life_a_second_takes_a_second() -> None:
    """At speed 1 a wait takes as long as it says; fast takes no time."""
    clock = BoardClock(1)
    started = time.perf_counter()
    clock.spend(100)
    assert time.perf_counter() - started >= 0.1
    clock.speed = FAST
    started = time.perf_counter()
    clock.spend(180_000)
    assert time.perf_counter() - started < 60  # not the 180 s
    assert clock.ticks == 180_100


def _let(action: object) -> threading.Timer:
    timer = threading.Timer(0.1, action)
    timer.start()
    return timer


def test_new_speed_holds_in_a_wait() -> None:
    """A clock that is let run fast in the middle of the 180 s ends them at once."""
    clock = BoardClock(1)
    timer = _let(lambda: setattr(clock, "speed", FAST))
    started = time.perf_counter()
    clock.spend(180_000)
    assert time.perf_counter() - started < 60  # not the 180 s
    assert clock.ticks == 180_000
    timer.join()


def test_power_off_ends_a_wait() -> None:
    """Losing power in a wait ends it at once, and every later one."""
    clock = BoardClock(1)
    timer = _let(clock.power_lost)
    started = time.perf_counter()
    with pytest.raises(PowerLostError):
        clock.spend(180_000)
    assert time.perf_counter() - started < 60  # not the 180 s
    with pytest.raises(PowerLostError):
        clock.spend(0)
    timer.join()
