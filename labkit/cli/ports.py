"""`labkit ports`: the serial ports of this computer, and the one that the lab uses."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click

from labkit.cli.options import ends, root_of, workspace_option

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    epilog=ends(
        "labkit ports\n"
        "labkit ports --format json\n"
        "labkit ports --choose /dev/ttyACM0 --baud 115200\n"
        "labkit ports --choose sim",
        success="success, also if there is no port",
    )
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output format of the list.",
)
@click.option(
    "--choose",
    "url",
    metavar="URL",
    help="The port to write into lab.toml, or sim for the simulated board.",
)
@click.option(
    "--baud",
    type=click.IntRange(min=1),
    help="The console's baud rate to write into lab.toml, with --choose.",
)
@workspace_option
def ports(form: str, url: str | None, baud: int | None, workspace: Path | None) -> None:
    """List the serial ports, or choose one for the lab."""
    from labkit.device import ports as serial_ports

    if baud is not None and url is None:
        raise click.UsageError("--baud needs --choose.")
    listed = serial_ports.ports()
    if url is not None:
        _choose(url, baud, workspace, {port.url for port in listed})
    elif form == "json":
        click.echo(json.dumps([port.facts() for port in listed], indent=2))
    else:
        click.echo(serial_ports.table(listed))


def _choose(url: str, baud: int | None, workspace: Path | None, found: set[str]) -> None:
    from labkit.workspace import choose_port

    place = choose_port(root_of(workspace), url, baud)
    settings = place.settings
    click.echo(f"{place.root / 'lab.toml'}: {settings.device_url} at {settings.baud_rate} baud")
    if url not in found and "://" not in url and not settings.board_is_simulated:
        click.echo(f"{url} is not one of this computer's ports at present", err=True)
    if os.environ.get("LABKIT_DEVICE"):
        click.echo("LABKIT_DEVICE is set and overrides lab.toml", err=True)
    if not settings.board_is_simulated and not (settings.build and settings.flash):
        click.echo("next: set device.build and device.flash there", err=True)


COMMANDS = (ports,)
