"""The command that writes the manual as HTML."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    epilog="""\b
Examples:
  labkit site                             into build/site
  labkit site -o /tmp/manual"""
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The folder to write, new, empty or written by this before  "
    "[default: build/site in the checkout, or in the current folder of an installed labkit]",
)
def site(output: Path | None) -> None:
    """Write all pages as HTML, to read, search and print without a kernel or a network."""
    from labkit.manual.site import build
    from labkit.workspace import checkout

    click.echo(f"open {build(output or (checkout() or Path.cwd()) / 'build/site')}")


COMMANDS = (site,)
