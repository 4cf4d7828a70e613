"""`labkit key`: the public key in a console log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from labkit.cli.options import INPUT, ends, output_option
from labkit.cli.output import put
from labkit.errors import in_file

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.console import Console


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

    CONSOLE_LOG is a file, or - for standard input.
    """
    from labkit import console

    with click.open_file(str(console_log), "rb") as file:
        log = console.parse(file)
    with in_file("standard input" if str(console_log) == "-" else console_log):
        public_key = log.public_key()
    forms: dict[str, str | bytes] = {
        "pem": public_key.pem,
        "der": public_key.der,
        "hex": public_key.der.hex() + "\n",
        "json": _as_json(log),
    }
    put(forms[form], output)
    for note in log.notes:
        click.echo(f"note: {note}", err=True)


def _as_json(log: Console) -> str:
    public_key = log.public_key()
    newest = log.newest
    facts = {
        "der_hex": public_key.der.hex(),
        "sha256": public_key.sha256,
        "rows": newest.rows if newest else 0,
        "dumps": log.dumps,
        "generated": newest.generated if newest else None,
        "notes": list(log.notes),
    }
    return json.dumps(facts, indent=2) + "\n"


COMMANDS = (key,)
