"""`labkit open` and `labkit site`: the manual in JupyterLab, and as HTML."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from labkit.cli.options import ends, open_workspace, root_of, workspace_option


@click.command(
    "open",
    epilog=ends(
        "labkit open\nlabkit open --no-browser --port 9000\nlabkit open --start-over",
        success="JupyterLab was stopped, for instance by Ctrl-C",
    ),
)
@workspace_option
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8888,
    show_default=True,
    help="The first TCP port to try.",
)
@click.option("--no-browser", is_flag=True, help="Print the address only; open no browser.")
@click.option(
    "--start-over",
    is_flag=True,
    help="Begin with a new workspace; the old one is kept under a numbered name.",
)
def open_manual(workspace: Path | None, port: int, *, no_browser: bool, start_over: bool) -> None:
    """Open the manual in JupyterLab, with the simulated bench."""
    from labkit.manual import serve
    from labkit.manual import start_over as start_workspace_over

    if start_over:
        for line in start_workspace_over(root_of(workspace)):
            click.echo(line)
    sys.exit(serve(open_workspace(workspace), port=port, browser=not no_browser))


@click.command(epilog=ends("labkit site\nlabkit site -o manual-html"))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The folder to write: new, empty, or an earlier site  [default: build/site in the "
    "checkout, or in the current folder if labkit is installed]",
)
def site(output: Path | None) -> None:
    """Write the manual's pages as HTML.

    They can be read, searched and printed without a kernel or a network.
    """
    from labkit.manual.site import build
    from labkit.workspace import checkout

    click.echo(f"open {build(output or (checkout() or Path.cwd()) / 'build/site')}")


COMMANDS = (open_manual, site)
