"""Open the parts of a lab: bench, board and account, as the settings choose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.bench import client as benches
from labkit.cloud.opening import open_real, open_simulated
from labkit.device.board import Board
from labkit.device.commands import NO_OPERATOR, OPERATOR
from labkit.errors import BenchError
from labkit.lab.simulated_firmware import own_commands
from labkit.support.seeding import Clock

if TYPE_CHECKING:
    from labkit.bench.client import Bench
    from labkit.cloud.account import Account
    from labkit.workspace import Workspace


def open_bench(place: Workspace) -> Bench:
    """Return the running bench, started if needed."""
    bench = benches.start_or_find(place)
    if place.settings.board_is_simulated:
        bench.let_board_clock_run_fast(place.settings.thing_name)
    return bench


def open_board(place: Workspace, bench: Bench | None) -> Board:
    """Return the device's board on its serial port."""
    settings = place.settings
    url = settings.device_url
    if settings.board_is_simulated:
        if bench is None:
            raise BenchError("the simulated board needs a bench. Open the lab again.")
        url = bench.board_urls[settings.thing_name]
    return Board(
        url=url,
        baud_rate=settings.baud_rate,
        log=place.path("console.log"),
        firmware=place.firmware,
        build_command=settings.build,
        flash_command=settings.flash,
        is_simulated=settings.board_is_simulated,
        own_commands=own_commands(place) if settings.board_is_simulated else {},
        variables={"LABKIT_WORKSPACE": str(place.root), **settings.variables()},
        operator=NO_OPERATOR if settings.board_is_simulated else OPERATOR,
    )


def open_account(place: Workspace, bench: Bench | None) -> Account:
    """Return the AWS account, simulated or real."""
    settings = place.settings
    notes = place.ledger(Clock(settings.seed).now)
    label = settings.thing_name
    if settings.account_is_simulated:
        if bench is None:
            raise BenchError("the simulated account needs a bench. Open the lab again.")
        url, account_id = bench.iot_endpoint_url, bench.account_id
        return open_simulated(url, settings.region, account_id, notes=notes, label=label)
    confirmed = place.root / "account-confirmed.json"
    return open_real(settings.region, settings.allowed, confirmed, notes=notes, label=label)
