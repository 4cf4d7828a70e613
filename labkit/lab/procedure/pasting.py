"""A pasted console text instead of a capture from the port."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.errors import DeviceError
from labkit.lab.procedure.performing import perform
from labkit.lab.procedure.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.lab.procedure.step import Route, Step
    from labkit.lab.procedure.steps.workbench import Workbench

_LONGEST_PATH = 1000


def paste_console(
    route: Route, workbench_for: Callable[[str], Workbench], console: str | bytes | Path
) -> object:
    """Take a console text for the next run of the demo: a person built, flashed and ran it.

    The text goes into console.log first, whatever it holds. Then the first step of the route that
    runs the demo and is not done yet is done with it, under the same rules as with a capture.

    Args:
        route: the device's route.
        workbench_for: returns what a step works with, by its name.
        console: the text, or the path of a terminal's log file.

    Returns:
        The step's value; the capture itself where every run of the demo is done already.

    Raises:
        DeviceError: it is empty, the file cannot be read, or the step refuses it.
        ConsoleError: the step needs a dump, and none is whole in it.
        NotReadyError: an earlier step has to be done first.
    """
    workbench = workbench_for(route.steps[0].name)
    capture = workbench.board.paste(_read(console))
    status = Status(workbench.workspace)
    for step in filter(_runs_the_demo, route.steps):
        if not status.is_done(step):
            workbench = workbench_for(step.name)
            workbench = replace(workbench, board=replace(workbench.board, pasted_boot=capture))
            return perform(workbench, step, status).value
    return capture


def _runs_the_demo(step: Step) -> bool:
    """Return whether a step makes a console log, or asks for the hello world and makes nothing."""
    return step.is_on_board or "console.log" in step.makes or not step.makes


def _read(console: str | bytes | Path) -> str | bytes:
    """Return the text; one line that is the path of a file is the file's."""
    if (
        isinstance(console, str)
        and console.strip()
        and len(console) < _LONGEST_PATH
        and "\n" not in console
    ):
        file = Path(console.strip()).expanduser()
    elif isinstance(console, Path):
        file = console
    else:
        return console
    try:
        return file.read_bytes()
    except OSError as error:
        if isinstance(console, str):
            return console
        raise DeviceError(
            f"{file}: the console text cannot be read: {error.strerror}. Name a terminal's log."
        ) from None
