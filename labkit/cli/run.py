"""The command that walks the whole procedure."""

from __future__ import annotations

import os
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
    from labkit.lab.procedure import Performed


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
@click.option(
    "--yes",
    is_flag=True,
    help="In a real account, reverse what was changed there since the last run, without asking.",
)
def run(
    workspace: Path | None,
    thing: str | None,
    release: str | None,
    route: str | None,
    confirm_account: str | None,
    *,
    fresh: bool,
    record: Path | None,
    yes: bool,
    told: tuple[str, ...],
) -> None:
    """Provision one device, from its settings to the accepted hello world.

    A run that was ended goes on where it stopped. Each line states what its step did; a step that
    was done before and had to change the account again states what it changed. Exit code 0 only
    if the device was accepted.
    """
    from labkit.cloud.changes import ASSUME_YES
    from labkit.lab.lab import open_lab
    from labkit.support.extras import require

    if told and record is None:
        raise click.UsageError("--set is for the pages, which are run with --record DIR.")
    if record:
        require("nbclient")
    chosen = {"thing_name": thing, "release": release, "route": route}
    given = {name: value for name, value in chosen.items() if value}
    if yes:
        os.environ[ASSUME_YES] = "1"  # the pages' kernels inherit it
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
    from labkit.lab.procedure import Step

    steps = iter(lab.perform_all())
    with _bar(len(lab.procedure.steps)) as show:
        for number in range(1, len(lab.procedure.steps) + 1):
            begin = time.monotonic()
            done = next(steps)
            step = done if isinstance(done, Step) else done.step
            outcome = "done before"
            if not isinstance(done, Step):
                outcome = _outcome(done, time.monotonic() - begin)
            show(f"{number:2}  {step.page[:2]}  {step.does} ({outcome})")
    click.echo("\nThe device was accepted: its hello world went through AWS IoT and came back.")
    click.echo(f"What was made is in {lab.workspace.device}")


def _outcome(done: Performed, seconds: float) -> str:
    """Return what performing a step came to, in a few words."""
    if done.changes:
        return f"changed again: {'; '.join(map(str, done.changes))}"
    if not done.was_done:
        return f"{seconds:.1f} s"
    return "checked: unchanged" if done.step.is_in_account else f"repeated, {seconds:.1f} s"


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
