"""`labkit status`: the device, its steps and the pages, without starting anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from labkit.cli.options import ends, open_workspace, route_option, workspace_option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labkit.workspace import Workspace


@click.command(
    epilog=ends(
        "labkit status\nlabkit status --workspace lab-2\nlabkit status --route option-1",
        success="success, whatever the status is",
    )
)
@workspace_option
@route_option
def status(workspace: Path | None, route: str | None) -> None:
    """Show the device, its bench, finished steps and pages.

    The key is shown by its short fingerprint. Nothing is started, and the account is not queried:
    what AWS IoT holds is taken from the device's journal.
    """
    from labkit.lab.procedure.status import stages
    from labkit.manual.progress import read_progress

    place = open_workspace(workspace, route)
    for name, text in _facts(place):
        click.echo(f"{name:8} {text}")
    click.echo()
    for stage in stages(place):
        word = stage.state if stage.state in ("done", "failed") else ""
        click.echo(f"{word:4}  {stage.step.page[:2]}  {stage.step.does}")
        if stage.error:
            click.echo(f"          {stage.error}")
    click.echo(f"\n{read_progress(place.root)}")


def _facts(place: Workspace) -> Iterator[tuple[str, str]]:
    from labkit.bench.client import find
    from labkit.keys import PublicKey
    from labkit.workspace import ROUTES

    settings = place.settings
    yield "device", settings.thing_name
    if settings.board_is_simulated:
        yield "board", f"simulated, firmware {settings.release}"
    else:
        yield "board", f"REAL: {settings.device_url} at {settings.baud_rate} baud"
    account = f"simulated, {settings.account_id} in" if settings.account_is_simulated else "REAL:"
    yield "account", f"{account} {settings.region or 'the region of the AWS profile'}"
    pem = place.path("DevicePublicKey.pem")
    yield "route", f"{settings.route}, {ROUTES[settings.route]}"
    yield "key", PublicKey.from_pem(pem.read_bytes()).short if pem.exists() else "not known yet"
    if settings.board_is_simulated or settings.account_is_simulated:
        bench = find(place)
        text = f"running, process {bench.pid}" if bench else ""
        if bench and settings.thing_name in bench.board_urls:
            text += f", board on {bench.board_urls[settings.thing_name]}"
        yield "bench", text or "not running; commands that need it start it"
        if settings.board_is_at_gateway and bench:
            yield "gateway", f"{bench.mqtt_endpoint_name}: the name the board asks for"
            yield "", f"{settings.mqtt_address}, port {bench.mqtt_port}: its address"
            yield "", f"{bench.root_ca_file}: the root CA that the board has to trust"
        elif settings.board_is_at_gateway:
            yield "gateway", "not known yet; start the bench with labkit simulate"
    yield "folder", str(place.device)


COMMANDS = (status,)
