"""Faults of the board itself: its flash, its firmware, its clock and its log queue."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from labkit.bench.simulator.board.board_clock import REAL_TIME
from labkit.bench.simulator.board.serial_line import BAUD_RATE
from labkit.bench.simulator.faults.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.bench.simulator.board.board_clock import BoardClock
    from labkit.bench.simulator.board.flash import Flash

_BITS_PER_BYTE = 10
_QUEUE_LENGTH = 6
"""Most boards have 15, which other tasks fill; the demo alone has to overflow this one."""


class ErasedCertificate(Fault):
    """The certificate was erased, and the image may bring none."""

    def spoil(self) -> None:
        """Erase it."""
        self.place.flash.change(certificate=None)


class ErasedKey(Fault):
    """Key and certificate were erased: the board makes another key pair at its next boot.

    How many pairs it has made is not forgotten, so that the next is another one on a seeded bench.
    """

    def spoil(self) -> None:
        """Erase them."""
        self.place.flash.change(private_key=None, certificate=None)


class SlowClock(ErasedKey):
    """The board has a pair to make, and the 180 seconds before it are as long as in life."""

    speed = REAL_TIME


class NoProvisioning(ErasedKey):
    """The firmware was built without the call of the key provisioning, for a blank board."""

    provisions = False


class WornOutFlash(ErasedCertificate):
    """The flash has lost the certificate, and takes no write; it can still be read."""

    def flash(self, flash: Flash) -> Flash:
        """Return the flash as one that refuses writes."""
        return flash.worn_out()


class LogQueue:
    """A log task that sends what is in its queue at the baud rate; what finds it full is lost.

    Source: FreeRTOS, `iot_logging_task_dynamic_buffers.c`: a message is queued without waiting,
    and dropped without a word where the queue is full.

    Args:
        length: messages that the queue holds.
        clock: the board's clock; the task sends while time passes.
        write: takes the bytes to the serial line.
    """

    def __init__(self, length: int, clock: BoardClock, write: Callable[[bytes], None]) -> None:
        self._length, self._clock, self._write = length, clock, write
        self._waiting_ms: deque[float] = deque()
        self._sent_until = clock.ticks

    def put(self, message: bytes) -> None:
        """Queue a message, or lose it."""
        self._send()
        if len(self._waiting_ms) >= self._length:
            return
        self._waiting_ms.append(len(message) * _BITS_PER_BYTE * 1000 / BAUD_RATE)
        self._write(message)

    def _send(self) -> None:
        """Take out of the queue what the time since the last message was enough for."""
        passed = float(self._clock.ticks - self._sent_until)
        self._sent_until = self._clock.ticks
        while self._waiting_ms and passed > 0:
            needed = self._waiting_ms[0]
            if needed > passed:
                self._waiting_ms[0] = needed - passed
                return
            passed -= needed
            self._waiting_ms.popleft()


class ShortLogQueue(ErasedCertificate):
    """The log queue is shorter than what the board has to say at once, before it is certified."""

    def printing(
        self, clock: BoardClock, write: Callable[[bytes], None]
    ) -> Callable[[bytes], None]:
        """Return the queue's entrance."""
        return LogQueue(_QUEUE_LENGTH, clock, write).put
