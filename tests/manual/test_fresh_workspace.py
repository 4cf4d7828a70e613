"""Starting over: a fresh workspace, and the old one is kept."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from labkit import manual
from labkit.errors import WorkspaceError
from labkit.manual import serving
from labkit.workspace import Workspace, write

PAGE = manual.FIRST_PAGE


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace."""
    return Workspace.open(tmp_path / "lab", {})


def test_a_fresh_workspace_keeps_the_old_one_beside_it(workspace: Workspace) -> None:
    """All files are kept under a number, and only the settings are copied."""
    write(workspace.root / "pages" / PAGE, "my notes")
    (workspace.root / "lab.toml").write_text('[account]\nallowed = ["123456789012"]\n')
    root, kept = workspace.root, workspace.root.with_name("lab.1")
    lines = list(manual.start_over(root))
    assert f"the old workspace is kept in {kept}" in lines[0]
    assert "lab.toml was copied: board simulated; account simulated" in lines[1]
    assert (kept / "pages" / PAGE).read_text() == "my notes"
    assert (root / "lab.toml").read_text() == (kept / "lab.toml").read_text()
    assert not (root / "pages").exists()
    assert f"{root.with_name('lab.2')}" in next(iter(manual.start_over(root)))
    assert kept.is_dir()


def test_there_is_nothing_to_keep_where_nothing_was(tmp_path: Path) -> None:
    """Starting over in an empty place makes no folder and says so."""
    assert list(manual.start_over(tmp_path / "lab")) == [
        f"{tmp_path / 'lab'}: there is no workspace yet, so there is nothing to keep"
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_broken_lab_toml_is_named_before_anything_is_moved(workspace: Workspace) -> None:
    """Settings that cannot be read are not lost with the old workspace."""
    (workspace.root / "lab.toml").write_text('[account]\nallowed = "1"\n')
    with pytest.raises(WorkspaceError, match=r"account\.allowed in .*/lab/lab\.toml"):
        list(manual.start_over(workspace.root))
    assert not workspace.root.with_name("lab.1").exists()


def test_what_remains_in_a_real_account_is_reported(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made in a real account stays there, and the command that deletes it is named."""
    monkeypatch.setenv("LABKIT_CLOUD", "aws")
    lines = list(manual.start_over(workspace.root))
    assert "account REAL" in lines[1]
    assert lines[2].endswith(f"labkit undo --workspace {workspace.root.with_name('lab.1')}")


def test_an_open_workspace_is_not_moved(workspace: Workspace) -> None:
    """It stays while a JupyterLab answers for it; the file of a killed one does not matter."""
    runtime = workspace.root / "jupyter/runtime"
    runtime.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        (runtime / "jpserver-1.json").write_text(json.dumps({"url": address}))
        (runtime / "jpserver-0.json").write_text("[")
        thread = threading.Thread(target=answer_once, args=(server,))
        thread.start()
        with pytest.raises(WorkspaceError, match=rf"open at {address}.*Ctrl-C"):
            list(manual.start_over(workspace.root))
        thread.join()
    assert workspace.root.exists()
    assert list(manual.start_over(workspace.root))
    assert workspace.root.with_name("lab.1").exists()


def answer_once(server: socket.socket) -> None:
    """Answer one request as JupyterLab does without a token."""
    with server.accept()[0] as connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")


def test_a_workspace_that_cannot_be_moved_is_left_as_it_was(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names both folders and what to do."""

    def refuse(*_: object) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(WorkspaceError, match=r"lab: cannot be renamed to .*lab\.1: Device .* --w"):
        list(manual.start_over(workspace.root))
    assert (workspace.root / "lab.toml").exists()


def test_the_old_bench_is_ended(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bench that runs in the workspace is stopped before it is renamed."""
    monkeypatch.delenv("LABKIT_SEED", raising=False)
    bench = serving.benches.start_or_find(workspace)
    assert "bench of the old workspace was stopped" in next(
        iter(lines := manual.start_over(workspace.root))
    )
    assert not bench.is_alive()
    assert list(lines)
