"""`labkit record make`, `verify`, `show` and `replay`: one record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from labkit.cli.options import (
    ends,
    open_lab,
    root_of,
    route_option,
    thing_option,
    workspace_option,
)

if TYPE_CHECKING:
    from labkit.check import Check
    from labkit.record.reading import Record

_RECORD = click.Path(exists=True, dir_okay=False, path_type=Path)
_public_key_option = click.option(
    "-p",
    "--public-key",
    "given",
    multiple=True,
    metavar="KEY",
    help="A minisign public key or its file; repeatable  [default: the workspace's keys]",
)


@click.command(
    epilog=ends(
        'labkit record make --operator "Jane Doe" --board "shelf 3, left"\n'
        "labkit record make -o jane-board-7.eln\n"
        "labkit record make --thing my-device -o records/",
        failure="a check of the record failed (it is written then, too), or nothing was written",
    )
)
@workspace_option
@thing_option
@route_option
@click.option("--operator", default="", help="The operator's name  [default: the login name]")
@click.option("--board", default="", help="The board, such as the label on it.")
@click.option("--notes", default="", help="Any other remarks.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The file (.eln) or folder to write  [default: records/ in the workspace]",
)
def make(
    *,
    workspace: Path | None,
    thing: str | None,
    route: str | None,
    output: Path | None,
    operator: str,
    board: str,
    notes: str,
) -> None:
    """Make a signed record of a device's run, in one file.

    The run may be accepted, failed or unfinished. Private keys, tokens and passwords are never in a
    record: known ones are replaced by a placeholder; for any other the message names file and kind,
    and nothing is written.
    """
    from labkit.record.making import make as make_record

    lab = open_lab(workspace, thing_name=thing, route=route)
    made = make_record(lab, operator=operator, board=board, notes=notes, to=output)
    click.echo(str(made))
    if not all(made.checks):
        click.get_current_context().exit(1)


@click.command(
    epilog=ends(
        "labkit record verify board-7.eln\n"
        "labkit record verify board-7.eln --public-key jane.pub\n"
        "labkit record verify board-7.eln --ask-account --console fresh.log",
        success="the record is exactly as signed, consistent, and what was asked is still true",
        failure="it is not, or a file cannot be read",
    )
)
@click.argument("file", type=_RECORD)
@_public_key_option
@workspace_option
@click.option(
    "--ask-account", is_flag=True, help="Query the account: is what the record states still true?"
)
@click.option(
    "--console", type=_RECORD, help="Check the key in this new console log against the record."
)
def verify(
    file: Path,
    given: tuple[str, ...],
    workspace: Path | None,
    console: Path | None,
    *,
    ask_account: bool,
) -> None:
    """Verify a record with a public key.

    FILE is the record; nothing else is needed.
    """
    from labkit.record.verifying import verify as verify_record

    verified = verify_record(file, _public_keys(given, workspace))
    click.echo(str(verified))
    still = _still_true(verified.record, workspace, console, ask_account=ask_account)
    if still:
        click.echo("\nIs it still true?")
        click.echo("\n".join(map(str, still)))
    if not (verified.holds and all(still)):
        click.get_current_context().exit(1)


@click.command(epilog=ends("labkit record show board-7.eln", failure="FILE is not a record"))
@click.argument("file", type=_RECORD)
def show(file: Path) -> None:
    """Describe the record in FILE; nothing is verified."""
    from labkit.record.reading import show as show_record

    click.echo(str(show_record(file)))


@click.command(
    epilog=ends(
        "labkit record replay board-7.eln\n"
        "labkit record replay board-7.eln --public-key jane.pub\n"
        "labkit record replay board-7.eln --unverified",
        success="every artefact that can be made again is as the record states",
        failure="an artefact differs, or the record cannot be verified",
    )
)
@click.argument("file", type=_RECORD)
@_public_key_option
@workspace_option
@click.option("--unverified", is_flag=True, help="Do not verify the record's signature first.")
def replay(file: Path, given: tuple[str, ...], workspace: Path | None, *, unverified: bool) -> None:
    """Repeat the work in a record, and compare each artefact.

    FILE is the record. It is verified first. The console log is parsed again, the certificate is
    checked against it, and the edited sources are rebuilt. A seeded run on a simulated bench is
    repeated as a whole, in a temporary folder.
    """
    from labkit.record.replaying import replay as replay_record

    keys = [] if unverified else _public_keys(given, workspace)
    replayed = replay_record(file, keys, unverified=unverified)
    click.echo(str(replayed))
    if not replayed.holds:
        click.get_current_context().exit(1)


def _still_true(
    recorded: Record, workspace: Path | None, console: Path | None, *, ask_account: bool
) -> list[Check]:
    from labkit.record.verifying import ask_account as ask
    from labkit.record.verifying import ask_console

    still: list[Check] = []
    if ask_account:
        still += ask(recorded, open_lab(workspace).account)
    if console:
        still.append(ask_console(recorded, console.read_bytes()))
    return still


def _public_keys(given: tuple[str, ...], workspace: Path | None) -> list[str]:
    from labkit.errors import RecordError
    from labkit.record.seal.signing_keys import public_keys

    if given:
        return [_public_key(each) for each in given]
    root = root_of(workspace)
    keys = public_keys(root)
    if not keys:
        raise RecordError(
            f"{root} has no public key. Name one with --public-key: it is a .pub file in "
            "record-keys/ of the workspace in which the record was made."
        )
    return keys


def _public_key(given: str) -> str:
    """Return a public key: the text of a file, or the argument itself."""
    from labkit.encodings import decode_utf

    path = Path(given)
    try:
        return decode_utf(path.read_bytes()) if path.is_file() else given
    except (OSError, UnicodeDecodeError):
        return given


COMMANDS = (make, verify, show, replay)
