"""Check a dump row by row: which rows are intact, what is wrong with the others.

Only the key's first 26 bytes are known in advance: the first row, and ten bytes of the second. So
only these two rows are recognized in a wrong position.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from labkit.console.dump import ROW_BYTES, ROW_SIZES, wrong_size
from labkit.keys import DER_BYTES, SPKI_HEADER, Annotation, Field, annotate

if TYPE_CHECKING:
    from labkit.console.dump import Dump

_KNOWN = {
    number: SPKI_HEADER[at : at + ROW_BYTES].hex()
    for number, at in enumerate(range(0, len(SPKI_HEADER), ROW_BYTES), start=1)
}
"""The beginning of the first rows of every P-256 key, by the row's number."""

_CHANGED_MOST = 4
"""If more known bytes differ, it is another row."""

_NOT_HEX = re.compile(r"[^0-9a-f]")


@dataclass(frozen=True, slots=True)
class DumpRow:
    """A row of a dump.

    Attributes:
        number: the row's position, counted from 1.
        characters: the characters received, without blanks; empty if the row is missing.
        word: "good", "short", "long", "not hex", "out of order", "repeated", "changed",
            "missing", or "in doubt": complete, but its digits may be wrong.
        note: the details; may be empty.
        offset: the offset of its first byte in the key; None if it is uncertain.
    """

    number: int
    characters: str
    word: str
    note: str
    offset: int | None


def dump_rows(dump: Dump) -> tuple[DumpRow, ...]:
    """Check each row of a dump.

    Args:
        dump: a dump, complete or damaged.

    Returns:
        The rows in the order received, then the missing rows.
    """
    got = _by_sixteen(dump.characters) if dump.der is None else _by_sixteen((dump.der.hex(),))
    rows: list[DumpRow] = []
    sure = True
    for number, characters in enumerate(got, start=1):
        word, note = _verdict(number, characters, got)
        sure = (
            sure
            and word in {"good", "changed"}
            and (number in _KNOWN or len(got) == len(ROW_SIZES))
        )
        if word == "good" and not sure:
            note = "whole, its position in the key is uncertain"
        rows.append(
            DumpRow(number, characters, word, note, (number - 1) * ROW_BYTES if sure else None)
        )
    if dump.der is None and len(got) == len(ROW_SIZES) and all(row.word == "good" for row in rows):
        rows[1:] = [replace(row, word="in doubt", note=_DOUBT) for row in rows[1:]]
    rows += [
        DumpRow(number, "", "missing", "this row or an earlier one was not received", None)
        for number in range(len(got) + 1, len(ROW_SIZES) + 1)
    ]
    return tuple(rows)


_DOUBT = "whole, but rows 2 to 6 together are not a point on the curve"


def sure_fields(rows: tuple[DumpRow, ...]) -> Annotation:
    """Return the fields of the bytes whose position in the key is certain.

    Args:
        rows: the rows that `dump_rows` returned.

    Returns:
        The fields as `annotate` names them. The last may be cut; its meaning says so.
    """
    data = bytes.fromhex("".join(row.characters for row in rows if row.offset is not None))
    fields = Annotation()
    for field in annotate(data.ljust(DER_BYTES, b"\0")):
        kept = min(field.size, len(data) - field.offset)
        if kept == field.size:
            fields.append(field)
        elif kept > 0:
            fields.append(_cut(field, data[field.offset :]))
    return fields


def _cut(field: Field, data: bytes) -> Field:
    kept = f"{len(data)} of its {field.size} bytes are certain"
    return Field(field.offset, len(data), data.hex(" ", -2), field.name, kept)


def _by_sixteen(got: tuple[str, ...]) -> tuple[str, ...]:
    """Return the rows; continuous hex (`xxd -ps`) is cut into the console's rows."""
    if all(len(row) <= 2 * _LONGEST for row in got):
        return got
    digits = "".join(got)
    return tuple(digits[at : at + 2 * ROW_BYTES] for at in range(0, len(digits), 2 * ROW_BYTES))


_LONGEST = ROW_BYTES + 8
"""The most bytes of a row with glued text."""


def _verdict(number: int, characters: str, got: tuple[str, ...]) -> tuple[str, str]:
    if strange := _NOT_HEX.search(characters):
        return "not hex", f"{strange[0]!r} is not a hex digit"
    for other, known in _KNOWN.items():
        if other != number and characters.startswith(known):
            return "out of order", f"this is row {other}"
    if characters in got[: number - 1]:
        return "repeated", f"the same as row {got.index(characters) + 1}"
    if wrong := _wrong_length(number, characters, got):
        return wrong
    return _against_header(number, bytes.fromhex(characters))


def _against_header(number: int, data: bytes) -> tuple[str, str]:
    """Compare a complete row with the known bytes of every P-256 key."""
    known = bytes.fromhex(_KNOWN.get(number, ""))
    wrong = [at for at, (is_, should) in enumerate(zip(data, known, strict=False)) if is_ != should]
    if len(wrong) > _CHANGED_MOST:
        return "out of order", f"another row; row {number} begins {known[:4].hex(' ', -2)}"
    if wrong:
        at = wrong[0]
        return "changed", f"byte {at + 1}: expected {known[at]:02x}, got {data[at]:02x}"
    return "good", ""


def _wrong_length(number: int, characters: str, got: tuple[str, ...]) -> tuple[str, str] | None:
    size = ROW_SIZES[number - 1] if number <= len(ROW_SIZES) else 0
    if len(characters) == 2 * size:
        return None
    if number == len(got) < len(ROW_SIZES) and len(characters) == 2 * ROW_SIZES[-1]:
        return "out of order", f"{ROW_SIZES[-1]} bytes, as row {len(ROW_SIZES)} has"
    word = "short" if len(characters) < 2 * size else "long"
    return word, wrong_size(len(characters), size)
