"""The records of a folder as a table, or as comma-separated values."""

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
"""Rows of a repr: the newest records."""
_WIDEST = 28
"""Columns of a value in a table."""
_DIGITS = 16
"""Digits of a fingerprint or certificate id in a table; enough to distinguish those of a lab."""


class Facts(NamedTuple):
    """What a list shows of a record, as text; empty if the record does not have it.

    Attributes:
        made_at: its date, as `2026-11-25T12:00:00Z`.
        outcome: "accepted", "failed" or "unfinished".
        bench: "SIMULATED", "SIMULATED board", "SIMULATED account" or "real".
        thing: the device's thing name.
        board: the board, such as the label on it.
        serial_number: the serial number of the board's USB port.
        operator: the operator's name.
        fingerprint: SHA-256 of the device's public key, 64 hexadecimal digits.
        certificate_id: 64 hexadecimal digits.
        certificate_status: the status in the account when the record was made.
        not_after: when the certificate expires, as `made_at`.
        account_id: the AWS account.
        region: the AWS region.
        route: the route, such as "option-2".
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
        facts: its facts.
    """

    file: str
    facts: Facts


class NotARecord(NamedTuple):
    """An `.eln` file that is not a record.

    Attributes:
        file: its name.
        why: what was expected and what it is.
    """

    file: str
    why: str


@dataclass(frozen=True, slots=True, repr=False)
class Records:
    """The records of a folder that match the filters, newest first. They are not verified.

    Attributes:
        folder: the folder.
        listed: the records.
        others: the `.eln` files that are not records.
        of: how many records the folder has.
        filters: the filters, in words; empty if all records are listed.
    """

    folder: Path
    listed: tuple[Listed, ...]
    others: tuple[NotARecord, ...]
    of: int
    filters: str = ""

    def __len__(self) -> int:
        return len(self.listed)

    def __iter__(self) -> Iterator[Listed]:
        return iter(self.listed)

    def __getitem__(self, number: int) -> Listed:
        return self.listed[number]

    def __repr__(self) -> str:
        """Return a table of the newest records."""
        return "\n".join(self.lines(_LONGEST_REPR))

    def __str__(self) -> str:
        """Return a table of all records."""
        return "\n".join(self.lines())

    def lines(self, most: int | None = None) -> Iterator[str]:
        """Yield the table, a summary, and the files that are not records.

        Args:
            most: how many rows to show; all if None.
        """
        if self.listed:
            yield from _aligned([_HEAD, *map(_row, self.listed[:most])])
            yield ""
        if most is not None and len(self) > most:
            yield f"and {len(self) - most} older records"
        yield self.summary
        if self.listed:
            yield "Not verified. Verify a record with `labkit record verify FILE`."
        if self.filters and self.others:
            yield f"{len(self.others)} more files are not records; list without filters to see why."
        elif self.others:
            yield from (f"not a record: {plain(each.file)}: {each.why}" for each in self.others)

    @property
    def summary(self) -> str:
        """How many records match, in a sentence."""
        what = f" with {plain(self.filters)}" if self.filters else ""
        if not self.of:
            return f"There is no record in {self.folder}."
        if not self.listed:
            return f"None of the {self.of} records in {self.folder} matches {plain(self.filters)}."
        return f"{len(self)} of {self.of} records{what}."

    def csv(self) -> str:
        """Return the records as comma-separated values (RFC 4180), with all columns."""
        return to_csv(self.listed)


def plain(text: str) -> str:
    """Return a text as one line; characters that a terminal would interpret are escaped."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in text
    )


def moment(text: str) -> str:
    """Return a time for a column headed UTC: `2026-11-25 12:00:00`."""
    return text.replace("T", " ").removesuffix("Z")


# As a spreadsheet

COLUMNS = (*Facts._fields, "file")

_BEGINNING = r"(?:\A|(?<=[,;|\"\t\r\n]))"
_FORMULA = r"(?=[' ]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
"""Also the full-width forms, which a Japanese spreadsheet reads as the same."""
_COULD_RUN = re.compile(_BEGINNING + _FORMULA)


def to_csv(listed: Iterable[Listed]) -> str:
    """Return a header and a line for each record: every cell quoted, lines ended by CR LF.

    A record can contain any text, and a spreadsheet runs a cell that begins like a formula. An
    apostrophe is therefore put before anything that could be one, at the beginning of a cell and
    after any character that a spreadsheet can read as a separator.

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
    values = (
        moment(facts.made_at),
        *(facts.outcome, facts.bench, facts.thing, facts.board, facts.operator),
        *(facts.fingerprint[:_DIGITS], facts.certificate_id[:_DIGITS]),
    )
    return (*map(_cut, values), plain(listed.file))


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
    """Return how many columns a text takes in a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))
