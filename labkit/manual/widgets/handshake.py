"""The handshake panel: the last connection's messages, who proved what, and where it broke."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.bench.handshake import Outcome
from labkit.errors import LabError
from labkit.manual.pictures.handshake import draw_handshake
from labkit.manual.widgets.panel import Panel, button

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.bench.handshake import Handshake, Step
    from labkit.lab.lab import Lab
    from labkit.manual.widgets.press import Press

_TONES = {Outcome.OK: "good", Outcome.BROKE: "bad", Outcome.SENT: "warn"}


class HandshakePanel(Panel):
    """What `lab.last_handshake()` says, as a picture and a table.

    Args:
        lab: the lab.

    Attributes:
        seen: the handshake; None where it cannot be asked for.
    """

    title = "The last handshake"

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab = lab
        self.seen: Handshake | None = None
        self._refusal = ""
        self._ask()

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """Only one: look again."""
        return {"look": self._look}

    def text(self) -> str:
        """Return the list of steps, and what they came to."""
        return repr(self.seen) if self.seen else f"Nothing can be seen: {self._refusal}"

    def draw(self, *, live: bool) -> Markup:
        """Draw the picture, the steps beside it, and the verdict below."""
        look = button("look", "look again") if live else Markup()
        if self.seen is None:
            return Markup('<p class="bad">{}</p>{}').format(self.text(), look)
        tone = "bad" if self.seen.broke_at else "good" if self.seen.is_accepted else "warn"
        verdict = Markup("<br>").join(self.seen.verdict.splitlines())
        return Markup('<p>{}</p>{}<p class="{}">{}</p>{}').format(
            self.seen.source, _exchange(self.seen), tone, verdict, look
        )

    def _ask(self) -> None:
        try:
            self.seen, self._refusal = self._lab.last_handshake(), ""
        except LabError as error:
            self.seen, self._refusal = None, str(error)

    def _look(self, _press: Press) -> None:
        self._ask()
        self.said = "Looked again."


def _exchange(seen: Handshake) -> Markup:
    """Draw the messages; where nobody saw any there is nothing to draw."""
    if not seen.steps:
        return Markup()
    return Markup(
        '<div class="lk-shake">{}<table><thead><tr><th scope="col">step</th>'
        '<th scope="col">sent by</th>'
        '<th scope="col">message</th><th scope="col">how it went</th>'
        '<th scope="col">what it says or proves</th></tr></thead><tbody>{}</tbody></table></div>'
    ).format(
        draw_handshake(seen),
        Markup().join(_row(number, step) for number, step in enumerate(seen.steps, 1)),
    )


def _row(number: int, step: Step) -> Markup:
    return Markup(
        '<tr><td>{}</td><td>{}</td><th scope="row">{}</th><td class="{}">{}</td><td>{}</td></tr>'
    ).format(
        number,
        step.sender,
        step.message,
        _TONES.get(step.outcome, "quiet"),
        step.outcome,
        step.means,
    )
