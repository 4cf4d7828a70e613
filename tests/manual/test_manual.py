"""The manual: the reader's copies of the pages, and the server that ends with all it started."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import webbrowser
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from fresh_clone import ENDING_S, Manual, address_with_token
from jupyterlab_server.workspaces_handler import WorkspacesManager
from nbformat.sign import NotebookNotary

from labkit import manual
from labkit.errors import WorkspaceError
from labkit.manual import copies, jupyterlab, serving
from labkit.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PAGE = manual.FIRST_PAGE
ANOTHER = "03-initial-configuration.ipynb"


@pytest.fixture
def tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a checkout's pages, which can be updated."""
    pages = tmp_path / "checkout/notebooks"
    (pages / "pictures").mkdir(parents=True)
    (pages / ".ipynb_checkpoints").mkdir()
    for name in (PAGE, ANOTHER, "pictures/board.svg", ".ipynb_checkpoints/x.ipynb", "conftest.py"):
        (pages / name).write_text(f"{name}, first edition")
    monkeypatch.setattr(copies, "CHECKOUT", tmp_path / "checkout")
    return pages


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace."""
    return Workspace.open(tmp_path / "lab", {})


@pytest.fixture
def own(workspace: Workspace, tracked: Path) -> Path:
    """Return the reader's pages, copied once."""
    assert tracked.is_dir()
    assert manual.copy_pages(workspace) == []
    return workspace.root / "pages"


def test_pages_and_pictures_are_copied(own: Path) -> None:
    """All pages and pictures come, and nothing else."""
    names = {p.relative_to(own).as_posix() for p in own.rglob("*") if p.is_file()}
    assert names == {PAGE, ANOTHER, "pictures/board.svg", ".as-copied.json"}


def test_an_edited_page_is_never_overwritten(
    workspace: Workspace, tracked: Path, own: Path
) -> None:
    """An update leaves it alone and names it; the untouched one beside it is updated."""
    (own / PAGE).write_text("my notes")
    for edition in ("second", "third"):
        for name in (PAGE, ANOTHER):
            (tracked / name).write_text(f"{edition} edition")
        assert manual.copy_pages(workspace) == [PAGE]
        assert (own / PAGE).read_text() == "my notes"
        assert (own / ANOTHER).read_text() == f"{edition} edition"


def test_an_edited_page_is_not_named_without_an_update(workspace: Workspace, own: Path) -> None:
    """Where nothing newer is there, there is nothing to say."""
    (own / PAGE).write_text("my notes")
    assert manual.copy_pages(workspace) == []
    assert (own / PAGE).read_text() == "my notes"


def test_tracked_pages_are_never_edited_by_use(
    workspace: Workspace, tracked: Path, own: Path
) -> None:
    """What a reader does to a copy reaches no tracked page: they share nothing."""
    before = {path: path.read_bytes() for path in tracked.rglob("*.ipynb")}
    (own / PAGE).write_text("my notes")
    manual.copy_pages(workspace)
    assert {path: path.read_bytes() for path in tracked.rglob("*.ipynb")} == before
    assert (own / PAGE).stat().st_ino != (tracked / PAGE).stat().st_ino
    assert not (own / ANOTHER).is_symlink()


def test_a_page_that_was_made_like_the_new_one_is_followed(
    workspace: Workspace, tracked: Path, own: Path
) -> None:
    """A reader's page that equals the update is no longer theirs, and is updated from then on."""
    for name in (tracked / PAGE, own / PAGE):
        name.write_text("second edition")
    assert manual.copy_pages(workspace) == []
    (tracked / PAGE).write_text("third edition")
    assert manual.copy_pages(workspace) == []
    assert (own / PAGE).read_text() == "third edition"


def test_a_page_that_was_deleted_comes_again(workspace: Workspace, own: Path) -> None:
    """Deleting a page and opening the manual again starts it over."""
    (own / PAGE).unlink()
    assert manual.copy_pages(workspace) == []
    assert (own / PAGE).read_text() == f"{PAGE}, first edition"


