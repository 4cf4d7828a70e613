"""The hex lens: bytes next to the fields they belong to; point at one to see the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.console import Dump
from labkit.console.rows import DumpRow, dump_rows, sure_fields
from labkit.errors import LabError
from labkit.keys import PublicKey, annotate
from labkit.manual.widgets.html import attributes, cell, heading, joined, paragraph, row, table
from labkit.manual.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labkit.keys import Field

_ROW = 16
_NO_BYTE = -1
_UNMARKED = {"good", "in doubt"}


class HexLensPanel(Panel):
    """The bytes of a public key next to their ASN.1 structure, as `keys.annotate` returns it.

    Args:
        shown: 91 bytes of DER, a `PublicKey`, or a console's dump, whole or damaged.

    Attributes:
        rows: the rows of the dump, each with its verdict; other bytes in rows of 16, all good.
        fields: the fields; of a damaged dump, the fields whose place is certain.
        problem: what is wrong, or an empty text.

    Raises:
        PublicKeyError: not 91 bytes.
    """

    title = "Hex lens"

    def __init__(self, shown: bytes | PublicKey | Dump) -> None:
        super().__init__()
        if isinstance(shown, Dump) and shown.der is None:
            self.rows = dump_rows(shown)
            self.fields = sure_fields(self.rows)
            self.problem = _message(shown.public_key)
            self.what = "a damaged dump"
        else:
            der = _der_of(shown)
            self.fields = annotate(der)
            self.what = f"a public key, {len(der)} bytes"
            self.rows = tuple(_rows_of(der))
            self.problem = _message(lambda: PublicKey.from_der(der))

    def text(self) -> str:
        """Return the table of `annotate`; of a damaged dump first the rows with their verdicts."""
        rows = [_row_text(row) for row in self.rows] if self._is_dump else []
        fields = repr(self.fields) if self.fields else ""
        return "\n".join(filter(None, [*rows, fields, self.problem]))

    @property
    def _is_dump(self) -> bool:
        return any(row.word != "good" for row in self.rows)

    def draw(self, *, live: bool) -> Markup:
        """Draw the bytes and the fields; in the browser each lights the other."""
        return joined(
            [
                paragraph(f"{self.what[0].upper()}{self.what[1:]}."),
                paragraph(self.problem, "bad"),
                paragraph(_HINT if live else "", "quiet"),
                Markup('<div class="lk-lens">{}{}</div>').format(
                    self._grid(live=live), self._table(live=live)
                ),
            ]
        )

    def _grid(self, *, live: bool) -> Markup:
        heads = Markup('<th scope="col">{}</th><th scope="colgroup" colspan="{}">bytes</th>')
        return Markup(
            '<div class="lk-bytes"><table class="mono"><thead><tr>{}{}</tr></thead>'
            "<tbody{}>{}</tbody></table></div>"
        ).format(
            heads.format("row" if self._is_dump else "offset", _ROW),
            Markup('<th scope="col">verdict</th>') if self._is_dump else "",
            attributes(data_walk=_ROW if live else None),
            joined(self._grid_row(each, live=live) for each in self.rows),
        )

    def _grid_row(self, dump_row: DumpRow, *, live: bool) -> Markup:
        cells = [self._byte(*each, dump_row.word, live=live) for each in _bytes_of(dump_row)]
        cells += [cell("")] * (_ROW - len(cells))
        if self._is_dump:
            tone = {"good": "good", "in doubt": "warn"}.get(dump_row.word, "bad")
            verdict = Markup('<span class="{}">{}</span> {}')
            cells.append(cell(verdict.format(tone, dump_row.word, dump_row.note), "lk-verdict"))
        return row(heading(dump_row.number if self._is_dump else dump_row.offset), *cells)

    def _byte(self, pair: str, at: int, word: str, *, live: bool) -> Markup:
        number, field = self._field_at(at)
        is_wrong = word not in _UNMARKED or bool(field and field.meaning.startswith("WRONG"))
        start = "lk-start" if field and field.offset == at else ""
        values: dict[str, str | int] = {"css": f"{start}{' bad' if is_wrong else ''}".strip()}
        if live:
            name = (
                f"byte {at}, {field.name.strip()}" if field else "a byte whose place is not certain"
            )
            values |= {"title": name, "tabindex": -1 if at else 0}
            values |= {"data_part": f"f{number}"} if field else {}
        return Markup("<td{}>{}</td>").format(attributes(**values), pair)

    def _field_at(self, at: int) -> tuple[int, Field | None]:
        for number, field in enumerate(self.fields):
            if field.offset <= at < field.offset + field.size:
                return number, field
        return _NO_BYTE, None

    def _table(self, *, live: bool) -> Markup:
        rows = (
            row(
                cell(field.offset),
                cell(field.size),
                heading(field.name),
                cell(field.meaning, "bad" if field.meaning.startswith("WRONG") else ""),
                data_part=f"f{number}" if live else None,
                tabindex=(-1 if number else 0) if live else None,
            )
            for number, field in enumerate(self.fields)
        )
        fields = table(("offset", "bytes", "field", "meaning"), rows, walk="1" if live else "")
        return Markup('<div class="lk-fields">{}</div>').format(fields)


_HINT = "Point at a byte or a field, or move to it with Tab and the arrow keys. Its parts are lit."


def _der_of(shown: bytes | PublicKey | Dump) -> bytes:
    if isinstance(shown, Dump):
        return shown.public_key().der
    return shown.der if isinstance(shown, PublicKey) else bytes(shown)


def _rows_of(der: bytes) -> Iterator[DumpRow]:
    for number, at in enumerate(range(0, len(der), _ROW), start=1):
        yield DumpRow(number, der[at : at + _ROW].hex(), "good", "", at)


def _bytes_of(row: DumpRow) -> Iterator[tuple[str, int]]:
    """Yield the bytes of a row with their offsets, -1 if the offset is not certain."""
    for at in range(0, len(row.characters), 2):
        yield row.characters[at : at + 2], _NO_BYTE if row.offset is None else row.offset + at // 2


def _row_text(row: DumpRow) -> str:
    groups = " ".join(row.characters[at : at + 4] for at in range(0, len(row.characters), 4))
    return f"row {row.number}  {groups:39}  {row.word}{': ' if row.note else ''}{row.note}"


def _message(do: Callable[[], object]) -> str:
    """Return the message of the error that a call raises, or an empty text."""
    try:
        do()
    except LabError as error:
        return str(error)
    return ""
