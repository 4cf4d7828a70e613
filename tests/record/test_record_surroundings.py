"""Where a run took place: the firmware tree's commit and changes, the port, programs that hang."""

from __future__ import annotations

import hashlib
import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from labkit.manual.copies import tracked_pages
from labkit.manual.progress import note
from labkit.record.contents import surroundings as looking
from labkit.record.contents.executed_pages import executed_pages, page_facts
from labkit.record.contents.surroundings import port, surroundings
from labkit.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

URL = "/dev/ttyACM7"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with a real board and a firmware tree of its own, which no git knows."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "main.c").write_text("int main(void) { return 0; }\n")
    root = tmp_path / "lab"
    root.mkdir()
    (root / "lab.toml").write_text(f'[device]\nurl = "{URL}"\nfirmware = "{tree}"\n')
    return Workspace.open(root, {})


def git(workspace: Workspace, *words: str) -> str:
    """Run git in the firmware tree, as somebody."""
    somebody = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"]
    command = ["git", "-C", str(workspace.firmware), *somebody, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.needs("git")
def test_a_tree_that_git_knows_has_commit_and_changes(workspace: Workspace) -> None:
    """Clean at its commit; then a changed file is named; a new file is none of the commit's."""
    git(workspace, "init", "-q")
    git(workspace, "add", ".")
    git(workspace, "commit", "-qm", "first")
    commit = git(workspace, "rev-parse", "HEAD")
    told = surroundings(workspace)["firmware"]
    assert told == {"commit": commit, "dirty": [], "release": ""}
    (workspace.firmware / "main.c").write_text("int main(void) { return 1; }\n")
    (workspace.firmware / "new.o").write_text("")
    assert surroundings(workspace)["firmware"]["dirty"] == ["main.c"]


def test_a_tree_that_git_does_not_know_has_neither(workspace: Workspace) -> None:
    """No commit is told; least of all that of a repository around it that ignores it."""
    assert surroundings(workspace)["firmware"] == {"commit": "", "dirty": [], "release": ""}


@pytest.mark.needs("git")
def test_a_tree_that_a_repository_ignores_has_neither(workspace: Workspace) -> None:
    """A build folder inside of a repository is not the repository's."""
    outer = workspace.firmware.parent
    (outer / ".gitignore").write_text("tree\n")
    subprocess.run(["git", "init", "-q", str(outer)], check=True)
    assert surroundings(workspace)["firmware"]["commit"] == ""


def test_a_simulated_board_has_a_release(tmp_path: Path) -> None:
    """Its tree is labkit's own."""
    told = surroundings(Workspace.open(tmp_path, {}))["firmware"]
    assert told == {"commit": "", "dirty": [], "release": "202203.00"}


def test_programs_that_are_missing_or_hang_stop_nothing(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git that sleeps is given up after a moment; where there is none, nothing is told."""
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nsleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(looking, "_TIMEOUT_S", 0.1)
    for path in (f"{slow.parent}:/bin:/usr/bin", str(tmp_path)):
        monkeypatch.setenv("PATH", path)
        told = surroundings(workspace)
        assert "git" not in told["tools"]
        assert told["firmware"]["commit"] == ""


def test_the_board_s_port_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """VID:PID and serial number where it is plugged in; else the URL alone."""
    info = ListPortInfo(URL)
    info.vid, info.pid, info.serial_number = 0x0483, 0x374B, "066DFF"
    monkeypatch.setattr(list_ports, "comports", lambda: [info])
    told = {"device": URL, "vid_pid": "0483:374b", "serial_number": "066DFF"}
    assert port(workspace.settings) == told
    monkeypatch.setattr(list_ports, "comports", list)
    told = {"device": URL, "vid_pid": "", "serial_number": ""}
    assert port(workspace.settings) == told


def test_a_simulated_board_has_no_port(tmp_path: Path) -> None:
    """Its port changes with each start, and says nothing."""
    assert port(Workspace.open(tmp_path, {}).settings) is None


# Pages


PAGE = "05-public-key-extraction.ipynb"


def cell(source: str, *outputs: str, run: int | None = 1) -> dict[str, object]:
    """Return a code cell as a notebook has it."""
    shown = [
        {"output_type": "execute_result", "data": {"text/plain": text.splitlines(keepends=True)}}
        for text in outputs
    ]
    return {"cell_type": "code", "source": [source], "outputs": shown, "execution_count": run}


def page(*cells: dict[str, object]) -> bytes:
    """Return a notebook."""
    text = {"cell_type": "markdown", "source": "# Text"}
    return json.dumps({"cells": [text, *cells]}).encode()


def test_a_page_as_the_manual_has_it_has_nothing_of_its_own() -> None:
    """The stored page, taken for an executed one: no cell differs."""
    told = page_facts(PAGE, (tracked_pages() / PAGE).read_bytes())
    assert told.own_input == told.own_output == ()
    assert told.run == told.cells > 10
    assert ("ok", "DER is 91 bytes", "91") in told.checks


def test_the_reader_s_own_is_told_by_cell() -> None:
    """A source that the manual has not, outputs that are others, a cell that was not run."""
    cells = json.loads((tracked_pages() / PAGE).read_bytes())["cells"]
    opening = "".join(next(each["source"] for each in cells if each["cell_type"] == "code"))
    told = page_facts(
        PAGE,
        page(cell("my_own = 1"), cell(opening, "board    REAL"), cell("another()", run=None)),
    )
    assert (told.cells, told.run) == (3, 2)
    assert told.own_input == (1, 3)
    assert 2 in told.own_output


def test_checks_are_read_from_the_outputs() -> None:
    """Each verdict with its claim and value; a line that only begins like one is none."""
    told = page_facts(PAGE, page(cell("x", "ok   a: 1\nFAIL b\n...  c: not answered yet\nokay")))
    assert told.checks == (("ok", "a", "1"), ("FAIL", "b", ""), ("...", "c", "not answered yet"))


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"cells": 1}', b'{"cells": [{}]}', b"[" * 99_999])
def test_what_is_no_notebook_is_refused(raw: bytes) -> None:
    """Nothing, another JSON, one nested without end."""
    with pytest.raises(ValueError, match=r"(?i)expect"):
        page_facts(PAGE, raw)


def test_only_pages_that_were_run_are_executed_pages(tmp_path: Path) -> None:
    """A copy that was opened and not run is no part of a run; once a cell was run, it is."""
    stored = (tracked_pages() / PAGE).read_bytes()
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / PAGE).write_bytes(stored)
    assert executed_pages(tmp_path) == {}
    cells = json.loads(stored)["cells"]
    source = "".join(next(each["source"] for each in cells if each["cell_type"] == "code"))
    digest = hashlib.sha256(source.strip().encode()).hexdigest()[:16]
    note(tmp_path / "progress.jsonl", PAGE, digest, "ran")
    assert executed_pages(tmp_path) == {PAGE: stored}
