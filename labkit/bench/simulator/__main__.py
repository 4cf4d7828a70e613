"""`python -m labkit.bench.simulator`: the simulated bench in the foreground."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.bench.simulator.board.board_clock import FAST, REAL_TIME, Speed
from labkit.bench.simulator.service import Service, Settings
from labkit.bench.simulator.state_lock import StateDamagedError, StateInUseError
from labkit.errors import BenchError
from labkit.support.loopback import (
    IN_USE_EXIT_CODE,
    LOOPBACK,
    SIMULATED_ACCOUNT_ID,
    SIMULATED_REGION,
)

if TYPE_CHECKING:
    from labkit.bench.simulator.board.internet import Internet

_BOARD_CLOCKS: dict[str, Speed] = {"real": REAL_TIME, "fast": FAST}
_ENDING_SIGNALS = {"SIGTERM", "SIGINT", "SIGHUP"}
"""Windows has the first two only."""


def main(arguments: list[str] | None = None) -> int:
    """Run the bench until it is stopped.

    Returns:
        The exit code: 0; 75 if another process uses the state directory; 1 if it cannot start for
        another reason.
    """
    given = _given(arguments)
    settings = _settings(given)
    try:
        service = Service(settings, _internet(settings) if given.real_network else None)
    except (BenchError, OSError) as error:
        print(f"labkit simulator: {error}", file=sys.stderr)  # noqa: T201 the program's own output
        return 1
    for name in _ENDING_SIGNALS & {it.name for it in signal.Signals}:
        signal.signal(signal.Signals[name], lambda *_: service.stop())
    try:
        ready = service.start()
    except (StateInUseError, StateDamagedError, BenchError, OSError) as error:
        print(f"labkit simulator: {error}", file=sys.stderr)  # noqa: T201 the program's own output
        return IN_USE_EXIT_CODE if isinstance(error, StateInUseError) else 1
    print(f"ready: control {ready['control_url']}", flush=True)  # noqa: T201 as above
    try:
        service.wait()
    finally:
        service.close()
    return 0


def _given(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m labkit.bench.simulator",
        description="Run the simulated bench on loopback: boards, AWS IoT account, MQTT gateway.",
    )
    parser.add_argument(
        "--state", type=Path, required=True, metavar="DIR", help="kept between runs"
    )
    parser.add_argument(
        "--ready-file", type=_file, metavar="F", help="write the ready file here as well"
    )
    parser.add_argument("--seed", help="derive keys, names and the clock from this (tests, pages)")
    parser.add_argument(
        "--board",
        action="append",
        default=[],
        metavar="THING",
        help="create a board for this thing",
    )
    parser.add_argument("--region", default=SIMULATED_REGION)
    parser.add_argument("--account-id", default=SIMULATED_ACCOUNT_ID)
    parser.add_argument("--mqtt-port", type=int, default=0, help="the gateway's; 0: a free one")
    parser.add_argument("--mqtt-address", default=LOOPBACK, help="where the gateway listens")
    parser.add_argument("--board-clock", choices=sorted(_BOARD_CLOCKS), default="real")
    parser.add_argument(
        "--idle-hours",
        type=float,
        default=1.0,
        metavar="H",
        help="end after this time without traffic",
    )
    parser.add_argument(
        "--real-network", action="store_true", help="boards connect to AWS, not to this account"
    )
    return parser.parse_args(arguments)


def _settings(given: argparse.Namespace) -> Settings:
    return Settings(
        state_dir=given.state.absolute(),
        ready_file=given.ready_file.absolute() if given.ready_file else None,
        seed=given.seed,
        boards=tuple(given.board),
        region=given.region,
        account_id=given.account_id,
        mqtt_port=given.mqtt_port,
        mqtt_address=given.mqtt_address,
        board_speed=_BOARD_CLOCKS[given.board_clock],
        idle_s=given.idle_hours * 3600,
    )


def _internet(settings: Settings) -> Internet:
    """Return the real network; write its root certificate into the state directory."""
    from labkit.bench.simulator.board.internet import (  # noqa: PLC0415 few benches need certifi
        Internet,
        amazon_root_ca_1,
    )

    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    root_ca_file = settings.state_dir / "AmazonRootCA1.pem"
    root_ca_file.write_bytes(amazon_root_ca_1())
    return Internet(root_ca_file, settings.clock())


def _file(text: str) -> Path:
    path = Path(text)
    if path.exists() and not path.is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is not a file. Name a file to replace.")
    return path


if __name__ == "__main__":
    sys.exit(main())
