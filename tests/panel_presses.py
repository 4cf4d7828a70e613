"""What is pressed on each panel in the browser, and what must then be read on it.

A press is made of moves; each is made with the mouse, and once more with the keyboard alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator

PRESS_MS = 20_000


@dataclass(frozen=True)
class Move:
    """One thing that a hand does on a panel.

    Attributes:
        do: "press" a button, "open" a fold, "type" into a field, "choose" from a list, or "go" to
            a part of a list that arrow keys walk through.
        what: the button's, the fold's or the field's label; of a part its number, from 0.
        text: what is typed or chosen.
    """

    do: str
    what: str
    text: str = ""

    def control(self, panel: Locator) -> Locator:
        """Return what the hand goes to."""
        if self.do == "go":
            return panel.locator("[data-walk] [tabindex]").nth(int(self.what))
        if self.do == "open":
            return panel.locator("summary").filter(has_text=self.what).first
        if self.do == "press":
            return panel.get_by_role("button", name=self.what, exact=True).first
        return panel.get_by_label(self.what).first

    def with_mouse(self, panel: Locator) -> None:
        """Make the move as a mouse does."""
        control = self.control(panel)
        if self.do == "go":
            control.hover()
        elif self.do == "type":
            control.fill(self.text)
        elif self.do == "choose":
            control.select_option(self.text)
        else:
            control.click()

    def with_keyboard(self, panel: Locator) -> None:
        """Make the move with keys, standing on the control."""
        control, keys = self.control(panel), panel.page.keyboard
        if self.do == "go":
            panel.locator("[data-walk] [tabindex='0']").first.focus()
            keys.press("Home")
            for _ in range(int(self.what)):
                keys.press("ArrowRight")
            return
        control.focus()
        if self.do == "type":
            keys.press("ControlOrMeta+a")
            keys.type(self.text)
        elif self.do == "choose":
            keys.type(self.text)
        else:
            keys.press("Enter")


@dataclass(frozen=True)
class Row:
    """A press and what is read after it.

    Attributes:
        moves: what the hand does.
        read: a pattern of the panel's text, or with `lit` of what is lit.
        lit: whether it is to be lit.
    """

    moves: tuple[Move, ...]
    read: str
    lit: bool = False

    def prove(self, panel: Locator, *, keyboard: bool) -> None:
        """Press, and read."""
        for move in self.moves:
            (move.with_keyboard if keyboard else move.with_mouse)(panel)
        if self.lit:
            lit = panel.locator(".lit").filter(has_text=re.compile(self.read))
            expect(lit).not_to_have_count(0, timeout=PRESS_MS)
        else:
            expect(panel).to_contain_text(re.compile(self.read), timeout=PRESS_MS)


def press(what: str, read: str) -> Row:
    """Return the row of a button alone."""
    return Row((Move("press", what),), read)


PRESSES: dict[str, tuple[Row, ...]] = {
    "Bench": (
        press("power off", "power off, no fault planted"),
        press("power on", "power on, no fault planted"),
        Row(
            (Move("choose", "fault", "rows-lost"), Move("press", "plant")),
            "planted rows-lost: a log queue",
        ),
        press("take the fault away", "the flash is as it was before it"),
        press("reset the board", "The board was reset"),
        Row(
            (Move("type", "board", "/dev/ttyACM7"), Move("press", "switch")),
            "a seed is set, but the board or the account is real",
        ),
        Row((Move("type", "board", "sim"), Move("press", "switch")), "To be confirmed"),
        press("leave it as it is", "lab.toml is as it was"),
    ),
    "Certificate": (
        press("compare with the CA's", r"differ in \d+ of"),
        press("show it alone", "which means"),
    ),
    "Console": (
        press("pause", "paused, 0 more have come"),
        press("go on", "console"),
        Row((Move("type", "search", "public key"),), "'public key' stands in"),
        press("next hit", "'public key' stands in"),
        press("last lines", "console"),
        Row((Move("type", "search", ""),), "dump: "),
    ),
    "Hex lens": (Row((Move("go", "1"),), "SEQUENCE", lit=True),),
    "Policy tester": (
        Row((Move("type", "client id", "somebody-else"),), "decides|[Nn]o statement"),
    ),
    "Route": (
        Row((Move("open", "steps done"), Move("press", "look again")), "pages finished"),
        Row((Move("open", "steps done"),), "pages finished"),
    ),
    "Serial ports": (press("look for ports", "The lab uses the simulated board"),),
    "The device in the account": (press("look again", "Asked again"),),
}
"""What is pressed, by the panel's name."""
