"""The simulated bench seen from outside: found, started, spoken to and ended.

The bench is a program of its own, one for each workspace, in a session of its own, so that
closing a page or restarting a kernel does not end it. It is reached only through its URLs and the
file that says where they are.
"""

from __future__ import annotations

import atexit
import http.client
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from labkit.errors import BenchError
from labkit.support.extras import require
from labkit.workspace import SIMULATED_REGION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from labkit.workspace import Workspace

__all__ = [
    "Bench",
    "board_number",
    "find",
    "find_board_number",
    "simulator_command",
    "start_or_find",
]

START_TIMEOUT_S = 30.0
"""A start takes about a second; a busy computer gets the benefit of the doubt."""

_IN_USE = "is in use by a running simulator"
"""What a simulator says where another one holds the workspace: it is starting, or ending."""

_started: list[subprocess.Popen[bytes]] = []
"""The benches that this process has started, so that Python can clear them away when they end."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A running bench: where its account, gateway, boards and controls are.

    The attributes are those of the ready file that `labkit simulate --ready-file` writes.
    """

    iot_endpoint_url: str
    mqtt_host: str
    mqtt_port: int
    mqtt_endpoint_name: str
    root_ca_file: str
    region: str
    account_id: str
    board_urls: tuple[str, ...]
    control_url: str
    pid: int

    @classmethod
    def from_file(cls, path: Path) -> Bench:
        """Read a ready file.

        Raises:
            BenchError: it is not one.
        """
        try:
            told = json.loads(path.read_text())
            return cls(
                board_urls=tuple(told["board_urls"]),
                **{name: told[name] for name in cls.__slots__ if name != "board_urls"},
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BenchError(f"{path}: not a bench's ready file: {error!r}") from None

    def get(self, path: str = "") -> dict[str, object]:
        """Return what the bench says of itself, or of a part: `boards/0/handshake`."""
        return self._call(path, None)

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, object]:
        """Do at the bench what a hand would do: `boards/0/reset`, `boards/0/power`, `stop`."""
        return self._call(path, body)

    def plug_in_boards(self, at_least: int) -> None:
        """See to it that there are as many boards as are needed."""
        self.post("boards", {"at_least": at_least})

    def let_board_clock_run_fast(self, board: int = 0) -> None:
        """Let a board's clock run as fast as it can, so that its 180 s delay passes at once."""
        self.post(f"boards/{board}/clock", {"speed": "fast"})

    def is_alive(self) -> bool:
        """Return whether the bench answers."""
        try:
            return self.get().get("pid") == self.pid
        except BenchError:
            return False

    def stop(self, timeout_s: float = 20.0) -> None:
        """End the bench and wait until it is gone.

        Raises:
            BenchError: it does not end; a board's program may take 10 s.
        """
        with suppress(BenchError):  # it may be gone before its answer is
            self.post("stop", {})
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            # The account hangs up after the controls and the boards.
            if not _listens(self.control_url) and not _listens(self.iot_endpoint_url):
                return
            time.sleep(0.02)
        raise BenchError(f"the bench (process {self.pid}) was told to stop and still answers.")

    def _call(self, path: str, body: Mapping[str, object] | None) -> dict[str, object]:
        url = f"{self.control_url.rstrip('/')}/{path}"
        request = urllib.request.Request(  # noqa: S310 the bench's own loopback address
            url,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with _direct().open(request, timeout=10) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            raise BenchError(f"the bench refused {path or 'the question'}: {said}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise BenchError(
                f"the simulated bench at {self.control_url} does not answer: {error}. "
                "Run the cell or the command again: it is started where it is missing."
            ) from None
        return told if isinstance(told, dict) else {}


def _listens(url: str) -> bool:
    """Return whether anything listens at a URL."""
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname or "", address.port or 0), 1).close()
    except OSError:
        return False
    return True


def find(workspace: Workspace) -> Bench | None:
    """Return the workspace's running bench, or None."""
    ready = _ready_file(workspace)
    if not ready.exists():
        return None
    try:
        bench = Bench.from_file(ready)
    except BenchError:
        return None
    return bench if bench.is_alive() else None


def start_or_find(workspace: Workspace) -> Bench:
    """Return the workspace's bench with a board for its device, started where it is not running.

    Raises:
        BenchError: it cannot be started, or runs with another seed or network.
    """
    boards = board_number(workspace) + 1 if workspace.settings.board_is_simulated else 1
    bench = find(workspace) or _start(workspace)
    _refuse_other_seed(workspace, bench)
    _refuse_other_network(workspace, bench)
    if len(bench.board_urls) < boards:
        bench.plug_in_boards(boards)
        bench = Bench.from_file(_ready_file(workspace))
    return bench


