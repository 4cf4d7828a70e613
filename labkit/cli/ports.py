"""The command about serial ports: what is plugged in, and which port the lab uses."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click


@click.command(
    epilog="""\b
Examples:
  labkit ports
  labkit ports --format json
  labkit ports --choose /dev/ttyACM0 --baud 115200
  labkit ports --choose sim                 the simulated board again"""
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option("--choose", "url", metavar="URL", help="Write a port's URL into lab.toml.")
@click.option("--baud", type=click.IntRange(min=1), help="Write its console's baud rate, too.")
@click.option(
    "--workspace",
    type=click.Path(file_okay=False, path_type=Path),
    help="The lab's folder  [default: LABKIT_WORKSPACE, or workspace/ in the checkout]",
)
def ports(form: str, url: str | None, baud: int | None, workspace: Path | None) -> None:
    """List the serial ports, with the makers of what is plugged in, or choose one."""
    from labkit.device import ports as serial_ports

    if baud is not None and url is None:
        raise click.UsageError("--baud goes with --choose.")
    listed = serial_ports.ports()
    if url is not None:
        _choose(url, baud, workspace, {port.url for port in listed})
    elif form == "json":
        click.echo(json.dumps([port.facts() for port in listed], indent=2))
    else:
        click.echo(serial_ports.table(listed))


def _choose(url: str, baud: int | None, workspace: Path | None, there: set[str]) -> None:
    from labkit.workspace import choose_port, default_root

    place = choose_port((workspace or default_root()).absolute(), url, baud)
    settings = place.settings
    click.echo(f"{place.root / 'lab.toml'}: {settings.device_url} at {settings.baud_rate} baud")
    if url not in there and "://" not in url and not settings.board_is_simulated:
        click.echo(f"{url} is not among this computer's ports now", err=True)
    if os.environ.get("LABKIT_DEVICE"):
        click.echo("LABKIT_DEVICE is set and wins over lab.toml", err=True)
    if not settings.board_is_simulated and not (settings.build and settings.flash):
        click.echo("next: name device.build and device.flash there", err=True)


COMMANDS = (ports,)
