"""Console text to events and public-key dumps, whole or streamed: the same code either way.

A board prints its public key as a dump: a header line that declares 91 bytes, then six rows of
hex. A terminal adds what it likes: other tasks' lines between or glued to rows, blank lines,
colours, timestamps, a second boot. `parse` reads all of it; the newest dump wins, and where that
one is damaged or out of date, `Console.public_key` says so and never falls back on an older one.

`Reader` reads the same from a port, piece by piece, in constant memory.
"""

from __future__ import annotations

from labkit.console.dump import Dump
from labkit.console.lines import Event
from labkit.console.reader import Console, Reader, parse
from labkit.console.shapes import Kind

__all__ = ["Console", "Dump", "Event", "Kind", "Reader", "parse"]
