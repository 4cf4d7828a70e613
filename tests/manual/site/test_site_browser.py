"""The manual as HTML in Chromium: from its folder, in both themes, narrow, searched and printed.

Three pages are quick enough for every run; the others run with --slow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browser import chromium
from site_browser import NARROW, WIDTH, Shown, shown
from site_pages import NOTEBOOKS, PAGES, build, squeezed, stored_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

QUICK = {"in", "se", "05"}
LENS = "05-public-key-extraction.html"

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium")]
on_paper = pytest.mark.needs("pdftotext")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole manual, built once."""
    folder = tmp_path_factory.mktemp("site") / "manual"
    assert build(folder) == ""
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, started once."""
    with chromium() as browser:
        yield browser


def _rows(stems: list[str]) -> list[object]:
    """Return a row for each page, slow ones marked."""
    rows = [(stem, () if stem[:2] in QUICK else (pytest.mark.slow,)) for stem in stems]
    return [pytest.param(stem, marks=marks, id=stem[:5]) for stem, marks in rows]


STEMS = [page.stem for page in PAGES]
every_page = pytest.mark.parametrize("stem", _rows(STEMS))
every_file = pytest.mark.parametrize("stem", _rows(["index", "search", *STEMS]))


@pytest.fixture
def front(site: Path, browser: Browser) -> Iterator[Shown]:
    """The front page, where it can be damaged."""
    with shown(browser, site / "index.html") as front:
        yield front


def add(front: Shown, html: str) -> None:
    """Put something at the end of a page."""
    front.page.evaluate(
        "(html) => document.querySelector('article').insertAdjacentHTML('beforeend', html)", html
    )


# On a screen


@every_file
def test_a_page_needs_no_network_and_fits(site: Path, browser: Browser, stem: str) -> None:
    """Nothing is asked for outside the folder or missed in it, nothing is cut off, axe is content.

    In the light theme and in the dark one, in a wide window and in a narrow one.
    """
    with shown(browser, site / f"{stem}.html") as page:
        for theme in ("light", "dark"):
            page.theme(theme)
            assert not page.violations(), theme
        for width in (WIDTH, NARROW):
            page.page.set_viewport_size({"width": width, "height": 900})
            assert page.cut_off() == []
        assert page.troubles == []


def test_a_request_that_leaves_is_found(front: Shown) -> None:
    """The twin: a picture from elsewhere, and one that is not in the folder."""
    add(front, '<img alt="" src="https://example.com/a.png"><img alt="" src="not-there.png">')
    front.page.wait_for_timeout(300)
    assert any("request to https://example.com" in each for each in front.troubles)
    assert any("failed: file" in each for each in front.troubles)


def test_a_faint_word_is_found(front: Shown) -> None:
    """The twin: axe sees contrast in both themes."""
    add(front, '<p style="color: #888; background: #999">faint</p>')
    for theme in ("light", "dark"):
        front.theme(theme)
        assert "color-contrast" in front.violations()


def test_what_is_cut_off_is_found(front: Shown) -> None:
    """The twin: what is wider than the window and cannot be scrolled; what can be is all right."""
    front.page.set_viewport_size({"width": NARROW, "height": 900})
    add(front, '<div style="overflow: auto"><p style="width: 900px">wide</p></div>')
    assert front.cut_off() == []
    add(front, '<p style="width: 900px">wide</p>')
    assert len(front.cut_off()) == 1


@pytest.mark.parametrize(
    ("words", "found"),
    [("transit", 2), ("fingerprint", 3), ("0x7780", 5), ("policy-denies", 1)],
)
def test_a_search_finds_pages(front: Shown, words: str, found: int) -> None:
    """From the sidebar, with no server: prose, panels' text, codes and causes."""
    front.page.get_by_role("textbox", name="Search").fill(words)
    front.page.keyboard.press("Enter")
    results = front.page.locator("ul.search li a")
    results.first.wait_for()
    front.page.locator(".search-summary", has_text="found").wait_for()
    assert results.count() >= found
    results.first.click()
    front.page.locator("article .highlighted").first.wait_for(state="attached")
    assert front.troubles == []


def test_a_search_for_nothing_that_is_there_says_so(front: Shown) -> None:
    """The twin: no page has that word."""
    front.page.get_by_role("textbox", name="Search").fill("zeppelin")
    front.page.keyboard.press("Enter")
    front.page.get_by_text("did not match any documents").wait_for()