def board_number(workspace: Workspace) -> int:
    """Return the number of the board that is the workspace's device, the same one ever after.

    `boards.txt` names a thing in each line, added when it is first asked for; the first line is
    board 0. The same lab device on the routes before this one is added with it: a seeded board's
    key hangs on its number, and so must not hang on which route is tried first. A name that two
    processes added at once counts where it stands first.
    """
    number = find_board_number(workspace)
    if number is None:
        workspace.bench.mkdir(mode=0o700, parents=True, exist_ok=True)
        boards_file = _boards_file(workspace)
        known = _things(boards_file)
        new = [name for name in workspace.settings.device_names if name not in known]
        with boards_file.open("a") as lines:
            lines.write("".join(f"{name}\n" for name in new))
        number = find_board_number(workspace)
    return number or 0


def find_board_number(workspace: Workspace) -> int | None:
    """Return the number of the board that is the workspace's device, or None if it has none yet."""
    things, name = _things(_boards_file(workspace)), workspace.settings.thing_name
    return things.index(name) if name in things else None


def _things(boards_file: Path) -> list[str]:
    return boards_file.read_text().splitlines() if boards_file.exists() else []


def _boards_file(workspace: Workspace) -> Path:
    return workspace.bench / "boards.txt"


def _ready_file(workspace: Workspace) -> Path:
    return workspace.bench / "ready.json"


def _start(workspace: Workspace) -> Bench:
    workspace.bench.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = workspace.bench / "start.log"
    end = time.monotonic() + START_TIMEOUT_S
    process = _launch(workspace, log)
    while time.monotonic() < end:
        if bench := find(workspace):
            return bench
        if process.poll() is not None:
            if _IN_USE not in log.read_text(errors="replace"):
                break
            # Another caller's is starting: wait for it. Or one is ending: then ours is next.
            time.sleep(0.2)
            process = process if find(workspace) else _launch(workspace, log)
        time.sleep(0.02)
    else:
        process.terminate()
    said = log.read_text(errors="replace").strip().splitlines()
    raise BenchError(
        f"the simulated bench did not start: {said[-1] if said else 'it said nothing'}. "
        f"What it wrote is in {log}."
    )


def _launch(workspace: Workspace, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            simulator_command(workspace),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _started[:] = [process, *(each for each in _started if each.poll() is None)]
    return process


@atexit.register
def _let_go() -> None:
    """Let Python end without a warning: a bench outlives whoever started it."""
    for process in _started:
        process.returncode = process.poll() or 0


def simulator_command(workspace: Workspace) -> list[str]:
    """Return the command that runs a workspace's bench in the foreground.

    Raises:
        MissingPackageError: what the bench is made of is not installed.
    """
    require("OpenSSL", "botocore", "serial", "tlslite")
    settings = workspace.settings
    command = [sys.executable, "-m", "labkit.bench.simulator"]
    command += ["--state", str(workspace.bench)]
    command += ["--region", settings.region or SIMULATED_REGION]
    command += ["--account-id", settings.account_id]
    command += ["--boards", str(max(1, len(_things(_boards_file(workspace)))))]
    command += ["--real-network"] if settings.board_is_on_real_network else []
    return command + (["--seed", settings.seed] if settings.seed else [])


def _refuse_other_seed(workspace: Workspace, bench: Bench) -> None:
    running = bench.get().get("seed") or None
    if running != workspace.settings.seed:
        raise BenchError(
            "the workspace's bench runs with another seed than is asked for. End it with "
            f"`labkit stop --workspace {workspace.root}`, or use another LABKIT_WORKSPACE."
        )


def _refuse_other_network(workspace: Workspace, bench: Bench) -> None:
    """Refuse a bench whose boards do not reach the account that the workspace works with."""
    if not workspace.settings.board_is_simulated:
        return
    is_real = bench.get().get("network") == "real"
    if is_real != workspace.settings.board_is_on_real_network:
        runs, wanted = ("real", "simulated") if is_real else ("simulated", "real")
        raise BenchError(
            f"the workspace's bench runs with boards that reach a {runs} account, and a {wanted} "
            "one is asked for. End it with "
            f"`labkit stop --workspace {workspace.root}`, and it is started anew."
        )


def _direct() -> urllib.request.OpenerDirector:
    """Return an opener that takes no proxy: the bench is on loopback."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))
