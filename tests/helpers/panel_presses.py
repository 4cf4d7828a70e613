"""What is pressed on each panel in the browser, and what must then be read on it.

A press is made of moves; each is made with the mouse, and once more with the keyboard alone. What
is read was not there before, so a panel on which nothing happens turns the page red.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from labkit.device.ports import NOTHING_FOUND
from labkit.policy import hello_world_policy

if TYPE_CHECKING:
    from playwright.sync_api import FileChooser, Locator

PRESS_MS = 20_000
_FOLDS = {"open": True, "close": False}


@dataclass(frozen=True)
class Move:
    """One thing that a hand does on a panel.

    Attributes:
        do: "press" a button, "open" or "close" a fold, "type" or "paste" into a field, "choose"
            from a list, "tick" a box, "hand" a file over, or "go" to a part of a list that arrow
            keys walk through.
        what: the button's, the fold's or the field's label; of a part its number, from 0.
        text: what is typed, pasted or chosen; of a file what is in it; of a part where the list is,
            if it is not the panel's first.
    """

    do: str
    what: str
    text: str = ""

    def control(self, panel: Locator) -> Locator:
        """Return what the hand goes to."""
        if self.do == "go":
            return panel.locator(f"{self.text} [data-walk] [tabindex]").nth(int(self.what))
        if self.do in _FOLDS:
            return panel.locator("summary").filter(has_text=self.what).first
        if self.do == "press":
            return panel.get_by_role("button", name=self.what, exact=True).first
        return panel.get_by_label(self.what).first

    def make(self, panel: Locator, *, keyboard: bool) -> None:
        """Make the move; a fold that is as it shall be is left alone."""
        control = self.control(panel)
        if self.do in _FOLDS:
            fold = control.locator("xpath=..")
            if fold.evaluate("(fold) => fold.open") == _FOLDS[self.do]:
                return
        if self.do == "hand":
            with panel.page.expect_file_chooser() as chosen:
                self._press(control, keyboard=keyboard)
            self._hand_over(chosen.value)
        elif keyboard:
            self._with_keyboard(panel, control)
        else:
            self._with_mouse(control)

    def _hand_over(self, chooser: FileChooser) -> None:
        content = self.text.encode()
        chooser.set_files({"name": "file.txt", "mimeType": "text/plain", "buffer": content})

    @staticmethod
    def _press(control: Locator, *, keyboard: bool) -> None:
        if keyboard:
            control.press("Enter")
        else:
            control.click()

    def _with_mouse(self, control: Locator) -> None:
        if self.do == "go":
            control.hover()
        elif self.do in ("type", "paste"):
            control.fill(self.text)
        elif self.do == "choose":
            control.select_option(self.text)
        else:
            control.click()

    def _with_keyboard(self, panel: Locator, control: Locator) -> None:
        keys = panel.page.keyboard
        if self.do == "go":
            panel.locator(f"{self.text} [data-walk] [tabindex='0']").first.focus()
            keys.press("Home")
            for _ in range(int(self.what)):
                keys.press("ArrowRight")
        elif self.do == "choose":
            _choose(control, self.text)
        elif self.do in ("type", "paste"):
            control.focus()
            keys.press("ControlOrMeta+a")
            keys.press("Delete")
            (keys.type if self.do == "type" else keys.insert_text)(self.text)
        else:
            control.press("Space" if self.do == "tick" else "Enter")


def _choose(control: Locator, text: str) -> None:
    """Go to an entry of a list with the arrow keys, from wherever one is."""
    wanted = control.evaluate(
        "(list, text) => [...list.options].findIndex((each) => each.text === text)", text
    )
    control.focus()
    for _ in range(control.evaluate("(list) => list.options.length")):
        here = control.evaluate("(list) => list.selectedIndex")
        if here == wanted:
            return
        control.press("ArrowDown" if here < wanted else "ArrowUp")
    raise AssertionError(f"the list has no {text!r}, or arrow keys do not come to it")


@dataclass(frozen=True)
class Row:
    """A press and what is read after it, which was not there before.

    Attributes:
        moves: what the hand does.
        read: a pattern of what can be seen on the panel.
        where: a selector of where it is read; anywhere on the panel when not given.
        lit: whether it is read where it is lit.
        away: whether it was there and must be gone.
        again: whether it may have been there before: the press looks again and says nothing of it.
    """

    moves: tuple[Move, ...]
    read: str
    where: str = ""
    lit: bool = False
    away: bool = False
    again: bool = False

    def prove(self, panel: Locator, *, keyboard: bool) -> None:
        """Press, and read; what an earlier press was answered is taken off the panel before."""
        if not self.away:
            panel.locator(".labkit-message").evaluate("(message) => message.replaceChildren()")
        if not self.again:
            self._is_read(panel, there=self.away)
        for move in self.moves:
            move.make(panel, keyboard=keyboard)
        self._is_read(panel, there=not self.away)

    def _is_read(self, panel: Locator, *, there: bool) -> None:
        pattern, where = re.compile(self.read), self.where or (".lit" if self.lit else "")
        if where:
            found = expect(panel.locator(where).filter(has_text=pattern))
            (found.not_to_have_count if there else found.to_have_count)(0, timeout=PRESS_MS)
            return
        seen = expect(panel)
        verdict = seen.to_contain_text if there else seen.not_to_contain_text
        verdict(pattern, use_inner_text=True, timeout=PRESS_MS)


def press(what: str, read: str, **row: bool) -> Row:
    """Return the row of a button alone."""
    return Row((Move("press", what),), read, **row)


POLICY = hello_world_policy("us-east-1", "123456789012")
DENIES = {"Effect": "Deny", "Action": "*", "Resource": "*"}

PUBLISHES = '"Sid": "Publish"'
HERE = "[aria-current='true']"


def _document(document: object, read: str) -> Row:
    """Return the row of another document in the policy tester."""
    fold, text = Move("open", "another document"), json.dumps(document)
    return Row((fold, Move("paste", "document", text)), read)


PRESSES: dict[str, tuple[Row, ...]] = {
    "Bench": (
        press("power off", "power off, no fault planted"),
        press("power on", "power on, no fault planted"),
        Row(
            (Move("choose", "fault", "rows-lost"), Move("press", "plant")),
            "planted rows-lost: a log queue",
        ),
        press("remove the fault", "the flash is as it was before it"),
        press("reset the board", "The board was reset"),
        Row(
            (Move("type", "board", "/dev/ttyACM7"), Move("press", "switch")),
            "a seed is set, but the board or the account is real",
        ),
        Row((Move("type", "board", "sim"), Move("press", "switch")), "To be confirmed"),
        press("leave it as it is", "lab.toml was not changed"),
    ),
    "Certificate": (),
    "Console": (
        Row((Move("choose", "kind", "row"),), ": 6 lines of 17"),
        Row((Move("choose", "kind", "everything"),), ": 6 lines of 17", away=True),
        Row((Move("type", "search", "public key"),), "'public key' is in"),
        Row((Move("press", "next hit"),), "Printing device public key", HERE),
        Row((Move("press", "previous hit"),), "Device public key, 91 bytes", HERE),
        Row((Move("press", "last lines"),), "", HERE, away=True),
        Row((Move("type", "search", ""),), "'public key' is in", away=True),
    ),
    "Hex lens": (
        Row((Move("go", "3"),), "AlgorithmIdentifier", ".lk-fields .lit"),
        Row((Move("go", "5", ".lk-fields"),), "^00$", ".lk-bytes .lit"),
        Row((Move("go", "0", ".lk-fields"),), "^59$", ".lk-bytes .lit"),
    ),
    "Policy tester": (
        Row((Move("choose", "action", "iot:Connect"),), '"Sid": "Connect"', "mark"),
        Row((Move("choose", "action", "iot:Publish"),), PUBLISHES, "mark"),
        Row(
            (Move("type", "topic", "another/topic"),), "no statement allows .*:topic/another/topic"
        ),
        Row((Move("type", "topic", "lab-device/example/topic"),), PUBLISHES, "mark"),
        Row((Move("type", "client id", "somebody-else"),), "no statement allows iot:Publish"),
        Row((Move("type", "client id", "lab-device"),), PUBLISHES, "mark"),
        Row((Move("tick", "thing attached"),), "has no value here, so it matches nothing"),
        Row((Move("tick", "thing attached"),), PUBLISHES, "mark"),
        _document({"Version": "2012-10-17"}, "Statement must not be empty"),
        _document({**POLICY, "Statement": [DENIES]}, "explicitly denied by statement 1"),
        _document(POLICY, "allowed by statement 2"),
        Row((Move("close", "another document"),), "Version", "textarea:visible", away=True),
    ),
    "Route": (
        Row((Move("open", "steps done"),), "refresh"),
        press("refresh", "pages finished", again=True),
        Row((Move("close", "steps done"),), "refresh", away=True),
    ),
    "Serial ports": (press("look for ports", f"{re.escape(NOTHING_FOUND)}|USB id", again=True),),
    "The device in the account": (press("refresh", "The account was read again"),),
    "The header before it is written": (
        press("undo", "Restored: "),
        press("confirm: write it", "Written: "),
    ),
    "The last handshake": (press("refresh", "The handshake was read again"),),
}
"""What is pressed, by the panel's name."""
