"""The panel of serial ports: what is plugged in, and which port the lab uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from markupsafe import Markup

from labkit.device.baud_rates import COMMON_RATES
from labkit.device.ports import NOTHING_FOUND, Port, ports, table
from labkit.manual.widgets.panel import Panel, button
from labkit.workspace import choose_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.lab.lab import Lab
    from labkit.manual.widgets.press import Press

SIMULATED = "sim"
_SIMULATED = "the simulated board"


class PortsPanel(Panel):
    """The serial ports of this computer, and a way to choose one: `labkit ports`.

    Where the board is simulated nobody needs a port, and they are looked for when asked.

    Attributes:
        lab: the lab whose lab.toml is changed.
        listed: the ports that were found last; None while nobody looked.
    """

    title: ClassVar[str] = "Serial ports"

    def __init__(self, lab: Lab, look: Callable[[], list[Port]] = ports) -> None:
        super().__init__()
        self.lab = lab
        self._look = look
        self.listed = None if lab.workspace.settings.board_is_simulated else look()

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """What each press does."""
        return {"look": lambda _: self._refresh(), "choose": self._choose}

    def _refresh(self) -> None:
        self.listed = self._look()

    def _choose(self, press: Press) -> None:
        """Write a port and its rate into lab.toml, as `labkit ports --choose` does."""
        rate = press.fields["rate"].strip()
        settings = choose_port(
            self.lab.workspace.root, press.fields["port"], int(rate) if rate.isdecimal() else 0
        ).settings
        self.said = (
            f"lab.toml: {settings.device_url} at {settings.baud_rate} baud. Run the page's first "
            "cell again: open_lab() reads it."
        )

    def text(self) -> str:
        """Return which port the lab uses, and the ports that were found."""
        return "\n".join(filter(None, [self._used(), self._found()]))

    def draw(self, *, live: bool) -> Markup:
        """Return the same, with a way to choose where somebody can press."""
        return Markup("<p>{}</p>{}{}").format(
            self._used(), self._table(), self._form() if live else ""
        )

    def _used(self) -> str:
        settings = self.lab.workspace.settings
        if settings.board_is_simulated:
            return f"The lab uses {_SIMULATED}, which needs no port."
        return f"The lab uses {settings.device_url} at {settings.baud_rate} baud."

    def _found(self) -> str:
        return "" if self.listed is None else table(self.listed)

    def _table(self) -> Markup:
        if self.listed is None:
            return Markup()
        if not self.listed:
            return Markup("<p>{}</p>").format(NOTHING_FOUND)
        head = Markup("<th scope='col'>{}</th>")
        row = Markup(
            "<tr><th scope='row' class='mono'>{}</th><td class='mono'>{}</td><td>{}</td>"
            "<td>{}</td></tr>"
        )
        return Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(
            Markup().join(head.format(name) for name in ("port", "USB id", "maker", "called")),
            Markup().join(
                row.format(port.url, port.vid_pid or "-", port.maker, port.description)
                for port in self.listed
            ),
        )

    def _form(self) -> Markup:
        settings = self.lab.workspace.settings
        offered = {SIMULATED: _SIMULATED} | {
            port.url: f"{port.url}  {port.maker}".rstrip() for port in self.listed or ()
        }
        offered.setdefault(settings.device_url, settings.device_url)
        option = Markup("<option value='{}'{}>{}</option>")
        chosen = Markup(" selected")
        return Markup(
            "<form data-press='choose'><label>port <select name='port' data-key='port'>{}</select>"
            "</label><label>baud rate <input name='rate' data-key='rate' inputmode='numeric' "
            "size='8' value='{}'></label><span class='quiet'>usual: {}</span>"
            "<p><button type='submit' data-key='choose'>use this port</button>{}</p></form>"
        ).format(
            Markup().join(
                option.format(url, chosen if url == settings.device_url else "", label)
                for url, label in offered.items()
            ),
            settings.baud_rate,
            ", ".join(str(rate) for rate in COMMON_RATES[:4]),
            button("look", "look for ports"),
        )
