"""The manual as HTML in a real browser: what it loads, what axe says, what is printed."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe
from site_pages import squeezed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Request

WIDTH, HEIGHT = 1280, 900
NARROW = 480
PAPER_WIDTH = 680
"""CSS pixels between the margins of an A4 sheet: 180 mm."""

NOT_OURS = {
    "heading-order": "a panel is headed h3 wherever its cell stands; outputs have no order",
    "landmark-unique": "Furo's two sidebars are asides without a name",
    "page-has-heading-one": "Furo's search page has none until something is searched",
    "scrollable-region-focusable": "Tab reaches whatever scrolls in today's browsers",
}
"""Rules of axe that do not judge what is ours, each with the reason."""

_BLOCKS = """[...document.querySelectorAll("article, article *")]
    .filter((each) => each.checkVisibility() && each.getBoundingClientRect().width)
    .filter((each) => !each.closest(".headerlink, .visually-hidden"))"""

_SETTLED = "() => document.getAnimations().every((each) => each.playState !== 'running')"

_CUT_OFF = f"""() => {{
    const scrolls = (element) => /auto|scroll/.test(getComputedStyle(element).overflowX);
    const reachable = (element) => {{
        for (let at = element.parentElement; at.tagName !== "ARTICLE"; at = at.parentElement)
            if (scrolls(at) && at.getBoundingClientRect().right <= innerWidth + 1) return true;
        return false;
    }};
    return {_BLOCKS}
        .filter((each) => each.tagName !== "ARTICLE" && !reachable(each)
            && each.getBoundingClientRect().right > innerWidth + 1)
        .map((each) => each.outerHTML.slice(0, 160));
}}"""

_TOO_WIDE = f"""() => {{
    const within = {_BLOCKS}, html = (each) => each.outerHTML.slice(0, 160);
    const clips = (each) => each.clientWidth && getComputedStyle(each).overflowX !== "visible"
        && (each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 1);
    const right = (each) => {{
        const range = document.createRange();
        range.selectNodeContents(each);
        return Math.max(0, ...[...range.getClientRects()].map((line) => line.right));
    }};
    const texts = within.filter((each) => [...each.childNodes].some((node) => node.nodeType === 3));
    return [...within.filter((each) => clips(each)
        || each.getBoundingClientRect().right > innerWidth + 1),
        ...texts.filter((each) => right(each) > innerWidth + 1)].map(html);
}}"""

_TEXTS = f"""() => {{
    const texts = [], within = new Set({_BLOCKS});
    const walker = document.createTreeWalker(document.querySelector("article"), 4);
    while (walker.nextNode())
        if (within.has(walker.currentNode.parentElement)) texts.push(walker.currentNode.data);
    return texts;
}}"""

_COLOURS = f"""(theme) => {{
    document.body.dataset.theme = theme;
    return [document.body, ...{_BLOCKS}].map((each) => {{
        const style = getComputedStyle(each);
        return [each.tagName, each.className.baseVal ?? each.className, style.color,
            style.backgroundColor, style.borderTopColor, style.borderLeftColor, style.fill];
    }});
}}"""


@dataclass
class Shown:
    """A page of HTML as Chromium shows it from the folder.

    Attributes:
        page: Playwright's page.
        troubles: requests that leave the folder or fail, and errors on the console.
    """

    page: Page
    troubles: list[str] = field(default_factory=list)

    def theme(self, name: str) -> None:
        """Show it light or dark, as Furo's switch does."""
        self.page.evaluate("(name) => { document.body.dataset.theme = name; }", name)
        self.page.wait_for_function(_SETTLED)

    def violations(self) -> str:
        """Return what axe finds wrong with the page, empty for nothing."""
        rules = {rule: {"enabled": False} for rule in NOT_OURS}
        options = {"resultTypes": ["violations"], "rules": rules, "preload": False}
        found = Axe().run(self.page, None, options)
        return str(found.generate_report()) if found.violations_count else ""

    def cut_off(self) -> list[str]:
        """Return what is outside the window and cannot be scrolled to."""
        return list(self.page.evaluate(_CUT_OFF))

    def on_paper(self) -> None:
        """Lay it out as for a sheet of A4."""
        self.page.emulate_media(media="print")
        self.page.set_viewport_size({"width": PAPER_WIDTH, "height": HEIGHT})

    def too_wide(self) -> list[str]:
        """Return what is wider than the sheet, or hides a part of what is in it."""
        return list(self.page.evaluate(_TOO_WIDE))

    def texts(self) -> list[str]:
        """Return all texts that are shown, without white space."""
        return list(filter(None, map(squeezed, self.page.evaluate(_TEXTS))))

    def colours(self, theme: str) -> Any:  # noqa: ANN401 lists of what the browser computes
        """Return the colours of all that is shown, in a theme."""
        return self.page.evaluate(_COLOURS, theme)

    def printed(self, file: Path) -> list[str]:
        """Print it to a PDF and return the text of each of its pages, without white space."""
        self.page.pdf(path=file, format="A4", prefer_css_page_size=True)
        text = subprocess.run(
            ["pdftotext", "-raw", file, "-"], capture_output=True, text=True, check=True
        )
        return [squeezed(page) for page in text.stdout.split("\f")[:-1]]


@contextmanager
def shown(browser: Browser, file: Path, *, width: int = WIDTH) -> Iterator[Shown]:
    """Show a page from its folder, with no server and no network."""
    context = browser.new_context(viewport={"width": width, "height": HEIGHT}, offline=True)
    page = context.new_page()
    shown = Shown(page)
    home = file.parent.as_uri()

    def sent(request: Request) -> None:
        if not request.url.startswith((home, "data:")):
            shown.troubles.append(f"request to {request.url}")

    page.on("request", sent)
    page.on("requestfailed", lambda request: shown.troubles.append(f"failed: {request.url}"))
    page.on("pageerror", lambda error: shown.troubles.append(f"error: {error}"))
    page.on(
        "console",
        lambda message: (
            shown.troubles.append(f"console: {message.text}") if message.type == "error" else 0
        ),
    )
    try:
        page.goto(file.as_uri())
        yield shown
    finally:
        context.close()
