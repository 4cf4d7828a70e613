"""Commands that work with a bench: run, simulate, status, stop, open and board."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labkit.errors import BenchError, DeviceError

if TYPE_CHECKING:


    from labkit.bench import Bench
    from labkit.workspace import Workspace

__all__ = ["board", "open_manual", "run", "simulate", "status", "stop"]

_workspace = click.option(
    "--workspace",
    type=click.Path(file_okay=False, path_type=Path),
    help="The lab's folder  [default: LABKIT_WORKSPACE, or workspace/ in the checkout]",
)


@click.command(
    epilog="""\b
Examples:
  labkit run
  labkit run --workspace /tmp/lab --thing my-device"""
)
@_workspace
@click.option("--thing", help="The device's thing name  [default: lab.toml's]")
@click.option("--release", help="The simulated board's firmware: 202203.00 or 201910.00")
def run(workspace: Path | None, thing: str | None, release: str | None) -> None:
    """Provision one device, from its settings to the accepted hello world.

    A run that was ended goes on where it stopped. Exit code 0 only if the device was accepted.
    """
    from labkit import procedure
    from labkit.lab import open_lab

    chosen = {"thing_name": thing, "release": release}
    lab = open_lab(workspace, **{name: value for name, value in chosen.items() if value})
    click.echo(f"{lab}\n")
    with click.progressbar(
        length=len(procedure.STEPS), label="", show_eta=False, hidden=not sys.stdout.isatty()
    ) as bar:
        for number, step in enumerate(procedure.STEPS, 1):
            begin = time.monotonic()
            done = procedure.is_done(lab.workbench(step.name), step)
            if not done or step.is_asked_again:
                lab.perform(step.name)
            took = "done before" if done else f"{time.monotonic() - begin:.1f} s"
            _above_bar(f"{number:2}  {step.page[:2]}  {step.does} ({took})")
            bar.update(1)
    click.echo("\nThe device was accepted: its hello world went through AWS IoT and came back.")
    click.echo(f"What was made is in {lab.workspace.device}")


def _above_bar(line: str) -> None:
    """Print a line where a terminal shows the progress bar, which is drawn again below it."""
    click.echo(f"\r\x1b[K{line}" if sys.stdout.isatty() else line)


@click.command(
    epilog="""\b
Example:
  labkit simulate --ready-file /tmp/bench.json"""
)
@_workspace
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
def simulate(workspace: Path | None, ready_file: Path | None, board_clock: str) -> None:
    """Run the simulated bench in the foreground, until Ctrl-C or SIGTERM."""
    from labkit.bench import find, simulator_command

    place = _open(workspace)
    if running := find(place):
        raise BenchError(
            f"this workspace's bench runs already (process {running.pid}). "
            f"End it with `labkit stop --workspace {place.root}`, or name another --workspace."
        )
    command = simulator_command(place, ready_file.absolute() if ready_file else None)
    command += ["--board-clock", board_clock]
    if os.name == "nt":
        import subprocess

        sys.exit(subprocess.call(command))
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 our own program; SIGTERM reaches it directly


@click.command()
@_workspace
def stop(workspace: Path | None) -> None:
    """End the workspace's simulated bench."""
    from labkit.bench import find

    bench = find(_open(workspace))
    if bench is None:
        click.echo("no bench is running in this workspace")
        return
    bench.stop()
    click.echo("the bench has ended")


@click.command()
@_workspace
def status(workspace: Path | None) -> None:
    """Show the bench, the device, the steps done and the key's short fingerprint."""
    from labkit.keys import PublicKey
    from labkit.lab import open_lab

    lab = open_lab(workspace)
    click.echo(f"{lab}\n")
    pem = lab.workspace.path("DevicePublicKey.pem")
    key = PublicKey.from_pem(pem.read_text()).short if pem.exists() else "not known yet"
    click.echo(f"key      {key}")
    click.echo(f"folder   {lab.workspace.device}")
    if lab.bench:
        click.echo(f"bench    running, process {lab.bench.pid}, board on {lab.bench.board_urls[0]}")
    click.echo()
    for step, done in lab.route():
        click.echo(f"{'done' if done else '    '}  {step.page[:2]}  {step.does}")


@click.command("open")
@_workspace
@click.option("--port", type=int, default=8888, show_default=True, help="The first port to try.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def open_manual(workspace: Path | None, port: int, no_browser: bool) -> None:  # noqa: FBT001 click's way
    """Open the manual in JupyterLab, with the simulated bench."""
    from labkit.manual import serve

    sys.exit(serve(_open(workspace), port=port, browser=not no_browser))


@click.group()
def board() -> None:
    """Build, flash and reset the simulated board, as lab.toml names it."""


@board.command()
@_workspace
def build(workspace: Path | None) -> None:
    """Take the macros out of the firmware tree as it stands, into an image."""
    from labkit.device.image import build_image, write_image

    place = _open(workspace)
    image = build_image(place.firmware)
    write_image(_image_file(place), image)
    click.echo(f"built {image['release']} from {place.firmware.name}/")


@board.command()
@_workspace
def flash(workspace: Path | None) -> None:
    """Load the image onto the simulated board; it runs at the next reset."""
    from labkit.device.image import read_image

    place = _open(workspace)
    file = _image_file(place)
    if not file.exists():
        raise DeviceError("nothing is built yet. Run `labkit board build` first.")
    _bench(place).post("boards/0/flash", read_image(file))
    click.echo("flashed; the board runs it at the next reset")


@board.command()
@_workspace
def reset(workspace: Path | None) -> None:
    """Press the board's reset button."""
    from labkit.lab import open_lab

    open_lab(workspace).board.reset()
    click.echo("the board was reset")


def _open(workspace: Path | None) -> Workspace:
    from labkit.workspace import Workspace, default_root

    return Workspace.open((workspace or default_root()).absolute(), os.environ)


def _bench(place: Workspace) -> Bench:
    from labkit.bench import start_or_find

    return start_or_find(place)


def _image_file(place: Workspace) -> Path:
    return place.firmware / "build" / "image.json"
