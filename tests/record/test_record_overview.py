"""Lists of records as CSV and as HTML: no text of a record is executed in either."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from browser import chromium
from hypothesis import given, settings
from hypothesis import strategies as st
from record_folders import facts, fill, record
from site_browser import Shown, shown

from labkit.record.listing.filtering import facts_of, records
from labkit.record.listing.overview import to_html
from labkit.record.listing.records import (
    COLUMNS,
    Facts,
    Listed,
    NotARecord,
    Records,
    guarded,
    moment,
    plain,
    to_csv,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGINNINGS = "=+-@\uff1d\uff0b\uff0d\uff20"
FORMULAS = [
    "=1+1",
    "+1",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1+1",
    "=cmd|' /C calc'!A0",
    " =1",
    "'=1",
    "a;=1+1",
    'a",=1+1',
    "a|@x",
]
HARMLESS = ["Jane", "", "shelf 3, left", "a-b", "1=1", "it's", "2026-11-25", "O'Neil", "'quoted'"]
HOSTILE = "<script>alert(1)</script><b onclick=\"x\" title='y'>&amp;"


def unguarded(text: str) -> str:
    """Return what a cell was before it was guarded."""
    begins = r"(?:\A|(?<=[,;|\"\t\r\n]))"
    return re.sub(rf"{begins}'(?=[' ]*[{re.escape(BEGINNINGS)}\t\r\n])", "", text)


def listed(operator: str, file: str = "a.eln") -> Listed:
    """Return a record that this operator made."""
    values = dict.fromkeys(Facts._fields, "")
    return Listed(file, Facts(**(values | {"operator": operator, "outcome": "accepted"})))


def rows(text: str) -> list[dict[str, str]]:
    """Return a spreadsheet as Python's csv reads it."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_spreadsheet_has_a_header_and_a_line_for_each(tmp_path: Path) -> None:
    """RFC 4180: every cell quoted, lines ended by CR LF; Python reads back what was listed."""
    fill(tmp_path, 3)
    found = records(tmp_path)
    lines = found.csv().split("\r\n")
    assert lines[0] == ",".join(f'"{name}"' for name in COLUMNS)
    assert len(lines) == 5
    assert lines[-1] == ""
    assert rows(found.csv()) == [{**each.facts._asdict(), "file": each.file} for each in found]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_could_run_in_a_spreadsheet_is_guarded(text: str) -> None:
    """No cell begins with what begins a formula, nor does what follows a separator in it."""
    for column in ("operator", "file"):
        raw = to_csv([listed(text, text)])
        cell = rows(raw)[0][column]
        assert unguarded(cell) == plain(text)
        for part in re.split(r"[,;|\"\t\r\n]", guarded(text)):
            assert part.lstrip(" ")[:1] not in set(BEGINNINGS)
            assert not part.startswith(("\t", "\r"))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_is_left_alone(text: str) -> None:
    """Harmless text gets no apostrophe."""
    assert rows(to_csv([listed(text)]))[0]["operator"] == text


@given(text=st.text(alphabet=st.sampled_from("=+-@'\",;| \t\r\na1\uff1dé")) | st.text())
@settings(max_examples=300, deadline=None)
def test_a_guarded_cell_is_what_it_was(text: str) -> None:
    """Guarding is undone exactly, for any text, and a spreadsheet's cell is the text on a line."""
    assert unguarded(guarded(text)) == text
    assert guarded(text)[:1] not in {*BEGINNINGS, "\t", "\r"}
    (row,) = rows(to_csv([listed(text)]))
    assert unguarded(row["operator"]) == plain(text)


@given(text=st.text())
@settings(max_examples=100, deadline=None)
def test_nothing_in_a_record_is_markup(text: str) -> None:
    """With any operator's name, the page has the same elements."""
    tags = [re.findall(r"<[^>]*>", _page([listed(name)])) for name in ("Jane", HOSTILE + text)]
    assert tags[0] == tags[1]


def _page(of: list[Listed], others: tuple[NotARecord, ...] = ()) -> str:
    return to_html(Records(Path("/lab"), tuple(of), others, len(of)))


def test_a_page_says_what_a_list_says(tmp_path: Path) -> None:
    """Each record with its facts, other files with the reason, and that nothing is verified."""
    (tmp_path / "a.eln").write_bytes(record(facts(2, operator=HOSTILE)))
    (tmp_path / "<i>.eln").write_bytes(b"")
    text = to_html(records(tmp_path))
    assert "1 of 1 records. Not verified" in text
    assert "&lt;script&gt;alert(1)" in text
    assert "&lt;i&gt;.eln: expected a ZIP" in text
    for name, value in facts_of(tmp_path / "a.eln")._asdict().items():
        assert name == "operator" or moment(value) in text or value in text


