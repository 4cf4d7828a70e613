"""`labkit record`: what was done to a board, in a file that cannot be quietly changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from labkit.cli.options import workspace_option

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["COMMANDS", "record"]


@click.group()
def record() -> None:
    """Records: which key is in which board, who put it there, with what."""


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
    from labkit.record import signing_keys
    from labkit.workspace import default_root

    root = workspace or default_root()
    if rotate:
        new = signing_keys.rotate(root)
        click.echo(
            f"{new.key_id} signs from now on. The secret key before it is deleted (a backup may "
            "have it still); what it signed still verifies.\n"
        )
    known = signing_keys.known_keys(root)
    for key in known:
        signs = "signs now" if key.current else "signs no more"
        click.echo(f"{key.key_id}  {signs:<13}  made {key.made or 'elsewhere'}  {key.path}")
    if not known:
        click.echo("There is no signing key yet. The first `labkit record make` makes one.")


COMMANDS = (record,)
