"""A reader's progress over all pages: which cells were run, and the results of the checks.

Progress is noted for a page that is open in JupyterLab, whose kernel knows the page's name. A note
is a line of `progress.jsonl` in the workspace. It identifies a cell by a digest of its source, and
has nothing of the cell's content.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.check import Check
from labkit.manual.copies import tracked_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SESSION = "JPY_SESSION_NAME"
"""The variable in which JupyterLab gives a kernel its page's path; nbclient and nbval do not."""

FILE = "progress.jsonl"
_PAGES = "[0-9][0-9]-*.ipynb"
_NEVER_RUN = {"skip-execution", "nbval-skip"}


@dataclass(frozen=True, slots=True)
class PageProgress:
    """The progress on one page, with its present cells; its repr is a line.

    Attributes:
        name: the page's file, such as "05-public-key-extraction.ipynb".
        title: its heading, such as "05 · Public key extraction".
        cells: the number of code cells to run.
        run: how many of them were run in their present form with the intended result.
        exercises: the number of exercises.
        answered: how many of them were answered correctly.
    """

    name: str
    title: str
    cells: int
    run: int
    exercises: int
    answered: int

    @property
    def state(self) -> str:
        """Return "not begun", "begun" or "finished"."""
        if self.run == 0:
            return "not begun"
        done = (self.run, self.answered) == (self.cells, self.exercises)
        return "finished" if done else "begun"

    @property
    def summary(self) -> str:
        """The progress in words."""
        if self.state != "begun":
            return self.state
        return (
            f"{self.run} of {self.cells} cells run, "
            f"{self.answered} of {self.exercises} exercises answered"
        )

    def __repr__(self) -> str:
        """Return the page and its progress."""
        return f"{self.title}: {self.summary}"


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress on all pages; its repr is a line for each, and the total.

    Attributes:
        pages: the manual's pages, in order.
    """

    pages: tuple[PageProgress, ...]

    def __repr__(self) -> str:
        """Return a line for each page, and the total."""
        width = max((len(page.title) for page in self.pages), default=0)
        lines = [f"{page.title:<{width}}  {page.summary}" for page in self.pages]
        done = sum(page.state == "finished" for page in self.pages)
        return "\n".join([*lines, f"finished: {done} of {len(self.pages)}"])


def read_progress(root: Path) -> Progress:
    """Return the progress on the pages of a workspace.

    Args:
        root: the workspace's folder; its copies of the pages count.
    """
    outcomes = {(note["page"], note["cell"]): note["came"] for note in _notes(root / FILE)}
    return Progress(tuple(_progress(page, outcomes) for page in _pages(root)))


def open_page(variables: Mapping[str, str] | None = None) -> str | None:
    """Return the file name of the page that this kernel was started for, or None."""
    session = (os.environ if variables is None else variables).get(SESSION, "")
    return Path(session).name if session.endswith(".ipynb") else None


def follow_page(root: Path) -> None:
    """Note from now on what is run on the open page; outside JupyterLab this does nothing.

    If a note cannot be written, it is left out, and the page goes on.
    """
    page = open_page()
    shell = _shell()
    if not page or not shell:
        return
    if _following:
        shell.events.unregister("post_run_cell", _following.pop())
    follow = _follower(root / FILE, page)
    shell.events.register("post_run_cell", follow)
    _following.append(follow)


def when_noted(do: Callable[[], object]) -> None:
    """Call a function after each cell of the open page; only the last registered one is called."""
    _callbacks[:] = [do]


_following: list[Callable[[Any], None]] = []
_callbacks: list[Callable[[], object]] = []


def _shell() -> Any:  # noqa: ANN401 the type of IPython, if it runs
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _follower(file: Path, page: str) -> Callable[[Any], None]:
    def follow(result: Any) -> None:  # noqa: ANN401 IPython's ExecutionResult
        if not result.info.store_history or not result.info.raw_cell.strip():
            return
        with suppress(OSError):
            note(file, page, _digest(result.info.raw_cell), _outcome(result))
        for do in _callbacks:
            do()

    return follow


def note(file: Path, page: str, cell: str, outcome: str) -> None:
    """Append a note in one write, so that the notes of several kernels do not mix.

    It begins with a line break, so that an incomplete note does not damage the next one.
    """
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"page": page, "cell": cell, "came": outcome, "at": at})
    with file.open("ab", buffering=0) as lines:
        lines.write(f"\n{line}".encode())


def _outcome(result: Any) -> str:  # noqa: ANN401 as above
    if not result.success:
        return "error"
    verdict = result.result
    if not isinstance(verdict, Check):
        return "ran"
    return {True: "ok", False: "FAIL", None: "open"}[verdict.passed]


def _notes(file: Path) -> Iterator[dict[str, str]]:
    """Yield the notes, oldest first; lines that are not notes are skipped."""
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError:
        return
    for line in lines:
        with suppress(ValueError, RecursionError):
            note = json.loads(line)
            names = ("page", "cell", "came")
            if isinstance(note, dict) and all(isinstance(note.get(name), str) for name in names):
                yield note


def _pages(root: Path) -> Iterator[Path]:
    """Yield the manual's pages, or the reader's copies of them."""
    tracked = {page.name: page for page in tracked_pages().glob(_PAGES)}
    own = {page.name: page for page in (root / "pages").glob(_PAGES)}
    for name in sorted(tracked or own):
        yield own.get(name) or tracked[name]


@dataclass(frozen=True, slots=True)
class _Cell:
    digest: str
    may_fail: bool
    is_exercise: bool


def _progress(page: Path, noted: Mapping[tuple[str, str], str]) -> PageProgress:
    try:
        about = page.stat()
        title, cells = _read(page, about.st_mtime_ns, about.st_size)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return PageProgress(page.name, page.stem, 0, 0, 0, 0)
    outcomes = [(cell, noted.get((page.name, cell.digest))) for cell in cells]
    verdicts = [outcome for cell, outcome in outcomes if cell.is_exercise][1::2]
    return PageProgress(
        page.name,
        title,
        cells=len(cells),
        run=sum(
            bool(outcome) and (outcome != "error" or cell.may_fail) for cell, outcome in outcomes
        ),
        exercises=len(verdicts),
        answered=verdicts.count("ok"),
    )


@lru_cache(maxsize=64)
def _read(page: Path, _changed_ns: int, _size: int) -> tuple[str, tuple[_Cell, ...]]:
    """Return a page's title and its code cells; an exercise has an answer cell and a check."""
    all_cells = json.loads(page.read_bytes())["cells"]
    heading = next((_source(c) for c in all_cells if c.get("cell_type") == "markdown"), "")
    cells = []
    for cell in all_cells:
        tags = set(cell.get("metadata", {}).get("tags", ()))
        source = _source(cell)
        if cell.get("cell_type") == "code" and source.strip() and not tags & _NEVER_RUN:
            cells.append(_Cell(_digest(source), "raises-exception" in tags, "exercise" in tags))
    return heading.partition("\n")[0].removeprefix("# ") or page.stem, tuple(cells)


def _source(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _digest(source: str) -> str:
    return hashlib.sha256(source.strip().encode(errors="replace")).hexdigest()[:16]
