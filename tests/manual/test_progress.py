"""Progress over all pages: noted in JupyterLab, kept when it is closed, never in a page's way."""

from __future__ import annotations

import json
import multiprocessing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from labkit.manual import progress as noting
from labkit.manual.progress import PageProgress, follow_page, open_page, read_progress, when_noted

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "05-public-key-extraction.ipynb"
ANSWER = "answer = None  # your turn"
VERDICT = 'check("the answer", None if answer is None else answer == 2)'
CELLS = [
    ("from labkit import check", []),
    ("1 / 0", ["raises-exception"]),
    ('check("one", True, 1)', []),
    (ANSWER, ["exercise"]),
    (VERDICT, ["exercise"]),
    ("needs_a_board()", ["nbval-skip", "skip-execution"]),
]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workspace's folder with one page of five cells to run and an exercise."""
    monkeypatch.setattr(noting, "tracked_pages", lambda: tmp_path / "no-pages")
    (tmp_path / "pages").mkdir()
    save(tmp_path, CELLS)
    return tmp_path


def save(root: Path, cells: list[tuple[str, list[str]]], page: str = PAGE) -> None:
    """Save a page as JupyterLab does: sources in lines, tags as metadata."""
    code = [
        {
            "cell_type": "code",
            "source": source.splitlines(keepends=True),
            "metadata": {"tags": tags},
        }
        for source, tags in cells
    ]
    heading = {"cell_type": "markdown", "metadata": {}, "source": ["# 05 · Keys\n", "text"]}
    (root / "pages" / page).write_text(json.dumps({"cells": [heading, *code]}))


@pytest.fixture
def shell(root: Path, monkeypatch: pytest.MonkeyPatch) -> InteractiveShell:
    """Return a kernel's shell in which the page is open and followed."""
    monkeypatch.setenv("JPY_SESSION_NAME", f"/somewhere/{PAGE}")
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    monkeypatch.setattr(noting, "_shell", lambda: shell)
    monkeypatch.setattr(noting, "_following", [])
    monkeypatch.setattr(noting, "_callbacks", [])
    follow_page(root)
    return shell


def run(shell: InteractiveShell, *sources: str) -> None:
    """Run cells as JupyterLab runs them."""
    for source in sources:
        shell.run_cell(source, store_history=True)


def page(root: Path) -> PageProgress:
    """Return the page's progress, read again."""
    [page] = read_progress(root).pages
    return page


def test_a_page_is_not_begun_begun_and_finished(root: Path, shell: InteractiveShell) -> None:
    """Each cell counts when it was run, an exercise when its check is ok; board cells never."""
    assert repr(page(root)) == "05 · Keys: not begun"
    run(shell, *(source for source, _tags in CELLS[:5]))
    assert repr(page(root)) == "05 · Keys: 5 of 5 cells run, 0 of 1 exercises answered"
    answered = [("answer = 2" if source == ANSWER else source, tags) for source, tags in CELLS]
    save(root, answered)
    assert page(root).run == 4
    run(shell, "answer = 1", VERDICT)
    assert page(root).answered == 0
    run(shell, "answer = 2", VERDICT)
    assert page(root) == PageProgress(PAGE, "05 · Keys", 5, 5, 1, 1)
    assert repr(read_progress(root)) == "05 · Keys  finished\nfinished: 1 of 1"


def test_a_changed_cell_has_to_be_run_again(root: Path, shell: InteractiveShell) -> None:
    """Only the present form of a cell counts; blank lines around it are no change."""
    run(shell, CELLS[0][0], CELLS[2][0] + "\n")
    assert page(root).run == 2
    save(root, [*CELLS[:2], ('check("two", True, 2)', []), *CELLS[3:]])
    assert page(root).run == 1


def test_an_error_counts_only_where_it_is_meant(root: Path, shell: InteractiveShell) -> None:
    """The break-it cell is run when it raised; another cell that raised is not."""
    run(shell, "1 / 0")
    assert page(root).run == 1
    run(shell, CELLS[2][0])  # check is not imported
    assert page(root).run == 1


