"""A dump row by row: which row is good, which is not and how, and which bytes are sure.

Only the key's first 26 bytes are known beforehand: the first row, and ten bytes of the second. So
a row that stands in another's place is told where it is one of those, and nothing is guessed of
the others.
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
"""What every P-256 key has in its first rows, by the row's number."""

_CHANGED_MOST = 4
"""More known bytes that differ, and it is another row."""

_NOT_HEX = re.compile(r"[^0-9a-f]")


@dataclass(frozen=True, slots=True)
class DumpRow:
    """A row of a dump.

    Attributes:
        number: its place, counted from 1.
        characters: what came, without blanks; empty where nothing did.
        word: "good", "short", "long", "not hex", "out of order", "repeated", "changed",
            "missing", or "in doubt": whole, and nobody can tell whether its digits are right.
        note: what exactly; empty where there is nothing to say.
        offset: the first of its bytes in the key, counted from 0; None where that is not sure.
    """

    number: int
    characters: str
    word: str
    note: str
    offset: int | None


def dump_rows(dump: Dump) -> tuple[DumpRow, ...]:
    """Say of each row of a dump whether it is good, and how it is not.

    Args:
        dump: a dump, whole or damaged.

    Returns:
        The rows in the order in which they came, and after them those that did not come.
    """
    came = _by_sixteen(dump.came) if dump.der is None else _by_sixteen((dump.der.hex(),))
    rows: list[DumpRow] = []
    sure = True
    for number, characters in enumerate(came, start=1):
        word, note = _verdict(number, characters, came)
        sure = (
            sure
            and word in {"good", "changed"}
            and (number in _KNOWN or len(came) == len(ROW_SIZES))
        )
        if word == "good" and not sure:
            note = "whole, its place in the key is not sure"
        rows.append(
            DumpRow(number, characters, word, note, (number - 1) * ROW_BYTES if sure else None)
        )
    if dump.der is None and len(came) == len(ROW_SIZES) and all(row.word == "good" for row in rows):
        rows[1:] = [replace(row, word="in doubt", note=_DOUBT) for row in rows[1:]]
    rows += [
        DumpRow(number, "", "missing", "this row or one before it did not come", None)
        for number in range(len(came) + 1, len(ROW_SIZES) + 1)
    ]
    return tuple(rows)


_DOUBT = "whole, but rows 2 to 6 together hold no point of the curve"


def sure_fields(rows: tuple[DumpRow, ...]) -> Annotation:
    """Return the fields of the bytes whose place in the key is sure.

    Args:
        rows: what `dump_rows` returned.

    Returns:
        The fields as `annotate` names them; the last may be cut, and says so.
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
    kept = f"{len(data)} of its {field.size} bytes are sure"
    return Field(field.offset, len(data), data.hex(" ", -2), field.name, kept)


def _by_sixteen(came: tuple[str, ...]) -> tuple[str, ...]:
    """Return the rows, those of a continuous text (`xxd -ps`) cut as the console cuts them."""
    if all(len(row) <= 2 * _LONGEST for row in came):
        return came
    digits = "".join(came)
    return tuple(digits[at : at + 2 * ROW_BYTES] for at in range(0, len(digits), 2 * ROW_BYTES))


_LONGEST = ROW_BYTES + 8
"""Bytes that a row with something glued to it may still have."""


def _verdict(number: int, characters: str, came: tuple[str, ...]) -> tuple[str, str]:
    if strange := _NOT_HEX.search(characters):
        return "not hex", f"{strange[0]!r} is not a hex digit"
    for other, known in _KNOWN.items():
        if other != number and characters.startswith(known):
            return "out of order", f"this is row {other}"
    if characters in came[: number - 1]:
        return "repeated", f"the same as row {came.index(characters) + 1}"
    if wrong := _wrong_length(number, characters, came):
        return wrong
    return _against_header(number, bytes.fromhex(characters))


def _against_header(number: int, data: bytes) -> tuple[str, str]:
    """Compare a whole row with what every P-256 key has there."""
    known = bytes.fromhex(_KNOWN.get(number, ""))
    wrong = [at for at, (is_, should) in enumerate(zip(data, known, strict=False)) if is_ != should]
    if len(wrong) > _CHANGED_MOST:
        return "out of order", f"another row; row {number} begins {known[:4].hex(' ', -2)}"
    if wrong:
        at = wrong[0]
        return "changed", f"byte {at + 1}: expected {known[at]:02x}, got {data[at]:02x}"
    return "good", ""


def _wrong_length(number: int, characters: str, came: tuple[str, ...]) -> tuple[str, str] | None:
    size = ROW_SIZES[number - 1] if number <= len(ROW_SIZES) else 0
    if len(characters) == 2 * size:
        return None
    if number == len(came) < len(ROW_SIZES) and len(characters) == 2 * ROW_SIZES[-1]:
        return "out of order", f"{ROW_SIZES[-1]} bytes, as row {len(ROW_SIZES)} has"
    word = "short" if len(characters) < 2 * size else "long"
    return word, wrong_size(len(characters), size)
