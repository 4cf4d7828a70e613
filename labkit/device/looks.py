"""How bytes look that were read at a wrong baud rate."""

from __future__ import annotations

__all__ = ["COMMON_RATES", "looks_garbled", "share_of_text"]

COMMON_RATES = (115200, 9600, 57600, 38400, 74880, 230400, 460800, 921600)
"""Rates to try, likeliest first; ESP8266's boot ROM prints at 74880."""

_TEXT = frozenset(range(0x20, 0x7F)) | frozenset(b"\r\n\t\x1b\b\a")
_FEWEST = 16
"""Fewer bytes are no verdict: a reset alone may make some on a line that floats."""

_SHARE_OF_TEXT = 0.75
"""At least so much of a console is text. At half or twice the rate about a third looks like it."""


def share_of_text(raw: bytes) -> float:
    """Return how much of some bytes is ASCII text, from 0 to 1; 1 where there are none."""
    return sum(byte in _TEXT for byte in raw) / len(raw) if raw else 1.0


def looks_garbled(raw: bytes) -> bool:
    """Return whether bytes look as if they were read at a wrong baud rate.

    The other causes look the same: a ground that is not connected, a wrong voltage, another line
    than the console's.
    """
    return len(raw) >= _FEWEST and share_of_text(raw) < _SHARE_OF_TEXT
