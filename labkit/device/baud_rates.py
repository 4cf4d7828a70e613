"""Recognize text that was read at a wrong baud rate."""

from __future__ import annotations

COMMON_RATES = (115200, 9600, 57600, 38400, 74880, 230400, 460800, 921600)
"""Rates to try, the most likely first; ESP8266's boot ROM prints at 74880."""

_CONTROLS = frozenset("\r\n\t\x1b\b\a")
_REPLACED = "\ufffd"
"""Replaces a byte that is not UTF-8."""

_FEWEST = 16
"""Fewer bytes are not judged: a reset alone can cause some on a floating line."""

_SHARE_OF_TEXT = 0.75
"""The least share of text in a console; at a wrong rate a quarter to a half looks like text."""


def share_of_text(raw: bytes) -> float:
    """Return the share of bytes that are UTF-8 text, from 0 to 1; 1 for no bytes."""
    text = raw.decode("utf-8", "replace")
    readable = sum(
        (character.isprintable() and character != _REPLACED) or character in _CONTROLS
        for character in text
    )
    return readable / len(text) if text else 1.0


def looks_garbled(raw: bytes) -> bool:
    """Return whether bytes look as if they were read at a wrong baud rate.

    Other causes look the same: no common ground, a wrong voltage, a line that is not the console's.
    """
    return len(raw) >= _FEWEST and share_of_text(raw) < _SHARE_OF_TEXT
