"""Kills `labkit run` at each of its moments once, and starts it again each time, until it ends.

A moment is what Python's audit hooks see of a program: a call to the account that is about to be
sent, a file about to be opened or renamed, a command about to be started. The newest
line of the journal distinguishes them. So a kill comes before each of them and, with the next one,
after it: also between a call's answer and its line in the journal, and between a new file and its
name. A run is a fork of a process that has loaded labkit once, which makes each start cheap.

    python kill_points.py FOLDER ROUTE PATTERN

prints a line of JSON for each kill, and at last one with the run's exit code and its output.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tempfile
from pathlib import Path

from labkit.cli import main as labkit
from labkit.cloud.session import simulated_client
from labkit.lab.lab import open_lab
from labkit.workspace.routes import thing_name_on

LOADED = open_lab
"""The command loads it when it is first needed; a fork has it."""

MOST_KILLS = 2000
"""A run that is killed more often is not getting on."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_RANDOM = re.compile(r"[0-9a-f]{64}|(?<=\.)[a-z0-9_]{8}(?=/|$)|127\.0\.0\.1:\d+")


def main(root: Path, route: str, pattern: str) -> int:
    """Kill and start again until a run ends by itself, and return its exit code."""
    os.environ["LABKIT_WORKSPACE"] = str(root)
    # Loads what every run loads, so that each fork has it.
    simulated_client("iot", "http://127.0.0.1:9", "us-east-1").close()
    seen = root.with_suffix(".moments")
    seen.touch()
    for _ in range(MOST_KILLS):
        before = seen.read_text()
        with tempfile.TemporaryFile() as output:
            code = _run(route, Moments(root, route, seen, re.compile(pattern)), output.fileno())
            output.seek(0)
            text = output.read().decode()
        if code != -signal.SIGKILL:
            print(json.dumps({"code": code, "output": text}))  # noqa: T201 the answer
            return code
        print(json.dumps({"killed": seen.read_text()[len(before) :].strip()}))  # noqa: T201 as above
    return 1


class Moments:
    """The moments at which runs have been killed, and the one at which this one is.

    Args:
        root: the workspace's folder.
        route: the device's route.
        seen: the file of the moments that a run was killed at.
        pattern: only a moment that it matches counts.
    """

    def __init__(self, root: Path, route: str, seen: Path, pattern: re.Pattern[str]) -> None:
        self._root, self._seen, self._pattern = str(root), seen, pattern
        self._journal = root / "devices" / thing_name_on(route, "lab-device") / "journal.jsonl"
        self._known = set(seen.read_text().splitlines())
        self._is_looking = False
        self._before = "the start"

    def on_event(self, event: str, arguments: tuple[object, ...]) -> None:
        """Hear an audit event; at a moment that is new the process ends, as with `kill -9`."""
        if self._is_looking:
            return
        self._is_looking = True
        try:
            moment = self._moment(event, arguments)
            if moment and self._pattern.search(moment) and moment not in self._known:
                with self._seen.open("a") as file:
                    file.write(f"{moment}\n")
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            self._is_looking = False

    def _moment(self, event: str, arguments: tuple[object, ...]) -> str | None:
        what = None
        if event == "http.client.send":
            first = bytes(arguments[1])[:300].split(b"\r\n")[0].decode(errors="replace")
            what = f"call {first}" if first.endswith("HTTP/1.1") else None
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING:
            what = self._file("open", arguments[0])
        elif event == "os.rename":
            what = self._file("name", arguments[1])
        elif event in ("os.mkdir", "os.chmod", "os.remove"):
            what = self._file(event.partition(".")[2], arguments[0])
            if event == "os.mkdir" and os.path.isdir(str(arguments[0])):  # noqa: PTH112 a name, seen raw
                what = None
        elif event == "subprocess.Popen":
            what = f"start {' '.join(map(str, arguments[1][-2:]))}"  # type: ignore[index]  # its arguments
        if what is None:
            return None
        before, self._before = self._before, _RANDOM.sub("*", what)
        return f"{self._last()} | {before} | {self._before}"

    def _file(self, event: str, path: object) -> str | None:
        text = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
        _, is_inside, rest = text.partition(self._root)
        return f"{event} {rest}" if is_inside and rest else None

    def _last(self) -> str:
        """Return what the journal's last line is about."""
        try:
            newest = json.loads(self._journal.read_bytes().splitlines()[-1])
        except (OSError, IndexError):
            return "nothing"
        return _RANDOM.sub("*", newest.get("step") or f"{newest['event']} {newest['resource']}")


def _run(route: str, moments: Moments, output: int) -> int:
    """Run in a fork; return its exit code, or the signal that ended it as a negative number."""
    child = os.fork()
    if child == 0:
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.argv = ["labkit", "run", "--route", route]
        sys.addaudithook(moments.on_event)
        try:
            labkit()
        except SystemExit as end:
            sys.stdout.flush()
            os._exit(int(end.code or 0))
        os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), sys.argv[2], sys.argv[3]))
