"""The route panel: the procedure as a map, the same in text and HTML and with the keyboard."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING, NoReturn

import pytest
from lab_bench import THREADS_OF_PYSERIAL, another

from labkit import open_lab
from labkit.errors import CloudError, NotReadyError
from labkit.lab import lab as lab_module
from labkit.lab import opening, procedure
from labkit.lab.procedure import failed
from labkit.lab.procedure.status import stages
from labkit.manual.progress import read_progress
from labkit.manual.widgets.route_panel import RoutePanel

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.lab.lab import Lab
    from labkit.manual.widgets.panel import Panel

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

PAGE = "05-public-key-extraction.ipynb"
TAG = re.compile(r"<[^>]+>")


@pytest.fixture
def device(lab: Lab, request: pytest.FixtureRequest) -> Lab:
    """Return a device that nothing was done with, on the tests' bench."""
    name = re.sub(r"\W+", "-", request.node.name)
    return another(lab, f"map-{name}")


@pytest.fixture
def panel(device: Lab) -> RoutePanel:
    """Return the map of a fresh lab, on page 05."""
    return RoutePanel(device, page=PAGE)


def words(panel: Panel, *, live: bool) -> str:
    """Return what a panel's HTML says, without its tags."""
    return unescape(TAG.sub(" ", panel.html(live=live)))


def chip(panel: Panel, page: str) -> str:
    """Return what the strip says of a page, by its two digits."""
    found = re.search(rf'<a data-page="{page}-[^>]*>(<b>.*?)</a>', panel.html(live=True))
    assert found
    return " ".join(TAG.sub(" ", found[1]).split())


def test_a_fresh_route_begins_at_its_first_step(panel: RoutePanel) -> None:
    """Nothing is done; the first step is next, all others are open, and page 05 is here."""
    text = repr(panel)
    assert "0 of 17 steps done" in text
    assert "next: 03 lab.set_endpoint_and_thing()" in text
    assert text.count("     open ") == 16
    assert chip(panel, "03") == "03 next"
    assert chip(panel, "05") == "05 here"
    assert chip(panel, "06") == "06"


def test_what_is_done_names_what_it_made(device: Lab, panel: RoutePanel) -> None:
    """A done step shows its files with short fingerprints, and the map moves on with it."""
    device.perform("extract_public_key")
    text = repr(panel)
    assert re.search(
        r"done   lab.extract_public_key\(\) .*DevicePublicKey.pem [0-9a-f]{8}$", text, re.MULTILINE
    )
    assert re.search(r"done   lab.run_demo_first\(\)  console.log, \d+ bytes$", text, re.MULTILINE)
    assert "next: 05 lab.stop_key_generation()" in text
    assert (chip(panel, "04"), chip(panel, "05")) == ("04 done", "05 next here")


def test_the_map_is_the_routes(lab: Lab) -> None:
    """On another route the steps are its own, on the pages that teach it."""
    panel = RoutePanel(open_lab(lab.workspace.root, route="option-1"))
    assert "0 of 7 steps done" in repr(panel)
    assert chip(panel, "02") == "02 next"


@pytest.mark.parametrize("live", [True, False])
def test_text_and_html_say_the_same(device: Lab, panel: RoutePanel, *, live: bool) -> None:
    """The view and its twin have every page, call, state and file of the text."""
    device.perform("create_ca")
    shown = words(panel, live=live)
    for line in repr(panel).splitlines():
        for part in re.split(r"\s{2,}| · ", line.strip()):
            assert part in shown or all(word in shown for word in part.split()), part
    assert panel.html(live=False).count("<button") == 0


def test_every_page_is_a_link(lab: Lab, panel: RoutePanel) -> None:
    """All pages of the manual, also those without steps, are one press away; one Tab stop."""
    html = panel.html(live=True)
    strip = html.partition("</ol>")[0]
    assert len(re.findall(r"<a data-page=", strip)) == len(read_progress(lab.workspace.root).pages)
    assert strip.count('tabindex="0"') == 1
    assert 'aria-current="page"' in strip
    assert " id=" not in html


def test_a_failed_step_says_why_until_it_is_done(device: Lab, panel: RoutePanel) -> None:
    """The map shows the error of the last perform() until the step succeeds."""
    step = device.procedure.find("create_ca")
    workbench = device.workbench("create_ca")

    def refuse(*_: object) -> NoReturn:
        raise CloudError("no <space> left.\nMore of it.")

    with pytest.raises(CloudError):
        procedure.perform(workbench, replace(step, do=refuse), procedure.Status(device.workspace))
    assert failed(device.workspace) == {"create_ca": "CloudError: no <space> left."}
    assert chip(panel, "06") == "06 failed"
    assert "failed: 06 lab.create_ca(): CloudError: no <space> left." in repr(panel)
    assert "no &lt;space&gt; left." in panel.html(live=False)
    device.perform("create_ca")
    assert chip(panel, "06") == "06"
    assert failed(device.workspace) == {}
    assert not (device.workspace.device / "failed.json").exists()


def test_damage_beside_the_journal_fails_nothing(device: Lab, panel: RoutePanel) -> None:
    """A damaged list of failures counts as empty; the panel reports a damaged journal."""
    (device.workspace.device / "failed.json").write_text("[")
    assert "0 of 17" in repr(panel)
    device.workspace.journal.path.write_text("nonsense\n")
    assert "expected a journal entry" in repr(panel)
    assert "expected a journal entry" in words(panel, live=True)


def test_nothing_is_asked_and_nothing_is_started(
    device: Lab, panel: RoutePanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The map needs only the workspace: without the bench it is the same."""
    before = repr(panel)
    monkeypatch.setattr(lab_module, "open_account", None)
    monkeypatch.setattr(opening.benches, "start_or_find", None)
    assert repr(RoutePanel(device, page=PAGE)) == before
    assert [stage.state for stage in stages(device.workspace)][:2] == ["next", "open"]


def test_it_looks_again(device: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A press shows what was done since, elsewhere; in JupyterLab each cell does it."""
    callbacks: list[Callable[[], object]] = []
    monkeypatch.setattr(sys.modules[RoutePanel.__module__], "when_noted", callbacks.append)
    panel = RoutePanel(device)
    assert "0 of 17" in panel.front.html
    device.perform("set_endpoint_and_thing")
    panel.press("refresh")
    assert "1 of 17" in panel.front.html
    device.perform("force_key_generation")
    callbacks[0]()
    assert "2 of 17" in panel.front.html


def test_a_step_that_is_not_ready_has_not_failed(device: Lab) -> None:
    """A step that is not ready yet is not a failure."""
    with pytest.raises(NotReadyError):
        procedure.perform(
            device.workbench("issue_certificate"),
            device.procedure.find("issue_certificate"),
            procedure.Status(device.workspace),
        )
    assert failed(device.workspace) == {}
