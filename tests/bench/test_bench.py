"""The simulated bench seen from outside: found, started, spoken to, ended, and its boards."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from labkit.bench import client as benches
from labkit.bench.client import Bench, board_path, find, start_or_find
from labkit.bench.simulator.state_lock import StateLock
from labkit.errors import BenchError
from labkit.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

READY = {
    "iot_endpoint_url": "http://127.0.0.1:1",
    "mqtt_host": "127.0.0.1",
    "mqtt_port": 1,
    "mqtt_endpoint_name": "x",
    "root_ca_file": "x",
    "region": "us-east-1",
    "account_id": "123456789012",
    "board_urls": {"lab-device": "rfc2217://127.0.0.1:1"},
    "control_url": "http://127.0.0.1:1",
    "pid": 1,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace whose bench ends with the module."""
    place = Workspace.open(tmp_path_factory.mktemp("bench"), {})
    yield place
    if bench := find(place):
        bench.stop()


def thing(place: Workspace, name: str, **chosen: str) -> Workspace:
    """Return the workspace as another device sees it."""
    return Workspace.open(place.root, {}, thing_name=name, **chosen)


# Start and end


def test_started_once_found_ever_after(place: Workspace) -> None:
    """A bench is started where it is missing, and found again as the same process."""
    first, second = start_or_find(place), start_or_find(place)
    assert first == second == find(place)
    assert first.is_alive()
    assert first.get()["account_id"] == "123456789012"
    assert stat.S_IMODE(place.bench.stat().st_mode) == 0o700


def test_lives_in_a_session_of_its_own(place: Workspace) -> None:
    """The end of its parent process, or Ctrl-C in its terminal, does not end the bench."""
    pid = start_or_find(place).pid
    assert os.getsid(pid) == pid != os.getsid(0)


def test_ended_and_started_again(place: Workspace) -> None:
    """After its end nothing is found; started again at once, it waits for the old one to go."""
    old = start_or_find(place)
    old.stop()
    assert find(place) is None
    with pytest.raises(BenchError, match=r"does not answer: .* Run the cell or the command again"):
        old.get()
    assert not old.is_alive()
    assert start_or_find(place).pid != old.pid


def test_killed_and_started_again(place: Workspace) -> None:
    """A killed bench leaves its ready file, which is not believed."""
    old = start_or_find(place)
    os.kill(old.pid, signal.SIGKILL)
    while old.is_alive():
        time.sleep(0.01)
    assert (place.bench / "ready.json").exists()
    assert find(place) is None
    assert start_or_find(place).pid != old.pid


STARTS = """
import pathlib, sys
from labkit.bench.client import start_or_find
from labkit.workspace import Workspace
print(start_or_find(Workspace.open(pathlib.Path(sys.argv[1]), {})).pid)
"""


