"""A list of records as comma-separated values, for a spreadsheet.

A record's operator, or a file's name, is anybody's text, and a spreadsheet runs a cell that begins
like a formula. So an apostrophe is put before whatever could be one, at a cell's beginning and
after whatever some spreadsheet may take for a separator; `unguarded` takes it away again. Line
breaks and what else cannot be seen are escaped, as in the table.

Source: RFC 4180; OWASP, CSV Injection.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from labkit.record.listing.glance import Facts
from labkit.record.listing.listed import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labkit.record.listing.listed import Listed

__all__ = ["COLUMNS", "guarded", "to_csv", "unguarded"]

COLUMNS = (*Facts._fields, "file")

_BEGINNING = r"(?:\A|(?<=[,;|\"\t\r\n]))"
_FORMULA = r"(?=[' ]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
"""Also the full-width forms, which a Japanese spreadsheet takes for the same."""
_COULD_RUN = re.compile(_BEGINNING + _FORMULA)
_GUARDED = re.compile(f"{_BEGINNING}'{_FORMULA}")


def to_csv(listed: Iterable[Listed]) -> str:
    """Return a header and a line for each record: every cell quoted, lines ended by CR LF."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for each in listed:
        writer.writerow([guarded(plain(value)) for value in (*each.facts, each.file)])
    return text.getvalue()


def guarded(text: str) -> str:
    """Return a cell that no spreadsheet runs."""
    return _COULD_RUN.sub("'", text)


def unguarded(text: str) -> str:
    """Return what a cell was before it was guarded."""
    return _GUARDED.sub("", text)
