"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

workspace_option = click.option(
    "--workspace",
    type=click.Path(file_okay=False, path_type=Path),
    help="The lab's folder  [default: LABKIT_WORKSPACE, or workspace/ in the checkout, "
    "in the current folder of an installed labkit]",
)
thing_option = click.option("--thing", help="The device's thing name  [default: lab.toml's]")
route_option = click.option(
    "--route",
    help="How the device gets its key: option-2 makes it on board, option-1 imports it from "
    "AWS IoT, just-in-time lets it register itself  [default: lab.toml's]",
)
confirm_option = click.option(
    "--confirm-account",
    metavar="1234",
    help="The last four digits of the real account; asked for where they are missing.",
)
