"""The handshake panel: the messages of the last connection, who proved what, where it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.bench.handshake import Outcome
from labkit.errors import LabError
from labkit.manual.pictures.handshake import draw_handshake
from labkit.manual.widgets.html import NOTHING, button, cell, heading, paragraph, row, table
from labkit.manual.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.bench.handshake import Handshake
    from labkit.lab.lab import Lab
    from labkit.manual.widgets.press import Press

_TONES = {Outcome.OK: "good", Outcome.BROKE: "bad", Outcome.SENT: "warn"}


class HandshakePanel(Panel):
    """The result of `lab.last_handshake()` as a picture and a table.

    Args:
        lab: the lab.

    Attributes:
        handshake: the handshake; None if it could not be read.
    """

    title = "The last handshake"

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab = lab
        self.handshake: Handshake | None = None
        self._error = ""
        self._read()

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """Read the handshake again."""
        return {"read": self._refresh}

    def text(self) -> str:
        """Return the list of steps, and the verdict."""
        return repr(self.handshake) if self.handshake else f"No handshake to show: {self._error}"

    def draw(self, *, live: bool) -> Markup:
        """Draw the picture, the steps next to it, and the verdict below."""
        again = button("read", "refresh") if live else NOTHING
        shown = self.handshake
        if shown is None:
            return paragraph(self.text(), "bad") + again
        tone = "bad" if shown.broke_at else "good" if shown.is_accepted else "warn"
        verdict = Markup("<br>").join(shown.verdict.splitlines())
        return paragraph(shown.source) + _messages(shown) + paragraph(verdict, tone) + again

    def _read(self) -> None:
        try:
            self.handshake, self._error = self._lab.last_handshake(), ""
        except LabError as error:
            self.handshake, self._error = None, str(error)

    def _refresh(self, _press: Press) -> None:
        self._read()
        self.message = "The handshake was read again."


def _messages(handshake: Handshake) -> Markup:
    """Draw the messages; nothing if none was observed."""
    if not handshake.steps:
        return NOTHING
    rows = (
        row(
            cell(number),
            cell(step.sender),
            heading(step.message),
            cell(step.outcome, _TONES.get(step.outcome, "quiet")),
            cell(step.means),
        )
        for number, step in enumerate(handshake.steps, 1)
    )
    columns = ("step", "sent by", "message", "result", "what it means")
    return Markup('<div class="lk-shake">{}{}</div>').format(
        draw_handshake(handshake), table(columns, rows)
    )
