"""Read console text, whole or piece by piece."""

from __future__ import annotations

import codecs
import copy
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING

from labkit.console.lines import Event, Lines
from labkit.console.shapes import clean, lines_about_keys
from labkit.errors import DumpError, NoDumpError
from labkit.keys import DER_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from labkit.console.dump import Dump
    from labkit.keys import PublicKey

_BLOCK = 1 << 16
"""Bytes processed together. A longer line is split there."""


@dataclass(frozen=True, slots=True)
class Console:
    """The public-key dumps of a console text.

    Attributes:
        newest: the newest dump, complete or damaged, or None.
        dumps: the number of dumps, complete or damaged.
        boots: the number of boots, by the message numbers.
        notes: what to know before using the newest dump.
        recommended_subject: the common name that a secure element recommends, or None.
        outdated: why the newest dump may not be the device's key any more, or None.
    """

    newest: Dump | None
    dumps: int
    boots: int
    notes: tuple[str, ...]
    recommended_subject: str | None = None
    outdated: str | None = None

    def public_key(self) -> PublicKey:
        """Return the key of the newest dump.

        Raises:
            NoDumpError: the text has no dump.
            DumpError: the newest dump is damaged or cut off, or later lines show that the device
                has another key now. An older dump is never used instead.
        """
        if self.newest is None:
            why = self.outdated or (
                "capture the console again, from the reset on. If there is still no dump, set "
                "keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR to 1, build and flash."
            )
            raise NoDumpError(
                f'no public-key dump ("Device public key, {DER_BYTES} bytes:" and six rows) in '
                f"the console text: {why}"
            )
        key = self.newest.public_key()
        if self.outdated:
            dump = self.newest
            raise DumpError(
                f"the newest public-key dump, line {dump.line}, is not used: {self.outdated}",
                row=None,
                received=dump.received,
                declared=dump.declared,
                line=dump.line,
            )
        return key


def parse(text: str | bytes | IO[bytes] | Iterable[str | bytes]) -> Console:
    r"""Read console text.

    Accepted, for example::

        7 910 [IP-task] Device public key, 91 bytes:      a log, of one boot or several
        3059 3013 0607 2a86 48ce 3d02 0106 082a           the six rows alone, as in the
                                                          documentation's file of key bytes
        3059301306072a8648ce3d020106082a8648ce3d030107…   what `xxd -ps` writes

    Args:
        text: all of it, pieces cut anywhere, or an open binary file, with the line ends (CR, LF or
            CRLF). Bytes are UTF-8, or UTF-16 with a byte order mark; other bytes are replaced.

    Returns:
        The dumps; `Console.public_key` returns the key or raises an error.
    """
    reader = Reader(every_line=False)
    for piece in _pieces(text):
        for at in range(0, len(piece), _BLOCK):
            reader.feed(piece[at : at + _BLOCK])
    return reader.close()


def _pieces(text: str | bytes | IO[bytes] | Iterable[str | bytes]) -> Iterable[str | bytes]:
    """Return the pieces of a text; a file is read in blocks, ten times as fast as by lines."""
    if isinstance(text, str | bytes):
        return (text,)
    read = getattr(text, "read", None)
    return text if read is None else iter(partial(read, _BLOCK), read(0))


class Reader:
    """Reads console text piece by piece, in constant memory.

    Args:
        every_line: return an event for every message; otherwise only for messages about keys and
            provisioning, which is much faster.
    """

    def __init__(self, *, every_line: bool = True) -> None:
        self._every_line = every_line
        self._decode: codecs.IncrementalDecoder | None = None
        self._start: bytes | None = b""
        self._pending = bytearray()
        self._after_cr = False
        self._closed = False
        self._line_number = 1
        self._lines = Lines(every_line=every_line)

    def feed(self, chunk: str | bytes) -> list[Event]:
        """Read a piece of text, cut anywhere.

        Returns:
            The events of the lines that end in it.

        Raises:
            ValueError: the reader is closed.
        """
        if self._closed:
            raise ValueError("the reader is closed. Make a new one.")
        data = chunk.encode("utf-8", "replace") if isinstance(chunk, str) else self._to_utf8(chunk)
        events: list[Event] = []
        for at in range(0, len(data), _BLOCK):
            self._pending += self._with_lf(data[at : at + _BLOCK])
            events += self._read_pending()
        return events

    def close(self) -> Console:
        """Process the rest of the last line, and return the dumps."""
        if not self._closed:
            self._closed = True
            if self._start:
                self._pending += self._start
            list(self._read_block(bytes(self._pending)))
            self._pending.clear()
            self._lines.close()
        history, boots = self._lines.history, self._lines.numbers.boots
        return Console(
            newest=history.newest,
            dumps=history.dumps,
            boots=boots,
            notes=history.notes(boots),
            recommended_subject=history.recommended_subject,
            outdated=history.outdated(),
        )

    def so_far(self) -> Console:
        """Return the dumps as if the text ended here; the reader stays open."""
        return copy.deepcopy(self).close()

    def _to_utf8(self, chunk: bytes) -> bytes:
        """Decode UTF-16, which Windows tools write, if the text begins with its byte order mark."""
        if self._start is not None:
            self._start += chunk
            if len(self._start) < len(codecs.BOM_UTF16_LE):
                return b""
            chunk, self._start = self._start, None
            if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                self._decode = codecs.getincrementaldecoder("utf-16")("replace")
        return chunk if self._decode is None else self._decode.decode(chunk).encode()

    def _with_lf(self, data: bytes) -> bytes:
        """Replace every line end by LF, also a CRLF that is split between two pieces."""
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data

    def _read_pending(self) -> Iterator[Event]:
        """Process the complete lines, and the beginnings of lines that are too long."""
        pending = self._pending
        while len(pending) > _BLOCK and pending.find(b"\n", 0, _BLOCK + 1) < 0:
            piece = bytes(pending[:_BLOCK])
            del pending[:_BLOCK]
            yield from self._read_block(piece)
        end = pending.rfind(b"\n") + 1
        if end:
            block = bytes(pending[:end])
            del pending[:end]
            yield from self._read_block(block)

    def _read_block(self, raw: bytes) -> Iterator[Event]:
        """Process whole lines, or a piece of one."""
        block = clean(raw)
        starts = iter([] if self._every_line else lines_about_keys(block))
        next_start, position = next(starts, len(block)), 0
        while position < len(block):
            while next_start < position:
                next_start = next(starts, len(block))
            if not self._every_line and not self._lines.collecting and next_start > position:
                span = block[position:next_start]
                self._lines.skip(span)
                self._line_number += span.count(b"\n")
                position = next_start
                continue
            end = block.find(b"\n", position)
            line = block[position : end if end >= 0 else len(block)]
            yield from self._lines.read(line.decode("utf-8", "replace"), self._line_number)
            self._line_number += end >= 0
            position = end + 1 if end >= 0 else len(block)
