"""`labkit record make`, `verify`, `show` and `replay`: one record, made and read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from labkit.cli.options import route_option, thing_option, workspace_option

if TYPE_CHECKING:
    from labkit.check import Check
    from labkit.lab.lab import Lab
    from labkit.record.reading import Record

_RECORD = click.Path(exists=True, dir_okay=False, path_type=Path)
_public_key_option = click.option(
    "-p",
    "--public-key",
    "given",
    multiple=True,
    metavar="KEY",
    help="A minisign public key, or its file; several may be given  [default: the workspace's]",
)


@click.command(
    epilog="""\b
Examples:
  labkit record make --operator "Jane Doe" --board "shelf 3, left"
  labkit record make -o jane-board-7.eln
  labkit record make --thing my-device -o records/"""
)
@workspace_option
@thing_option
@route_option
@click.option("--operator", default="", help="Who did it  [default: the login name]")
@click.option("--board", default="", help="Which board, such as the label on it.")
@click.option("--notes", default="", help="What else there is to say.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The file (.eln) or the folder  [default: records/ in the workspace]",
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
    """Make a record of a device's run as it stands, signed, in one file.

    An accepted, a failed and an unfinished run have one alike. Private keys, tokens and passwords
    never get into it: what has a place-holder is replaced, and of anything else you are told file
    and kind, and nothing is written. Exit code 1 where the record's own checks fail; the record
    is there then, too.
    """
    from labkit.record.making import make as make_record

    lab = _lab(workspace, thing, route)
    made = make_record(lab, operator=operator, board=board, notes=notes, to=output)
    click.echo(str(made))
    if not all(made.checks):
        click.get_current_context().exit(1)


@click.command(
    epilog="""\b
Examples:
  labkit record verify board-7.eln
  labkit record verify board-7.eln --public-key jane.pub
  labkit record verify board-7.eln --ask-account --console fresh.log"""
)
@click.argument("file", type=_RECORD)
@_public_key_option
@workspace_option
@click.option("--ask-account", is_flag=True, help="Ask the account whether it is still true.")
@click.option("--console", type=_RECORD, help="A fresh console log: has the board still the key?")
def verify(
    file: Path,
    given: tuple[str, ...],
    workspace: Path | None,
    console: Path | None,
    *,
    ask_account: bool,
) -> None:
    """Verify a record from FILE and a public key alone.

    Exit code 0 only if it is bit for bit as it was signed, everything in it agrees, and what was
    asked beside is still true.
    """
    from labkit.record.verifying import verify as verify_record

    verified = verify_record(file, _public_keys(given, workspace))
    click.echo(str(verified))
    still = _still(verified.record, workspace, console, ask_account=ask_account)
    if still:
        click.echo("\nIs it still true?")
        click.echo("\n".join(map(str, still)))
    if not (verified.holds and all(still)):
        click.get_current_context().exit(1)


@click.command(
    epilog="""\b
Examples:
  labkit record show board-7.eln"""
)
@click.argument("file", type=_RECORD)
def show(file: Path) -> None:
    """Describe what a record, FILE, says of itself. Nothing is verified."""
    from labkit.record.reading import show as show_record

    click.echo(str(show_record(file)))


@click.command(
    epilog="""\b
Examples:
  labkit record replay board-7.eln
  labkit record replay board-7.eln --public-key jane.pub
  labkit record replay board-7.eln --unverified"""
)
@click.argument("file", type=_RECORD)
@_public_key_option
@workspace_option
@click.option("--unverified", is_flag=True, help="Replay what nobody vouches for.")
def replay(file: Path, given: tuple[str, ...], workspace: Path | None, *, unverified: bool) -> None:
    """Make again what a record holds, from FILE alone, and say of each artefact what came of it.

    The console log is parsed again, the certificate checked against it, the edited sources are
    rebuilt; a seeded run of a simulated bench is done again as a whole, in a temporary folder. The
    record is verified first. Exit code 1 where something differs from what the record says.
    """
    from labkit.record.replaying import replay as replay_record

    keys = [] if unverified else _public_keys(given, workspace)
    replayed = replay_record(file, keys, unverified=unverified)
    click.echo(str(replayed))
    if not replayed.holds:
        click.get_current_context().exit(1)


def _lab(workspace: Path | None, thing: str | None = None, route: str | None = None) -> Lab:
    from labkit.lab.lab import open_lab

    chosen = {"thing_name": thing, "route": route}
    return open_lab(workspace, **{name: value for name, value in chosen.items() if value})


def _still(
    recorded: Record, workspace: Path | None, console: Path | None, *, ask_account: bool
) -> list[Check]:
    from labkit.record.verifying import ask_account as ask
    from labkit.record.verifying import ask_console

    still: list[Check] = []
    if ask_account:
        still += ask(recorded, _lab(workspace).account)
    if console:
        still.append(ask_console(recorded, console.read_bytes()))
    return still


def _public_keys(given: tuple[str, ...], workspace: Path | None) -> list[str]:
    from labkit.errors import RecordError
    from labkit.record.seal.signing_keys import public_keys
    from labkit.workspace import default_root

    if given:
        return [_public_key(each) for each in given]
    root = workspace or default_root()
    keys = public_keys(root)
    if not keys:
        raise RecordError(
            f"{root} has no public key of its own. Name one with --public-key: whoever made the "
            "record has it in record-keys/, a .pub file."
        )
    return keys


def _public_key(given: str) -> str:
    """Return a public key's text, of a file or as it was given."""
    path = Path(given)
    try:
        return path.read_text("utf-8") if path.is_file() else given
    except (OSError, UnicodeDecodeError):
        return given


COMMANDS = (make, verify, show, replay)
