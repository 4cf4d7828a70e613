"""The panel of serial ports: what is plugged in, and which port the lab uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from markupsafe import Markup

from labkit.device.baud_rates import COMMON_RATES
from labkit.device.ports import NOTHING_FOUND, Port, ports, table
from labkit.manual.widgets import html
from labkit.manual.widgets.panel import Panel
from labkit.workspace import choose_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.lab.lab import Lab
    from labkit.manual.widgets.press import Press

_SIMULATED = "the simulated board"


class PortsPanel(Panel):
    """The serial ports of this computer, and a way to choose one: `labkit ports`.

    A simulated board needs no port, so the ports are only listed on request.

    Attributes:
        lab: the lab whose lab.toml is changed.
        listed: the ports that were found last; None if they were not listed yet.
    """

    title: ClassVar[str] = "Serial ports"

    def __init__(self, lab: Lab, find: Callable[[], list[Port]] = ports) -> None:
        super().__init__()
        self.lab = lab
        self._find = find
        self.listed = None if lab.workspace.settings.board_is_simulated else find()

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """List the ports again, or choose one."""
        return {"list": lambda _: self._list(), "choose": self._choose}

    def _list(self) -> None:
        self.listed = self._find()

    def _choose(self, press: Press) -> None:
        """Write a port and its rate into lab.toml, as `labkit ports --choose` does."""
        rate = press.fields["rate"].strip()
        settings = choose_port(
            self.lab.workspace.root, press.fields["port"], int(rate) if rate.isdecimal() else 0
        ).settings
        self.message = (
            f"lab.toml: {settings.device_url} at {settings.baud_rate} baud. Run the page's first "
            "cell again: open_lab() reads it."
        )

    def text(self) -> str:
        """Return which port the lab uses, and the ports that were found."""
        return "\n".join([self._used(), *([] if self.listed is None else [table(self.listed)])])

    def draw(self, *, live: bool) -> Markup:
        """Draw the same, with a form to choose a port."""
        return html.joined(
            [html.paragraph(self._used()), self._table(), self._form() if live else ""]
        )

    def _used(self) -> str:
        settings = self.lab.workspace.settings
        if settings.board_is_simulated:
            return f"The lab uses {_SIMULATED}, which needs no port."
        return f"The lab uses {settings.device_url} at {settings.baud_rate} baud."

    def _table(self) -> Markup:
        if not self.listed:
            return html.NOTHING if self.listed is None else html.paragraph(NOTHING_FOUND)
        rows = (
            html.row(
                html.heading(port.url, "mono"),
                html.cell(port.vid_pid or "-", "mono"),
                html.cell(port.maker),
                html.cell(port.description),
            )
            for port in self.listed
        )
        return html.table(("port", "USB id", "maker", "description"), rows)

    def _form(self) -> Markup:
        settings = self.lab.workspace.settings
        offered = {"sim": _SIMULATED} | {
            port.url: f"{port.url}  {port.maker}".rstrip() for port in self.listed or ()
        }
        offered.setdefault(settings.device_url, settings.device_url)
        return Markup(
            '<form data-press="choose">{}<label>baud rate <input name="rate" data-key="rate" '
            'inputmode="numeric" size="8" value="{}"></label><span class="quiet">usual: {}</span>'
            '<p><button type="submit" data-key="choose">use this port</button>{}</p></form>'
        ).format(
            html.select("port", offered, settings.device_url),
            settings.baud_rate,
            ", ".join(str(rate) for rate in COMMON_RATES[:4]),
            html.button("list", "look for ports"),
        )
