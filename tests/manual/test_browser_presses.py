"""Presses whose outcome is not on the panel alone: long work, logs that come, another page.

What a panel says by itself is pressed on every page by test_browser.py.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from browser import CODE, Manual, Shown, manual
from panel_presses import PRESS_MS, Move, Row, press
from playwright.sync_api import expect

from labkit.manual.progress import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

PAGE_04 = "04-demo-project-configuration.ipynb"
PAGE_05 = "05-public-key-extraction.ipynb"
PAGE_06 = "06-public-key-infrastructure-setup.ipynb"
KEYBOARD = pytest.mark.parametrize("keyboard", [False, True], ids=["mouse", "keyboard"])

LOG = "0 1 [Tmr Svc] a log of another terminal\n"
SHOWN = f"{len(LOG)} bytes are shown. They are not in console.log."
FOLD = "Paste, choose or drop a log"
BACK = press("show all of console.log", "another terminal", away=True)
DROP = """(text) => {
    const dropped = new DataTransfer();
    dropped.items.add(new File([text], "putty.log"));
    return dropped;
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manual]:
    """The manual, in a workspace of these tests."""
    with manual(tmp_path_factory.mktemp("presses")) as served:
        yield served


@pytest.fixture(scope="module")
def shown(served: Manual) -> Iterator[Shown]:
    """Page 04, run to its end; nothing may have gone wrong behind it."""
    with served.shown(PAGE_04) as shown:
        shown.run()
        yield shown
        assert shown.troubles == []


@pytest.fixture
def console(shown: Shown) -> Locator:
    """The console's panel."""
    return shown.panel("Console")


@pytest.fixture
def route(shown: Shown) -> Locator:
    """The route's panel."""
    return shown.panel("Route")


# Logs that are handed over


@KEYBOARD
def test_a_log_is_pasted(console: Locator, keyboard: bool) -> None:
    """A pasted log is shown, and then the lab's own again."""
    moves = (Move("open", FOLD), Move("paste", "console text", LOG), Move("press", "show it"))
    Row(moves, re.escape(SHOWN)).prove(console, keyboard=keyboard)
    expect(console.locator(".lk-console")).to_contain_text("a log of another terminal")
    BACK.prove(console, keyboard=keyboard)


@KEYBOARD
def test_a_log_is_chosen(console: Locator, keyboard: bool) -> None:
    """A file is chosen in the browser's own window."""
    moves = (Move("open", FOLD), Move("hand", "or a log file", LOG))
    Row(moves, re.escape(SHOWN)).prove(console, keyboard=keyboard)
    BACK.prove(console, keyboard=keyboard)


def test_a_log_is_dropped(shown: Shown, console: Locator) -> None:
    """A file that is dropped on the field is shown; dropped elsewhere, it is not."""
    Move("open", FOLD).make(console, keyboard=False)
    dropped = {"dataTransfer": shown.page.evaluate_handle(DROP, LOG)}
    console.locator("h3").dispatch_event("drop", dropped)
    place = console.locator("[data-drop]")
    place.dispatch_event("dragover", dropped)
    expect(console).not_to_contain_text(SHOWN)
    place.dispatch_event("drop", dropped)
    expect(console).to_contain_text(SHOWN, timeout=PRESS_MS)
    BACK.prove(console, keyboard=False)


# Work that takes long


@KEYBOARD
def test_lines_are_followed_until_stop(served: Manual, console: Locator, keyboard: bool) -> None:
    """Lines are shown as they are written; after stop they are not followed."""
    [log] = served.pages.parent.glob("devices/lab-device/console.log")
    stop = console.get_by_role("button", name="stop")
    press("follow console.log", "stop").prove(console, keyboard=keyboard)
    line = f"a line{' by keys' * keyboard}"
    with log.open("a") as board:
        board.write(f"1 1 [board] {line}\n")
    expect(console.locator(".lk-console")).to_contain_text(line, timeout=PRESS_MS)
    press("stop", "following console.log", away=True).prove(console, keyboard=keyboard)
    expect(stop).to_have_count(0)


def test_long_work_shows_progress_and_is_stopped_with_keys(
    served: Manual, shown: Shown, console: Locator
) -> None:
    """A boot that takes three minutes shows its progress, and stops when stop is pressed."""
    _drill(served, "plant(lab, 'generation-delay')")
    try:
        Move("press", "reset the board and listen").make(console, keyboard=True)
        work = console.get_by_role("progressbar")
        expect(work).to_be_visible(timeout=PRESS_MS)
        waiting = console.locator(".lk-console tr").filter(has_text="Waiting for 180 seconds")
        expect(waiting).not_to_have_count(0, timeout=PRESS_MS)
        expect(console.get_by_role("button", name="reset the board and listen")).to_be_disabled()
        keys = shown.page.keyboard
        shown.stops(console)
        while console.evaluate("() => document.activeElement.textContent") != "stop":
            assert console.evaluate("(front) => front.contains(document.activeElement)")
            keys.press("Tab")
        keys.press("Enter")
        expect(console).to_contain_text("The capture has ended", timeout=PRESS_MS)
        expect(work).to_have_count(0)
    finally:
        _drill(served, "unplant(lab)")


def _drill(served: Manual, call: str) -> None:
    """Do to the board what the drills do, from outside the browser."""
    code = (
        "from labkit import open_lab\n"
        "from labkit.manual import drills\n"
        f"lab = open_lab()\ndrills.{call}"
    )
    variables = {"LABKIT_WORKSPACE": str(served.pages.parent), "LABKIT_SEED": "manual"}
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | variables)


# The route


def test_refresh_shows_what_has_changed(served: Manual, route: Locator) -> None:
    """A refresh of the map shows what was done elsewhere."""
    progress = served.pages.parent / FILE
    noted = progress.read_bytes()
    Move("open", "steps done").make(route, keyboard=True)
    try:
        progress.write_bytes(b"")
        row = press("refresh", "04 · Demo project configuration .*, not begun")
        row.prove(route, keyboard=True)
    finally:
        progress.write_bytes(noted)
    press("refresh", row.read, away=True).prove(route, keyboard=True)


@pytest.mark.parametrize(
    ("keyboard", "name", "heading"),
    [(False, PAGE_05, "Public key extraction"), (True, PAGE_06, "Public key infrastructure setup")],
    ids=["mouse", "keyboard"],
)
def test_a_page_on_the_map_opens(
    shown: Shown, route: Locator, keyboard: bool, name: str, heading: str
) -> None:
    """A click on a page, or Enter on it, opens that page in a tab.

    It stays open: JupyterLab complains where a page is closed while its kernel starts.
    """
    tabs = shown.page.get_by_role("tab")
    here, there = (tabs.filter(has_text=each.removesuffix(".ipynb")) for each in (PAGE_04, name))
    expect(there).to_have_count(0)
    chip = route.locator(f'.lk-strip a[data-page="{name}"]')
    if keyboard:
        route.locator("[data-walk] [tabindex='0']").focus()
        shown.page.keyboard.press("Home")
        while not chip.evaluate("(chip) => chip === document.activeElement"):
            shown.page.keyboard.press("ArrowRight")
        shown.page.keyboard.press("Enter")
    else:
        chip.click()
    expect(there).to_have_attribute("aria-selected", "true", timeout=PRESS_MS)
    expect(shown.page.locator(f"{CODE}:visible").first).to_be_visible(timeout=PRESS_MS)
    headings = shown.page.get_by_role("heading", name=heading)
    expect(headings.filter(visible=True).first).to_be_visible()
    here.click()
    expect(route).to_be_visible()
