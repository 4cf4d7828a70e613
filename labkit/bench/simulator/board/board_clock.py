"""The simulated board's own clock: milliseconds of virtual time since boot."""

from __future__ import annotations

import time
from threading import Condition
from typing import Final, Literal

Speed = float | Literal["fast"]
"""How many milliseconds of the board pass in one of ours; "fast" waits for nothing."""

FAST: Final = "fast"
REAL_TIME: Final = 1.0


class PowerLostError(Exception):
    """The board was reset or switched off: its program ends where it stands."""


class BoardClock:
    """A tick counter that runs at a chosen speed, from one boot until the power goes.

    Ticks count what the board's program spends, not what our machine needs for it, so the numbers
    that a board prints are the same at every speed and on every machine.

    Args:
        speed: 1 as in life, more to run faster, "fast" to wait for nothing.
    """

    def __init__(self, speed: Speed = REAL_TIME) -> None:
        self._speed: Speed = speed
        self._ticks = 0.0
        self._powered = True
        self._changed = Condition()

    @property
    def ticks(self) -> int:
        """Milliseconds since boot."""
        return int(self._ticks)

    @property
    def speed(self) -> Speed:
        """The speed as it was last set."""
        return self._speed

    @speed.setter
    def speed(self, speed: Speed) -> None:
        with self._changed:
            self._speed = speed
            self._changed.notify_all()

    def power_lost(self) -> None:
        """End every wait, and every later one, with `PowerLostError`: the next boot has its own."""
        with self._changed:
            self._powered = False
            self._changed.notify_all()

    def check_power(self) -> None:
        """Raise `PowerLostError` where the board was reset or switched off meanwhile."""
        if not self._powered:
            raise PowerLostError

    def spend(self, ms: float) -> None:
        """Let time pass; a new speed holds from the moment at which it is set.

        Raises:
            PowerLostError: the board was reset or switched off meanwhile.
        """
        with self._changed:
            while ms > 0 and self._powered and self._speed != FAST:
                speed, started = float(self._speed), time.monotonic()
                self._changed.wait(ms / 1000 / speed)
                passed = min(ms, (time.monotonic() - started) * 1000 * speed)
                self._ticks, ms = self._ticks + passed, ms - passed
            if self._powered:
                # Rounding in the steps above must not show in a printed tick.
                self._ticks = round(self._ticks + ms, 3)
        self.check_power()
