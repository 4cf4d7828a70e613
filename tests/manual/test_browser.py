"""Every page in a real browser: run to its end, each panel pressed, seen by axe, light and dark.

Three pages are quick enough for every run; the others run with --slow. What is read is what the
browser shows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import nbformat
import pytest
from browser import ROOT, SCREENSHOTS, WIDTH, Manual, Shown, manual
from panel_presses import PRESSES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = sorted((ROOT / "notebooks").glob("*.ipynb"))
QUICK = {"00", "05", "08"}
MEANT_TO_FAIL = "FAIL a P-256 public key is 90 bytes: 91"
NARROW = 480
HAS_FOCUS = "(front) => front.contains(document.activeElement)"

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium")]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manual]:
    """The manual, served once for all pages."""
    with manual(tmp_path_factory.mktemp("browser")) as served:
        yield served


def _param(page: Path) -> object:
    marks = () if page.name[:2] in QUICK else (pytest.mark.slow,)
    return pytest.param(page, marks=marks, id=page.name[:2])


@pytest.fixture(scope="module", params=map(_param, PAGES))
def shown(request: pytest.FixtureRequest, served: Manual) -> Iterator[Shown]:
    """A page, run to its end."""
    with served.shown(request.param.name) as shown:
        shown.run()
        yield shown


def stored(shown: Shown) -> list[nbformat.NotebookNode]:
    """Return the code cells of the page as it was written."""
    cells = nbformat.read(ROOT / "notebooks" / shown.file.name, 4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def test_every_cell_ran_and_fails_only_where_it_is_meant_to(shown: Shown) -> None:
    """Each code cell has its number; red is shown only by cells tagged raises-exception."""
    cells = shown.cells()
    for number, (cell, written) in enumerate(zip(cells, stored(shown), strict=True), 1):
        assert cell.prompt == f"[{number}]:"
        is_meant = "raises-exception" in written.metadata.get("tags", ())
        assert bool(cell.errors) == is_meant, cell.errors


def test_every_check_is_ok(shown: Shown) -> None:
    """Checks say ok, and FAIL only where the page shows how that reads."""
    checks = [line for cell in shown.cells() for line in cell.lines]
    failed = [line for line in checks if line.startswith("FAIL ")]
    assert failed in ([], [MEANT_TO_FAIL])
    assert any(re.match(r"ok   |\.\.\.  ", line) for line in checks)


def test_the_cells_panels_are_alive(shown: Shown) -> None:
    """Each stored panel is a live panel in JupyterLab."""
    twins = [
        name
        for cell in stored(shown)
        for output in cell.outputs
        for name in re.findall(
            r'<section class="labkit" aria-label="([^"]+)"',
            "".join(output.get("data", {}).get("text/html", "")),
        )
    ]
    assert [name for name, _ in shown.panels()] == twins


@pytest.mark.parametrize("keyboard", [False, True], ids=["mouse", "keyboard"])
def test_every_panel_is_pressed(shown: Shown, keyboard: bool) -> None:
    """Each press says what it must, on the panel that was pressed and on no other of its kind.

    A panel that no row presses turns the page red. From the keyboard the next Tab goes on from
    where it was pressed, not from the page's top.
    """
    shown.page.mouse.move(0, 0)  # what lies under a mouse that rests would be pointed at
    panels = shown.panels()
    names = [name for name, _ in panels]
    assert set(names) <= set(PRESSES), "tests/helpers/panel_presses.py lacks a panel"
    for name, panel in panels:
        others = [each for named, each in panels if named == name and each != panel]
        before = [each.inner_text() for each in others]
        for row in PRESSES[name]:
            row.prove(panel, keyboard=keyboard)
            assert not keyboard or panel.evaluate(HAS_FOCUS), row
        assert [each.inner_text() for each in others] == before, name


def test_tab_reaches_every_control(shown: Shown) -> None:
    """From a panel's first control Tab comes to each of the others."""
    for name, panel in shown.panels():
        count = shown.stops(panel)
        assert shown.tabbed(panel) == set(range(count)), name


def test_jupyterlabs_keys_do_nothing_inside_a_panel(shown: Shown) -> None:
    """Keys that delete, add and move cells leave the page as it is while a panel has the focus."""
    state = """() => [...document.querySelectorAll(".jp-Notebook .jp-Cell")].map((cell) =>
        [cell.className.includes("jp-CodeCell"), cell.classList.contains("jp-mod-active")])"""
    for name, panel in shown.panels():
        if not shown.stops(panel):
            continue
        shown.page.locator(".jp-Notebook .jp-RenderedMarkdown").first.click()
        shown.stops(panel)
        before = shown.page.evaluate(state)
        for key in ("d", "d", "a", "b", "x", "m", "o", "j", "k", "ArrowDown", "ArrowUp"):
            shown.page.keyboard.press(key)
        assert shown.page.evaluate(state) == before, name


def test_jupyterlabs_keys_do_something_outside(shown: Shown) -> None:
    """The twin: the same key on a cell adds a cell, so the keys were the right ones."""
    cells = shown.page.locator(".jp-Notebook .jp-Cell")
    before = cells.count()
    shown.page.locator(".jp-Notebook .jp-MarkdownCell .jp-RenderedMarkdown").first.click()
    shown.page.keyboard.press("b")
    assert cells.count() == before + 1
    shown.page.keyboard.press("d")
    shown.page.keyboard.press("d")
    assert cells.count() == before


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing(shown: Shown, scheme: str) -> None:
    """Prose and panels pass axe in both themes; a picture of the page is kept of each."""
    shown.theme(scheme)
    found = shown.violations()
    assert not found, found
    shown.picture(SCREENSHOTS / f"{shown.file.stem}-{scheme}.png")


def test_nothing_is_cut_off_in_a_narrow_window(shown: Shown) -> None:
    """At 480 pixels each panel fits, or can be scrolled."""
    shown.widen(NARROW)
    try:
        for panel in shown.fronts():
            assert not shown.cut_off(panel)
    finally:
        shown.widen(WIDTH)


def test_a_saved_page_holds_no_widget_state(shown: Shown) -> None:
    """What JupyterLab writes has no state of widgets in it."""
    shown.save()
    assert "widgets" not in nbformat.read(shown.file, 4).metadata


def test_nothing_went_wrong_behind_the_page(shown: Shown) -> None:
    """After all that: no error on the console, none of a script, no request left this computer."""
    assert shown.troubles == []
