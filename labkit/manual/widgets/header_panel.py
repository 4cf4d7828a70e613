"""The header panel: the difference before it is written, confirm, and undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.errors import LabError
from labkit.lab.procedure.steps.header_previews import numbered, preview, take_back
from labkit.manual.widgets.html import button, cell, joined, paragraph, row, table
from labkit.manual.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from markupsafe import Markup

    from labkit.lab.lab import Lab
    from labkit.lab.procedure.steps.header_previews import Preview
    from labkit.manual.widgets.press import Press

_WORDS = {"+": ("added", "good"), "-": ("removed", "bad")}


class HeaderPanel(Panel):
    """What a step writes into a header: preview, confirm, undo.

    Undo takes back the previewed change, whether confirm or the step's own call wrote it.

    Args:
        lab: the lab.
        step: `set_endpoint_and_thing`, `force_key_generation`, `stop_key_generation` or
            `import_certificate`.
    """

    title = "The header before it is written"

    def __init__(self, lab: Lab, step: str) -> None:
        super().__init__()
        self._lab, self._step = lab, step
        self._to_undo: Preview | None = None
        self._preview: Preview | None = None
        self._error = ""
        self._read()

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """Write the previewed change, or undo it."""
        return {"confirm": self._confirm, "undo": self._undo}

    def text(self) -> str:
        """Return the difference that the step would write, each line with its number."""
        lines = (f"{number or '':>4} {line}".rstrip() for number, line in self._lines())
        return "\n".join([self._summary(), *lines])

    def draw(self, *, live: bool) -> Markup:
        """Draw each line of the difference with its number, its sign and its word."""
        parts: list[Markup] = [paragraph(self._summary())]
        rows = [_row(*each) for each in self._lines()]
        if self._preview and rows:
            columns = ("line", "change", self._preview.file.name)
            parts.append(table(columns, rows, css="lk-diff"))
        if live:
            parts += [button("confirm", "confirm: write it"), button("undo", "undo")]
        return joined(parts)

    def _summary(self) -> str:
        if self._preview is None:
            return f"{self._step} cannot be previewed: {self._error}"
        if not self._preview.diff:
            return f"{self._preview.file.name} already has what {self._step} writes."
        return f"{self._step} would write:"

    def _lines(self) -> list[tuple[int | None, str]]:
        return list(numbered(self._preview.diff)) if self._preview else []

    def _read(self) -> None:
        """Read the difference; the last one that was shown is kept for undo."""
        try:
            self._preview = preview(self._lab.workbench(self._step), self._step)
        except LabError as error:
            self._preview, self._error = None, str(error)
        if self._preview and self._preview.diff:
            self._to_undo = self._preview

    def _confirm(self, _press: Press) -> None:
        before = self._preview
        self._read()
        if self._preview and not self._preview.diff:
            self.message = "It is already written."
        elif before is None or self._preview is None or self._preview.old != before.old:
            self.message = "The file has changed since it was shown. Check the new difference."
        else:
            self._lab.perform(self._step)
            self.message = (
                f"Written: {self._preview.file.name}."
                if self._preview.is_written
                else f"Nothing was written: {self._step} was done before, and a later step has "
                "changed the same macro since."
            )
            self._read()

    def _undo(self, _press: Press) -> None:
        if self._to_undo is None:
            self.message = "This panel has shown no change, so there is nothing to undo."
        elif self._to_undo.file.read_bytes() == self._to_undo.old:
            self.message = "The change is not written, so there is nothing to undo."
        else:
            take_back(self._to_undo)
            self.message = f"Restored: {self._to_undo.file.name}."
        self._read()


def _row(number: int | None, line: str) -> Markup:
    word, tone = _WORDS.get(line[:1], ("", "")) if number else ("", "")
    return row(cell(number or ""), cell(word, tone), cell(line, "mono"))
