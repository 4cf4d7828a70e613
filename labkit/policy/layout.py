"""A policy document laid out line by line, with the lines of each statement."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A document as text, and where its statements stand.

    Attributes:
        lines: the document's lines, indented by two.
        statements: the lines of each statement, counted from 0, in the document's order.
    """

    lines: tuple[str, ...]
    statements: tuple[range, ...]

    def statement_at(self, line: int) -> int | None:
        """Return the number of the statement that a line belongs to, from 1; None for none."""
        numbered = enumerate(self.statements, 1)
        return next((number for number, lines in numbered if line in lines), None)


def lay_out(document: Mapping[str, object]) -> LaidOut:
    """Lay a policy document out.

    Args:
        document: what `json.loads` makes of a document that `parse` has accepted.
    """
    lines = _lines(document)
    at = 1
    for key, value in document.items():
        if key == "Statement":
            break
        at += len(_lines(value))
    written = document["Statement"]
    if not isinstance(written, list):
        return LaidOut(lines, (range(at, at + len(_lines(written))),))
    at += 1
    statements = []
    for each in written:
        length = len(_lines(each))
        statements.append(range(at, at + length))
        at += length
    return LaidOut(lines, tuple(statements))


def _lines(value: object) -> tuple[str, ...]:
    # Not splitlines(), which also divides at characters that JSON leaves as they are.
    return tuple(json.dumps(value, indent=2, ensure_ascii=False).split("\n"))
