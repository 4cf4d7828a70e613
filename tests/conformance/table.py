"""The table: call, situation, what AWS does, source. Rows are data and a small function each.

A row's function makes the situation. Then it returns the *deciding* call without calling it, or it
yields and makes the call after the `yield`, so that a set-up that fails can never pass for the
expected refusal. The rows are written from AWS's service model and documentation, never from a
judge's code.

Sources, in short:
    model: botocore's `iot` service model, the operation's (or shape's) documentation and errors.
    guide: AWS IoT Core developer guide, the section of that title.
    quotas: AWS General Reference, "AWS IoT Core endpoints and quotas".
    measured: at AWS in eu-central-1, September 2026, as pull request 1755 of ministackorg/ministack
        reports it, with its probes.
    open: no source states it whole; the reason, and the stricter side is taken.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from expected import Expected
    from situation import Situation

__all__ = ["ROWS", "Act", "Row", "Steps", "load", "row"]

Act = Callable[[], object]
"""The deciding call, made ready."""

Steps = Generator[None, None, object]
"""The set-up, a `yield`, and the deciding calls."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        call: the operation as the service model spells it, or the MQTT packet.
        situation: what is special, in words.
        expected: what AWS does.
        source: where that stands.
        make: makes the situation and returns the deciding call.
        ours: says how a simulated account answers what it does not offer; no other judge is asked.
    """

    call: str
    situation: str
    expected: Expected
    source: str
    make: Callable[[Situation], Act | Steps]
    ours: bool = False

    def __str__(self) -> str:
        return f"{self.call}: {self.situation}"


ROWS: list[Row] = []


def row(
    call: str,
    situation: str,
    expected: Expected,
    *,
    source: str = "",
    ours: bool = False,
) -> Callable[[Callable[[Situation], Act | Steps]], None]:
    """Add a row to the table; decorates the function that makes its situation.

    Its source is the operation's own entry in the service model unless another one is given.
    """

    def add(make: Callable[[Situation], Act | Steps]) -> None:
        ROWS.append(Row(call, situation, expected, source or f"model: {call}", make, ours))

    return add


def load() -> list[Row]:
    """Read every file of rows, in the order of their names, and return the table."""
    for path in sorted(Path(__file__).parent.glob("rows_*.py")):
        importlib.import_module(path.stem)
    return ROWS
