"""The computer of a run: the firmware tree's commit and changes, the port, programs that hang."""

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
from labkit.record.contents import surroundings as module
from labkit.record.contents.executed_pages import executed_pages, page_facts
from labkit.record.contents.surroundings import port, surroundings
from labkit.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

URL = "/dev/ttyACM7"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace with a real board and its own firmware tree, without a Git repository."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "main.c").write_text("int main(void) { return 0; }\n")
    root = tmp_path / "lab"
    root.mkdir()
    (root / "lab.toml").write_text(f'[device]\nurl = "{URL}"\nfirmware = "{tree}"\n')
    return Workspace.open(root, {})


def git(workspace: Workspace, *words: str) -> str:
    """Run git in the firmware tree."""
    user = ["-c", "user.name=user", "-c", "user.email=user@example.com"]
    command = ["git", "-C", str(workspace.firmware), *user, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.needs("git")
def test_tree_in_a_repository_has_commit_and_changes(workspace: Workspace) -> None:
    """Clean at its commit; then a changed file is listed, a new file is not."""
    git(workspace, "init", "-q")
    git(workspace, "add", ".")
    git(workspace, "commit", "-qm", "first")
    commit = git(workspace, "rev-parse", "HEAD")
    found = surroundings(workspace)["firmware"]
    assert found == {"commit": commit, "dirty": [], "release": ""}
    (workspace.firmware / "main.c").write_text("int main(void) { return 1; }\n")
    (workspace.firmware / "new.o").write_text("")
    assert surroundings(workspace)["firmware"]["dirty"] == ["main.c"]


def test_tree_without_a_repository_has_neither(workspace: Workspace) -> None:
    """No commit is recorded."""
    assert surroundings(workspace)["firmware"] == {"commit": "", "dirty": [], "release": ""}


@pytest.mark.needs("git")
def test_a_tree_that_a_repository_ignores_has_neither(workspace: Workspace) -> None:
    """A folder that a repository ignores is not part of it."""
    outer = workspace.firmware.parent
    (outer / ".gitignore").write_text("tree\n")
    subprocess.run(["git", "init", "-q", str(outer)], check=True)
    assert surroundings(workspace)["firmware"]["commit"] == ""


def test_a_simulated_board_has_a_release(tmp_path: Path) -> None:
    """Its tree is labkit's own."""
    found = surroundings(Workspace.open(tmp_path, {}))["firmware"]
    assert found == {"commit": "", "dirty": [], "release": "202203.00"}


def test_programs_that_are_missing_or_hang_stop_nothing(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git that hangs is stopped after the timeout; without git nothing is recorded."""
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nsleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(module, "_TIMEOUT_S", 0.1)
    for path in (f"{slow.parent}:/bin:/usr/bin", str(tmp_path)):
        monkeypatch.setenv("PATH", path)
        found = surroundings(workspace)
        assert "git" not in found["tools"]
        assert found["firmware"]["commit"] == ""


def test_port_of_the_board(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """VID:PID and serial number if it is connected, otherwise only the URL."""
    info = ListPortInfo(URL)
    info.vid, info.pid, info.serial_number = 0x0483, 0x374B, "066DFF"
    monkeypatch.setattr(list_ports, "comports", lambda: [info])
    found = {"device": URL, "vid_pid": "0483:374b", "serial_number": "066DFF"}
    assert port(workspace.settings) == found
    monkeypatch.setattr(list_ports, "comports", list)
    found = {"device": URL, "vid_pid": "", "serial_number": ""}
    assert port(workspace.settings) == found


def test_a_simulated_board_has_no_port(tmp_path: Path) -> None:
    """Its port changes with each start."""
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


def test_page_of_the_manual_has_no_difference() -> None:
    """No cell of the stored page differs from itself."""
    found = page_facts(PAGE, (tracked_pages() / PAGE).read_bytes())
    assert found.own_input == found.own_output == ()
    assert found.run == found.cells > 10
    assert ("ok", "DER is 91 bytes", "91") in found.checks


def test_differences_are_reported_by_cell() -> None:
    """Another source, other outputs, a cell that was not run."""
    cells = json.loads((tracked_pages() / PAGE).read_bytes())["cells"]
    opening = "".join(next(each["source"] for each in cells if each["cell_type"] == "code"))
    found = page_facts(
        PAGE,
        page(cell("my_own = 1"), cell(opening, "board    REAL"), cell("another()", run=None)),
    )
    assert (found.cells, found.run) == (3, 2)
    assert found.own_input == (1, 3)
    assert 2 in found.own_output


def test_checks_are_read_from_the_outputs() -> None:
    """Each verdict has its claim and value; a line that only begins like a check is ignored."""
    found = page_facts(PAGE, page(cell("x", "ok   a: 1\nFAIL b\n...  c: not answered yet\nokay")))
    assert found.checks == (("ok", "a", "1"), ("FAIL", "b", ""), ("...", "c", "not answered yet"))


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"cells": 1}', b'{"cells": [{}]}', b"[" * 99_999])
def test_file_that_is_not_a_notebook_is_refused(raw: bytes) -> None:
    """An empty file, other JSON, JSON nested too deeply."""
    with pytest.raises(ValueError, match=r"(?i)expect"):
        page_facts(PAGE, raw)


def test_only_pages_that_were_run_are_executed_pages(tmp_path: Path) -> None:
    """A copy that was only opened is not part of a run; once a cell was run, it is."""
    stored = (tracked_pages() / PAGE).read_bytes()
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / PAGE).write_bytes(stored)
    assert executed_pages(tmp_path) == {}
    cells = json.loads(stored)["cells"]
    source = "".join(next(each["source"] for each in cells if each["cell_type"] == "code"))
    digest = hashlib.sha256(source.strip().encode()).hexdigest()[:16]
    note(tmp_path / "progress.jsonl", PAGE, digest, "ran")
    assert executed_pages(tmp_path) == {PAGE: stored}
