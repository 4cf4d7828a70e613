"""The bench panel, its board's power and faults, and the switch between simulated and real."""

from __future__ import annotations

import re
import tomllib
from html import unescape
from typing import TYPE_CHECKING

import pytest
from lab_bench import THREADS_OF_PYSERIAL, end

from labkit import open_lab
from labkit.bench.simulator.faults import FAULTS
from labkit.errors import BenchError, ManualError, WorkspaceError
from labkit.manual import drills, widgets
from labkit.manual.drills.board import read_board
from labkit.workspace.switch import switch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labkit.lab.lab import Lab
    from labkit.manual.widgets.bench_panel import BenchPanel

pytest_plugins = ["bench_fixtures"]
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

PORT = "/dev/ttyLABKIT9"


@pytest.fixture
def panel(lab: Lab) -> Iterator[BenchPanel]:
    """A panel on a lab in which all is simulated; lab.toml is as before at the end."""
    file = lab.workspace.root / "lab.toml"
    before = file.read_bytes()
    yield widgets.bench(lab)
    file.write_bytes(before)
    drills.unplant(lab)
    drills.power(lab, on=True)


@pytest.fixture(scope="module")
def real(
    tmp_path_factory: pytest.TempPathFactory, clean_environment: pytest.MonkeyPatch
) -> Iterator[Lab]:
    """A lab whose board is real, on a port that is not there; the account is simulated."""
    del clean_environment
    lab = open_lab(tmp_path_factory.mktemp("real"), device=PORT)
    yield lab
    end(lab)


def toml(lab: Lab) -> dict[str, str]:
    """Return what lab.toml says of board and account."""
    values = tomllib.loads((lab.workspace.root / "lab.toml").read_text())
    return {"device": values["device"]["url"], "cloud": values["account"]["cloud"]}


def test_it_says_the_same_in_text_twin_and_view(panel: BenchPanel, lab: Lab) -> None:
    """Banner, state and every fault are in all three; only the view can be pressed."""
    view, twin = (unescape(panel.html(live=live)) for live in (True, False))
    for word in (*drills.FAULTS, *drills.FAULTS.values(), "power on, no fault planted"):
        assert word in repr(panel)
        assert word in view
        assert word in twin
    assert repr(lab) in repr(panel)
    assert "<button" in view
    assert not re.search("<button|<input|<select|<form", twin)


def test_the_faults_are_the_simulators() -> None:
    """What can be planted from a page is what the simulated board can have."""
    assert set(drills.FAULTS) == set(FAULTS) - {"nothing"}


def test_a_fault_is_planted_and_taken_away(panel: BenchPanel, lab: Lab) -> None:
    """The bench has it and the panel describes it; after removal there is none."""
    panel.press("plant", fault="rows-lost")
    assert read_board(lab).has_fault
    assert "planted rows-lost: a log queue" in repr(panel)
    assert "planted rows-lost: a log queue" in panel.html(live=False)
    panel.press("unplant")
    assert not read_board(lab).has_fault
    assert drills.unplant(lab) == "no fault was planted"
    with pytest.raises(ManualError, match=r"'fire'.*transport"):
        drills.plant(lab, "fire")
    assert "planted rows-lost" not in repr(panel)


def test_no_fault_is_planted_over_a_drill(lab: Lab) -> None:
    """A drill's own fault and its notes stay as they are; the panel says what to do."""
    notes = lab.workspace.device / "drill.json"
    notes.write_text("{}")
    try:
        panel = widgets.bench(lab)
        panel.press("plant", fault="transport")
        assert "drills.restore(lab)" in panel.message
        assert panel.planted == ""
        assert not read_board(lab).has_fault
    finally:
        notes.unlink()


def test_power(panel: BenchPanel, lab: Lab) -> None:
    """Power goes off and on, and the button that would change nothing cannot be pressed."""
    panel.press("power", "off")
    assert read_board(lab).power is False
    assert "power off" in repr(panel)
    assert re.search(r'data-value="off" disabled', panel.html(live=True))
    panel.press("power", "on")
    assert read_board(lab).power is True
    assert re.search(r'data-value="on" disabled', panel.html(live=True))


