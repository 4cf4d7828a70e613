"""Listening to a boot: when it has begun, what it waits for, and when it has nothing more to say.

A board is never asked anything; all is told from what it prints and from how long it is silent.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from labkit import console
from labkit.console import Kind
from labkit.console.boots import MessageNumbers
from labkit.console.shapes import kind_of
from labkit.device.looks import looks_garbled
from labkit.diagnosis.recognition import recognize
from labkit.diagnosis.signs import ENDS
from labkit.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Callable

    import serial

    from labkit.console import Event
    from labkit.device.capture import LogWriter

_FIRST_NUMBERS = 20
"""A boot's first message has the number 0; this many may be lost in a terminal's noise."""

_GARBLED_AFTER_S = 2.0
"""ESP8266's boot ROM is garbled for a moment in every boot."""
_ENOUGH_BYTES = 256
"""Bytes for a verdict while the board goes on printing."""


class Until(Enum):
    """What a capture waits for."""

    DUMP = "the public key's dump is complete, or the demo has ended"
    DEMO = "the demo has ended"


class Heard(Enum):
    """How listening ended."""

    END = "what was waited for"
    SILENCE = "not a byte"
    GARBLED = "bytes that are no text"
    OLD_BOOT = "a boot that began before the reset"
    STOPPED = "a person who wants no more"
    TOO_LITTLE = "not what was waited for, in time"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a listener waits, in seconds.

    Attributes:
        boot_s: for a boot to end, beside the delay that it announces.
        first_byte_s: for a board's first byte, before a person is asked to press its button.
        silence_s: for a first byte altogether: time to reach the board and press.
        quiet_s: after the demo's last line, to be sure that nothing follows.
        noise_s: after the demo's last line, where other tasks never fall quiet.
        dump_quiet_s: after a dump, where the demo goes on: a slow board takes seconds for TLS.
        progress_s: between two lines that tell how long the board will still wait.
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
    """The board's wait before it makes its key pair."""

    end: float
    next_progress: float


