"""Parse console text, whole or streamed, into events and public-key dumps.

A board prints its public key as a dump: a header line that declares 91 bytes, then six rows of
hex. In a log there is more: lines of other tasks between rows or glued to them, blank lines,
colours, timestamps, a second boot. `parse` reads all of it. The newest dump counts; if it is
damaged or out of date, `Console.public_key` raises an error and never returns an older key.

`Reader` reads the same from a port, piece by piece, in constant memory.
"""

from __future__ import annotations

from labkit.console.dump import Dump
from labkit.console.lines import Event
from labkit.console.reader import Console, Reader, parse
from labkit.console.shapes import Kind

__all__ = ["Console", "Dump", "Event", "Kind", "Reader", "parse"]
