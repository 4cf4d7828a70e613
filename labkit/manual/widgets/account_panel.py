"""The account panel: what the account has for the device, as a graph with its gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.errors import LabError
from labkit.lab.account_check import check_account
from labkit.manual.pictures.account_graph import draw_account
from labkit.manual.widgets.html import NOTHING, button, joined, paragraph
from labkit.manual.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from markupsafe import Markup

    from labkit.lab.account_check import AccountCheck
    from labkit.lab.lab import Lab
    from labkit.manual.widgets.press import Press


class AccountPanel(Panel):
    """What the account has for a device, and what a connection still needs.

    It is read-only. What closes a gap is a call, which stays a cell of the page: there it asks for
    the confirmations it needs, and is recorded.

    Args:
        lab: the lab.

    Attributes:
        check: what was found; None if the account could not be read.
    """

    title = "The device in the account"

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab = lab
        self.check: AccountCheck | None = None
        self._error = ""
        try:
            self.check = check_account(lab)
        except LabError as error:
            self._error = str(error)

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """Read the account again."""
        return {"read": self._read}

    def text(self) -> str:
        """Return each part with its state and the call that fixes it."""
        if self.check is None:
            return f"The account cannot be read: {self._error}"
        return str(self.check)

    def draw(self, *, live: bool) -> Markup:
        """Draw the graph, and the verdict below it."""
        again = button("read", "refresh", able=self.work is None) if live else NOTHING
        if self.check is None:
            return paragraph(self.text(), "bad") + again
        unknown = self.check.state.unknown
        tone = "warn" if unknown else "bad" if self.check.graph.gaps else "good"
        return joined(
            [
                draw_account(self.check.graph),
                paragraph(self.check.verdict, tone),
                *(paragraph(f"not read: {each}", "warn") for each in unknown),
                again,
            ]
        )

    def _read(self, _press: Press) -> None:
        self.start("reading the account", lambda _work: check_account(self._lab), self._show)

    def _show(self, check: AccountCheck) -> None:
        self.check, self.message = check, "The account was read again."
