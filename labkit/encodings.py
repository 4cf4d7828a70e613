"""Decode text files, whatever wrote them: UTF-8 or UTF-16, with or without a byte order mark."""

from __future__ import annotations

import codecs

_UTF16 = {
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_CHECKED_BYTES = 1 << 12


def decode_utf(raw: bytes) -> str:
    """Return the text of a UTF-8 or UTF-16 file, without a byte order mark.

    Raises:
        UnicodeDecodeError: it is neither.
    """
    return raw.decode(utf16_encoding(raw) or "utf-8-sig").removeprefix("\ufeff")


def decode_text(raw: bytes) -> str:
    """Return the text as `decode_utf` does; bytes that are neither are read as Latin-1."""
    try:
        return decode_utf(raw)
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def utf16_encoding(raw: bytes) -> str | None:
    """Return the name of the UTF-16 encoding of a file, or None if it is not UTF-16.

    Without a byte order mark, it is recognized in ASCII text, where every second byte is 0.
    """
    if raw[:2] in _UTF16:
        return _UTF16[raw[:2]]
    start = raw[:_CHECKED_BYTES]
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = start[first::2], start[1 - first :: 2]
        if len(start) > 1 and zeros.count(0) > 0.9 * len(zeros) and others.count(0) == 0:
            return encoding
    return None
