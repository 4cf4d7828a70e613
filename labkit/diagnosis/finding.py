"""Pieces of evidence: lines of the console, and what a judge finds elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of evidence.

    Attributes:
        text: the console's line, or what was found elsewhere.
        source: "console", "certificate", "headers" or "account".
        line: the console's line, counted from 1; None where it is from elsewhere.
    """

    text: str
    source: str = "console"
    line: int | None = None

    def __str__(self) -> str:
        """Return one line: where, and what."""
        where = f"line {self.line}" if self.source == "console" and self.line else self.source
        return f"{where}: {self.text}"


class Finding(NamedTuple):
    """What a judge found.

    Attributes:
        verdict: "for" the cause, which decides it, or "against" it, which rules it out.
        text: what was found, in words.
        source: "certificate", "headers", "account" or "console".
        line: the console's line, None where it is from elsewhere.
    """

    verdict: Literal["for", "against"]
    text: str
    source: str
    line: int | None = None

    @property
    def item(self) -> Item:
        """The same as evidence, without the verdict."""
        return Item(self.text, self.source, self.line)
