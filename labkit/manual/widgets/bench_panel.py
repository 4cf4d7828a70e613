"""The bench: what is real, the board's reset and power, planted faults, and the switch to real."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.device.commands import Operator
from labkit.manual import drills
from labkit.manual.drills.board import read_board
from labkit.manual.widgets import html
from labkit.manual.widgets.panel import Panel
from labkit.workspace.switch import Switch, switch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.lab.lab import Lab
    from labkit.manual.widgets.press import Press

_CLOUDS = {"sim": "simulated", "aws": "real: AWS"}
_REAL_BOARD = (
    "The board is real: unplug its cable to switch it off. Faults cannot be planted on it. "
    "Reset uses the control lines of its port."
)
_REAL_ACCOUNT = (
    "The account is real. Faults can be planted only if board and account are simulated."
)


class BenchPanel(Panel):
    """A front end for `lab`, `lab.board.reset`, `drills.power`, `drills.plant`, and lab.toml.

    Args:
        lab: the lab.

    Attributes:
        planted: the fault that this panel planted.
        proposed: what is to be confirmed before it is written, or None.
        state: the state of the board when it was last read.
    """

    title = "Bench"

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab = lab
        self.planted = ""
        self.proposed: Switch | None = None
        self.state = read_board(lab)

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """What each press does."""
        return {
            "reset": self._reset,
            "power": self._power,
            "plant": self._plant,
            "unplant": self._unplant,
            "propose": self._propose,
            "confirm": self._confirm,
            "cancel": self._cancel,
        }

    def _reset(self, _press: Press) -> None:
        self.message = "The board was reset. The next capture has what it prints."
        replace(self._lab.board, operator=Operator(self._say, self._say)).reset()

    def _power(self, press: Press) -> None:
        self.state = drills.power(self._lab, on=press.value == "on")
        self.message = f"Power {press.value}."

    def _plant(self, press: Press) -> None:
        self.message = drills.plant(self._lab, press.fields["fault"])
        self.planted = press.fields["fault"]
        self.state = read_board(self._lab)

    def _unplant(self, _press: Press) -> None:
        self.message = drills.unplant(self._lab)
        self.planted = ""
        self.state = read_board(self._lab)

    def _propose(self, press: Press) -> None:
        root, fields = self._lab.workspace.root, press.fields
        self.proposed = None
        self.proposed = switch(
            root, os.environ, device=fields["device"].strip(), cloud=fields["cloud"]
        )
        self.message = "Nothing is written yet. Confirm the change, or leave it."

    def _confirm(self, _press: Press) -> None:
        if not self.proposed:
            self.message = "There is nothing to confirm."
            return
        self.proposed.write()
        again = "lab.toml is written. Run the page's first cell again: open_lab() reads it."
        self.message = "\n".join([again, *self.proposed.overruled])
        self.proposed = None

    def _cancel(self, _press: Press) -> None:
        self.proposed = None
        self.message = "lab.toml was not changed."

    def _say(self, text: str) -> None:
        self.message = text

    @property
    def _is_simulated(self) -> bool:
        return self._lab.workspace.settings.is_simulated

    @property
    def _limits(self) -> str:
        """What this panel cannot do, and why."""
        settings = self._lab.workspace.settings
        if not settings.board_is_simulated:
            return _REAL_BOARD
        return "" if settings.account_is_simulated else _REAL_ACCOUNT

    @property
    def _fault(self) -> str:
        return f"planted {self.planted}: {drills.FAULTS[self.planted]}" if self.planted else ""

    def text(self) -> str:
        """Return the banner, the board, the faults and what is to be confirmed, as text."""
        lines = [repr(self._lab), f"now      {self.state!r}", self._fault, self._limits]
        if self._is_simulated:
            width = max(map(len, drills.FAULTS))
            lines += ["faults that can be planted:"]
            lines += [f"    {name:<{width}}  {does}" for name, does in drills.FAULTS.items()]
        if self.proposed:
            lines += ["to be confirmed:", *(f"    {line}" for line in _lines(self.proposed))]
        return "\n".join(filter(None, lines))

    def draw(self, *, live: bool) -> Markup:
        """Return the same as HTML."""
        return html.joined(
            [
                Markup("<pre>{}</pre><p>now: <b>{}</b></p>").format(repr(self._lab), self.state),
                html.paragraph(self._fault),
                html.paragraph(self._limits),
                self._buttons() if live else "",
                self._faults(live=live) if self._is_simulated else "",
                self._confirmation(live=live) if self.proposed else "",
                self._switch() if live else "",
            ]
        )

    def _buttons(self) -> Markup:
        buttons = [html.button("reset", "reset the board")]
        if self._lab.workspace.settings.board_is_simulated:
            on = self.state.power
            buttons += [
                html.button("power", "power off", "off", able=on is True),
                html.button("power", "power on", "on", able=on is False),
            ]
        return html.paragraph(html.joined(buttons))

    def _faults(self, *, live: bool) -> Markup:
        rows = (
            html.row(html.heading(name, "mono"), html.cell(does))
            for name, does in drills.FAULTS.items()
        )
        table = html.table(("fault", "what it does"), rows, caption="faults that can be planted")
        if not live:
            return table
        return Markup(
            '<form data-press="plant">{}<button type="submit" data-key="plant">plant</button>{}'
            '</form><details data-key="faults"><summary data-key="what">what each does</summary>{}'
            "</details>"
        ).format(
            html.select("fault", {name: name for name in drills.FAULTS}, self.planted),
            html.button("unplant", "remove the fault", able=self.state.has_fault),
            table,
        )

    def _confirmation(self, *, live: bool) -> Markup:
        buttons = html.button("confirm", "write it to lab.toml")
        buttons += html.button("cancel", "leave it as it is")
        return Markup('<div><p class="warn">To be confirmed</p><ul>{}</ul>{}</div>').format(
            html.joined(Markup("<li>{}</li>").format(line) for line in _lines(self.proposed)),
            buttons if live else "",
        )

    def _switch(self) -> Markup:
        chosen = (self.proposed or self._lab.workspace).settings
        return Markup(
            '<form data-press="propose"><label>board <input name="device" data-key="device" '
            'value="{}" size="18"></label>{}<button type="submit" data-key="propose">switch'
            '</button><span class="quiet">board: sim, or a port such as /dev/ttyACM0 or COM3'
            "</span></form>"
        ).format(chosen.device_url, html.select("cloud", _CLOUDS, chosen.cloud, label="account"))


def _lines(proposed: Switch | None) -> tuple[str, ...]:
    return (*repr(proposed).splitlines(), *proposed.overruled) if proposed else ()
