"""The client of the simulated bench: find it, start it, send it requests, and stop it.

The bench is a separate program, one for each workspace, in a session of its own, so that closing a
page or restarting a kernel does not end it. It is reached only through its URLs, which its ready
file contains.
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
from urllib.parse import quote, urlsplit

from labkit.errors import BenchError
from labkit.support.extras import require
from labkit.support.loopback import (
    IN_USE_EXIT_CODE,
    READY_FILE,
    SIMULATED_REGION,
    direct_opener,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from labkit.workspace import Workspace

START_TIMEOUT_S = 30.0
"""A start takes about a second; this is generous, for slow machines."""

_started: list[subprocess.Popen[bytes]] = []
"""The benches that this process has started; Python must collect their exit codes."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A running bench: where its account, gateway, boards and controls are.

    The attributes are those of the ready file that `labkit simulate --ready-file` writes;
    `board_urls` has each board's serial URL by the name of its thing.
    """

    iot_endpoint_url: str
    mqtt_host: str
    mqtt_port: int
    mqtt_endpoint_name: str
    root_ca_file: str
    region: str
    account_id: str
    board_urls: Mapping[str, str]
    control_url: str
    pid: int

    @classmethod
    def from_file(cls, path: Path) -> Bench:
        """Read a ready file.

        Raises:
            BenchError: the file is not a ready file.
        """
        try:
            ready = json.loads(path.read_text())
            return cls(
                board_urls=dict(ready["board_urls"].items()),
                **{name: ready[name] for name in cls.__slots__ if name != "board_urls"},
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BenchError(
                f"{path}: not a bench's ready file: {error!r}. Delete it; the next command starts "
                "a bench."
            ) from None

    def get(self, path: str = "") -> dict[str, object]:
        """Return the state of the bench, or of a part of it, such as `boards/LED`."""
        return self._call(path, None)

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, object]:
        """Send a command: `boards/LED/reset`, `boards/LED/power`, `stop`."""
        return self._call(path, body)

    def let_board_clock_run_fast(self, thing: str) -> None:
        """Set the clock of a thing's board to fast: its delay of 180 s takes no time."""
        self.post(board_path(thing, "clock"), {"speed": "fast"})

    def is_alive(self) -> bool:
        """Return whether the bench answers."""
        try:
            return self.get().get("pid") == self.pid
        except BenchError:
            return False

    def stop(self, timeout_s: float = 20.0) -> None:
        """End the bench and wait for its end.

        Raises:
            BenchError: it still answers after the timeout; a board's program may take 10 s.
        """
        with suppress(BenchError):  # it may end before it has answered
            self.post("stop", {})
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            # The account closes after the controls and the boards.
            if not _listens(self.control_url) and not _listens(self.iot_endpoint_url):
                return
            time.sleep(0.02)
        raise BenchError(
            f"the bench (process {self.pid}) still answers {timeout_s:g} s after the request to "
            "stop. End the process."
        )

    def _call(self, path: str, body: Mapping[str, object] | None) -> dict[str, object]:
        url = f"{self.control_url.rstrip('/')}/{path}"
        request = urllib.request.Request(  # noqa: S310 the bench's own loopback address
            url,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with direct_opener().open(request, timeout=10) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            reason = error.read().decode(errors="replace")
            raise BenchError(f"the bench refused {path or 'the request'}: {reason}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise BenchError(
                f"the simulated bench at {self.control_url} does not answer: {error}. "
                "Run the cell or the command again; it starts the bench."
            ) from None
        return answer if isinstance(answer, dict) else {}


def board_path(thing: str, part: str = "") -> str:
    """Return the control path of a thing's board, or of a part of it, such as `power`."""
    return f"boards/{quote(thing, safe='')}/{part}".rstrip("/")


def _listens(url: str) -> bool:
    """Return whether a program listens at a URL."""
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
    """Return the workspace's bench with a board for its device; start it if it is not running.

    Raises:
        BenchError: it cannot be started, or runs with another seed or network.
    """
    bench = find(workspace) or _start(workspace)
    about = bench.get()
    _refuse_other_seed(workspace, about)
    _refuse_other_network(workspace, about)
    _refuse_other_port(workspace, bench)
    thing = workspace.settings.thing_name
    if workspace.settings.board_is_simulated and thing not in bench.board_urls:
        bench.post(board_path(thing), {})
        bench = Bench.from_file(_ready_file(workspace))
    return bench


def _ready_file(workspace: Workspace) -> Path:
    return workspace.bench / READY_FILE


def _start(workspace: Workspace) -> Bench:
    workspace.bench.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = workspace.bench / "start.log"
    end = time.monotonic() + START_TIMEOUT_S
    process = _launch(workspace, log)
    while time.monotonic() < end:
        if bench := find(workspace):
            if bench.pid != process.pid and sys.platform != "win32":
                # Another process has started the bench. Ours would replace it when it ends. On
                # Windows the process of a virtual environment is its launcher.
                process.terminate()
            return bench
        if process.poll() is not None:
            if process.returncode != IN_USE_EXIT_CODE:
                break
            # Another bench is starting: wait for it. Or one is ending: then start ours.
            time.sleep(0.2)
            process = process if find(workspace) else _launch(workspace, log)
        time.sleep(0.02)
    else:
        process.terminate()
    printed = log.read_text(errors="replace").strip().splitlines()
    raise BenchError(
        f"the simulated bench did not start: {printed[-1] if printed else 'it printed nothing'}. "
        f"Its output is in {log}."
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
def _forget_started() -> None:
    """Let Python exit without a warning: a bench outlives the process that started it."""
    for process in _started:
        process.returncode = process.poll() or 0


def simulator_command(workspace: Workspace) -> list[str]:
    """Return the command that runs a workspace's bench in the foreground.

    Raises:
        MissingPackageError: a package that the bench needs is not installed.
    """
    require("OpenSSL", "botocore", "serial", "tlslite")
    settings = workspace.settings
    command = [sys.executable, "-m", "labkit.bench.simulator"]
    command += ["--state", str(workspace.bench)]
    command += ["--region", settings.region or SIMULATED_REGION]
    command += ["--account-id", settings.account_id]
    command += ["--mqtt-port", str(settings.mqtt_port), "--mqtt-address", settings.mqtt_address]
    command += [f"--board={settings.thing_name}"] if settings.board_is_simulated else []
    command += ["--real-network"] if settings.board_is_on_real_network else []
    return command + (["--seed", settings.seed] if settings.seed else [])


def _refuse_other_seed(workspace: Workspace, about: Mapping[str, object]) -> None:
    running = about.get("seed") or None
    if running != workspace.settings.seed:
        raise BenchError(
            f"the workspace's bench runs with the seed {running!r}, expected "
            f"{workspace.settings.seed!r}. End it with "
            f"`labkit stop --workspace {workspace.root}`, or use another LABKIT_WORKSPACE."
        )


def _refuse_other_port(workspace: Workspace, bench: Bench) -> None:
    wanted = workspace.settings.mqtt_port
    if wanted not in (0, bench.mqtt_port):
        raise BenchError(
            f"the workspace's bench listens for MQTT on port {bench.mqtt_port}, expected {wanted} "
            f"(account.mqtt_port in {workspace.root / 'lab.toml'}). End it with "
            f"`labkit stop --workspace {workspace.root}`; the next start uses port {wanted}."
        )


def _refuse_other_network(workspace: Workspace, about: Mapping[str, object]) -> None:
    """Refuse a bench whose boards do not reach the workspace's account."""
    if not workspace.settings.board_is_simulated:
        return
    is_real = about.get("network") == "real"
    if is_real != workspace.settings.board_is_on_real_network:
        runs, wanted = ("real", "simulated") if is_real else ("simulated", "real")
        raise BenchError(
            f"the workspace's bench runs with boards that reach a {runs} account, expected a "
            f"{wanted} one. End it with `labkit stop --workspace {workspace.root}`; the next "
            "command starts it again."
        )
