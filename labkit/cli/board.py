"""`labkit board`: the simulated board's build and flash commands, and its reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from labkit.cli.options import ends, open_lab, open_workspace, workspace_option

if TYPE_CHECKING:
    from pathlib import Path


@click.group(epilog=ends("labkit board build\nlabkit board flash\nlabkit board reset"))
def board() -> None:
    """Build, flash and reset the simulated board."""


@board.command(epilog=ends("labkit board build\nlabkit board build --workspace lab-2"))
@workspace_option
def build(workspace: Path | None) -> None:
    """Build an image from the macros in the firmware tree."""
    from labkit.lab import simulated_firmware

    click.echo(simulated_firmware.build(open_workspace(workspace)))


@board.command(epilog=ends("labkit board build && labkit board flash"))
@workspace_option
def flash(workspace: Path | None) -> None:
    """Flash the image onto the simulated board; it runs after the next reset."""
    from labkit.lab import simulated_firmware

    click.echo(simulated_firmware.flash(open_workspace(workspace)))


@board.command(epilog=ends("labkit board reset"))
@workspace_option
def reset(workspace: Path | None) -> None:
    """Reset the board.

    A board that its port cannot reset is reset by you: you are asked to press its button.
    """
    open_lab(workspace).board.reset()
    click.echo("the board was reset")


COMMANDS = (board,)