def test_one_goes_from_page_to_page(front: Shown) -> None:
    """By the sidebar, by the map on a page, by the link at a page's end."""
    page = front.page
    page.locator(".sidebar-tree").get_by_role("link", name="05 · Public key extraction").click()
    page.locator("section.labkit[aria-label='Route']").get_by_role("link", name="06").first.click()
    assert page.title().startswith("06")
    page.locator(".next-page").click()
    assert page.title().startswith("07")
    assert front.troubles == []


def test_panels_wear_their_own_style(site: Path, browser: Browser) -> None:
    """That of JupyterLab's, light and dark as Furo's switch says; the open page is framed."""
    style = "(panel) => getComputedStyle(panel).backgroundColor"
    frame = "(link) => getComputedStyle(link).borderTopWidth"
    with shown(browser, site / LENS) as page:
        panel = page.page.locator("section.labkit").first
        for theme, paper in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(17, 17, 17)")):
            page.theme(theme)
            assert panel.evaluate(style) == paper
        strip = panel.locator(".lk-strip a").all()
        assert [link.evaluate(frame) for link in strip] == ["1px"] * 5 + ["2px"] + ["1px"] * 8


def test_the_check_of_an_exercise_is_folded(site: Path, browser: Browser) -> None:
    """The question is seen, the answer in its check only after a click."""
    with shown(browser, site / LENS) as page:
        exercise = page.page.locator(".tag_exercise").filter(has_text="what the second dump proves")
        code = exercise.get_by_text("answer is False").first
        assert not code.is_visible()
        exercise.get_by_text("Show the check").click()
        assert code.is_visible()


# On paper


@on_paper
@every_page
def test_a_page_is_printed_whole(site: Path, browser: Browser, stem: str, tmp_path: Path) -> None:
    """Each heading, line and text is in the PDF; no sheet is blank; nothing is wider than one."""
    with shown(browser, site / f"{stem}.html") as page:
        page.theme("dark")
        sheets = page.printed(tmp_path / "page.pdf")
        page.on_paper()
        texts, wide = page.texts(), page.too_wide()
        assert page.colours("dark") == page.colours("light")
    assert all(sheets), [len(sheet) for sheet in sheets]
    paper = "".join(sheets)
    assert [
        line for line in stored_lines(NOTEBOOKS / f"{stem}.ipynb") if squeezed(line) not in paper
    ] == []
    assert [text for text in texts if text not in paper] == []
    assert wide == []
    assert [
        words for words in ("Skiptocontent", "Onthispage", "Showthecheck") if words in paper
    ] == []


@on_paper
def test_the_front_page_is_printed_whole(front: Shown, tmp_path: Path) -> None:
    """It lists every page on paper too."""
    sheets = front.printed(tmp_path / "page.pdf")
    front.on_paper()
    assert all(sheets)
    assert [text for text in front.texts() if text not in "".join(sheets)] == []
    assert front.too_wide() == []


@on_paper
def test_a_blank_sheet_is_found(front: Shown, tmp_path: Path) -> None:
    """The twin: a sheet with nothing on it has no text."""
    add(front, '<div style="break-before: page; height: 1px"></div>')
    assert not all(front.printed(tmp_path / "page.pdf"))


@on_paper
def test_a_text_that_is_not_printed_is_found(front: Shown, tmp_path: Path) -> None:
    """The twin: what is clipped, or scrolled away, is not in the PDF's text."""
    add(front, '<div style="height: 1em; overflow: hidden"><p>one</p><p>two zeppelins</p></div>')
    paper = "".join(front.printed(tmp_path / "page.pdf"))
    front.on_paper()
    assert [text for text in front.texts() if text not in paper] == ["twozeppelins"]
    assert front.too_wide() != []


@pytest.mark.parametrize(
    "wide", ['<p style="width: 900px">wide</p>', f"<p>{'wide' * 100}</p>", "<p><b>x</b></p>"]
)
def test_what_is_too_wide_for_paper_is_found(front: Shown, wide: str) -> None:
    """The twin: a fixed width is found; a long word breaks, and a short one fits."""
    add(front, wide)
    front.on_paper()
    assert bool(front.too_wide()) == ("900px" in wide)


def test_a_colour_of_the_dark_theme_on_paper_is_found(front: Shown) -> None:
    """The twin: on a screen the themes differ, so the comparison sees colours."""
    assert front.colours("dark") != front.colours("light")
