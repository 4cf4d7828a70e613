"""What a record says, without verifying it; of others' .eln files what RO-Crate tells."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.certificates.words import printable
from labkit.errors import RecordError
from labkit.record.form import FACTS, FOLDER
from labkit.record.reading import read_facts
from labkit.record.seal.foreign import open_foreign
from labkit.record.verifying import bounded

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Shown", "show"]

_LEFT = 15
"""Columns of the names on the left."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a file says of itself; its repr is lines to read.

    Attributes:
        lines: name and value, in order.
    """

    lines: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        """Return a line for each."""
        return "\n".join(f"{name:<{_LEFT}} {value}".rstrip() for name, value in self.lines)


def show(file: str | Path) -> Shown:
    """Say what an .eln file holds; nothing is verified.

    Args:
        file: a record of labkit's, or an export of another electronic lab notebook.

    Raises:
        RecordError: it is no .eln file, or too large to be opened.
    """
    crate = open_foreign(bounded(Path(file)))
    told = crate.files.get(f"{FOLDER}{FACTS}")
    # What nobody has verified may have any form.
    with suppress(RecordError, LookupError, TypeError, AttributeError, ValueError):
        if told is not None:
            return Shown(tuple((name, printable(str(value))) for name, value in _ours(told)))
    return Shown(tuple(crate.lines()))


def _ours(raw: bytes) -> Iterator[tuple[str, object]]:
    facts = read_facts(raw)
    yield "record", facts["name"]
    yield "NOT VERIFIED", "`labkit record verify` says whether it is as it was signed"
    yield "mode", facts["mode"]["words"]
    yield "outcome", facts["outcome"]
    yield "thing", facts["thing"]
    yield "board", facts["board"] or "not told"
    yield "operator", facts["operator"] or "not told"
    yield "made", facts["made_at"]
    yield "route", facts["route"]
    yield "fingerprint", facts["fingerprint"] or "none"
    if certificate := facts["certificate"]:
        yield "certificate", f"{certificate['id']} {certificate['status']}"
        yield "valid until", certificate["not_after"]
    yield "account", f"{facts['account_id']} {facts['region']}"
    yield "host", facts["where"]["host"]
    done = sum(step["done"] for step in facts["steps"])
    yield "steps", f"{done} of {len(facts['steps'])} done"
    yield from (("failed", f"{step}: {said}") for step, said in facts["failed"].items())
    for each in facts["checks"]:
        if each["verdict"] == "FAIL":
            yield "FAIL", f"{each['what']}: {each['value']}"
