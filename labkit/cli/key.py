"""`labkit key`: the public key in a console log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from labkit.cli.options import INPUT, ends, output_option
from labkit.cli.output import put
from labkit.errors import NoDumpError, in_file

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.console import Console
    from labkit.keys import PublicKey


@click.command(
    epilog=ends(
        "labkit key console.log\n"
        "labkit key console.log --format pem -o DevicePublicKey.pem\n"
        "labkit key - --format json < console.log",
        failure="there is no complete public key; the message states what to do next",
    )
)
@click.argument("console_log", type=INPUT)
@click.option(
    "--format",
    "form",
    type=click.Choice(["pem", "der", "hex", "json"]),
    default="pem",
    show_default=True,
    help="The output format; der is binary, json adds what is known about the dump.",
)
@output_option
def key(console_log: Path, form: str, output: Path | None) -> None:
    """Print the newest public key in a console log.

    CONSOLE_LOG is a file, or - for standard input. A file without a dump may have the key as PEM.
    """
    from labkit import console, keys

    with click.open_file(str(console_log), "rb") as file:
        log = console.parse(file)
    notes = list(log.notes)
    with in_file("standard input" if str(console_log) == "-" else console_log):
        try:
            public_key = log.public_key()
        except NoDumpError:
            if (pem := _last_pem(console_log)) is None:
                raise
            public_key = keys.PublicKey.from_pem(pem)
            notes.append("the board printed its key as PEM, not as a dump; the last one is used.")
    forms: dict[str, str | bytes] = {
        "pem": public_key.pem,
        "der": public_key.der,
        "hex": public_key.der.hex() + "\n",
        "json": _as_json(log, public_key, notes),
    }
    put(forms[form], output)
    for note in notes:
        click.echo(f"note: {note}", err=True)


def _last_pem(console_log: Path) -> str | None:
    """Return the last public key in PEM of a log, or None; standard input is read only once."""
    from labkit import pem

    if str(console_log) == "-":
        return None
    blocks = pem.blocks(pem.plain(console_log.read_bytes()))
    keys = [block.text for block in blocks if block.label in pem.LABELS["public key"]]
    return keys[-1] if keys else None


def _as_json(log: Console, public_key: PublicKey, notes: list[str]) -> str:
    newest = log.newest
    facts = {
        "der_hex": public_key.der.hex(),
        "sha256": public_key.sha256,
        "rows": newest.rows if newest else 0,
        "dumps": log.dumps,
        "generated": newest.generated if newest else None,
        "notes": notes,
    }
    return json.dumps(facts, indent=2) + "\n"


COMMANDS = (key,)
