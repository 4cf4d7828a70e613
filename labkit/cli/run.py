"""The command that walks the whole procedure."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labkit.cli.account import confirm
from labkit.cli.options import confirm_option, route_option, thing_option, workspace_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labkit.lab.lab import Lab

__all__ = ["COMMANDS"]


@click.command(
    epilog="""\b
Examples:
  labkit run
  labkit run --workspace /tmp/lab --thing my-device
  labkit run --route option-1
  labkit run --fresh
  labkit run --thing left-3 --record records/ --set operator=Jane --set board=left-3"""
)
@workspace_option
@thing_option
@click.option("--release", help="The simulated board's firmware: 202203.00 or 201910.00")
@route_option
@click.option("--fresh", is_flag=True, help="Start over; the old run's folder is kept.")
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Run the manual's pages, and leave a record in this folder however that ends.",
)
@click.option(
    "--set",
    "told",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter for the pages; operator and board are the record's, too. With --record.",
)
@confirm_option
def run(
    workspace: Path | None,
    thing: str | None,
    release: str | None,
    route: str | None,
    confirm_account: str | None,
    *,
    fresh: bool,
    record: Path | None,
    told: tuple[str, ...],
) -> None:
    """Provision one device, from its settings to the accepted hello world.

    A run that was ended goes on where it stopped. Exit code 0 only if the device was accepted.
    """
    from labkit.lab.lab import open_lab
    from labkit.support.extras import require

    if told and record is None:
        raise click.UsageError("--set is for the pages, which are run with --record DIR.")
    if record:
        require("nbclient")
    chosen = {"thing_name": thing, "release": release, "route": route}
    given = {name: value for name, value in chosen.items() if value}
    lab = open_lab(workspace, **given)
    click.echo(f"{lab}\n")
    confirm(lab, confirm_account)
    if fresh and (kept := lab.workspace.start_over()):
        click.echo(f"The old run is in {kept}; labkit undo --all unmakes what it made, too.\n")
        lab = open_lab(workspace, **given)
    if record is None:
        _do_steps(lab)
    else:
        _run_pages(lab, record, told)


def _do_steps(lab: Lab) -> None:
    from labkit.lab import procedure

    steps = lab.procedure.steps
    with _bar(len(steps)) as show:
        for number, step in enumerate(steps, 1):
            begin = time.monotonic()
            workbench = lab.workbench(step.name)
            done = procedure.is_done(workbench, step)
            if not done or step.is_asked_again:
                procedure.perform(workbench, step)
            took = "done before" if done else f"{time.monotonic() - begin:.1f} s"
            show(f"{number:2}  {step.page[:2]}  {step.does} ({took})")
    click.echo("\nThe device was accepted: its hello world went through AWS IoT and came back.")
    click.echo(f"What was made is in {lab.workspace.device}")


def _run_pages(lab: Lab, to: Path, told: tuple[str, ...]) -> None:
    """Run the route's pages and make a record, however they end; exit with what they came to."""
    from labkit.record.recording import run_and_record

    with _bar(len({step.page for step in lab.procedure.steps})) as show:
        done = run_and_record(lab, to, told, lambda page, s: show(f"{page} ({s:.1f} s)"))
    click.echo(f"\n{done}")
    click.get_current_context().exit(done.exit_code)


@contextmanager
def _bar(length: int) -> Iterator[Callable[[str], None]]:
    """Show a progress bar, where a terminal shows one; give what puts a line above it."""
    hidden = not sys.stdout.isatty()
    with click.progressbar(length=length, label="", show_eta=False, hidden=hidden) as bar:

        def show(line: str) -> None:
            click.echo(line if hidden else f"\r\x1b[K{line}")
            bar.update(1)

        yield show


COMMANDS = (run,)
