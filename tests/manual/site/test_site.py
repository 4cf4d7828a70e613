"""The manual as HTML: whole, offline, the same each time, and other files are not touched."""

from __future__ import annotations

import inspect
import json
import shutil
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from cli_runner import labkit
from site_pages import (
    NOTEBOOKS,
    PAGES,
    ROOT,
    broken_links,
    build,
    contents,
    outside_loads,
    read,
    squeezed,
    stored_lines,
)

from labkit.errors import MissingPackageError, SiteError
from labkit.manual.site import building
from labkit.manual.site.pages import front_page, prepared

pytestmark = pytest.mark.slow

ROOMS = {"labkit.console", "labkit.certificates", "labkit.firmware", "labkit.policy"} | {
    "labkit.diagnosis",
    "labkit.workspace",
    "labkit.manual",
    "labkit.record",
}
LENS = "05-public-key-extraction"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole manual, built once."""
    folder = tmp_path_factory.mktemp("site") / "manual"
    assert build(folder) == ""
    return folder


@pytest.fixture
def copied(site: Path, tmp_path: Path) -> Path:
    """The manual in a place where it can be damaged."""
    return Path(shutil.copytree(site, tmp_path / "copied"))


def damage(page: Path, old: str, new: str) -> None:
    """Change a page in one place."""
    text = page.read_text()
    assert old in text
    page.write_text(text.replace(old, new, 1))


# What is in it


def test_every_page_is_there(site: Path) -> None:
    """Each stored page is a page of HTML, the front page leads to all, and there is a search."""
    names = {f"{page.stem}.html" for page in PAGES}
    assert {page.name for page in site.glob("*.html")} == names | {
        "index.html",
        "reference.html",
        "search.html",
    }
    assert names | {"reference.html"} <= set(read(site / "index.html").links)
    assert (site / "searchindex.js").is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name[:2])
def test_a_page_is_whole(site: Path, page: Path) -> None:
    """Every heading, line of code and line of output of the stored page is on it."""
    text = read(site / f"{page.stem}.html").text
    assert [line for line in stored_lines(page) if squeezed(line) not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name[:2])
def test_a_panel_is_shown_once(site: Path, page: Path) -> None:
    """It is shown by its HTML; its text, with the same content, is not shown."""
    cells = [cell for cell in nbformat.read(page, 4).cells if cell.cell_type == "code"]
    stored = [output.get("data", {}) for cell in cells for output in cell.outputs]
    plain = [each for each in stored if set(each) == {"text/plain"}]
    classes = read(site / f"{page.stem}.html").classes
    assert classes.count("labkit") == sum("text/html" in each for each in stored) > 0
    assert classes.count("output text_plain highlight-text notranslate") == len(plain)


def test_a_cause_of_the_glossary_can_be_linked_to(site: Path) -> None:
    """Headings in an output are headings of the page, under the names that links use."""
    assert {"key-changed", "policy-denies", "transport"} <= read(site / "12-glossary.html").ids


def test_the_search_knows_what_panels_say(site: Path) -> None:
    """A word that only a panel says leads to its pages; words in two cells of a table are two.

    HTML's own words lead nowhere, nor does what the map says on every page.
    """
    index = json.loads((site / "searchindex.js").read_text()[len("Search.setIndex(") : -1])
    pages = [page.stem for page in PAGES if "in transit" in page.read_text()]

    def leads_to(term: str) -> list[str]:
        found = index["terms"][term]
        numbers = found if isinstance(found, list) else [found]
        names = (index["docnames"][number] for number in numbers)
        return [name for name in names if not name.startswith("reference")]

    assert leads_to("transit") == pages
    assert not {"colspan", "offsetbyt"} & index["terms"].keys()
    assert 3 <= len(leads_to("attach")) <= len(PAGES) / 2


# The API reference


@pytest.mark.parametrize("module", ["labkit.lab.lab", "labkit.errors", *sorted(ROOMS)])
def test_public_names_are_in_the_reference(site: Path, module: str) -> None:
    """Each public class and function has an entry, and what is not public has none."""
    page = read(site / f"reference/{module}.html")
    room = import_module(module)
    without = {"labkit.lab.lab": ["Lab", "open_lab"], "labkit.errors": ["LabError"]}
    public = {name: getattr(room, name) for name in without.get(module) or room.__all__}
    names = {
        f"{module}.{name}"
        for name, each in public.items()
        if inspect.isclass(each) or inspect.isfunction(each)
    }
    assert names
    assert names <= page.ids
    assert f"{module}.import_module" not in page.ids


def test_a_step_is_in_the_reference(site: Path) -> None:
    """Lab's methods are there, with what they take and raise."""
    page = read(site / "reference/labkit.lab.lab.html")
    assert "labkit.lab.lab.Lab.confirm_account" in page.ids
    assert squeezed("the digits; None for a prompt") in page.text


