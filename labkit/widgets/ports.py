"""The panel of serial ports: what is plugged in, and which port the lab uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import ipywidgets

from labkit.device.looks import COMMON_RATES
from labkit.device.ports import Port, ports, table
from labkit.errors import LabError
from labkit.workspace import choose_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.lab import Lab

__all__ = ["PortsPanel"]

SIMULATED = "sim"


@dataclass
class PortsPanel:
    """The serial ports, and a way to choose one; `choose` does what the button does.

    Attributes:
        lab: the lab whose lab.toml is changed.
        look: returns the ports of this computer.
        listed: the ports that were found last.
        said: what came of the last choice.
    """

    lab: Lab
    look: Callable[[], list[Port]] = field(default=ports, repr=False)
    listed: list[Port] = field(default_factory=list, init=False)
    said: str = field(default="", init=False)

    def __post_init__(self) -> None:
        """Look for ports once, so that the panel shows some at first."""
        self.refresh()

    def refresh(self) -> None:
        """Look for ports again."""
        self.listed = self.look()

    def choose(self, url: str, baud_rate: int) -> None:
        """Write a port and its baud rate into lab.toml; the lab has them when it is opened again.

        Raises:
            WorkspaceError: the choice cannot be, or lab.toml cannot be changed.
        """
        settings = choose_port(self.lab.workspace.root, url, baud_rate).settings
        self.said = (
            f"lab.toml: {settings.device_url} at {settings.baud_rate} baud. Run the page's first "
            "cell again: open_lab() reads it."
        )

    def __repr__(self) -> str:
        """Return the ports as text, and what came of the last choice."""
        return "\n".join(filter(None, [table(self.listed), self.said]))

    @cached_property
    def view(self) -> View:
        """The widgets, made when they are first asked for."""
        return View(self)

    def _repr_mimebundle_(self, **_options: object) -> Mapping[str, Any]:
        """Return the widgets for a front end that has them, and the text for any other."""
        bundle = self.view.box._repr_mimebundle_() or {}
        return {**bundle, "text/plain": repr(self)}


class View:
    """The widgets of a panel; each callback is one line into it."""

    def __init__(self, panel: PortsPanel) -> None:
        self._panel = panel
        settings = panel.lab.workspace.settings
        self.port = ipywidgets.Dropdown(description="port")
        self.baud = ipywidgets.Combobox(
            description="baud",
            options=[str(rate) for rate in COMMON_RATES],
            value=str(settings.baud_rate),
        )
        self.again = ipywidgets.Button(description="look again")
        self.choose = ipywidgets.Button(description="use this port")
        self.text = ipywidgets.HTML()
        self.again.on_click(lambda _button: self._do(panel.refresh))
        self.choose.on_click(lambda _button: self._do(self._choose))
        self.box = ipywidgets.VBox(
            [ipywidgets.HBox([self.port, self.baud, self.choose, self.again]), self.text]
        )
        self._show()
        if settings.device_url in dict(self.port.options).values():
            self.port.value = settings.device_url

    def _choose(self) -> None:
        self._panel.choose(self.port.value, _rate(self.baud.value))

    def _do(self, act: Callable[[], None]) -> None:
        """Do something and show what came of it; an error has no cell of its own to stand in."""
        try:
            act()
        except LabError as error:
            self._panel.said = str(error)
        self._show()

    def _show(self) -> None:
        chosen = self.port.value
        options = {f"{port.url}  {port.maker}".rstrip(): port.url for port in self._panel.listed}
        self.port.options = {**options, "the simulated board": SIMULATED}
        if chosen in self.port.options.values():
            self.port.value = chosen
        self.text.value = f"<pre>{_escaped(repr(self._panel))}</pre>"


def _rate(text: str) -> int:
    """Read a baud rate; what is none is refused where the choice is checked."""
    return int(text) if text.isdecimal() else 0


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
