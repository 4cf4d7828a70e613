"""A serial port that plays a script of bytes, pauses and a pulled cable.

It is a pseudo terminal, so it has no DTR and no RTS and knows no baud rate. Faults are functions
from a script to a script; what they do to a console was seen on real ones.
"""

from __future__ import annotations

import os
import random
import threading
import time
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Cable(Enum):
    """What is neither bytes nor a pause."""

    PULLED = "pulled"


Script = list[bytes | float | Cable]
"""Bytes are printed, a number is a pause in seconds."""


def script(text: str | bytes) -> Script:
    """Return a console text as a script of its lines."""
    raw = text.encode() if isinstance(text, str) else text
    return list(raw.splitlines(keepends=True))


def noise(of: Script, *, seed: int = 1, share: float = 0.3) -> Script:
    """Put bytes of a floating line between some lines."""
    chance = random.Random(seed)  # noqa: S311 a fault is no secret
    dirty: Script = []
    for piece in of:
        if chance.random() < share:
            dirty.append(bytes(chance.choice(b"\x00\x80\xf8\xfe\xff") for _ in range(3)) + b"\r\n")
        dirty.append(piece)
    return dirty


def garbled(of: Script, *, seed: int = 1) -> Script:
    """Return a script as a receiver at a wrong baud rate reads it: whatever bytes."""
    chance = random.Random(seed)  # noqa: S311 as above
    return [chance.randbytes(len(each)) if isinstance(each, bytes) else each for each in of]


def dropped(of: Script, at: int) -> Script:
    """Lose a line, as a full log queue does."""
    return of[:at] + of[at + 1 :]


def hung(of: Script, at: int) -> Script:
    """Print nothing from a line on."""
    return of[:at]


def late(of: Script, at: int, seconds: float) -> Script:
    """Wait before a line."""
    return [*of[:at], seconds, *of[at:]]


def interrupted(of: Script, at: int, line: bytes, *, glued: bool = False) -> Script:
    """Let another task print before a line, or glue its text to the end of the line before."""
    before = of[:at]
    if glued and isinstance(before[-1], bytes):
        before[-1] = before[-1].rstrip(b"\r\n")
    return [*before, line, *of[at:]]


def unplugged(of: Script, at: int) -> Script:
    """Pull the cable in the middle of a line."""
    line = of[at]
    half = line[: len(line) // 2] if isinstance(line, bytes) else b""
    return [*of[:at], half, 0.1, Cable.PULLED]


class ScriptedPort:
    """A pseudo terminal on which scripts are played; one that is begun ends the one before."""

    def __init__(self) -> None:
        import tty  # noqa: PLC0415 Windows has no pseudo terminals

        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.url = os.ttyname(self._slave)
        self._lock = threading.Lock()
        self._turn = 0
        self._players: list[threading.Thread] = []

    def play(self, what: Sequence[bytes | float | Cable]) -> None:
        """Begin a script, beside the caller."""
        with self._lock:
            self._turn += 1
            player = threading.Thread(target=self._play, args=(list(what), self._turn))
            self._players.append(player)
            player.start()

    def close(self) -> None:
        """End what is played and take the port away."""
        with self._lock:
            self._turn += 1
            self._pull()
        for player in self._players:
            player.join()

    def _play(self, what: Script, turn: int) -> None:
        for piece in what:
            if isinstance(piece, float | int):
                end = time.monotonic() + piece
                while self._turn == turn and time.monotonic() < end:
                    time.sleep(0.005)
                continue
            with self._lock:
                if self._turn != turn:
                    return
                if piece is Cable.PULLED:
                    self._pull()
                    return
                os.write(self._master, bytes(piece))
            time.sleep(0.0005)

    def _pull(self) -> None:
        if self._master >= 0:
            os.close(self._slave)
            os.close(self._master)
            self._master = -1