class Listener:
    """Listens to one boot.

    Args:
        port: the open port.
        log: where everything goes that comes, before it is looked at.
        until: what is waited for.
        patience: how long.
        show: called with each line as it comes.
        say: called with what a person should do at the board.
        stop: asked again and again whether to end.

    Attributes:
        start: where in the log the boot begins.
        received: bytes that have come.
    """

    def __init__(
        self,
        port: serial.Serial,
        log: LogWriter,
        *,
        until: Until,
        patience: Patience,
        show: Callable[[str], object] | None,
        say: Callable[[str], object],
        stop: Callable[[], bool] | None = None,
    ) -> None:
        self._port, self._log, self._until = port, log, until
        self._patience, self._show, self._say = patience, show, say
        self._stop, self._stopped_at = stop, math.inf
        self._reader, self._numbers = console.Reader(), MessageNumbers()
        self._began = self._last_byte = time.monotonic()
        self._deadline = self._began + patience.boot_s
        self._raw = bytearray()
        self._first = self._line_start = self.start = log.offset
        self._taken = 0
        self._ended_at: float | None = None
        self._judged = 0
        self._without_dump = -1
        self._delay: _Delay | None = None
        self._is_old = self._asked = False

    @property
    def received(self) -> int:
        """How many bytes came."""
        return len(self._raw)

    def ask_for_reset(self) -> None:
        """Ask for the reset button, once."""
        if not self._asked:
            self._asked = True
            self._say("Press the board's reset button now; its console is being captured.")

    def listen(self) -> Heard:
        """Read until the boot has ended, or patience has."""
        while (now := time.monotonic()) < self._deadline:
            if chunk := self._port.read(self._port.in_waiting or 1):
                self._log.write(chunk)
                self._raw += chunk
                self._last_byte = time.monotonic()
                self._take(chunk)
            elif self._is_over(now):
                return Heard.END
            if self._is_stopped(now):
                return Heard.STOPPED
            if self._ended_at is not None and now - self._ended_at > self._patience.noise_s:
                return Heard.END
            if self._is_garbled(now):
                return Heard.GARBLED
            if not self._raw and self._is_silent_for(now - self._began):
                return Heard.SILENCE
            self._tell_progress(now)
        return self._too_late()

    def _take(self, chunk: bytes) -> None:
        """Read lines one by one, so that it is known where each begins."""
        for piece in chunk.splitlines(keepends=True):
            self._taken += len(piece)
            for event in self._reader.feed(piece):
                self._follow(event)
                if self._show:
                    self._show(event.text)
            if piece.endswith((b"\n", b"\r")):
                self._line_start = self._first + self._taken

    def _follow(self, event: Event) -> None:
        if event.number is not None and self._numbers.see(str(event.number), event.tick or 0):
            self._begin_boot(event.number)
        if self._is_old:
            return
        if (found := recognize(event.text)) and found.sign in ENDS:
            self._ended_at = time.monotonic()
        if event.kind is Kind.WAITING and (wait := kind_of(event.text)[1]):
            now, seconds = time.monotonic(), int(wait["seconds"])
            self._delay = _Delay(now + seconds, now + self._patience.progress_s)
            self._deadline = max(self._deadline, now + seconds + self._patience.boot_s)
        elif self._delay and event.kind is not Kind.TEXT:
            self._delay = None
            self._deadline = time.monotonic() + self._patience.boot_s

    def _begin_boot(self, number: int) -> None:
        """Take a message that begins a boot, or is the first that was heard of one."""
        if self._numbers.boots == 1:
            self._is_old = number > _FIRST_NUMBERS
            if self._is_old:
                self.ask_for_reset()
            return
        if self._is_old:
            self._is_old, self.start = False, self._line_start
        self._ended_at = self._delay = None

    def _is_over(self, now: float) -> bool:
        """Return whether nothing more is to come; asked when the line is quiet."""
        quiet_s = now - self._last_byte
        if self._ended_at is not None:
            return quiet_s > self._patience.quiet_s
        return (
            self._until is Until.DUMP and quiet_s > self._patience.dump_quiet_s and self._has_dump()
        )

    def _is_stopped(self, now: float) -> bool:
        """Return whether to end here: at a line's end, for the next capture begins with a line."""
        if self._stop is None or not self._stop():
            return False
        self._stopped_at = min(self._stopped_at, now)
        return (
            self._line_start == self._first + self._taken
            or now - self._last_byte > self._patience.quiet_s
            or now - self._stopped_at > self._patience.noise_s
        )

    def _has_dump(self) -> bool:
        """Return whether the boot has printed a whole dump that is still its last word."""
        if self._is_old or len(self._raw) == self._without_dump:
            return False
        try:
            console.parse(bytes(self._raw[self.start - self._first :])).public_key()
        except ConsoleError:
            self._without_dump = len(self._raw)
            return False
        return True

    def _is_garbled(self, now: float) -> bool:
        """Return whether it is no use to wait for text any longer."""
        if self._numbers.boots or now - self._began < _GARBLED_AFTER_S:
            return False
        if len(self._raw) - self._judged < _ENOUGH_BYTES:
            return False
        self._judged = len(self._raw)
        return looks_garbled(bytes(self._raw[-_ENOUGH_BYTES:]))

    def _is_silent_for(self, seconds: float) -> bool:
        if seconds > self._patience.first_byte_s:
            self.ask_for_reset()
        return seconds > self._patience.silence_s

    def _tell_progress(self, now: float) -> None:
        delay = self._delay
        if delay and self._show and delay.next_progress <= now < delay.end:
            delay.next_progress += self._patience.progress_s
            self._show(f"... the board makes its key pair in {delay.end - now:.0f} s")

    def _too_late(self) -> Heard:
        if not self._raw:
            return Heard.SILENCE
        if self._is_old:
            return Heard.OLD_BOOT
        if self._ended_at is not None or (self._until is Until.DUMP and self._has_dump()):
            return Heard.END
        return Heard.GARBLED if looks_garbled(bytes(self._raw)) else Heard.TOO_LITTLE
