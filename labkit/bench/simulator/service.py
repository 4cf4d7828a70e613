"""The simulated bench as one local service: account, gateway, boards and control URL.

It listens on loopback only, writes its addresses to the ready file in its state directory, and ends
on SIGTERM, on POST /stop, or after a time without requests and serial traffic.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from labkit.bench.simulator.account import Account
from labkit.bench.simulator.atomic_file import write_atomically
from labkit.bench.simulator.aws.aws_api import ApiServer
from labkit.bench.simulator.board.board import Board, warm_up
from labkit.bench.simulator.board.board_clock import REAL_TIME, Speed
from labkit.bench.simulator.board.machine import Network
from labkit.bench.simulator.control import Control
from labkit.bench.simulator.gateway.gateway import Gateway
from labkit.bench.simulator.state_lock import StateLock
from labkit.errors import BenchError
from labkit.support.loopback import LOOPBACK, READY_FILE, SIMULATED_ACCOUNT_ID, SIMULATED_REGION
from labkit.support.seeding import SEEDED_BENCH_STEP, Clock, Randomness

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from labkit.bench.simulator.board.machine import Reachable

LOG_NAME: Final = "simulator.log"
MQTT_PORT_FILE: Final = "mqtt-port"

_IDLE_CHECK_S = 1.0

_log = logging.getLogger("labkit.bench.simulator")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a bench.

    Attributes:
        state_dir: keeps account and flash from run to run; its `ready.json` is written when
            everything listens, and removed at the end.
        ready_file: a second ready file, written and removed with the first one.
        seed: of clock, keys and names; None for true randomness and the wall clock.
        boards: the thing names of the boards to create at the start.
        board_speed: the speed of the boards' clocks.
        mqtt_port: of the gateway; 0 for the one of the last run, or a free one.
        mqtt_address: where the gateway listens.
        idle_s: seconds without traffic after which the service ends.
    """

    state_dir: Path
    ready_file: Path | None = None
    seed: str | None = None
    boards: tuple[str, ...] = ()
    region: str = SIMULATED_REGION
    account_id: str = SIMULATED_ACCOUNT_ID
    board_speed: Speed = REAL_TIME
    mqtt_port: int = 0
    mqtt_address: str = LOOPBACK
    idle_s: float = 3600.0

    @property
    def ready_files(self) -> tuple[Path, ...]:
        """The ready files: the workspace's own first."""
        own = self.state_dir / READY_FILE
        return (own, self.ready_file) if self.ready_file else (own,)

    def clock(self) -> Callable[[], datetime]:
        """Return the lab's clock."""
        clock = Clock(self.seed)
        return lambda: clock.now(SEEDED_BENCH_STEP)


