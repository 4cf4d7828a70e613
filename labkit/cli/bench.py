"""Commands that work with a bench: simulate, status, stop, open and board."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labkit.cli.options import route_option, workspace_option
from labkit.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.workspace import Workspace


@click.command(
    epilog="""\b
Example:
  labkit simulate --ready-file /tmp/bench.json"""
)
@workspace_option
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Written when the bench is ready: JSON with its URLs, ports and process id.",
)
@click.option(
    "--board-clock",
    type=click.Choice(["real", "fast"]),
    default="real",
    show_default=True,
    help="real: as in life, with 180 s before a key is made; fast: as fast as it can.",
)
@click.option(
    "--mqtt-port",
    type=click.IntRange(0, 65535),
    help="The gateway's port, in place of account.mqtt_port in lab.toml; 0: a free one.",
)
def simulate(
    workspace: Path | None, ready_file: Path | None, board_clock: str, mqtt_port: int | None
) -> None:
    """Run the simulated bench in the foreground, until Ctrl-C or SIGTERM."""
    from labkit.bench.client import find, simulator_command

    place = _open(workspace)
    if running := find(place):
        raise BenchError(
            f"this workspace's bench runs already (process {running.pid}). "
            f"End it with `labkit stop --workspace {place.root}`, or name another --workspace."
        )
    if ready_file and ready_file.exists() and not ready_file.is_file():
        raise BenchError(f"{ready_file} is not a file. Name one that the bench may write.")
    command = [*simulator_command(place), "--board-clock", board_clock]
    command += [] if mqtt_port is None else ["--mqtt-port", str(mqtt_port)]
    command += ["--ready-file", str(ready_file.absolute())] if ready_file else []
    if os.name == "nt":
        import subprocess

        sys.exit(subprocess.call(command))
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 our own program; SIGTERM reaches it directly


@click.command(
    epilog="""\b
Examples:
  labkit stop
  labkit stop --workspace /tmp/lab"""
)
@workspace_option
def stop(workspace: Path | None) -> None:
    """End the workspace's simulated bench."""
    from labkit.bench.client import find

    root = _root(workspace)
    bench = find(_open(workspace)) if (root / "lab.toml").exists() else None
    if bench is None:
        click.echo(f"no bench is running in {root}")
        return
    bench.stop()
    click.echo("the bench has ended")


@click.command(
    epilog="""\b
Examples:
  labkit status
  labkit status --workspace /tmp/lab
  labkit status --route option-1"""
)
@workspace_option
@route_option
def status(workspace: Path | None, route: str | None) -> None:
    """Show the bench, the device, the steps done, the key's short fingerprint and the pages.

    Starts nothing and asks nobody: what AWS IoT holds is shown as the journal tells it.
    """
    from labkit.lab.procedure.status import stages
    from labkit.manual.progress import read_progress

    place = _open(workspace, **({"route": route} if route else {}))
    for name, text in _about(place):
        click.echo(f"{name:8} {text}")
    click.echo()
    for stage in stages(place):
        word = stage.state if stage.state in ("done", "failed") else ""
        click.echo(f"{word:4}  {stage.step.page[:2]}  {stage.step.does}")
        if stage.error:
            click.echo(f"          {stage.error}")
    click.echo(f"\n{read_progress(place.root)}")


def _about(place: Workspace) -> Iterator[tuple[str, str]]:
    from labkit.bench.client import find
    from labkit.keys import PublicKey
    from labkit.workspace import ROUTES

    settings = place.settings
    yield "device", settings.thing_name
    if settings.board_is_simulated:
        yield "board", f"simulated, firmware {settings.release}"
    else:
        yield "board", f"REAL: {settings.device_url} at {settings.baud_rate} baud"
    account = f"simulated, {settings.account_id} in" if settings.account_is_simulated else "REAL:"
    yield "account", f"{account} {settings.region or 'the region of the AWS profile'}"
    pem = place.path("DevicePublicKey.pem")
    yield "route", f"{settings.route}, {ROUTES[settings.route]}"
    yield "key", PublicKey.from_pem(pem.read_bytes()).short if pem.exists() else "not known yet"
    if settings.board_is_simulated or settings.account_is_simulated:
        bench = find(place)
        where = f"running, process {bench.pid}" if bench else ""
        if bench and settings.thing_name in bench.board_urls:
            where += f", board on {bench.board_urls[settings.thing_name]}"
        yield "bench", where or "not running; whatever needs it starts it"
        if settings.board_is_at_gateway and bench:
            yield "gateway", f"{bench.mqtt_endpoint_name}: the name the board asks for"
            yield "", f"{settings.mqtt_address}, port {bench.mqtt_port}: its address"
            yield "", f"{bench.root_ca_file}: the root CA that the board has to trust"
        elif settings.board_is_at_gateway:
            yield "gateway", "not known yet; start the bench with labkit simulate"
    yield "folder", str(place.device)


@click.command(
    "open",
    epilog="""\b
Examples:
  labkit open
  labkit open --no-browser --port 9000
  labkit open --start-over                a fresh workspace; the old one is kept beside it""",
)
@workspace_option
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8888,
    show_default=True,
    help="The first port to try.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option(
    "--start-over",
    is_flag=True,
    help="Begin with a fresh workspace; the old one is kept beside it, under a number.",
)
def open_manual(workspace: Path | None, port: int, *, no_browser: bool, start_over: bool) -> None:
    """Open the manual in JupyterLab, with the simulated bench."""
    from labkit.manual import serve
    from labkit.manual import start_over as lines_of_start_over

    if start_over:
        for line in lines_of_start_over(_root(workspace)):
            click.echo(line)
    sys.exit(serve(_open(workspace), port=port, browser=not no_browser))


@click.group(
    epilog="""\b
Example, what a step does with a board after a header was edited:
  labkit board build
  labkit board flash
  labkit board reset"""
)
def board() -> None:
    """Build, flash and reset the simulated board, as lab.toml names it."""


@board.command(
    epilog="""\b
Example:
  labkit board build --workspace /tmp/lab"""
)
@workspace_option
def build(workspace: Path | None) -> None:
    """Take the macros out of the firmware tree as it stands, into an image."""
    from labkit.lab import board_commands

    click.echo(board_commands.build(_open(workspace)))


@board.command(
    epilog="""\b
Example:
  labkit board build && labkit board flash"""
)
@workspace_option
def flash(workspace: Path | None) -> None:
    """Load the image onto the simulated board; it runs at the next reset."""
    from labkit.lab import board_commands

    click.echo(board_commands.flash(_open(workspace)))


@board.command(
    epilog="""\b
Example:
  labkit board reset"""
)
@workspace_option
def reset(workspace: Path | None) -> None:
    """Press the board's reset button."""
    from labkit.lab.lab import open_lab

    open_lab(workspace).board.reset()
    click.echo("the board was reset")


def _root(workspace: Path | None) -> Path:
    from labkit.workspace import default_root

    return (workspace or default_root()).absolute()


def _open(workspace: Path | None, **chosen: str) -> Workspace:
    from labkit.workspace import Workspace

    return Workspace.open(_root(workspace), os.environ, **chosen)


COMMANDS = (simulate, status, stop, open_manual, board)
