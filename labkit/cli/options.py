"""What commands share: options, the end of a help text, opening a workspace or a lab."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from labkit.lab.lab import Lab
    from labkit.workspace import Workspace

FILE = click.Path(dir_okay=False, path_type=Path)
INPUT = click.Path(dir_okay=False, allow_dash=True, path_type=Path)

workspace_option = click.option(
    "--workspace",
    type=click.Path(file_okay=False, path_type=Path),
    help="The workspace's folder  [default: LABKIT_WORKSPACE, or workspace/ in the checkout, "
    "or in the current folder if labkit is installed]",
)
thing_option = click.option(
    "--thing", metavar="NAME", help="The device's thing name  [default: lab.toml's]"
)
route_option = click.option(
    "--route",
    metavar="ROUTE",
    help="How the device gets its key and certificate: option-2 (generates the key), option-1 "
    "(imports it from AWS IoT), just-in-time or drills  [default: lab.toml's]",
)
confirm_option = click.option(
    "--confirm-account",
    metavar="1234",
    help="The last four digits of the real AWS account; you are prompted if omitted.",
)
output_option = click.option(
    "-o", "--output", type=FILE, help="The file to write  [default: standard output]"
)


def ends(
    examples: str,
    *,
    success: str = "success",
    failure: str = "failure; the message states what to do next",
) -> str:
    """Return the end of a command's help: its examples and its exit codes."""
    title = "Examples" if "\n" in examples else "Example"
    codes = {0: success, 1: failure, 2: "wrong usage"}
    lines = [f"{title}:", *(f"  {line}" for line in examples.splitlines()), "", "\b", "Exit codes:"]
    return "\n".join(["\b", *lines, *(f"  {code}  {text}" for code, text in codes.items())])


def root_of(workspace: Path | None) -> Path:
    """Return the workspace's folder."""
    from labkit.workspace import default_root

    return (workspace or default_root()).absolute()


def open_workspace(workspace: Path | None, route: str | None = None) -> Workspace:
    """Open the workspace without a bench."""
    from labkit.workspace import Workspace

    return Workspace.open(root_of(workspace), os.environ, **_given(route=route))


def open_lab(workspace: Path | None, **chosen: str | None) -> Lab:
    """Open the lab; options that were not given are left to lab.toml."""
    from labkit.lab.lab import open_lab as open_

    return open_(workspace, **_given(**chosen))


def _given(**chosen: str | None) -> dict[str, str]:
    return {name: value for name, value in chosen.items() if value}
