"""A page of the manual in a real browser: JupyterLab as `labkit open` serves it, in Chromium.

Everything is read from what the browser shows and pressed as a reader presses it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe
from fresh_clone import address_with_token
from playwright.sync_api import expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
FRONT = ".jp-Notebook .labkit-front"
CODE = ".jp-Notebook .jp-CodeCell"
WIDTH, HEIGHT = 1100, 760
TALLEST = 14_000
"""Chromium draws no picture that is higher than 16,384."""

READY_S, RUN_S, PRESS_S = 60, 120, 20

_OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
_FOLLOW_THE_SYSTEM = '{"adaptive-theme": true}'
"""A setting of JupyterLab: light or dark as the browser says that the system is."""

_RAN = f"""() => [...document.querySelectorAll("{CODE} .jp-InputPrompt")]
    .every((prompt) => /^\\[\\d+\\]:$/.test(prompt.textContent.trim()))"""

_CELLS = f"""() => [...document.querySelectorAll("{CODE}")].map((cell) => ({{
    prompt: cell.querySelector(".jp-InputPrompt").textContent.trim(),
    outputs: [...cell.querySelectorAll(".jp-OutputArea-output")].map((output) => ({{
        kind: output.dataset.mimeType ?? "widget", text: output.innerText }})) }}))"""

_SETTLED = "() => document.getAnimations().every((each) => each.playState !== 'running')"

_FITS = """() => [...document.querySelectorAll(".jp-NotebookPanel:not(.lm-mod-hidden)")]
    .every((page) => page.getBoundingClientRect().right <= innerWidth)"""

_STOPS = """(panel) => [...panel.querySelectorAll(
        "button, input, select, textarea, summary, a[href], [tabindex='0']")]
    .filter((each) => each.checkVisibility() && !each.disabled && each.tabIndex >= 0)"""

_TABBED = """(front) => {
    const stops = front.stops ?? [];
    return front.contains(document.activeElement) ? stops.indexOf(document.activeElement) : null;
}"""

_CUT_OFF = """(front) => {
    const scrolls = (element) => /auto|scroll/.test(getComputedStyle(element).overflowX);
    const panel = front.querySelector("section.labkit");
    const edge = Math.min(panel.getBoundingClientRect().right, innerWidth) + 1;
    const reachable = (element) => {
        for (let at = element.parentElement; at; at = at.parentElement) {
            if (at.getBoundingClientRect().right <= innerWidth + 1 && scrolls(at)) return true;
            if (at === front) return false;
        }
        return false;
    };
    return [panel, ...panel.querySelectorAll("*")]
        .filter((each) => each.checkVisibility() && each.getBoundingClientRect().width)
        .filter((each) => each.getBoundingClientRect().right > edge && !reachable(each))
        .map((each) => each.outerHTML.slice(0, 120));
}"""

NOT_OURS = {
    "region": "a page's landmarks are JupyterLab's; a notebook is one of them",
    "scrollable-region-focusable": "JupyterLab lets prose scroll; Tab reaches whatever scrolls now",
    "landmark-unique": "axe takes a named section for a landmark although its role is group",
    "heading-order": "a panel is headed h3 wherever its cell stands; outputs have no order",
}
"""Rules of axe that do not judge what is ours, each with the reason."""

SCOPE = [[".jp-Notebook .jp-RenderedMarkdown"], [".labkit-front"]]
"""What axe looks at: the manual's prose and its panels, not JupyterLab around them."""


@dataclass(frozen=True)
class Cell:
    """A code cell as it is shown.

    Attributes:
        prompt: such as `[3]:`.
        errors: what it shows in red.
        lines: what it shows otherwise, line by line.
    """

    prompt: str
    errors: list[str]
    lines: list[str]


