"""The simulated board's own clock: milliseconds of virtual time since boot."""

from __future__ import annotations

import time
from threading import Condition
from typing import Final, Literal

Speed = float | Literal["fast"]
"""How many milliseconds of the board pass per real millisecond; "fast" does not wait."""

FAST: Final = "fast"
REAL_TIME: Final = 1.0


class PowerLostError(Exception):
    """The board was reset or switched off: its program must end."""


class BoardClock:
    """A tick counter with a selectable speed, from a boot to the loss of power.

    Ticks count the time that the board's program spends, not the time that this computer needs, so
    a board prints the same numbers at every speed and on every computer.

    Args:
        speed: 1 for real time, more to run faster, "fast" to not wait.
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
        """The current speed."""
        return self._speed

    @speed.setter
    def speed(self, speed: Speed) -> None:
        with self._changed:
            self._speed = speed
            self._changed.notify_all()

    def power_lost(self) -> None:
        """End the current wait and all later ones with `PowerLostError`; a boot has a new clock."""
        with self._changed:
            self._powered = False
            self._changed.notify_all()

    def check_power(self) -> None:
        """Raise `PowerLostError` if the board was reset or switched off."""
        if not self._powered:
            raise PowerLostError

    def spend(self, ms: float) -> None:
        """Let time pass; a new speed applies at once.

        Raises:
            PowerLostError: the board was reset or switched off.
        """
        with self._changed:
            while ms > 0 and self._powered and self._speed != FAST:
                speed, started = float(self._speed), time.monotonic()
                self._changed.wait(ms / 1000 / speed)
                passed = min(ms, (time.monotonic() - started) * 1000 * speed)
                self._ticks, ms = self._ticks + passed, ms - passed
            if self._powered:
                # Rounding in the steps above must not change a printed tick.
                self._ticks = round(self._ticks + ms, 3)
        self.check_power()
