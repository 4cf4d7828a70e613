"""Listening to a boot: when it begins, what the board waits for, and when it is complete.

Nothing is sent to the board. Everything is derived from what it prints and how long it is silent.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from labkit import console
from labkit.console import Kind
from labkit.console.shapes import kind_of
from labkit.device.baud_rates import looks_garbled
from labkit.diagnosis.recognition import sign_of
from labkit.diagnosis.signs import ENDS, Sign
from labkit.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Callable

    import serial

    from labkit.console import Event
    from labkit.device.capture import LogWriter

_FIRST_NUMBERS = 20
"""A boot's first message has the number 0; noise may hide this many."""

_GARBLED_AFTER_S = 2.0
"""Every boot of an ESP8266 begins with a moment of garbled text, from its boot ROM."""
_ENOUGH_BYTES = 256
"""Bytes that are judged while the board is still printing."""


class Until(Enum):
    """What a capture waits for."""

    DUMP = "the public key's dump is complete, or the demo has ended"
    DEMO = "the demo has ended"


class End(Enum):
    """How listening ended."""

    COMPLETE = "the boot was complete"
    SILENCE = "no byte was received"
    GARBLED = "the bytes are not text"
    OLD_BOOT = "the boot began before the reset"
    STOPPED = "the caller stopped it"
    INCOMPLETE = "the boot was not complete in time"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a listener waits, in seconds.

    Attributes:
        boot_s: for the end of a boot, in addition to the delay that the board announces.
        first_byte_s: for the first byte, before the operator is asked to press the button.
        silence_s: for the first byte in total, which includes the time to press the button.
        quiet_s: after the demo's last line, to be sure that nothing follows.
        noise_s: after the demo's last line, if other tasks continue to print.
        dump_quiet_s: after a dump, if the demo continues: a slow board takes seconds for TLS.
        progress_s: between two lines about the rest of the board's delay.
    """

    boot_s: float = 120.0
    first_byte_s: float = 3.0
    silence_s: float = 60.0
    quiet_s: float = 0.15
    noise_s: float = 2.0
    dump_quiet_s: float = 10.0
    progress_s: float = 30.0


@dataclass(slots=True)
class _Delay:
    """The board's delay before it generates its key pair."""

    end: float
    next_progress: float


