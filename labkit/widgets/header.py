"""The header panel: the difference before it is written, confirm, and undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.errors import LabError
from labkit.steps.previews import preview, take_back
from labkit.widgets.panel import Panel, button

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.lab import Lab
    from labkit.steps.previews import Preview
    from labkit.widgets.panel import Press

__all__ = ["HeaderPanel"]

_WORDS = {"+": ("added", "good"), "-": ("removed", "bad")}


class HeaderPanel(Panel):
    """What a step writes into a header: look, confirm, take back.

    Args:
        lab: the lab.
        step: `set_endpoint_and_thing`, `force_key_generation` or `import_certificate`.
    """

    title = "The header before it is written"

    def __init__(self, lab: Lab, step: str) -> None:
        super().__init__()
        self._lab, self._step = lab, step
        self._written: Preview | None = None
        self._seen: Preview | None = None
        self._refusal = ""
        self._look()

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """Write what is seen, or take it back."""
        return {"confirm": self._confirm, "undo": self._undo}

    def text(self) -> str:
        """Return the difference that the step would write."""
        if self._seen is None:
            return f"{self._step} cannot be shown: {self._refusal}"
        if not self._seen.diff:
            return f"{self._seen.file.name} says already what {self._step} writes."
        return f"{self._step} would write:\n{self._seen.diff.rstrip()}"

    def draw(self, *, live: bool) -> Markup:
        """Draw each line of the difference with its sign and its word."""
        lines = self.text().splitlines()
        rows = Markup().join(map(_row, lines[1:]))
        buttons = Markup()
        if live:
            able = self._seen is not None and bool(self._seen.diff)
            buttons = button("confirm", "confirm: write it", able=able)
            buttons += button("undo", "undo", able=self._written is not None)
        table = Markup("<table><tbody>{}</tbody></table>").format(rows) if rows else ""
        return Markup("<p>{}</p>{}{}").format(lines[0], table, buttons)

    def _look(self) -> None:
        try:
            self._seen = preview(self._lab.workbench(self._step), self._step)
        except LabError as error:
            self._seen, self._refusal = None, str(error)

    def _confirm(self, _press: Press) -> None:
        shown, self._seen = self._seen, None
        self._look()
        if shown is None or self._seen is None or self._seen.old != shown.old:
            self.said = "The file has changed since it was shown. Look at the new difference."
            return
        self._lab.perform(self._step)
        self._written, self.said = shown, f"Written: {shown.file.name}."
        self._look()

    def _undo(self, _press: Press) -> None:
        if self._written is None:
            return
        take_back(self._written)
        self.said, self._written = f"As it was before: {self._written.file.name}.", None
        self._look()


def _row(line: str) -> Markup:
    is_head = line.startswith(("+++", "---"))
    word, tone = ("", "mono") if is_head else _WORDS.get(line[:1], ("", "mono"))
    return Markup('<tr><th scope="row" class="{}">{}</th><td class="mono">{}</td></tr>').format(
        tone, word, line
    )
