"""How bytes look that were read at a wrong baud rate."""

from __future__ import annotations

COMMON_RATES = (115200, 9600, 57600, 38400, 74880, 230400, 460800, 921600)
"""Rates to try, likeliest first; ESP8266's boot ROM prints at 74880."""

_CONTROLS = frozenset("\r\n\t\x1b\b\a")
_REPLACED = "\ufffd"
"""Stands for a byte that is no UTF-8."""

_FEWEST = 16
"""Fewer bytes are no verdict: a reset alone may make some on a line that floats."""

_SHARE_OF_TEXT = 0.75
"""At least so much of a console is text. At a wrong rate a quarter to a half looks like it."""


def share_of_text(raw: bytes) -> float:
    """Return how much of some bytes is text, UTF-8, from 0 to 1; 1 where there are none."""
    text = raw.decode("utf-8", "replace")
    readable = sum(
        (character.isprintable() and character != _REPLACED) or character in _CONTROLS
        for character in text
    )
    return readable / len(text) if text else 1.0


def looks_garbled(raw: bytes) -> bool:
    """Return whether bytes look as if they were read at a wrong baud rate.

    The other causes look the same: a ground that is not connected, a wrong voltage, another line
    than the console's.
    """
    return len(raw) >= _FEWEST and share_of_text(raw) < _SHARE_OF_TEXT