def test_links_lead_from_the_page_to_the_records(tmp_path: Path) -> None:
    """They are relative, and never use another scheme."""
    lab = tmp_path / "the lab's #1" / "records"
    lab.mkdir(parents=True)
    for name in ("a b?.eln", "javascript:alert(1).eln", "ü.eln"):
        (lab / name).write_bytes(record(facts()))
    for page_folder in (lab, lab.parent, tmp_path / "x" / "y"):
        links = re.findall(r'href="([^"]*)"', to_html(records(lab), page_folder))
        assert len(links) == 3
        assert not [link for link in links if ":" in link or link.startswith("/")]
        assert {(page_folder / unquote(link)).resolve() for link in links} == set(lab.glob("*.eln"))


def test_an_empty_list_is_a_page_too(tmp_path: Path) -> None:
    """It states that there is no record, and has no table."""
    text = to_html(records(tmp_path))
    assert f"There is no record in {tmp_path}." in text
    assert "<table" not in text


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[Shown]:
    """Show a page of five records, one of them hostile, and another file in Chromium."""
    fill(tmp_path, 4)
    hostile = f"{HOSTILE}<img src=x onerror=alert(1)></style></title></script>"
    (tmp_path / "odd.eln").write_bytes(record(facts(9, operator=hostile, board="</td>" * 9)))
    (tmp_path / "none.eln").write_bytes(b"")
    (tmp_path / "list.html").write_text(to_html(records(tmp_path)), encoding="utf-8")
    with chromium() as browser, shown(browser, tmp_path / "list.html") as page:
        yield page


def column(seen: Shown, name: str) -> list[str]:
    """Return the texts of a column, from the top."""
    heads = seen.page.locator("thead th").all_text_contents()
    return seen.page.locator(f"tbody tr > :nth-child({heads.index(name) + 1})").all_text_contents()


@pytest.mark.needs("chromium")
def test_a_page_in_a_browser(seen: Shown) -> None:
    """Axe finds nothing in light, dark and narrow windows; no other script runs."""
    for scheme in ("light", "dark"):
        seen.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] a loop over both
        assert seen.violations() == ""
    seen.page.set_viewport_size({"width": 400, "height": 700})
    assert seen.page.evaluate("document.documentElement.scrollWidth") == 400
    assert seen.violations() == ""
    assert seen.page.locator("img, b").count() == 0
    assert seen.troubles == []


@pytest.mark.needs("chromium")
def test_a_page_is_sorted_by_any_column(seen: Shown) -> None:
    """With the keyboard; a second time reverses it, and aria-sort states the order."""
    assert column(seen, "made (UTC)") == sorted(column(seen, "made (UTC)"), reverse=True)
    things = column(seen, "thing")
    button = seen.page.get_by_role("button", name="made (UTC)")
    button.press("Enter")
    assert column(seen, "made (UTC)") == sorted(column(seen, "made (UTC)"))
    assert column(seen, "thing") == things[::-1]
    assert seen.page.locator("[aria-sort]").evaluate("(e) => e.ariaSort") == "ascending"
    button.press("Space")
    assert column(seen, "thing") == things
    assert seen.page.locator("[aria-sort]").evaluate("(e) => e.ariaSort") == "descending"


@pytest.mark.needs("chromium")
def test_the_page_s_own_policy_stops_what_is_not_its_own(tmp_path: Path) -> None:
    """The policy stops injected scripts and requests; without the policy both happen."""
    fill(tmp_path, 1)
    text = to_html(records(tmp_path))
    odd = "<script>document.title = 'ran'</script><img src='http://127.0.0.1:9/x' alt=''></a>"
    injected = text.replace("device-0.eln</a>", odd)
    free = re.sub(r"<meta http-equiv[^>]*>", "", injected)
    with chromium() as browser:
        for page, title, asked in ((injected, "Lab records", 0), (free, "ran", 1)):
            (tmp_path / "list.html").write_text(page, encoding="utf-8")
            with shown(browser, tmp_path / "list.html") as there:
                assert there.page.title() == title
                output = [each for each in there.troubles if "ERR_" in each]
                assert len(output) == asked, there.troubles


@pytest.mark.needs("chromium", "pdftotext")
def test_a_page_fits_on_paper(seen: Shown, tmp_path: Path) -> None:
    """Printed, every column of every record is there in full."""
    text = "".join(seen.printed(tmp_path / "list.pdf"))
    for name in ("device-3.eln", facts(3)["fingerprint"], facts(3)["certificate"]["id"]):
        assert name in text
    assert "validuntil(UTC)" in text
