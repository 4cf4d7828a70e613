"""The command that diagnoses a console log."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from labkit.errors import ConsoleError

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(
    epilog="""\b
Examples:
  labkit diagnose console.log
  labkit diagnose console.log --firmware ~/amazon-freertos --certificate deviceCert.pem
  labkit diagnose - --ask-account --certificate deviceCert.pem --format json < console.log"""
)
@click.argument("console_log", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--firmware", type=click.Path(path_type=Path), help="The firmware tree's folder.")
@click.option("--certificate", type=_FILE, help="The device certificate, PEM or DER.")
@click.option("--ca", type=_FILE, help="The CA certificate, PEM or DER.")
@click.option("--ask-account", is_flag=True, help="Ask the lab's account; only reading.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def diagnose(
    *,
    console_log: Path,
    firmware: Path | None,
    certificate: Path | None,
    ca: Path | None,
    ask_account: bool,
    form: str,
) -> None:
    """Say what CONSOLE_LOG (or - for standard input) shows, why, and what to do next.

    Only the newest boot's outcome counts. The more it is given beside the log, the more it can
    decide; what is missing for a decision is named. The exit code is 0 whatever the diagnosis.
    """
    from labkit import diagnosis
    from labkit.lab.header_evidence import read_headers

    text = _read(console_log)
    evidence = diagnosis.Evidence(
        headers=read_headers(firmware) if firmware else None,
        certificate=certificate.read_bytes() if certificate else None,
        ca=ca.read_bytes() if ca else None,
        now=datetime.now(UTC),
    )
    if ask_account:
        from labkit import open_lab
        from labkit.lab.diagnosing import with_account

        evidence = with_account(open_lab(), evidence)
    found = diagnosis.diagnose(text, evidence)
    click.echo(json.dumps(found.as_dict(), indent=2) if form == "json" else repr(found))


def _read(console_log: Path) -> bytes:
    """Read the log, and refuse what is none.

    Raises:
        ConsoleError: there is nothing in it, or it is no text.
    """
    with click.open_file(str(console_log), "rb") as file:
        raw: bytes = file.read()
    name = "standard input" if str(console_log) == "-" else str(console_log)
    if not raw.strip():
        raise ConsoleError(
            f"{name}: expected console text, came nothing. Capture the board's console again."
        )
    if not _is_text(raw):
        raise ConsoleError(
            f"{name}: expected console text, came a binary file. Give the console's log; if it is "
            "one, check the baud rate that it was captured at."
        )
    return raw


_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SPOILT = frozenset(range(0x20)) - frozenset(b"\t\n\r\x1b\b\a\f") | {0x7F, 0xFFFD}
_SPOILT_MAX = 0.25
"""A serial line spoils some characters, most of all at a boot; in a binary file it is most."""

_LOOKED_AT = 1 << 20


def _is_text(raw: bytes) -> bool:
    """Return whether bytes are text, with what a serial line may have spoilt of it."""
    if raw.startswith(_MARKS):
        return True
    text = raw[:_LOOKED_AT].decode("utf-8", "replace")
    return sum(ord(char) in _SPOILT for char in text) <= _SPOILT_MAX * len(text)


COMMANDS = (diagnose,)
