"""The hex lens: bytes beside what they are; point at one and see the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.console import Dump
from labkit.console.rows import DumpRow, dump_rows, sure_fields
from labkit.errors import LabError
from labkit.keys import PublicKey, annotate
from labkit.manual.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labkit.keys import Field

_ROW = 16
_NO_BYTE = -1
_UNMARKED = {"good", "in doubt"}


class HexLensPanel(Panel):
    """The bytes of a public key beside their ASN.1 structure; the front to `keys.annotate`.

    Args:
        shown: 91 bytes of DER, a `PublicKey`, or a console's dump, whole or damaged.

    Attributes:
        rows: the dump's rows, each with its word; of other bytes, rows of 16, all good.
        fields: what the bytes are; of a damaged dump, those whose place is sure.
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
        """Return `annotate`'s table; of a damaged dump, its rows with a word each before it."""
        rows = [_row_text(row) for row in self.rows] if self._is_dump else []
        fields = repr(self.fields) if self.fields else ""
        return "\n".join(filter(None, [*rows, fields, self.problem]))

    @property
    def _is_dump(self) -> bool:
        return any(row.word != "good" for row in self.rows)

    def draw(self, *, live: bool) -> Markup:
        """Draw the bytes and the fields; in the browser each lights the other."""
        problem = Markup('<p class="bad">{}</p>').format(self.problem) if self.problem else ""
        hint = Markup('<p class="quiet">{}</p>').format(_HINT) if live else ""
        return Markup('<p>{}</p>{}{}<div class="lk-lens">{}{}</div>').format(
            f"{self.what[0].upper()}{self.what[1:]}.",
            problem,
            hint,
            self._grid(live=live),
            self._table(live=live),
        )

    def _grid(self, *, live: bool) -> Markup:
        body = Markup("").join(self._grid_row(row, live=live) for row in self.rows)
        heads = Markup('<th scope="col">{}</th>').format("row" if self._is_dump else "offset")
        heads += Markup('<th scope="colgroup" colspan="{}">bytes</th>').format(_ROW)
        if self._is_dump:
            heads += Markup('<th scope="col">verdict</th>')
        return Markup(
            '<div class="lk-bytes"><table class="mono"><thead><tr>{}</tr></thead>'
            "<tbody{}>{}</tbody></table></div>"
        ).format(heads, Markup(' data-walk="{}"').format(_ROW) if live else "", body)

    def _grid_row(self, row: DumpRow, *, live: bool) -> Markup:
        cells = Markup("").join(self._cell(*each, row.word, live=live) for each in _bytes_of(row))
        used = -(-len(row.characters) // 2)
        cells += Markup("<td></td>") * max(0, _ROW - used)
        head = row.number if self._is_dump else row.offset
        verdict: Markup | str = ""
        if self._is_dump:
            kind = {"good": "good", "in doubt": "warn"}.get(row.word, "bad")
            verdict = Markup('<td class="lk-verdict"><span class="{}">{}</span> {}</td>').format(
                kind, row.word, row.note
            )
        return Markup('<tr><th scope="row">{}</th>{}{}</tr>').format(head, cells, verdict)

    def _cell(self, pair: str, at: int, word: str, *, live: bool) -> Markup:
        number, field = self._field_at(at)
        wrong = word not in _UNMARKED or bool(field and field.meaning.startswith("WRONG"))
        start = "lk-start" if field and field.offset == at else ""
        classes = Markup(' class="{}"').format(f"{start}{' bad' if wrong else ''}".strip())
        attributes = classes if start or wrong else Markup()
        if live:
            name = f"byte {at}, {field.name.strip()}" if field else "a byte whose place is not sure"
            attributes += Markup(' title="{}" tabindex="{}"').format(name, -1 if at else 0)
            if field:
                attributes += Markup(' data-part="f{}"').format(number)
        return Markup("<td{}>{}</td>").format(attributes, pair)

    def _field_at(self, at: int) -> tuple[int, Field | None]:
        for number, field in enumerate(self.fields):
            if field.offset <= at < field.offset + field.size:
                return number, field
        return _NO_BYTE, None

    def _table(self, *, live: bool) -> Markup:
        body = Markup("").join(
            Markup('<tr{}><td>{}</td><td>{}</td><th scope="row">{}</th><td{}>{}</td></tr>').format(
                Markup(' data-part="f{}" tabindex="{}"').format(number, -1 if number else 0)
                if live
                else "",
                field.offset,
                field.size,
                field.name,
                Markup(' class="bad"') if field.meaning.startswith("WRONG") else "",
                field.meaning,
            )
            for number, field in enumerate(self.fields)
        )
        return Markup(
            '<div class="lk-fields"><table><thead><tr><th scope="col">offset</th>'
            '<th scope="col">bytes</th><th scope="col">field</th>'
            '<th scope="col">meaning</th></tr></thead>'
            "<tbody{}>{}</tbody></table></div>"
        ).format(Markup(' data-walk="1"') if live else "", body)


_HINT = (
    "Point at a byte or a field, or go there with Tab and arrow keys: what belongs to it is lit."
)


def _der_of(shown: bytes | PublicKey | Dump) -> bytes:
    if isinstance(shown, Dump):
        return shown.public_key().der
    return shown.der if isinstance(shown, PublicKey) else bytes(shown)


def _rows_of(der: bytes) -> Iterator[DumpRow]:
    for number, at in enumerate(range(0, len(der), _ROW), start=1):
        yield DumpRow(number, der[at : at + _ROW].hex(), "good", "", at)


def _bytes_of(row: DumpRow) -> Iterator[tuple[str, int]]:
    """Yield a row's bytes with their offsets, -1 where that is not sure."""
    for at in range(0, len(row.characters), 2):
        yield row.characters[at : at + 2], _NO_BYTE if row.offset is None else row.offset + at // 2


def _row_text(row: DumpRow) -> str:
    groups = " ".join(row.characters[at : at + 4] for at in range(0, len(row.characters), 4))
    return f"row {row.number}  {groups:39}  {row.word}{': ' if row.note else ''}{row.note}"


def _message(do: Callable[[], object]) -> str:
    """Return what a call has to say against the bytes, or an empty text."""
    try:
        do()
    except LabError as error:
        return str(error)
    return ""
