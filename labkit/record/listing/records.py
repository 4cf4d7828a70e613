"""A folder's records as a list: lines to read, a spreadsheet, a page."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_LONGEST_REPR = 40
"""Records that a page shows; the newest."""
_WIDEST = 28
"""Columns that a value gets in a table."""
_DIGITS = 16
"""Of a fingerprint or certificate id; enough to tell apart what one lab has."""


class Facts(NamedTuple):
    """What a list shows of a record, as text, empty where the record does not know.

    Attributes:
        made_at: its date, as `2026-11-25T12:00:00Z`.
        outcome: "accepted", "failed" or "unfinished".
        bench: "SIMULATED", "SIMULATED board", "SIMULATED account" or "real".
        thing: the device's thing name.
        board: which board, such as the label on it.
        serial_number: of the board's USB port.
        operator: who did it.
        fingerprint: SHA-256 of the device's public key, 64 hexadecimal digits.
        certificate_id: 64 hexadecimal digits.
        certificate_status: in the account, when the record was made.
        not_after: when the certificate ends.
        account_id: the account.
        region: the account's region.
        route: how the device got its key.
    """

    made_at: str
    outcome: str
    bench: str
    thing: str
    board: str
    serial_number: str
    operator: str
    fingerprint: str
    certificate_id: str
    certificate_status: str
    not_after: str
    account_id: str
    region: str
    route: str


class Listed(NamedTuple):
    """A record in a folder.

    Attributes:
        file: its file's name.
        facts: what it says of itself.
    """

    file: str
    facts: Facts


class NoRecord(NamedTuple):
    """A file in a folder that looks like a record by its name.

    Attributes:
        file: its name.
        why: what was expected, and what came.
    """

    file: str
    why: str


@dataclass(frozen=True, slots=True, repr=False)
class Records:
    """The records of a folder that were asked for, newest first. Listing is not verifying.

    Attributes:
        folder: where they are.
        listed: the records.
        others: what is there under such a name and is no record.
        of: how many records there are in the folder.
        asked: what was asked for, in words; empty for everything.
    """

    folder: Path
    listed: tuple[Listed, ...]
    others: tuple[NoRecord, ...]
    of: int
    asked: str = ""

    def __len__(self) -> int:
        return len(self.listed)

    def __iter__(self) -> Iterator[Listed]:
        return iter(self.listed)

    def __getitem__(self, number: int) -> Listed:
        return self.listed[number]

    def __repr__(self) -> str:
        """Return a table of the newest ones."""
        return "\n".join(self.lines(_LONGEST_REPR))

    def __str__(self) -> str:
        """Return a table of all."""
        return "\n".join(self.lines())

    def lines(self, most: int | None = None) -> Iterator[str]:
        """Yield the table, at most so many of its rows, and what else there is to know."""
        if self.listed:
            yield from _aligned([_HEAD, *map(_row, self.listed[:most])])
            yield ""
        if most is not None and len(self) > most:
            yield f"and {len(self) - most} older ones"
        yield self.summary
        if self.listed:
            yield "Not verified: `labkit record verify FILE` does that."
        yield from self._no_records()

    @property
    def summary(self) -> str:
        """How many there are, in a sentence."""
        what = f" with {plain(self.asked)}" if self.asked else ""
        if not self.of:
            return f"There is no record in {self.folder}."
        if not self.listed:
            return f"None of the {self.of} records in {self.folder} is one{what}."
        return f"{len(self)} of {self.of} records{what}."

    def _no_records(self) -> Iterator[str]:
        if self.asked and self.others:
            yield f"{len(self.others)} more files there are no records; a list of all says why."
        elif self.others:
            yield from (f"not a record: {plain(each.file)}: {each.why}" for each in self.others)

    def csv(self) -> str:
        """Return them as comma-separated values (RFC 4180), with all columns."""
        return to_csv(self.listed)


def plain(text: str) -> str:
    """Return a text as one line: what could move a cursor or hide something is escaped."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in text
    )


def moment(text: str) -> str:
    """Return a time in UTC as a column has it that is headed so."""
    return text.replace("T", " ").removesuffix("Z")


# As a spreadsheet

COLUMNS = (*Facts._fields, "file")

_BEGINNING = r"(?:\A|(?<=[,;|\"\t\r\n]))"
_FORMULA = r"(?=[' ]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
"""Also the full-width forms, which a Japanese spreadsheet takes for the same."""
_COULD_RUN = re.compile(_BEGINNING + _FORMULA)


def to_csv(listed: Iterable[Listed]) -> str:
    """Return a header and a line for each record: every cell quoted, lines ended by CR LF.

    A record's operator, or a file's name, is anyone's text, and a spreadsheet runs a cell that
    begins like a formula. So an apostrophe is put before whatever could be one, at a cell's
    beginning and after whatever some spreadsheet may take for a separator. What cannot be seen is
    escaped, as in the table.

    Source: RFC 4180; OWASP, CSV Injection.
    """
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for each in listed:
        writer.writerow([guarded(plain(value)) for value in (*each.facts, each.file)])
    return text.getvalue()


def guarded(text: str) -> str:
    """Return a cell that no spreadsheet runs."""
    return _COULD_RUN.sub("'", text)


# As a table

_HEAD = (
    *("made (UTC)", "outcome", "bench", "thing", "board", "operator"),
    *("fingerprint", "certificate", "file"),
)


def _row(listed: Listed) -> tuple[str, ...]:
    facts = listed.facts
    told = (
        moment(facts.made_at),
        *(facts.outcome, facts.bench, facts.thing, facts.board, facts.operator),
        *(facts.fingerprint[:_DIGITS], facts.certificate_id[:_DIGITS]),
    )
    return (*map(_cut, told), plain(listed.file))


def _cut(value: str) -> str:
    shown = plain(value)
    return shown if len(shown) <= _WIDEST else f"{shown[: _WIDEST - 1]}…"


def _aligned(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    rows = list(rows)
    widths = [max(map(_columns, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        yield "  ".join(value + " " * (wide - _columns(value)) for value, wide in cells).rstrip()


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))