# Offline


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """Scripts, styles and pictures are in the folder."""
    assert outside_loads(site) == []


@pytest.mark.parametrize(
    "load",
    [
        '<img src="https://example.com/a.png">',
        '<script src="//example.com/a.js"></script>',
        '<link rel="stylesheet" href="http://example.com/a.css">',
        '<p style="background: url(https://example.com/a.png)"></p>',
        '<img src="_static/not-there.png">',
    ],
)
def test_a_load_from_elsewhere_is_found(copied: Path, load: str) -> None:
    """The twin: a page that loads something, or lacks it, is named."""
    damage(copied / "index.html", "</article>", f"{load}</article>")
    assert len(outside_loads(copied)) == 1


def test_a_style_that_imports_is_found(copied: Path) -> None:
    """The twin for styles."""
    (copied / "_static/site.css").write_text('@import "https://example.com/a.css";')
    assert outside_loads(copied) == ["site.css: https://example.com/a.css"]


def test_every_link_leads_somewhere(site: Path) -> None:
    """Pages, places in pages and panels' links to pages are there."""
    assert broken_links(site) == []
    assert ".ipynb" not in {Path(each).suffix for each in read(site / f"{LENS}.html").links}


@pytest.mark.parametrize("link", ["99-nowhere.html", "12-glossary.html#no-such-cause", "#nowhere"])
def test_a_link_that_leads_nowhere_is_found(copied: Path, link: str) -> None:
    """The twin: a page or a place that is missing is named."""
    damage(copied / "index.html", "</article>", f'<a href="{link}">there</a></article>')
    assert broken_links(copied) == [f"index.html: {link}"]


# The same each time


def test_nothing_of_this_computer_is_in_it(site: Path) -> None:
    """No path of the checkout, of the home or of the place where it was made."""
    words = [str(ROOT).encode(), str(Path.home()).encode() + b"/", str(site.parent).encode()]
    for path in filter(Path.is_file, site.rglob("*")):
        assert not [word for word in words if word in path.read_bytes()], path


@pytest.mark.slow
def test_two_builds_are_the_same_byte_for_byte(site: Path, tmp_path: Path) -> None:
    """Another place and another order of Python's sets change no byte."""
    assert build(tmp_path / "in another/place", seed=4242) == ""
    assert contents(tmp_path / "in another/place") == contents(site)


def test_one_other_byte_is_seen(site: Path, copied: Path) -> None:
    """The twin: the comparison sees a changed page."""
    assert contents(copied) == contents(site)
    damage(copied / "index.html", "Lab manual", "Lab Manual")
    assert contents(copied) != contents(site)


# Pages that are not right


