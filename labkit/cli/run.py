"""The command that walks the whole procedure."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from labkit.cli.account import confirm
from labkit.cli.options import confirm_option, route_option, thing_option, workspace_option

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["COMMANDS"]


@click.command(
    epilog="""\b
Examples:
  labkit run
  labkit run --workspace /tmp/lab --thing my-device
  labkit run --route option-1
  labkit run --fresh"""
)
@workspace_option
@thing_option
@click.option("--release", help="The simulated board's firmware: 202203.00 or 201910.00")
@route_option
@click.option("--fresh", is_flag=True, help="Start over; the old run's folder is kept.")
@confirm_option
def run(
    workspace: Path | None,
    thing: str | None,
    release: str | None,
    route: str | None,
    confirm_account: str | None,
    *,
    fresh: bool,
) -> None:
    """Provision one device, from its settings to the accepted hello world.

    A run that was ended goes on where it stopped. Exit code 0 only if the device was accepted.
    """
    from labkit import procedure
    from labkit.lab import open_lab

    chosen = {"thing_name": thing, "release": release, "route": route}
    given = {name: value for name, value in chosen.items() if value}
    lab = open_lab(workspace, **given)
    click.echo(f"{lab}\n")
    confirm(lab, confirm_account)
    if fresh and (kept := lab.workspace.start_over()):
        click.echo(f"The old run is in {kept}; labkit undo --all unmakes what it made, too.\n")
        lab = open_lab(workspace, **given)
    steps = lab.procedure.steps
    with click.progressbar(
        length=len(steps), label="", show_eta=False, hidden=not sys.stdout.isatty()
    ) as bar:
        for number, step in enumerate(steps, 1):
            begin = time.monotonic()
            workbench = lab.workbench(step.name)
            done = procedure.is_done(workbench, step)
            if not done or step.is_asked_again:
                procedure.perform(workbench, step)
            took = "done before" if done else f"{time.monotonic() - begin:.1f} s"
            _above_bar(f"{number:2}  {step.page[:2]}  {step.does} ({took})")
            bar.update(1)
    click.echo("\nThe device was accepted: its hello world went through AWS IoT and came back.")
    click.echo(f"What was made is in {lab.workspace.device}")


def _above_bar(line: str) -> None:
    """Print a line where a terminal shows the progress bar, which is drawn again below it."""
    click.echo(f"\r\x1b[K{line}" if sys.stdout.isatty() else line)


COMMANDS = (run,)
