"""`labkit record`: what was done to a board, in a file that cannot be quietly changed."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import click

from labkit.cli import record_file
from labkit.cli.options import workspace_option
from labkit.cli.output import put

_FILE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


@click.group(
    epilog="""\b
Examples:
  labkit record make --operator "Jane Doe" --board "shelf 3, left"
  labkit record verify board-7.eln --public-key jane.pub
  labkit record list"""
)
def record() -> None:
    """Records: which key is in which board, who put it there, with what, and is it still true?"""


@record.command(
    epilog="""\b
Examples:
  labkit record keys
  labkit record keys --rotate
  LABKIT_RECORD_PASSPHRASE_COMMAND="pass show lab" labkit record keys --rotate"""
)
@workspace_option
@click.option("--rotate", is_flag=True, help="Sign with a new key from now on.")
def keys(workspace: Path | None, *, rotate: bool) -> None:
    """List the public keys of the keys that have signed records here, oldest first.

    Give the file to whoever verifies: `minisign -V` and `labkit record verify` take it. The first
    record makes the first key; it is encrypted where a passphrase is to be had from
    LABKIT_RECORD_PASSPHRASE, or from the command in LABKIT_RECORD_PASSPHRASE_COMMAND. The keys are
    in LABKIT_RECORD_KEYS, or in record-keys/ of the workspace.
    """
    from labkit.record.seal import signing_keys
    from labkit.workspace import default_root

    root = workspace or default_root()
    if rotate:
        before = signing_keys.known_keys(root)
        new = signing_keys.rotate(root)
        click.echo(f"{new.key_id} signs from now on.")
        if before:
            click.echo(
                "The secret key before it is deleted, though a backup or the disk itself may have "
                "it still. What it signed still verifies.\n"
            )
    known = signing_keys.known_keys(root)
    for key in known:
        signs = "signs now" if key.current else "signs no more"
        click.echo(f"{key.key_id}  {signs:<13}  made {key.made or 'elsewhere'}  {key.path}")
    if not known:
        click.echo("There is no signing key yet. The first `labkit record make` makes one.")


@record.command(
    "list",
    epilog="""\b
Examples:
  labkit record list
  labkit record list --fingerprint 91:5a:0c
  labkit record list records/ --operator jane --outcome failed --since 2026-11-01
  labkit record list --csv records.csv --html records.html""",
)
@click.argument(
    "folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@workspace_option
@click.option("--device", help="A thing's name, a board's label or its port's serial number.")
@click.option("--thing", help="The thing's name.")
@click.option("--fingerprint", metavar="HEX", help="The first digits of the device key's SHA-256.")
@click.option("--certificate", metavar="HEX", help="The first digits of the certificate's id.")
@click.option("--operator", help="Who did it, case-insensitive.")
@click.option(
    "--outcome",
    type=click.Choice(["accepted", "failed", "unfinished"]),
    help="How the run came out.",
)
@click.option("--since", metavar="DATE", help="A day or a time, UTC.")
@click.option("--until", metavar="DATE", help="A day, which counts whole, or a time.")
@click.option(
    "--csv", "csv_file", metavar="FILE", type=_FILE, help="Write a spreadsheet; - is the output."
)
@click.option("--html", "html_file", metavar="FILE", type=_FILE, help="Write a page with links.")
def list_(
    folder: Path | None,
    workspace: Path | None,
    csv_file: Path | None,
    html_file: Path | None,
    **asked: Any,  # noqa: ANN401 the options of `labkit.record.records`, by their names
) -> None:
    """List the records in FOLDER, or in records/ of the workspace, newest first.

    Nothing is verified. Exit code 1 where something was asked for and no record has it, so that a
    script can ask whether a key is in any.
    """
    from labkit.record import records

    found = records(folder or _default_root(workspace) / "records", **asked)
    if csv_file:
        mark = b"" if str(csv_file) == "-" else codecs.BOM_UTF8  # by which Excel knows UTF-8
        put(mark + found.csv().encode(), csv_file)
    if html_file:
        from labkit.record.listing.overview import to_html

        put(to_html(found, html_file.parent), html_file)
    if csv_file or html_file:
        click.echo(found.summary, err=True)
    else:
        click.echo(str(found))
    if found.filters and not found:
        click.get_current_context().exit(1)


def _default_root(workspace: Path | None) -> Path:
    from labkit.workspace import default_root

    return workspace or default_root()


for command in record_file.COMMANDS:
    record.add_command(command)

COMMANDS = (record,)