def test_reset_boots_the_board(panel: BenchPanel, lab: Lab) -> None:
    """The bench counts one boot more."""
    assert lab.bench
    before = boots(lab)
    panel.press("reset")
    assert boots(lab) > before
    assert "was reset" in panel.message


def boots(lab: Lab) -> int:
    """Return how often the board has booted."""
    assert lab.bench
    return int(lab.bench.get()["boards"]["lab-device"]["boots"])  # type: ignore[index]  # JSON


def test_what_will_be_real_is_confirmed_before_it_is_written(panel: BenchPanel, lab: Lab) -> None:
    """A proposal writes nothing; confirmed, lab.toml has both, and the panel says what to run."""
    panel.press("propose", device=PORT, cloud="aws")
    assert toml(lab) == {"device": "sim", "cloud": "sim"}
    for shown in (repr(panel), panel.html(live=True), panel.html(live=False)):
        assert f"The board on {PORT} will be flashed and reset." in shown
        assert "last four digits" in shown
    panel.press("confirm")
    assert toml(lab) == {"device": PORT, "cloud": "aws"}
    assert "first cell again" in panel.message
    assert "open_lab()" in panel.message
    panel.press("propose", device="sim", cloud="sim")
    assert "will be simulated" in repr(panel)
    panel.press("confirm")
    assert toml(lab) == {"device": "sim", "cloud": "sim"}


def test_a_proposal_can_be_left(panel: BenchPanel, lab: Lab) -> None:
    """Left, it is gone, and a confirmation after it writes nothing."""
    panel.press("propose", device="sim", cloud="aws")
    panel.press("cancel")
    panel.press("confirm")
    assert toml(lab) == {"device": "sim", "cloud": "sim"}
    assert panel.message == "There is nothing to confirm."


@pytest.mark.parametrize(("device", "cloud"), [(PORT, "sim"), ("sim", "aws"), (PORT, "aws")])
def test_a_seed_is_refused_with_anything_real(tmp_path: Path, device: str, cloud: str) -> None:
    """With a seed, in lab.toml or in the environment, nothing becomes real; without, it does."""
    seeded = {"LABKIT_SEED": "manual"}
    with pytest.raises(WorkspaceError, match=r"seeded key.*empty LABKIT_SEED"):
        switch(tmp_path / "a", seeded, device=device, cloud=cloud)
    assert not (tmp_path / "a" / "lab.toml").exists()
    assert switch(tmp_path / "a", seeded, device="sim", cloud="sim").real == ()
    assert switch(tmp_path / "b", {}, device=device, cloud=cloud).real


def test_a_refused_choice_is_said_and_not_kept(panel: BenchPanel, lab: Lab) -> None:
    """An invalid choice gets a message and cannot be confirmed, whatever was proposed before."""
    panel.press("propose", device=PORT, cloud="sim")
    panel.press("propose", device="", cloud="sim")
    panel.press("propose", device="sim", cloud="moon")
    assert "expected" in panel.message
    panel.press("confirm")
    assert toml(lab) == {"device": "sim", "cloud": "sim"}


def test_what_wins_over_lab_toml_is_said(tmp_path: Path) -> None:
    """A variable that makes the choice void is named before and after."""
    proposed = switch(tmp_path, {"LABKIT_CLOUD": "sim"}, device=PORT, cloud="sim")
    assert proposed.overruled == ("LABKIT_CLOUD is set and overrides lab.toml for the account.",)
    assert switch(tmp_path, {}, device=PORT, cloud="sim").overruled == ()


def test_what_cannot_be_done_with_a_real_board_is_said(real: Lab) -> None:
    """Power and faults have no button there; the calls say what a hand would do."""
    panel = widgets.bench(real)
    assert "unplug its cable" in repr(panel)
    assert "faults that can be planted" not in repr(panel)
    assert 'data-press="power"' not in panel.html(live=True)
    assert 'data-press="plant"' not in panel.html(live=True)
    with pytest.raises(BenchError, match="unplug"):
        drills.power(real, on=False)
    with pytest.raises(BenchError, match="simulated"):
        drills.plant(real, "transport")
    panel.press("reset")
    assert PORT in panel.message
