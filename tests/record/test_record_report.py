"""A record's report in a browser: axe in both themes, a narrow window, and paper."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
from browser import chromium
from lab_bench import THREADS_OF_PYSERIAL
from site_browser import NARROW, shown
from site_pages import squeezed

from labkit import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from site_browser import Shown

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = [
    pytest.mark.filterwarnings(THREADS_OF_PYSERIAL),
    pytest.mark.needs("chromium"),
]

_TEXTS = """() => {
    const texts = [], walker = document.createTreeWalker(document.querySelector("main"), 4);
    while (walker.nextNode()) {
        const text = walker.currentNode;
        if (text.parentElement.tagName !== "title") texts.push(text.data);
    }
    return texts;
}"""


@pytest.fixture(scope="module")
def report(finished: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run that failed at its end: every section has something to say."""
    folder = tmp_path_factory.mktemp("report")
    made = record.make(finished, notes="a note", failed="DeviceError: cut off", to=folder)
    with zipfile.ZipFile(made.path) as opened:
        name = f"{made.path.stem}/run/report.html"
        return folder / opened.extract(name, folder)


@pytest.fixture(scope="module")
def seen(report: Path) -> Iterator[Shown]:
    """The report in Chromium, from the disk."""
    with chromium() as browser, shown(browser, report) as seen:
        yield seen


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(seen: Shown, scheme: str) -> None:
    """Contrast, tables and headings are as they should be, in light and in dark."""
    seen.page.emulate_media(media="screen", color_scheme=scheme)
    assert seen.violations() == ""


def test_axe_would_find_something(seen: Shown) -> None:
    """The twin: a colour too pale is found."""
    seen.page.add_style_tag(content=".mono { color: #ccc !important; background: #fff; }")
    assert "color-contrast" in seen.violations()
    seen.page.reload()


def test_nothing_is_loaded_and_nothing_goes_wrong(seen: Shown) -> None:
    """It is one file: no request but for itself, no error."""
    assert seen.troubles == []


def test_a_narrow_window_shows_all_of_it(seen: Shown) -> None:
    """At 480 pixels nothing is wider than the window."""
    seen.page.set_viewport_size({"width": NARROW, "height": 900})
    wide = seen.page.evaluate("document.documentElement.scrollWidth")
    seen.page.set_viewport_size({"width": 1280, "height": 900})
    assert wide <= NARROW


@pytest.mark.needs("pdftotext")
def test_all_of_it_is_on_paper(seen: Shown, tmp_path: Path) -> None:
    """Every text is in the PDF, in light colours, and no sheet is empty."""
    sheets = seen.printed(tmp_path / "report.pdf")
    assert all(sheets)
    paper = "".join(sheets)
    texts = [squeezed(text) for text in seen.page.evaluate(_TEXTS)]
    missing = [text for text in texts if text and text not in paper and not _torn(text, sheets)]
    assert missing == []
    assert len(texts) > 100
    seen.page.emulate_media(media="print", color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    assert seen.page.evaluate(background) == "rgb(255, 255, 255)"


def _torn(text: str, sheets: list[str]) -> bool:
    """Return whether a text is on several sheets: a row in two parts, or a long one in pieces."""
    paper = "".join(sheets)
    if any(text[:at] in paper and text[at:] in paper for at in range(10, len(text) - 10)):
        return True
    pieces = [text[at : at + 40] for at in range(0, len(text) - 40, 40)]
    on_one = sum(any(piece in sheet for sheet in sheets) for piece in pieces)
    return len(pieces) > 10 and on_one >= len(pieces) - len(sheets)
