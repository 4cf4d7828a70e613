"""Pieces of evidence: console lines, and the findings of judges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of evidence.

    Attributes:
        text: the console line, or the finding.
        source: "console", "certificate", "headers" or "account".
        line: the line number in the console log, counted from 1; None for other sources.
    """

    text: str
    source: str = "console"
    line: int | None = None

    def __str__(self) -> str:
        """Return one line: the source and the text."""
        where = f"line {self.line}" if self.source == "console" and self.line else self.source
        return f"{where}: {self.text}"


class Finding(NamedTuple):
    """The finding of a judge.

    Attributes:
        verdict: "for" the cause, which proves it, or "against" it, which rules it out.
        text: the finding in words.
        source: "certificate", "headers", "account" or "console".
        line: the line number in the console log; None for other sources.
    """

    verdict: Literal["for", "against"]
    text: str
    source: str
    line: int | None = None

    @property
    def item(self) -> Item:
        """The finding as evidence, without the verdict."""
        return Item(self.text, self.source, self.line)
