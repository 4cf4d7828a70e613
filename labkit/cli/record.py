"""`labkit record`: signed records of runs, their list and their keys."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import click

from labkit.cli import record_file
from labkit.cli.options import INPUT, ends, root_of, workspace_option
from labkit.cli.output import put


@click.group(
    epilog=ends(
        'labkit record make --operator "Jane Doe" --board "shelf 3, left"\n'
        "labkit record verify board-7.eln --public-key jane.pub\n"
        "labkit record list"
    )
)
def record() -> None:
    """Make, verify, show, list and replay signed records of runs."""


@record.command(epilog=ends("labkit record keys\nlabkit record keys --rotate"))
@workspace_option
@click.option("--rotate", is_flag=True, help="Replace the signing key with a new one.")
def keys(workspace: Path | None, *, rotate: bool) -> None:
    """List the public keys of this workspace's records.

    The oldest is first.

    Give a key's file to the person who verifies: `minisign -V` and `labkit record verify` accept
    it. The first record creates the first key. It is encrypted if LABKIT_RECORD_PASSPHRASE has a
    passphrase, or the command in LABKIT_RECORD_PASSPHRASE_COMMAND prints one. The keys are in
    LABKIT_RECORD_KEYS, or in record-keys/ of the workspace.
    """
    from labkit.record.seal import signing_keys

    root = root_of(workspace)
    if rotate:
        before = signing_keys.known_keys(root)
        new = signing_keys.rotate(root)
        click.echo(f"{new.key_id} signs from now on.")
        if before:
            click.echo(
                "The previous secret key is deleted, but may still be in a backup or on the disk. "
                "Records that it signed can still be verified.\n"
            )
    known = signing_keys.known_keys(root)
    for key in known:
        signs = "signs now" if key.current else "replaced"
        click.echo(f"{key.key_id}  {signs:<13}  made {key.made or 'elsewhere'}  {key.path}")
    if not known:
        click.echo("There is no signing key yet. The first `labkit record make` creates one.")


@record.command(
    "list",
    epilog=ends(
        "labkit record list\n"
        "labkit record list --operator jane --outcome accepted --since 2026-01-01\n"
        "labkit record list records/ --csv records.csv --html records.html",
        failure="no record matches the filters, or a folder or file cannot be used",
    ),
)
@click.argument(
    "folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@workspace_option
@click.option("--device", help="The thing's name, the board's label or its port's serial number.")
@click.option("--thing", help="The thing's name.")
@click.option("--fingerprint", metavar="HEX", help="The first digits of the device key's SHA-256.")
@click.option("--certificate", metavar="HEX", help="The first digits of the certificate's id.")
@click.option("--operator", help="The operator's name, or a part of it (case-insensitive).")
@click.option(
    "--outcome",
    type=click.Choice(["accepted", "failed", "unfinished"]),
    help="The outcome of the run.",
)
@click.option("--since", metavar="DATE", help="The first day or time, UTC.")
@click.option("--until", metavar="DATE", help="The last day (inclusive) or time, UTC.")
@click.option(
    "--csv",
    "csv_file",
    metavar="FILE",
    type=INPUT,
    help="The CSV file to write, or - for standard output.",
)
@click.option(
    "--html",
    "html_file",
    metavar="FILE",
    type=INPUT,
    help="The HTML file to write, with links to the records.",
)
def list_(
    folder: Path | None,
    workspace: Path | None,
    csv_file: Path | None,
    html_file: Path | None,
    **filters: Any,  # noqa: ANN401 the options of `labkit.record.records`, by their names
) -> None:
    """List the records in a folder, newest first.

    FOLDER is records/ of the workspace if omitted. Nothing is verified. A script can find out by
    the exit code whether any record has a key.
    """
    from labkit.record import records

    found = records(folder or root_of(workspace) / "records", **filters)
    if csv_file:
        mark = b"" if str(csv_file) == "-" else codecs.BOM_UTF8  # Excel recognizes UTF-8 by it
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


for command in record_file.COMMANDS:
    record.add_command(command)

COMMANDS = (record,)
