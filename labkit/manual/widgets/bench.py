"""The bench: what is real, the board's reset and power, planted faults, and the switch to real."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.device.commands import Operator
from labkit.manual import drills
from labkit.manual.drills.hands import look
from labkit.manual.widgets.panel import Panel, button
from labkit.workspace.switch import Switch, switch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.lab.lab import Lab
    from labkit.manual.widgets.press import Press

_CLOUDS = {"sim": "simulated", "aws": "real: AWS"}
_REAL_BOARD = (
    "The board is real: its power is in your hands, and nothing is planted on it. "
    "Reset goes through its port's lines."
)
_REAL_ACCOUNT = "The account is real: faults are planted on a bench that is simulated altogether."


class BenchPanel(Panel):
    """A front to `lab`, `lab.board.reset`, `drills.power`, `drills.plant`, and lab.toml.

    Args:
        lab: the lab.

    Attributes:
        planted: the fault that was planted here.
        proposed: what is to be confirmed before it is written, or None.
        state: the board as it was last seen.
    """

    title = "Bench"

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab = lab
        self.planted = ""
        self.proposed: Switch | None = None
        self.state = look(lab)

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
        self.said = "The board was reset; what it prints is in the next capture."
        replace(self._lab.board, operator=Operator(self._say, self._say)).reset()

    def _power(self, press: Press) -> None:
        self.state = drills.power(self._lab, on=press.value == "on")
        self.said = f"Power {press.value}."

    def _plant(self, press: Press) -> None:
        self.said = drills.plant(self._lab, press.fields["fault"])
        self.planted = press.fields["fault"]
        self.state = look(self._lab)

    def _unplant(self, _press: Press) -> None:
        self.said = drills.unplant(self._lab)
        self.planted = ""
        self.state = look(self._lab)

    def _propose(self, press: Press) -> None:
        root, fields = self._lab.workspace.root, press.fields
        self.proposed = None
        self.proposed = switch(
            root, os.environ, device=fields["device"].strip(), cloud=fields["cloud"]
        )
        self.said = "Nothing is written yet."

    def _confirm(self, _press: Press) -> None:
        if not self.proposed:
            self.said = "There is nothing to confirm."
            return
        self.proposed.write()
        again = "lab.toml is written. Run the page's first cell again: open_lab() reads it."
        self.said = "\n".join([again, *self.proposed.overruled])
        self.proposed = None

    def _cancel(self, _press: Press) -> None:
        self.proposed = None
        self.said = "lab.toml is as it was."

    def _say(self, text: str) -> None:
        self.said = text

    @property
    def _is_simulated(self) -> bool:
        return self._lab.workspace.settings.is_simulated

    @property
    def _cannot(self) -> str:
        """What cannot be done here, in words."""
        settings = self._lab.workspace.settings
        if not settings.board_is_simulated:
            return _REAL_BOARD
        return "" if settings.account_is_simulated else _REAL_ACCOUNT

    @property
    def _fault(self) -> str:
        return f"planted {self.planted}: {drills.FAULTS[self.planted]}" if self.planted else ""

    def text(self) -> str:
        """Return the banner, the board, the faults and what is to be confirmed, as text."""
        lines = [repr(self._lab), f"now      {self.state!r}", self._fault, self._cannot]
        if self._is_simulated:
            width = max(map(len, drills.FAULTS))
            lines += ["faults that can be planted:"]
            lines += [f"    {name:<{width}}  {does}" for name, does in drills.FAULTS.items()]
        if self.proposed:
            lines += ["to be confirmed:", *(f"    {line}" for line in _lines(self.proposed))]
        return "\n".join(filter(None, lines))

    def draw(self, *, live: bool) -> Markup:
        """Return the same as HTML."""
        told = Markup("").join(
            Markup("<p>{}</p>").format(line) for line in (self._fault, self._cannot) if line
        )
        parts = [
            Markup("<pre>{}</pre><p>now: <b>{}</b></p>{}").format(
                repr(self._lab), self.state, told
            ),
            self._buttons() if live else Markup(),
            self._faults(live=live) if self._is_simulated else Markup(),
            self._confirmation(live=live),
            self._switch() if live else Markup(),
        ]
        return Markup("").join(parts)

    def _buttons(self) -> Markup:
        simulated = self._lab.workspace.settings.board_is_simulated
        buttons = [button("reset", "reset the board")]
        if simulated:
            buttons += [
                button("power", "power off", "off", able=self.state.power is True),
                button("power", "power on", "on", able=self.state.power is False),
            ]
        return Markup("<p>{}</p>").format(Markup("").join(buttons))

    def _faults(self, *, live: bool) -> Markup:
        rows = Markup("").join(
            Markup('<tr><th scope="row" class="mono">{}</th><td>{}</td></tr>').format(name, does)
            for name, does in drills.FAULTS.items()
        )
        table = Markup(
            "<table><caption>faults that can be planted</caption><thead><tr>"
            '<th scope="col">fault</th><th scope="col">what it does</th></tr></thead>'
            "<tbody>{}</tbody></table>"
        ).format(rows)
        if not live:
            return table
        options = Markup("").join(
            Markup("<option{}>{}</option>").format(
                Markup(" selected") if name == self.planted else "", name
            )
            for name in drills.FAULTS
        )
        return Markup(
            '<form data-press="plant"><label>fault <select name="fault" data-key="fault">{}'
            '</select></label><button type="submit" data-key="plant">plant</button>{}</form>'
            '<details data-key="faults"><summary data-key="what">what each does</summary>{}'
            "</details>"
        ).format(
            options,
            button("unplant", "take the fault away", able=self.state.has_fault),
            table,
        )

    def _confirmation(self, *, live: bool) -> Markup:
        if not self.proposed:
            return Markup()
        lines = Markup("").join(Markup("<li>{}</li>").format(li) for li in _lines(self.proposed))
        buttons = Markup("").join(
            [button("confirm", "write it to lab.toml"), button("cancel", "leave it as it is")]
        )
        return Markup('<div><p class="warn">To be confirmed</p><ul>{}</ul>{}</div>').format(
            lines, buttons if live else ""
        )

    def _switch(self) -> Markup:
        chosen = (self.proposed or self._lab.workspace).settings
        clouds = Markup("").join(
            Markup('<option value="{}"{}>{}</option>').format(
                name, Markup(" selected") if name == chosen.cloud else "", label
            )
            for name, label in _CLOUDS.items()
        )
        return Markup(
            '<form data-press="propose"><label>board <input name="device" data-key="device" '
            'value="{}" size="18"></label><label>account <select name="cloud" data-key="cloud">{}'
            '</select></label><button type="submit" data-key="propose">switch</button>'
            '<span class="quiet">board: sim, or a port such as /dev/ttyACM0 or COM3</span></form>'
        ).format(chosen.device_url, clouds)


def _lines(proposed: Switch) -> tuple[str, ...]:
    return (*repr(proposed).splitlines(), *proposed.overruled)
