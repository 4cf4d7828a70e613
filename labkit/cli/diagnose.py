"""`labkit diagnose`: what a console log shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from labkit.cli.options import FILE, INPUT, ends
from labkit.encodings import utf16_encoding
from labkit.errors import ConsoleError, WorkspaceError


@click.command(
    epilog=ends(
        "labkit diagnose console.log\n"
        "labkit diagnose console.log --firmware workspace/firmware --certificate deviceCert.pem\n"
        "labkit diagnose - --ask-account --certificate deviceCert.pem --format json < console.log",
        success="a diagnosis was printed, whatever it is",
        failure="CONSOLE_LOG is not a console text, or other evidence cannot be read",
    )
)
@click.argument("console_log", type=INPUT)
@click.option(
    "--firmware",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The firmware tree's folder.",
)
@click.option("--certificate", type=FILE, help="The device's certificate, PEM or DER.")
@click.option("--ca", type=FILE, help="The CA certificate, PEM or DER.")
@click.option("--ask-account", is_flag=True, help="Also query the lab's AWS account (read-only).")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The output format.",
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
    """Diagnose a console log: what happened, the likely cause, and the next step.

    CONSOLE_LOG is a file, or - for standard input. Only the newest boot's outcome counts. Extra
    evidence narrows the result; the output lists what is still missing.
    """
    from labkit import diagnosis
    from labkit.lab.header_evidence import read_headers

    text = _read(console_log)
    evidence = diagnosis.Evidence(
        headers=read_headers(firmware) if firmware else None,
        certificate=_evidence(certificate),
        ca=_evidence(ca),
        now=datetime.now(UTC),
    )
    if ask_account:
        from labkit import open_lab
        from labkit.lab.diagnosis_evidence import with_account

        evidence = with_account(open_lab(), evidence)
    found = diagnosis.diagnose(text, evidence)
    click.echo(json.dumps(found.as_dict(), indent=2) if form == "json" else repr(found))


def _evidence(file: Path | None) -> bytes | None:
    raw = file.read_bytes() if file else None
    if raw is not None and not raw.strip():
        raise WorkspaceError(
            f"{file} is empty; expected a certificate. Name the file with the certificate."
        )
    return raw


def _read(console_log: Path) -> bytes:
    """Read the log.

    Raises:
        ConsoleError: it is empty, or not text.
    """
    with click.open_file(str(console_log), "rb") as file:
        raw: bytes = file.read()
    name = "standard input" if str(console_log) == "-" else str(console_log)
    if not raw.strip():
        raise ConsoleError(
            f"{name} is empty; expected a console log. Capture the board's console again."
        )
    if not _is_text(raw):
        raise ConsoleError(
            f"{name}: expected a console log, got a binary file. Name the console's log. If this "
            "is it, capture it again at the console's baud rate."
        )
    return raw


_DAMAGED = frozenset(range(0x20)) - frozenset(b"\t\n\r\x1b\b\a\f") | {0x7F, 0xFFFD}
_DAMAGED_MAX = 0.25
"""A serial line damages some characters, mainly at a boot; in a binary file it is most."""

_CHECKED_BYTES = 1 << 20


def _is_text(raw: bytes) -> bool:
    """Return whether bytes are text; some characters may be damaged by a serial line."""
    start = raw[:_CHECKED_BYTES]
    text = start.decode(utf16_encoding(start) or "utf-8", "replace")
    return sum(ord(char) in _DAMAGED for char in text) <= _DAMAGED_MAX * len(text)


COMMANDS = (diagnose,)
