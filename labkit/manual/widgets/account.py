"""The account panel: what the account holds of the device, as a graph with its gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.errors import LabError
from labkit.lab.holding import read_holding
from labkit.manual.pictures.account_graph import draw_account
from labkit.manual.widgets.panel import Panel, button

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.lab.holding import Holding
    from labkit.lab.lab import Lab
    from labkit.manual.widgets.press import Press


class AccountPanel(Panel):
    """What the account holds of a device, and what is missing for a connection.

    It only reads. What closes a gap is a call, which stays a cell of the page: there it asks what
    has to be confirmed, and is recorded.

    Args:
        lab: the lab.

    Attributes:
        holding: what was found; None where the account could not be asked.
    """

    title = "The device in the account"

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab = lab
        self.holding: Holding | None = None
        self._refusal = ""
        try:
            self.holding = read_holding(lab)
        except LabError as error:
            self._refusal = str(error)

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """Only one: look again."""
        return {"look": self._look}

    def text(self) -> str:
        """Return each part with how it is and what mends it."""
        if self.holding is None:
            return f"The account cannot be asked: {self._refusal}"
        return str(self.holding)

    def draw(self, *, live: bool) -> Markup:
        """Draw the graph, and below it what it comes to."""
        look = button("look", "look again", able=self.work is None) if live else Markup()
        if self.holding is None:
            return Markup('<p class="bad">{}</p>{}').format(self.text(), look)
        tone = "bad" if self.holding.graph.gaps else "good"
        if self.holding.state.not_told:
            tone = "warn"
        told = Markup().join(
            Markup('<p class="warn">not told: {}</p>').format(each)
            for each in self.holding.state.not_told
        )
        return Markup('{}<p class="{}">{}</p>{}{}').format(
            draw_account(self.holding.graph), tone, self.holding.verdict, told, look
        )

    def _look(self, _press: Press) -> None:
        self.start("asking the account", lambda _work: read_holding(self._lab), self._found)

    def _found(self, holding: Holding) -> None:
        self.holding, self.said = holding, "Asked again."