@pytest.mark.parametrize("damage", ["", "[", "[1]", '"x"', "null"])
def test_without_its_memory_every_page_that_differs_is_kept(
    workspace: Workspace, tracked: Path, own: Path, damage: str
) -> None:
    """A lost or damaged list of what was copied costs updates, never a reader's page."""
    (own / ".as-copied.json").write_text(damage)
    (own / PAGE).write_text("my notes")
    (tracked / ANOTHER).write_text("second edition")
    assert manual.copy_pages(workspace) == [PAGE, ANOTHER]
    assert (own / PAGE).read_text() == "my notes"
    assert (own / ANOTHER).read_text() == f"{ANOTHER}, first edition"


def test_a_copy_is_whole_or_not_there(
    workspace: Workspace, tracked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill while copying leaves no half page that would then count as the reader's."""
    assert tracked.is_dir()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            manual.copy_pages(workspace)
    assert not list((workspace.root / "pages").glob("*.ipynb"))
    assert manual.copy_pages(workspace) == []


def test_pages_that_are_not_there_are_named(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed labkit without a checkout says where it looked."""
    monkeypatch.setattr(copies, "CHECKOUT", tmp_path / "nowhere")
    with pytest.raises(WorkspaceError, match=r"nowhere/notebooks: .* Clone the project again"):
        manual.copy_pages(workspace)


def saved(path: Path, source: str, output: str = "") -> None:
    """Save a page with one code cell, as JupyterLab does."""
    cell = {"cell_type": "code", "source": [source], "outputs": [output], "metadata": {}}
    path.write_text(json.dumps({"cells": [cell], "metadata": {"from": "JupyterLab"}}))


def test_a_page_that_was_only_run_is_updated(workspace: Workspace, tracked: Path) -> None:
    """Outputs are no edit: they stay while the text is the manual's, and go with an update."""
    saved(tracked / PAGE, "first", "seeded")
    manual.copy_pages(workspace)
    own = workspace.root / "pages" / PAGE
    saved(own, "first", "of my bench")
    assert manual.copy_pages(workspace) == []
    assert "of my bench" in own.read_text()
    saved(tracked / PAGE, "second", "seeded")
    assert manual.copy_pages(workspace) == []
    assert own.read_bytes() == (tracked / PAGE).read_bytes()


def test_an_answer_is_an_edit(workspace: Workspace, tracked: Path) -> None:
    """One changed cell makes a page the reader's, whatever else JupyterLab wrote into it."""
    saved(tracked / PAGE, "answer = None")
    manual.copy_pages(workspace)
    own = workspace.root / "pages" / PAGE
    saved(own, "answer = 2")
    saved(tracked / PAGE, "answer = None  # your turn")
    assert manual.copy_pages(workspace) == [PAGE]
    assert "answer = 2" in own.read_text()


def test_a_new_output_reaches_a_page_that_nobody_opened(
    workspace: Workspace, tracked: Path
) -> None:
    """An update that changes outputs alone arrives, unless the page was run since."""
    saved(tracked / PAGE, "same", "first")
    manual.copy_pages(workspace)
    saved(tracked / PAGE, "same", "second")
    manual.copy_pages(workspace)
    assert "second" in (workspace.root / "pages" / PAGE).read_text()


def test_a_page_that_the_manual_has_no_more_goes_unless_it_is_the_readers(
    workspace: Workspace, tracked: Path, own: Path
) -> None:
    """A renamed page leaves no untouched double behind; edited ones and one's own notes stay."""
    (own / "pictures/board.svg").write_text("my drawing")
    (own / "my-notes.ipynb").write_text("mine")
    for name in (ANOTHER, "pictures/board.svg"):
        (tracked / name).rename(tracked / f"{name}.away")
    assert manual.copy_pages(workspace) == []
    assert not (own / ANOTHER).exists()
    assert (own / "pictures/board.svg").read_text() == "my drawing"
    assert (own / "my-notes.ipynb").read_text() == "mine"


def test_a_new_page_does_not_take_the_place_of_a_readers(
    workspace: Workspace, tracked: Path, own: Path
) -> None:
    """A page that the manual begins to have under a name that the reader uses is named and kept."""
    for name in ("04-new.ipynb", "pictures/new.svg"):
        (own / name).write_text("mine")
        (tracked / name).write_text("the manual's")
        assert name in manual.copy_pages(workspace)
        assert (own / name).read_text() == "mine"


# JupyterLab's own files


def test_jupyterlab_keeps_to_the_workspace(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No setting, layout, kernel or signature comes from the reader's home, or goes there."""
    monkeypatch.setenv("JUPYTER_PATH", "/elsewhere/kernels")
    monkeypatch.setenv("JUPYTERLAB_WORKSPACES_DIR", "/elsewhere/layouts")
    given = jupyterlab.variables(workspace)
    assert not {"JUPYTER_PATH", "JUPYTERLAB_WORKSPACES_DIR"} & set(given)
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        assert Path(given[name]).is_relative_to(workspace.root)


def test_a_layout_of_the_readers_stays(workspace: Workspace) -> None:
    """The first layout shows the table of contents; later ones are what the reader left."""
    jupyterlab.prepare(workspace)
    layouts = workspace.root / "jupyter/lab/workspaces"
    manager = WorkspacesManager(str(layouts))
    assert "toc" in manager.load("default")["data"]["layout-restorer:data"]["left"]["current"]
    mine = {"data": {}, "metadata": {"id": "default"}}
    manager.save("default", json.dumps(mine))
    jupyterlab.prepare(workspace)
    assert manager.load("default")["data"] == {}


def test_only_our_own_pages_are_signed(workspace: Workspace, tracked: Path, own: Path) -> None:
    """Pages as the manual has them are signed, once; what another wrote into one is not."""
    assert tracked.is_dir()
    page = (ROOT / "notebooks" / PAGE).read_text()
    for folder in (tracked, own):
        (folder / PAGE).write_text(page)
        (folder / ANOTHER).write_text(page)
    (own / ANOTHER).write_text(page.replace("Start here", "Hello"))
    jupyterlab.Signing(workspace).wait()
    store = workspace.root / "jupyter/data"
    notary = NotebookNotary(data_dir=str(store))
    assert notary.check_signature(nbformat.read(own / PAGE, 4))
    assert not notary.check_signature(nbformat.read(own / ANOTHER, 4))
    signed = (workspace.root / "jupyter/signed.txt").read_text().split()
    assert len(signed) == 1
    again = jupyterlab.Signing(workspace)
    again.wait()
    again.end()
    notary.store.close()


# The server


def test_a_port_that_is_taken_is_passed_over() -> None:
    """The first free port is used; where none of them is free, the message says which."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert serving.free_port(port) > port or port > 65400
    with socket.socket() as last:
        last.bind(("127.0.0.1", 65535))
        with pytest.raises(WorkspaceError, match=r"no free port from 65535 to 65535\. .* --port"):
            serving.free_port(65535)


def test_a_browser_is_opened_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a browser nothing happens; with one, it opens the address, and is not waited for."""
    visited: queue.Queue[str] = queue.Queue()
    ended = threading.Event()

    class Browser:
        def open(self, address: str) -> None:
            visited.put(address)
            ended.wait()

    def none() -> None:
        raise webbrowser.Error

    monkeypatch.setattr(webbrowser, "get", none)
    serving.open_browser("file:///a")
    monkeypatch.setattr(webbrowser, "get", Browser)
    serving.open_browser("file:///b")
    assert visited.get() == "file:///b"
    ended.set()
    assert visited.empty()


def test_a_server_that_does_not_start_is_an_error(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where JupyterLab ends at once, the message says so, and the bench is ended."""
    ended = []
    monkeypatch.setattr(jupyterlab, "command", lambda *_: [sys.executable, "-c", "exit(3)"])
    monkeypatch.setattr(serving.benches, "start_or_find", lambda _: None)
    monkeypatch.setattr(serving, "_stop_bench", ended.append)
    handlers = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        with pytest.raises(WorkspaceError, match="JupyterLab did not start"):
            manual.serve(workspace, port=18600, browser=False)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert ended == [workspace]


@contextmanager
def opened_in(workspace: Path, *options: str, browser: Path | None = None) -> Iterator[Manual]:
    """Run `labkit open` in a workspace, and end it with all that it started."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LABKIT_")}
    environment["BROWSER"] = str(browser or "")
    process = subprocess.Popen(
        [sys.executable, "-m", "labkit", "open", "--port", "18700", *options],
        env=environment | {"LABKIT_WORKSPACE": str(workspace)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield Manual(process)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Manual]:
    """Return the manual, opened by `labkit open` in a workspace of its own."""
    with opened_in(tmp_path / "lab", "--no-browser") as manual:
        yield manual


@pytest.mark.needs("ps")
def test_the_token_is_in_no_argument_list(tmp_path: Path) -> None:
    """A browser that stays open gets the manual without the token being one of its arguments.

    Every user can read every argument. The token itself works, and only with it is one let in.
    """
    browser, visited = tmp_path / "browser", tmp_path / "visited"
    browser.write_text(f'#!/bin/sh\necho "$1" > {visited}.new\nmv {visited}.new {visited}\n'
                       "exec sleep 300\n")  # fmt: skip
    browser.chmod(0o700)
    with opened_in(tmp_path / "lab", browser=browser) as manual:
        wait_for(visited)
        listed = subprocess.run(["ps", "-wweo", "args"], check=True, capture_output=True, text=True)
        assert "sleep 300" in listed.stdout
        assert manual.token not in listed.stdout
        assert manual.token not in manual.said
        page = visited.read_text().strip()
        assert address_with_token(page) == manual.address
        assert manual.get("/api/contents")
        with pytest.raises(urllib.error.HTTPError, match="Forbidden"):
            manual.get("/api/contents", token=page)


def test_the_folder_with_the_token_is_closed_to_others(workspace: Workspace) -> None:
    """Whatever its mode was, only its owner may enter it, and what an earlier run left is gone."""
    runtime = workspace.root / "jupyter/runtime"
    runtime.mkdir(parents=True)
    runtime.chmod(0o755)
    (runtime / "jpserver-1-open.html").write_text("an earlier run's")
    assert jupyterlab.entrance(workspace)
    jupyterlab.prepare(workspace)
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    assert jupyterlab.entrance(workspace) is None


def wait_for(file: Path) -> None:
    """Return when a file exists."""
    end = time.monotonic() + ENDING_S
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.needs("ps")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGHUP, 129), (signal.SIGTERM, 143)]
)
def test_everything_ends_with_the_manual(
    opened: Manual, tmp_path: Path, number: int, code: int
) -> None:
    """Whatever ends `labkit open` alone ends JupyterLab, its kernels and the bench too."""
    kernel = json.loads(opened.post("/api/kernels", {"name": "python3"}))
    assert not gone(str(tmp_path / "lab/bench"), wait_s=0)
    assert opened.end(number) == code
    assert gone(kernel["id"])
    assert gone(str(tmp_path))


def gone(word: str, wait_s: float = ENDING_S) -> bool:
    """Return whether no process has a word in its command line, after a time to end in."""
    end = time.monotonic() + wait_s
    while True:
        listed = subprocess.run(["ps", "-wweo", "args"], check=True, capture_output=True, text=True)
        if word not in listed.stdout or time.monotonic() > end:
            return word not in listed.stdout
        time.sleep(0.1)


@pytest.mark.slow
def test_a_page_saved_in_jupyterlab_changes_the_copy_alone(opened: Manual, tmp_path: Path) -> None:
    """What JupyterLab writes goes into the workspace's copy."""
    before = (ROOT / "notebooks" / PAGE).read_bytes()
    model = json.loads(opened.get(f"/api/contents/{PAGE}"))
    model["content"]["cells"][0]["source"] = "my notes"
    opened.put(f"/api/contents/{PAGE}", {"type": "notebook", "content": model["content"]})
    assert "my notes" in (tmp_path / "lab/pages" / PAGE).read_text()
    assert (ROOT / "notebooks" / PAGE).read_bytes() == before
    assert opened.end() == 128 + signal.SIGTERM
