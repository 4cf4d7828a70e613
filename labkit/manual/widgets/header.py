"""The header panel: the difference before it is written, confirm, and undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.errors import LabError
from labkit.lab.procedure.steps.previews import numbered, preview, take_back
from labkit.manual.widgets.panel import Panel, button

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.lab.lab import Lab
    from labkit.lab.procedure.steps.previews import Preview
    from labkit.manual.widgets.press import Press

_WORDS = {"+": ("added", "good"), "-": ("removed", "bad")}


class HeaderPanel(Panel):
    """What a step writes into a header: look, confirm, take back.

    What was seen here can be taken back, be it that confirm wrote it or the step's own call.

    Args:
        lab: the lab.
        step: `set_endpoint_and_thing`, `force_key_generation`, `stop_key_generation` or
            `import_certificate`.
    """

    title = "The header before it is written"

    def __init__(self, lab: Lab, step: str) -> None:
        super().__init__()
        self._lab, self._step = lab, step
        self._shown: Preview | None = None
        self._seen: Preview | None = None
        self._refusal = ""
        self._look()

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """Write what is seen, or take it back."""
        return {"confirm": self._confirm, "undo": self._undo}

    def text(self) -> str:
        """Return the difference that the step would write, each line with its number."""
        return "\n".join([self._head(), *map(_line, self._lines())])

    def draw(self, *, live: bool) -> Markup:
        """Draw each line of the difference with its number, its sign and its word."""
        rows = Markup().join(_row(*each) for each in self._lines())
        table = Markup(
            '<table class="lk-diff"><thead><tr><th scope="col">line</th><th scope="col">change</th>'
            '<th scope="col">{}</th></tr></thead><tbody>{}</tbody></table>'
        )
        drawn = table.format(self._seen.file.name, rows) if self._seen and rows else ""
        buttons = button("confirm", "confirm: write it") + button("undo", "undo")
        return Markup("<p>{}</p>{}{}").format(self._head(), drawn, buttons if live else "")

    def _head(self) -> str:
        if self._seen is None:
            return f"{self._step} cannot be shown: {self._refusal}"
        if not self._seen.diff:
            return f"{self._seen.file.name} says already what {self._step} writes."
        return f"{self._step} would write:"

    def _lines(self) -> list[tuple[int | None, str]]:
        return list(numbered(self._seen.diff)) if self._seen else []

    def _look(self) -> None:
        """Look at the difference; one that was shown is kept, to be taken back."""
        try:
            self._seen = preview(self._lab.workbench(self._step), self._step)
        except LabError as error:
            self._seen, self._refusal = None, str(error)
        if self._seen and self._seen.diff:
            self._shown = self._seen

    def _confirm(self, _press: Press) -> None:
        before = self._seen
        self._look()
        if self._seen and not self._seen.diff:
            self.said = "It is written already."
        elif before is None or self._seen is None or self._seen.old != before.old:
            self.said = "The file has changed since it was shown. Look at the new difference."
        else:
            self._lab.perform(self._step)
            self.said = (
                f"Written: {self._seen.file.name}."
                if self._seen.is_written
                else f"Nothing was written: {self._step} was done before, and a later step has set "
                "it otherwise since."
            )
            self._look()

    def _undo(self, _press: Press) -> None:
        if self._shown is None:
            self.said = "This panel has shown nothing that could be taken back."
        elif self._shown.file.read_bytes() == self._shown.old:
            self.said = "It is not written: there is nothing to take back."
        else:
            take_back(self._shown)
            self.said = f"As it was before: {self._shown.file.name}."
        self._look()


def _line(numbered_line: tuple[int | None, str]) -> str:
    number, line = numbered_line
    return f"{number or '':>4} {line}".rstrip()


def _row(number: int | None, line: str) -> Markup:
    word, tone = _WORDS.get(line[:1], ("", "")) if number else ("", "")
    return Markup('<tr><td>{}</td><td class="{}">{}</td><td class="mono">{}</td></tr>').format(
        number or "", tone, word, line
    )