def test_started_by_several_at_once(tmp_path: Path) -> None:
    """Three who start a bench at the same moment get one and the same."""
    command = [sys.executable, "-c", STARTS, str(tmp_path)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    pids = {process.communicate()[0] for process in started}
    assert len(pids) == 1
    assert pids == {f"{find(Workspace.open(tmp_path, {})).pid}\n"}
    find(Workspace.open(tmp_path, {})).stop()


@pytest.mark.skipif(sys.platform == "win32", reason="a process there is the launcher's")
def test_a_start_that_is_not_needed_is_ended(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another process has started the bench, ours does not stay to take its place."""
    bench = start_or_find(place)
    ours = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(benches, "_launch", lambda *_: ours)
    assert benches._start(place) == bench  # noqa: SLF001 as two who found none would
    assert ours.wait(30) == -signal.SIGTERM
    assert bench.is_alive()


def test_started_while_another_is_ending(tmp_path: Path) -> None:
    """While another bench still holds the workspace, a start waits until it has let go."""
    place = Workspace.open(tmp_path, {})
    place.bench.mkdir()
    lock = StateLock(place.bench)
    ending = threading.Timer(1.5, lock.release)
    ending.start()
    bench = start_or_find(place)
    assert not ending.is_alive()
    bench.stop()


def test_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bench that does not start says why, in its own last words, and where the rest is."""
    place = Workspace.open(tmp_path, {})
    (place.bench / "account.sqlite3").mkdir(parents=True)
    with pytest.raises(BenchError, match=r"bench did not start: .*\. Its output is in .*log"):
        start_or_find(place)
    monkeypatch.setattr(benches, "START_TIMEOUT_S", 0.01)
    with pytest.raises(BenchError, match=r"did not start: it printed nothing"):
        start_or_find(Workspace.open(tmp_path / "other", {}))


def test_another_seed(place: Workspace, tmp_path: Path) -> None:
    """A bench that runs with another seed is refused: its keys would not be the lab's."""
    ready = place.bench / "ready.json"
    start_or_find(place)
    seeded = Workspace.open(tmp_path, {"LABKIT_SEED": "one"})
    seeded.bench.mkdir()
    (seeded.bench / "ready.json").write_bytes(ready.read_bytes())
    with pytest.raises(BenchError, match=r"runs with the seed None, expected 'one'. End it with"):
        start_or_find(seeded)


# The ready file, and what answers


@pytest.mark.parametrize("text", ["", "[]", "5", "{}", json.dumps(READY | {"board_urls": 5})])
def test_no_ready_file(tmp_path: Path, text: str) -> None:
    """What is no ready file is an error that names it; the bench counts as not running."""
    place = Workspace.open(tmp_path, {})
    place.bench.mkdir()
    file = place.bench / "ready.json"
    with pytest.raises(BenchError, match=r"ready\.json: not a bench's ready file"):
        Bench.from_file(file)
    file.write_text(text)
    with pytest.raises(BenchError, match=r"ready\.json: not a bench's ready file"):
        Bench.from_file(file)
    assert find(place) is None


@pytest.fixture
def stranger() -> Iterator[Callable[[bytes], str]]:
    """Return a function that lets another program answer on a port, and gives its URL."""
    servers: list[HTTPServer] = []

    def answer(body: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield answer
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "body",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n<html>",
        b"HTTP/1.0 200 OK\r\n\r\n[1]",
        b'HTTP/1.0 200 OK\r\n\r\n{"pid": 2}',
        b"HTTP/1.0 404 Not Found\r\n\r\n",
        b"",
    ],
)
def test_another_program_on_its_port(
    tmp_path: Path, stranger: Callable[[bytes], str], body: bytes
) -> None:
    """Whatever answers on the port of a bench that has gone is not taken for it."""
    place = Workspace.open(tmp_path, {})
    place.bench.mkdir()
    ready = READY | {"control_url": stranger(body)}
    (place.bench / "ready.json").write_text(json.dumps(ready))
    assert find(place) is None


def test_what_the_bench_refuses_is_said(place: Workspace) -> None:
    """A refused request says what was asked and the bench's own reason."""
    bench = start_or_find(place)
    with pytest.raises(BenchError, match=r"refused boards/lab-device/power: .*expected .*on.*true"):
        bench.post("boards/lab-device/power", {"on": "yes"})
    with pytest.raises(BenchError, match=r"refused boards/nobody: .*no board 'nobody'"):
        bench.get("boards/nobody")


def test_proxies_are_not_asked(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is not asked for loopback."""
    start_or_find(place)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert find(place) is not None


# Boards


def test_each_thing_has_a_board_of_its_own(place: Workspace) -> None:
    """A board is made when its thing needs it, on the running bench; the others stay."""
    before = start_or_find(place)
    after = start_or_find(thing(place, "LED:1"))
    assert after.pid == before.pid
    new = {name: url for name, url in after.board_urls.items() if name not in before.board_urls}
    assert list(new) == ["LED:1"]
    assert new["LED:1"] not in before.board_urls.values()
    assert after == Bench(**{**asdict(before), "board_urls": {**before.board_urls, **new}})
    assert start_or_find(thing(place, "LED:1")) == find(place) == after
    assert after.post(board_path("LED:1", "reset"), {})["boots"] == 1
    assert after.get(board_path("lab-device"))["boots"] == 0


def test_a_bench_has_64_boards_at_most(tmp_path: Path) -> None:
    """One more is refused; those that are there can still be used."""
    bench = start_or_find(Workspace.open(tmp_path, {}))
    for number in range(1, 64):
        bench.post(f"boards/thing-{number}", {})
    with pytest.raises(BenchError, match="the bench has 64 boards already"):
        bench.post("boards/thing-64", {})
    assert bench.post("boards/thing-63/reset", {})["boots"] == 1
    bench.stop()


def test_a_real_board_needs_none(tmp_path: Path) -> None:
    """With a real board the bench is the account's alone, and no board is taken."""
    real = Workspace.open(tmp_path, {}, device="/dev/ttyUSB0")
    bench = start_or_find(real)
    assert bench.board_urls == {}
    bench.stop()