def stored_page(*cells: dict[str, Any]) -> str:
    """Return a page of a title and some cells."""
    title = {"cell_type": "markdown", "id": "t", "metadata": {}, "source": ["# 01 · One\n", "It."]}
    page = {"cells": [title, *cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(page)


def code(source: str, *outputs: dict[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a code cell that was run."""
    run = {"execution_count": 1, "outputs": list(outputs), "id": "c"}
    return {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": source, **run}


def shown(**data: str) -> dict[str, Any]:
    """Return an output."""
    named = {kind.replace("_", "/"): text for kind, text in data.items()}
    return {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": named}


def cells(*given: dict[str, Any]) -> list[dict[str, Any]]:
    """Return cells as Sphinx is given them, without the title."""
    return list(json.loads(prepared(stored_page(*given), "01-one.ipynb"))["cells"][1:])


def test_the_text_of_a_panel_goes_where_its_html_is() -> None:
    """And its links lead to HTML, not to notebooks."""
    link = '<a data-page="02-two.ipynb" href="02-two.ipynb#three" data-key="k">two</a>'
    (cell,) = cells(code("panel", shown(text_html=link, text_plain="two")))
    assert cell["outputs"][0]["data"] == {"text/html": '<a href="02-two.html#three">two</a>'}


def test_an_output_in_markdown_becomes_prose() -> None:
    """So that its headings are the page's."""
    cell, prose = cells(code("look()", shown(text_markdown="### cause", text_plain="cause")))
    assert cell["outputs"] == []
    assert (prose["cell_type"], prose["source"]) == ("markdown", "### cause")


def test_the_check_of_an_exercise_is_folded() -> None:
    """It holds the answer; what the reader fills in does not, nor does a check of a step."""
    fold = [
        "hide-input" in cell["metadata"]["tags"]
        for cell in cells(
            code("answer = None", tags=("exercise",)),
            code('check("it", answer == 3)', tags=("exercise",)),
            code('check("it", True)'),
        )
    ]
    assert fold == [False, True, False]


DAMAGED = [
    '{"cells": [], "metadata": {}}',
    '{"cells": [{"cell_type": "raw"}], "metadata": {}}',
    '{"cells": [{"cell_type": "code", "id": "c", "metadata": {}, "source": ""}], "metadata": {}}',
]


@pytest.mark.parametrize(
    "text", ["", "[", "[]", "{}", '{"cells": 1}', '{"cells": [1]}', "null", b"\xff", *DAMAGED]
)
def test_what_is_no_notebook_is_named(text: str | bytes) -> None:
    """With what to do."""
    for judge in (lambda: prepared(text, "01-one.ipynb"), lambda: front_page({"01-one": text})):
        with pytest.raises(SiteError, match=r"^01-one.* is not a notebook\. Restore it"):
            judge()


def test_a_page_stored_without_outputs_is_refused() -> None:
    """A page that was never run would show nothing, silently."""
    page = stored_page({**code("1"), "execution_count": None})
    with pytest.raises(SiteError, match=r"01-one.ipynb: a cell was never run\. Store"):
        prepared(page, "01-one.ipynb")


def test_a_link_to_a_page_that_is_not_there_writes_nothing(tmp_path: Path) -> None:
    """What Sphinx warns of is an error that names the page, and an older manual stays."""
    pages, folder = tmp_path / "pages", tmp_path / "site"
    pages.mkdir()
    prose = {"cell_type": "markdown", "id": "p", "metadata": {}, "source": "[two](02-two.ipynb)"}
    (pages / "01-one.ipynb").write_text(stored_page(prose))
    folder.mkdir()
    problems = build(folder, pages)
    assert "Sphinx reports problems" in problems
    assert "01-one.ipynb" in problems
    assert str(tmp_path) not in problems
    assert list(folder.iterdir()) == []


def test_a_checkout_without_pages_is_named(tmp_path: Path) -> None:
    """It says where it looked."""
    with pytest.raises(SiteError, match=f"{tmp_path}: .* Clone or install the project again"):
        building.build(tmp_path / "site", tmp_path)


def test_without_sphinx_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the extra that brings it."""
    monkeypatch.setitem(sys.modules, "sphinx", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'labkit\[site\]'"):
        building.build(tmp_path / "site", NOTEBOOKS)
    assert list(tmp_path.iterdir()) == []


def test_what_goes_wrong_inside_sphinx_is_an_error_of_the_labs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of an extension is one line, and nothing is written."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no such node")

    monkeypatch.setitem(sys.modules, "sphinx.application", SimpleNamespace(Sphinx=broken))
    with pytest.raises(SiteError, match=r"not be rendered: RuntimeError: no such node\. "):
        building.build(tmp_path / "site", NOTEBOOKS)
    assert list(tmp_path.iterdir()) == []


# The command


def test_the_command_says_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It prints the page to open; build/site of the checkout where no folder is named."""
    monkeypatch.setattr(building, "_render", lambda _, working: (working / "html").mkdir())
    monkeypatch.chdir(tmp_path)
    ended = labkit("site", "-o", "manual")
    assert (ended.code, ended.out) == (0, f"open {tmp_path / 'manual/index.html'}\n")


def test_the_command_refuses_a_folder_of_somebodys(tmp_path: Path) -> None:
    """Exit code 1 and one line, before anything is rendered."""
    (tmp_path / "notes.txt").write_text("mine")
    ended = labkit("site", "--output", tmp_path)
    assert ended.code == 1
    assert "notes.txt" in ended.err