@dataclass
class Shown:
    """A page that is shown in the browser.

    Attributes:
        page: Playwright's page.
        file: the reader's copy of it.
        troubles: errors on the console, errors of scripts, requests that leave this computer.
    """

    page: Page
    file: Path
    troubles: list[str] = field(default_factory=list)

    def wait_for_kernel(self) -> None:
        """Return when the page's kernel says that it is idle."""
        self.page.wait_for_selector(f"{CODE}")
        self.page.get_by_text(re.compile(r"\| Idle")).wait_for(timeout=READY_S * 1000)

    def run(self) -> None:
        """Clear the page's outputs, run all cells, and return when each has run."""
        self.menu("Edit", "Clear Outputs of All Cells")
        self.menu("Run", "Run All Cells")
        self.page.wait_for_function(_RAN, timeout=RUN_S * 1000)
        self.page.get_by_text(re.compile(r"\| Idle")).wait_for(timeout=READY_S * 1000)
        for front in self.fronts():
            expect(front.locator("section")).to_be_visible()

    def menu(self, *names: str) -> None:
        """Press an entry of JupyterLab's menus."""
        for name in names:
            self.page.get_by_role("menuitem", name=name, exact=True).click()

    def cells(self) -> list[Cell]:
        """Return the code cells as they are shown."""
        return [_cell(each) for each in self.page.evaluate(_CELLS)]

    def fronts(self) -> list[Locator]:
        """Return the panels that can be pressed, in the order in which they stand.

        Each is the panel with the line that states the result of a press.
        """
        return self.page.locator(FRONT).all()

    def panels(self) -> list[tuple[str, Locator]]:
        """Return the panels with their names, in the order in which they stand."""
        return [(self.name(front), front) for front in self.fronts()]

    def panel(self, name: str) -> Locator:
        """Return the first panel of a name."""
        return next(front for found, front in self.panels() if found == name)

    @staticmethod
    def name(front: Locator) -> str:
        """Return what a panel is called."""
        return str(front.locator("section.labkit").get_attribute("aria-label"))

    def violations(self) -> str:
        """Return what axe finds wrong with prose and panels, empty for nothing."""
        rules = {rule: {"enabled": False} for rule in NOT_OURS}
        options = {"resultTypes": ["violations"], "rules": rules}
        there = [each for each in SCOPE if self.page.locator(each[0]).count()]
        found = Axe().run(self.page, {"include": there}, options)
        return found.generate_report() if found.violations_count else ""

    def theme(self, scheme: Any) -> None:  # noqa: ANN401 "light" or "dark"
        """Show everything light or dark."""
        self.page.emulate_media(color_scheme=scheme)
        light = "true" if scheme == "light" else "false"
        self.page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")
        self.page.wait_for_function(
            "document.getAnimations().every((a) => a.playState != 'running')"
        )

    def widen(self, width: int, height: int = HEIGHT) -> None:
        """Make the window as wide as that, and return when JupyterLab has laid out the page."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.wait_for_function(_FITS)

    def picture(self, file: Path) -> None:
        """Keep a picture of the whole page."""
        high = self.page.evaluate(
            "Math.max(...[...document.querySelectorAll('.jp-WindowedPanel-outer')]"
            ".map((each) => each.scrollHeight))"
        )
        self.widen(WIDTH, min(int(high) + 140, TALLEST))
        file.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=file)
        self.widen(WIDTH)

    def stops(self, front: Locator) -> int:
        """Return how many stops of the Tab key a panel has, and focus the first."""
        return int(
            front.evaluate(
                f"(f) => {{ f.stops = ({_STOPS})(f); f.stops[0]?.focus(); return f.stops.length; }}"
            )
        )

    def tabbed(self, front: Locator) -> set[int]:
        """Return which stops of a panel Tab reaches from its first on."""
        count, reached = self.stops(front), set()
        for _ in range(3 * count + 3):
            at = front.evaluate(_TABBED)
            if at is None:
                break
            reached.add(at)
            self.page.keyboard.press("Tab")
        return reached - {-1}

    def cut_off(self, front: Locator) -> list[str]:
        """Return the elements of a panel that are outside its edge and cannot be scrolled to."""
        return list(front.evaluate(_CUT_OFF))

    def save(self) -> None:
        """Save the page as Ctrl-S does."""
        before = self.file.stat().st_mtime_ns
        self.page.locator(".jp-Notebook .jp-InputPrompt").first.click()
        self.page.keyboard.press("Control+s")
        for _ in range(100):
            if self.file.stat().st_mtime_ns != before and _is_whole(self.file):
                return
            self.page.wait_for_timeout(50)
        raise TimeoutError(f"{self.file.name} was not saved")


@dataclass(frozen=True)
class Manual:
    """The manual as it is served, and the browser that looks at it."""

    address: str
    token: str
    pages: Path
    context: BrowserContext

    @contextmanager
    def shown(self, name: str) -> Iterator[Shown]:
        """Show a page, with its kernel ready; its kernel ends with it."""
        page = self.context.new_page()
        shown = Shown(page, self.pages / name)
        page.on("console", lambda message: shown.troubles.extend(_told(message)))
        page.on("pageerror", lambda error: shown.troubles.append(f"error: {error}"))
        page.on("request", lambda request: shown.troubles.extend(self._left(request.url)))
        try:
            page.emulate_media(color_scheme="light")
            page.goto(f"{self.address}/lab/tree/{name}?reset&token={self.token}")
            shown.wait_for_kernel()
            yield shown
        finally:
            page.close()
            self._end_kernels()

    def _left(self, url: str) -> list[str]:
        """Return the request where it leaves this JupyterLab."""
        own = (self.address, self.address.replace("http", "ws", 1), "data:", "blob:")
        return [] if url.startswith(own) else [f"request to {url}"]

    def _end_kernels(self) -> None:
        api, key = self.context.request, {"Authorization": f"token {self.token}"}
        for each in api.get(f"{self.address}/api/sessions", headers=key).json():
            api.delete(f"{self.address}/api/sessions/{each['id']}", headers=key)


ALLOWED: dict[str, str] = {}
"""Errors on the console that are not ours, as patterns, each with its reason."""


def _is_whole(file: Path) -> bool:
    """Return whether a page is written to its end."""
    try:
        json.loads(file.read_bytes())
    except ValueError:
        return False
    return True


def _told(message: ConsoleMessage) -> list[str]:
    """Return an error on the console, unless it is known and not ours."""
    if message.type != "error" or any(re.search(each, message.text) for each in ALLOWED):
        return []
    return [f"console: {message.text} ({message.location.get('url', '')})"]


def _cell(cell: dict[str, Any]) -> Cell:
    errors, lines = [], []
    for output in cell["outputs"]:
        if output["kind"].endswith(("stderr", "error")):
            errors.append(output["text"])
        elif output["kind"] != "widget":
            lines += output["text"].splitlines()
    return Cell(cell["prompt"], errors, lines)


@contextmanager
def manual(workspace: Path) -> Iterator[Manual]:
    """Serve the manual in a workspace on a seeded bench, and look at it with Chromium.

    JupyterLab, its kernels, the bench and the browser end with it, whatever happens.
    """
    settings = workspace / "jupyter/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    (settings / "themes.jupyterlab-settings").write_text(_FOLLOW_THE_SYSTEM)
    with _served(workspace) as address, chromium() as browser:
        base, _, rest = address.partition("/lab/tree/")
        token = rest.partition("token=")[2]
        context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
        context.set_default_timeout(PRESS_S * 1000)
        yield Manual(base, token, workspace / "pages", context)


@contextmanager
def _served(workspace: Path) -> Iterator[str]:
    """Run `labkit open`, and yield the manual's address with its token."""
    outside = {k: v for k, v in os.environ.items() if not k.startswith("LABKIT_")}
    variables = {
        "LABKIT_WORKSPACE": str(workspace),
        "LABKIT_SEED": "manual",
        "IPYTHONDIR": str(workspace / "ipython"),
    }
    command = [sys.executable, "-m", "labkit", "open", "--no-browser"]
    command += ["--port", str(_free_port())]
    with (workspace / "jupyterlab.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=outside | variables, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert process.stdout
        for line in process.stdout:
            if address := address_with_token(line):
                yield address
                return
        raise RuntimeError((workspace / "jupyterlab.log").read_text()[-2000:])
    finally:
        process.terminate()
        try:
            process.communicate(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=_OPTIONS
        )
        try:
            yield browser
        finally:
            browser.close()
