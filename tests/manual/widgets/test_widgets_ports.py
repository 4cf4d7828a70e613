"""The panel of the serial ports: it shows and chooses the same as the command."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from usb_ports import BENCH

from labkit.device.ports import NOTHING_FOUND, Port, ports, table
from labkit.manual import widgets
from labkit.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.lab.lab import Lab
    from labkit.manual.widgets.ports_panel import PortsPanel

UNUSED = "The lab uses the simulated board, which needs no port."


class Bench:
    """A computer into which ports are plugged."""

    def __init__(self) -> None:
        self.ports: list[Port] = []
        self.looks = 0

    def look(self) -> list[Port]:
        """Return what is plugged in."""
        self.looks += 1
        return self.ports


@pytest.fixture
def computer() -> Bench:
    """Return a computer with nothing plugged in."""
    return Bench()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a workspace's folder."""
    return tmp_path


def panel_of(root: Path, computer: Bench, **variables: str) -> PortsPanel:
    """Return a panel on a workspace."""
    lab = cast("Lab", SimpleNamespace(workspace=Workspace.open(root, variables)))
    return widgets.ports(lab, find=computer.look)


def test_a_simulated_board_needs_no_port(root: Path, computer: Bench) -> None:
    """On a simulated board no port is looked for, so a page's output is no machine's."""
    panel = panel_of(root, computer)
    assert repr(panel) == UNUSED
    assert UNUSED in panel.html(live=False)
    assert computer.looks == 0


def test_a_boards_ports_are_there_at_once(root: Path, computer: Bench) -> None:
    """With a real board the panel reads as the command's output, and says which port is used."""
    computer.ports = ports(BENCH)
    panel = panel_of(root, computer, LABKIT_DEVICE="/dev/ttyACM0")
    used = "The lab uses /dev/ttyACM0 at 115200 baud."
    assert repr(panel) == f"{used}\n{table(ports(BENCH))}"
    twin = panel.html(live=False)
    assert used in twin
    assert all(port.url in twin and port.maker in twin for port in computer.ports)
    assert "<button" not in twin
    assert '<option value="/dev/ttyACM0" selected>' in panel.html(live=True)


def test_look_again(root: Path, computer: Bench) -> None:
    """A press looks for ports; what the system calls them is shown, and never as markup."""
    panel = panel_of(root, computer)
    panel.press("list")
    assert repr(panel) == f"{UNUSED}\n{NOTHING_FOUND}"
    assert "No serial port was found" in panel.html(live=False)
    computer.ports = [Port("/dev/ttyUSB1", "<a&b>", 0x10C4, 0xEA60)]
    panel.press("list")
    assert "&lt;a&amp;b&gt;" in panel.html(live=True)
    assert "<a&b>" not in panel.html(live=True)
    assert "<a&b>" in repr(panel)


@pytest.mark.parametrize("rate", ["fast", "", "-1", "²"])
def test_what_is_refused_is_said(root: Path, computer: Bench, rate: str) -> None:
    """An invalid rate is refused with a message, and changes nothing."""
    panel = panel_of(root, computer)
    panel.press("choose", port="/dev/ttyUSB1", rate=rate)
    assert "expected a whole number such as 115200" in panel.message
    assert Workspace.open(root, {}).settings.device_url == "sim"


def test_choose(root: Path, computer: Bench) -> None:
    """A chosen port is written to lab.toml, and the message says what to do next."""
    panel = panel_of(root, computer)
    panel.press("choose", port="/dev/ttyUSB1", rate=" 74880 ")
    assert repr(panel).endswith("open_lab() reads it.")
    chosen = Workspace.open(root, {}).settings
    assert (chosen.device_url, chosen.baud_rate) == ("/dev/ttyUSB1", 74880)
