"""`labkit run`: every step of a device's route."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labkit.cli.account import confirm
from labkit.cli.options import (
    confirm_option,
    ends,
    open_lab,
    route_option,
    thing_option,
    workspace_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labkit.lab.lab import Lab
    from labkit.lab.procedure import Performed


@click.command(
    epilog=ends(
        "labkit run\n"
        "labkit run --workspace lab-2 --thing my-device\n"
        "labkit run --route option-1\n"
        "labkit run --fresh\n"
        "labkit run --thing left-3 --record records/ --set operator=Jane --set board=left-3",
        success="AWS IoT accepted the device",
        failure="a step failed; the message states what to do next",
    )
)
@workspace_option
@thing_option
@click.option(
    "--release", metavar="RELEASE", help="The simulated board's firmware: 202203.00 or 201910.00"
)
@route_option
@click.option(
    "--fresh", is_flag=True, help="Start over; the old run's folder is kept under a numbered name."
)
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Run the manual's pages, and write a record into this folder even if one fails.",
)
@click.option(
    "--set",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the pages, with --record; operator and board are also in the record.",
)
@confirm_option
@click.option(
    "--yes",
    is_flag=True,
    help="Reverse changes that others made in a real account since the last run, unprompted.",
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
    parameters: tuple[str, ...],
) -> None:
    """Provision a device, up to the accepted hello world.

    An interrupted run resumes where it stopped. Each line states what a step did, including what it
    had to change again in the account.
    """
    from labkit.cloud.changes import ASSUME_YES
    from labkit.support.extras import require

    if parameters and record is None:
        raise click.UsageError("--set needs --record DIR: it sets parameters of the pages.")
    if record:
        require("nbclient")
    chosen = {"thing_name": thing, "release": release, "route": route}
    if yes:
        os.environ[ASSUME_YES] = "1"  # the pages' kernels inherit it
    lab = open_lab(workspace, **chosen)
    click.echo(f"{lab}\n")
    confirm(lab, confirm_account)
    if fresh and (kept := lab.workspace.start_over()):
        click.echo(f"The old run is in {kept}; labkit undo --all also deletes what it created.\n")
        lab = open_lab(workspace, **chosen)
    if record is None:
        _do_steps(lab)
    else:
        _run_pages(lab, record, parameters)


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
    click.echo("\nThe device was accepted: its hello world went through AWS IoT and back.")
    click.echo(f"Its files are in {lab.workspace.device}")


def _outcome(done: Performed, seconds: float) -> str:
    """Return what a step did, in a few words."""
    if done.changes:
        return f"changed again: {'; '.join(map(str, done.changes))}"
    if not done.was_done:
        return f"{seconds:.1f} s"
    return "checked: unchanged" if done.step.is_in_account else f"repeated, {seconds:.1f} s"


def _run_pages(lab: Lab, to: Path, parameters: tuple[str, ...]) -> None:
    """Run the route's pages and write a record of it; exit with the code of the pages."""
    from labkit.record.recording import run_and_record

    with _bar(len({step.page for step in lab.procedure.steps})) as show:
        done = run_and_record(lab, to, parameters, lambda page, s: show(f"{page} ({s:.1f} s)"))
    click.echo(f"\n{done}")
    click.get_current_context().exit(done.exit_code)


@contextmanager
def _bar(length: int) -> Iterator[Callable[[str], None]]:
    """Show a progress bar on a terminal; yield the function that prints a line above it."""
    hidden = not sys.stdout.isatty()
    with click.progressbar(length=length, label="", show_eta=False, hidden=hidden) as bar:

        def show(line: str) -> None:
            click.echo(line if hidden else f"\r\x1b[K{line}")
            bar.update(1)

        yield show


COMMANDS = (run,)
