"""The server that shows the manual, and that it ends with all that it started."""

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
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fresh_clone import ENDING_S, Manual, address_with_token

from labkit import manual
from labkit.errors import WorkspaceError
from labkit.manual import jupyterlab, serving
from labkit.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PAGE = manual.FIRST_PAGE


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace."""
    return Workspace.open(tmp_path / "lab", {})


def test_a_port_in_use_is_skipped() -> None:
    """The first free port is used; where none of them is free, the message says which."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert serving.free_port(port) > port or port > 65400
    with socket.socket() as last:
        last.bind(("127.0.0.1", 65535))
        with pytest.raises(WorkspaceError, match=r"from 65535 to 65535 are in use\. .* --port"):
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
        process.terminate()  # which ends the bench as well; it has a session of its own
        with suppress(subprocess.TimeoutExpired):
            process.wait(ENDING_S)
        with suppress(ProcessLookupError):
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
        assert manual.token not in manual.output
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
    assert jupyterlab.address_file(workspace)
    jupyterlab.prepare(workspace)
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    assert jupyterlab.address_file(workspace) is None


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