class Listener:
    """Listens to one boot.

    Args:
        port: the open port.
        log: all bytes are written to it before they are examined.
        until: what the capture waits for.
        timeouts: how long it waits.
        show: called with each line when it is printed.
        say: called with what the operator should do at the board.
        stop: called again and again; True ends the capture.

    Attributes:
        start: the offset in the log at which the boot begins.
        received: how many bytes were received.
    """

    def __init__(
        self,
        port: serial.Serial,
        log: LogWriter,
        *,
        until: Until,
        timeouts: Timeouts,
        show: Callable[[str], object] | None,
        say: Callable[[str], object],
        stop: Callable[[], bool] | None = None,
    ) -> None:
        self._port, self._log, self._until = port, log, until
        self._timeouts, self._show, self._say = timeouts, show, say
        self._stop, self._stopped_at = stop, math.inf
        self._reader, self._boots = console.Reader(), 0
        self._began = self._last_byte = time.monotonic()
        self._deadline = self._began + timeouts.boot_s
        self._raw = bytearray()
        self._first = self._line_start = self.start = log.offset
        self._taken = 0
        self._ended_at: float | None = None
        self._judged = 0
        self._without_dump = -1
        self._delay: _Delay | None = None
        self._retries_next = math.inf
        self._is_old = self._asked = False

    @property
    def received(self) -> int:
        """How many bytes were received."""
        return len(self._raw)

    def ask_for_reset(self) -> None:
        """Ask the operator to press the reset button, once."""
        if not self._asked:
            self._asked = True
            self._say("Press the board's reset button now; its console is being captured.")

    def listen(self) -> End:
        """Read until the boot is complete, or a timeout ends."""
        while (now := time.monotonic()) < self._deadline:
            if chunk := self._port.read(self._port.in_waiting or 1):
                self._log.write(chunk)
                self._raw += chunk
                self._last_byte = time.monotonic()
                self._take(chunk)
            elif self._is_over(now):
                return End.COMPLETE
            if self._is_stopped(now):
                return End.STOPPED
            if self._ended_at is not None and now - self._ended_at > self._timeouts.noise_s:
                return End.COMPLETE
            if self._is_garbled(now):
                return End.GARBLED
            if not self._raw and self._is_silent_for(now - self._began):
                return End.SILENCE
            self._show_progress(now)
        return self._timed_out()

    def _take(self, chunk: bytes) -> None:
        """Process lines one by one, so that the offset of each is known."""
        for piece in chunk.splitlines(keepends=True):
            self._taken += len(piece)
            for event in self._reader.feed(piece):
                self._follow(event)
                if self._show:
                    self._show(event.text)
            if piece.endswith((b"\n", b"\r")):
                self._line_start = self._first + self._taken

    def _follow(self, event: Event) -> None:
        if event.number is not None and event.boot > self._boots:
            self._boots = event.boot
            self._begin_boot(event.number)
        if self._is_old:
            return
        sign = sign_of(event.text)
        if sign in ENDS:
            self._ended_at = time.monotonic()
        elif sign is Sign.RETRYING and self._until is Until.DEMO:
            self._wait_for_retry()
        if event.kind is Kind.WAITING and (wait := kind_of(event.text)[1]):
            now, seconds = time.monotonic(), int(wait["seconds"])
            self._delay = _Delay(now + seconds, now + self._timeouts.progress_s)
            self._deadline = max(self._deadline, now + seconds + self._timeouts.boot_s)
        elif self._delay and event.kind is not Kind.TEXT:
            self._delay = None
            self._deadline = time.monotonic() + self._timeouts.boot_s

    def _wait_for_retry(self) -> None:
        """Go on listening: the demo connects again, and says when it gives up."""
        now = time.monotonic()
        self._ended_at = None
        self._retries_next = now + self._timeouts.progress_s
        self._deadline = now + self._timeouts.boot_s

    def _begin_boot(self, number: int) -> None:
        """Process a message that begins a boot, or is the first that was received of one."""
        if self._boots == 1:
            self._is_old = number > _FIRST_NUMBERS
            if self._is_old:
                self.ask_for_reset()
            return
        if self._is_old:
            self._is_old, self.start = False, self._line_start
        self._ended_at = self._delay = None
        self._retries_next = math.inf

    def _is_over(self, now: float) -> bool:
        """Return whether the boot is complete; called while the line is quiet."""
        quiet_s = now - self._last_byte
        if self._ended_at is not None:
            return quiet_s > self._timeouts.quiet_s
        return (
            self._until is Until.DUMP and quiet_s > self._timeouts.dump_quiet_s and self._has_dump()
        )

    def _is_stopped(self, now: float) -> bool:
        """Return whether to end here: at the end of a line, unless it does not come."""
        if self._stop is None or not self._stop():
            return False
        self._stopped_at = min(self._stopped_at, now)
        return (
            self._line_start == self._first + self._taken
            or now - self._last_byte > self._timeouts.quiet_s
            or now - self._stopped_at > self._timeouts.noise_s
        )

    def _has_dump(self) -> bool:
        """Return whether the boot has printed a complete dump and nothing after it."""
        if self._is_old or len(self._raw) == self._without_dump:
            return False
        try:
            console.parse(bytes(self._raw[self.start - self._first :])).public_key()
        except ConsoleError:
            self._without_dump = len(self._raw)
            return False
        return True

    def _is_garbled(self, now: float) -> bool:
        """Return whether the bytes so far show a wrong baud rate."""
        if self._boots or now - self._began < _GARBLED_AFTER_S:
            return False
        if len(self._raw) - self._judged < _ENOUGH_BYTES:
            return False
        self._judged = len(self._raw)
        return looks_garbled(bytes(self._raw[-_ENOUGH_BYTES:]))

    def _is_silent_for(self, seconds: float) -> bool:
        if seconds > self._timeouts.first_byte_s:
            self.ask_for_reset()
        return seconds > self._timeouts.silence_s

    def _show_progress(self, now: float) -> None:
        if self._show and self._ended_at is None and self._retries_next <= now:
            self._retries_next += self._timeouts.progress_s
            self._show("... the board tries to connect again; waiting until it gives up")
        delay = self._delay
        if delay and self._show and delay.next_progress <= now < delay.end:
            delay.next_progress += self._timeouts.progress_s
            self._show(f"... the board generates its key pair in {delay.end - now:.0f} s")

    def _timed_out(self) -> End:
        if not self._raw:
            return End.SILENCE
        if self._is_old:
            return End.OLD_BOOT
        if self._ended_at is not None or (self._until is Until.DUMP and self._has_dump()):
            return End.COMPLETE
        return End.GARBLED if looks_garbled(bytes(self._raw)) else End.INCOMPLETE
