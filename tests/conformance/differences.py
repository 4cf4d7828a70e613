"""Judging one row, and the table of what another judge does differently."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from expected import BROKEN, difference, refusal
from explanations import explanation
from situation import Situation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from judge import Judge
    from table import Act, Row, Steps

__all__ = ["Difference", "judged", "report"]


@dataclass(frozen=True)
class Difference:
    """A row, and what the judge did instead."""

    row: Row
    got: str
    left_behind: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.row}", f"  AWS: {self.row.expected}", f"  got: {self.got}"]
        return "\n".join([*lines, f"  source: {self.row.source}", *self.left_behind])


def judged(row: Row, judge: Judge) -> Difference | None:
    """Make a row's situation at a judge, act, compare, and take everything away again.

    Returns:
        None if the judge does what AWS does and nothing of the row is left behind.

    Raises:
        NotAskedError: the judge has no gateway, or the row would call what costs something.
    """
    with Situation(judge) as situation:
        got = left = None
        try:
            act = _prepared(row.make(situation))
        except ClientError as error:
            got = f"the situation cannot be made: {error.operation_name}: {refusal(error)}"
        except BROKEN as error:
            got = f"the situation cannot be made: {type(error).__name__}: {error}"
        else:
            got = difference(row.expected, act, situation.seen)
        finally:
            left = situation.undo.everything()
    if got is None and left and (judge.strict or judge.real):
        got = "as expected, but not everything could be undone"
    return Difference(row, got, tuple(left)) if got else None


def _prepared(made: Act | Steps) -> Act:
    """Return the deciding call of a row whose set-up is done."""
    if callable(made):
        return made
    next(made)

    def decide() -> object:
        try:
            next(made)
        except StopIteration as end:
            return end.value
        raise RuntimeError("a row yields more than once")

    return decide


def report(name: str, found: Iterable[Difference]) -> str:
    """Return differences as a table in Markdown, each with its cause where that is known."""
    lines = [
        f"# What {name} does differently",
        "",
        "| call | situation | AWS | here | why |",
        "| --- | --- | --- | --- | --- |",
    ]
    for it in found:
        why = explanation(name, str(it.row), it.got)
        cells = (it.row.call, it.row.situation, str(it.row.expected), it.got, why)
        lines.append(f"| {' | '.join(map(_cell, cells))} |")
    return "\n".join(lines) + "\n"


CHANGING = re.compile(
    r"-----BEGIN.*|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|conformance-[\w-]+|[0-9a-f]{16,}|"
    r"(?<=:)\d{5}\b|20[0-3]\d-\d\d-\d\d[ T][\d:.+]+(tzlocal\(\))?"
)


def _cell(text: str) -> str:
    """Return a text as a cell, without what is another at each run."""
    return CHANGING.sub("…", " ".join(text.replace("|", "/").split()))