class Service:
    """A running bench.

    Args:
        settings: its settings.
        network: what the boards can reach; None for the simulated account's gateway.

    Raises:
        StateInUseError: from `start`: another service uses the state directory.
        StateDamagedError: from `start`: a file in it was not written by a service.
    """

    def __init__(self, settings: Settings, network: Reachable | None = None) -> None:
        self._settings = settings
        self._other_network = network
        self._stopping = threading.Event()
        self._last_traffic = time.monotonic()
        self._parts = ExitStack()
        self._plugging_in = threading.Lock()
        self._lock: StateLock | None = None
        self._boards: dict[str, Board] = {}
        self._ready: dict[str, Any] = {}

    def start(self) -> dict[str, Any]:
        """Start everything and write the ready file.

        Returns:
            The content of the ready file.
        """
        with self._plugging_in, ExitStack() as started:
            self._start(started)
            self._parts = started.pop_all()
        _log.info("ready: %s", json.dumps(self._ready))
        threading.Thread(target=warm_up, name="warm up", daemon=True).start()
        return self._ready

    def wait(self) -> None:
        """Return when the service must end: stopped, unused, or its directory deleted."""
        while not self._stopping.wait(_IDLE_CHECK_S):
            if self._lock is not None and not self._lock.directory_exists:
                _log.info("the state directory was deleted: ending")
                return
            if time.monotonic() - self._last_traffic > self._settings.idle_s:
                _log.info("no traffic for %d s: ending", self._settings.idle_s)
                return

    def stop(self) -> None:
        """Let `wait` return; safe in a signal handler."""
        self._stopping.set()

    def close(self) -> None:
        """End all parts and remove the ready file."""
        _log.info("ending")
        self.stop()
        with self._plugging_in:
            self._parts.close()

    def _traffic(self) -> None:
        self._last_traffic = time.monotonic()

    def _start(self, started: ExitStack) -> None:
        settings = self._settings
        settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = StateLock(settings.state_dir)
        started.callback(self._lock.release)
        for path in settings.ready_files:
            _remove_if_stale(path)
        _log_to(settings.state_dir / LOG_NAME, started)
        account = Account(
            settings.state_dir,
            region=settings.region,
            account_id=settings.account_id,
            randomness=Randomness(settings.seed),
            clock=settings.clock(),
        )
        started.callback(account.close)
        api = ApiServer(account, on_request=self._traffic)
        iot_url = api.start()
        started.callback(api.close)
        self._gateway = gateway = Gateway(account, settings.state_dir, on_activity=self._traffic)
        started.callback(gateway.close)
        host, port = self._listen(gateway)
        self._ready = {
            "iot_endpoint_url": iot_url,
            "mqtt_host": LOOPBACK if ip_address(host).is_unspecified else host,
            "mqtt_port": port,
            "mqtt_endpoint_name": gateway.endpoint_name,
            "root_ca_file": str(gateway.root_ca_file),
            "region": settings.region,
            "account_id": settings.account_id,
            "board_urls": {},
            "control_url": self._control(started),
            "pid": os.getpid(),
        }
        for thing in settings.boards:
            self._add_board(thing, started)
        for path in settings.ready_files:
            started.callback(_remove_own, path)
        self._write_ready_files()

    def _listen(self, gateway: Gateway) -> tuple[str, int]:
        """Let the gateway listen on the chosen port, or on the last run's if that is free.

        Raises:
            BenchError: the chosen port is in use, or the address is not one of this computer.
        """
        settings, kept = self._settings, self._settings.state_dir / MQTT_PORT_FILE
        try:
            address = gateway.start(settings.mqtt_port or _free_port(kept), settings.mqtt_address)
        except OSError as error:
            raise BenchError(
                f"the MQTT gateway cannot listen on {settings.mqtt_address}, port "
                f"{settings.mqtt_port}: {os.strerror(error.errno or 0)}. Choose another "
                "port or address: account.mqtt_port and account.mqtt_address in lab.toml."
            ) from None
        kept.write_text(f"{address[1]}\n")
        return address

    def _plug_in(self, thing: str) -> None:
        """Add a thing's board unless it is there, or the service is ending."""
        with self._plugging_in:
            if thing not in self._boards and not self._stopping.is_set():
                self._add_board(thing, self._parts)
                self._write_ready_files()

    def _add_board(self, thing: str, parts: ExitStack) -> None:
        board = self._board(thing)
        parts.callback(board.close)
        self._ready["board_urls"][thing] = board.start()
        self._boards[thing] = board

    def _write_ready_files(self) -> None:
        for path in self._settings.ready_files:
            write_atomically(path, (json.dumps(self._ready, indent=2) + "\n").encode())

    def _board(self, name: str) -> Board:
        return Board(
            name,
            self._settings.state_dir / "boards" / quote(name, safe=""),
            randomness=Randomness(self._settings.seed),
            network=self._other_network or self._network(name),
            speed=self._settings.board_speed,
            activity=self._traffic,
        )

    def _network(self, board: str) -> Network:
        """Return a board's network, whose gateway listens on a port for this board alone."""
        gateway, settings = self._gateway, self._settings
        return Network(
            settings.region,
            gateway.open_port(board),
            gateway.root_ca_file,
            settings.clock(),
            partial(gateway.attempts.look_up, board),
        )

    def _control(self, started: ExitStack) -> str:
        settings = self._settings
        about = {
            "seed": settings.seed,
            "account_id": settings.account_id,
            "region": settings.region,
            "pid": os.getpid(),
            "network": "here" if self._other_network is None else "real",
        }
        control = Control(
            self._boards,
            attempts=self._gateway.attempts,
            about=about,
            plug_in=self._plug_in,
            stop=self.stop,
            activity=self._traffic,
        )
        started.callback(control.close)
        return control.start()


def _free_port(kept: Path) -> int:
    """Return the gateway's port of the last run if it is free, so that headers stay right; or 0."""
    try:
        port = int(kept.read_text())
        with socket.create_server((LOOPBACK, port)):
            return port
    except (OSError, ValueError, OverflowError):
        return 0


def _log_to(path: Path, started: ExitStack) -> None:
    """Send the service's log to a file that only its owner can read."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    started.callback(handler.close)
    started.callback(_log.removeHandler, handler)


def _remove_if_stale(ready_file: Path) -> None:
    """Remove the ready file of a killed service; this process holds the state directory.

    Raises:
        FileExistsError: it is a device, a pipe or a folder.
    """
    if ready_file.exists() and not ready_file.is_file():
        raise FileExistsError(
            f"{ready_file} is not a file, so it is not replaced. Name another file."
        )
    ready_file.unlink(missing_ok=True)


def _remove_own(ready_file: Path) -> None:
    with contextlib.suppress(OSError, ValueError):
        if json.loads(ready_file.read_text("utf-8")).get("pid") == os.getpid():
            ready_file.unlink()