def test_no_cell_contents_are_noted(root: Path, shell: InteractiveShell) -> None:
    """A note holds a page, a digest, an outcome and a time; not what was typed or shown."""
    run(shell, CELLS[0][0], 'PIN = "648219"', 'check("secret claim", True, "secret value")')
    text = (root / noting.FILE).read_text()
    assert "648219" not in text
    assert "secret" not in text
    notes = [json.loads(line) for line in text.splitlines()[1:]]
    assert [set(note) for note in notes] == [{"page", "cell", "came", "at"}] * 3


def test_a_page_that_was_closed_keeps_its_progress(root: Path, shell: InteractiveShell) -> None:
    """Another kernel that follows the same page adds to what was noted."""
    run(shell, CELLS[0][0])
    follow_page(root)
    run(shell, CELLS[1][0])
    assert page(root).run == 2
    assert len((root / noting.FILE).read_text().split("\n")) == 3  # each cell once


def test_the_last_callback_is_called(root: Path, shell: InteractiveShell) -> None:
    """It is called after each note, when the note is written."""
    seen: list[int] = []
    when_noted(lambda: seen.append(-1))
    when_noted(lambda: seen.append(page(root).run))
    run(shell, CELLS[0][0], "  ", CELLS[1][0])
    assert seen == [1, 2]


@pytest.mark.parametrize("variables", [{}, {"JPY_SESSION_NAME": "a-console"}])
def test_without_a_page_nothing_is_followed(
    root: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """nbclient, nbval and consoles have no page: nothing is noted, so outputs stay the same."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert open_page(variables) is None
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    monkeypatch.setattr(noting, "_shell", lambda: shell)
    follow_page(root)
    run(shell, CELLS[0][0])
    assert not (root / noting.FILE).exists()


def test_a_note_that_cannot_be_written_breaks_no_page(
    root: Path, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    """If a folder is in the way of the file, the page still runs without a message."""
    (root / noting.FILE).mkdir()
    run(shell, "print('ran')")
    assert capsys.readouterr().out == "ran\n"
    assert page(root).state == "not begun"


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_an_incomplete_note_is_skipped(root: Path, shell: InteractiveShell, cut: int) -> None:
    """A kill in the middle of a note costs that note, and not the one before or after it."""
    run(shell, CELLS[0][0], CELLS[1][0])
    file = root / noting.FILE
    file.write_bytes(file.read_bytes()[:-cut])
    assert page(root).run == 1
    run(shell, CELLS[2][0])
    assert page(root).run == 2


def _many(file: Path, name: str) -> None:
    for number in range(200):
        noting.note(file, name, f"{number:016x}", "ran")


def test_two_kernels_note_at_once(root: Path) -> None:
    """Notes of two processes never mix."""
    file = root / noting.FILE
    both = [multiprocessing.Process(target=_many, args=(file, name)) for name in ("a", "b")]
    for process in both:
        process.start()
    for process in both:
        process.join()
    lines = file.read_text().split("\n")[1:]
    assert len([json.loads(line) for line in lines]) == 400


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_file_can_be_read(root: Path, content: bytes) -> None:
    """Whatever the file or a page contains, reading the progress is not an error."""
    (root / noting.FILE).write_bytes(content)
    (root / "pages" / "06-x.ipynb").write_bytes(content)
    assert [page.state for page in read_progress(root).pages] == ["not begun", "not begun"]


def test_the_readers_own_copy_counts(
    root: Path, monkeypatch: pytest.MonkeyPatch, shell: InteractiveShell
) -> None:
    """Pages that were not opened yet are read where the manual keeps them, in its order."""
    tracked = root / "tracked"
    tracked.mkdir()
    for name in (PAGE, "04-x.ipynb", "11-y.ipynb"):
        (tracked / name).write_text('{"cells": []}')
    monkeypatch.setattr(noting, "tracked_pages", lambda: tracked)
    run(shell, CELLS[0][0])
    assert [each.name for each in read_progress(root).pages] == ["04-x.ipynb", PAGE, "11-y.ipynb"]
    assert [each.run for each in read_progress(root).pages] == [0, 1, 0]
