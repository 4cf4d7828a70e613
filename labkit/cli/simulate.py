"""`labkit simulate` and `labkit stop`: the simulated bench in the foreground, and its end."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from labkit.cli.options import FILE, ends, open_workspace, root_of, workspace_option
from labkit.errors import BenchError

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    epilog=ends(
        "labkit simulate\nlabkit simulate --ready-file bench.json",
        success="the bench was stopped by Ctrl-C, SIGTERM or labkit stop",
    )
)
@workspace_option
@click.option(
    "--ready-file",
    type=FILE,
    help="The file to write when the bench is ready: JSON with its URLs, ports and process id.",
)
@click.option(
    "--board-clock",
    type=click.Choice(["real", "fast"]),
    default="real",
    show_default=True,
    help="The board's speed: real (180 s before it generates a key) or fast (no delay).",
)
@click.option(
    "--mqtt-port",
    type=click.IntRange(0, 65535),
    help="The gateway's port, or 0 for a free one  [default: account.mqtt_port in lab.toml]",
)
def simulate(
    workspace: Path | None, ready_file: Path | None, board_clock: str, mqtt_port: int | None
) -> None:
    """Run the simulated bench in the foreground.

    Stop it with Ctrl-C, SIGTERM or `labkit stop`.
    """
    from labkit.bench.client import find, simulator_command

    place = open_workspace(workspace)
    if running := find(place):
        raise BenchError(
            f"{place.root}: the bench of this workspace is already running (process "
            f"{running.pid}). Stop it with `labkit stop --workspace {place.root}`, or use another "
            "--workspace."
        )
    if ready_file and ready_file.exists() and not ready_file.is_file():
        raise BenchError(f"{ready_file} is not a regular file. Name another --ready-file.")
    command = [*simulator_command(place), "--board-clock", board_clock]
    command += ["--ready-file", str(ready_file.absolute())] if ready_file else []
    command += [] if mqtt_port is None else ["--mqtt-port", str(mqtt_port)]
    if os.name == "nt":
        import subprocess

        sys.exit(subprocess.call(command))
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 our own program; SIGTERM reaches it directly


@click.command(
    epilog=ends(
        "labkit stop\nlabkit stop --workspace lab-2", success="no bench is running any more"
    )
)
@workspace_option
def stop(workspace: Path | None) -> None:
    """Stop the workspace's simulated bench."""
    from labkit.bench.client import find

    root = root_of(workspace)
    bench = find(open_workspace(workspace)) if (root / "lab.toml").exists() else None
    if bench is None:
        click.echo(f"no bench is running in {root}")
        return
    bench.stop()
    click.echo("the bench has ended")


COMMANDS = (simulate, stop)
