"""The `labkit` command: the steps of the pages, from a terminal.

Errors go to standard error with exit code 1, wrong usage exits with 2. A traceback is shown only
with LABKIT_DEBUG=1.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys

import click

import labkit
from labkit.cli import (
    account,
    board,
    certificate,
    diagnose,
    firmware,
    key,
    manual,
    ports,
    record,
    run,
    simulate,
    status,
)
from labkit.cli.options import ends
from labkit.errors import LabError
from labkit.support.extras import naming_extras

__all__ = ["cli", "main"]

INTERRUPTED = 130
"""A shell's exit code for a program that Ctrl-C ended: 128 and the number of SIGINT."""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=ends(
        "labkit run\n"
        "labkit status\n"
        "labkit key console.log\n"
        "labkit diagnose console.log\n"
        "labkit certificate show deviceCert.pem"
    ),
)
@click.version_option(labkit.__version__, prog_name="labkit")
def cli() -> None:
    """Provision keys and certificates of Amazon FreeRTOS devices in developer mode."""


_MODULES = (
    *(run, account, simulate, status, manual, board, key, certificate, firmware),
    *(diagnose, ports, record),
)
for module in _MODULES:
    for command in module.COMMANDS:
        cli.add_command(command)


def main() -> None:
    """Run the command line and end with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Characters that the terminal cannot show are escaped.
            stream.reconfigure(errors="backslashreplace")
    code, message = _run()
    if message:
        click.echo(f"labkit: {message}", err=True)
    sys.exit(code)


def _run() -> tuple[int, str]:
    """Run the command line; return its exit code, and a message for standard error."""
    try:
        with naming_extras():
            code = cli.main(prog_name="labkit", standalone_mode=False)
    except click.exceptions.Abort:
        return INTERRUPTED, "interrupted"
    except click.ClickException as error:
        error.show()
        return error.exit_code, ""
    except LabError as error:
        return 1, str(error)
    except Exception as error:
        if os.environ.get("LABKIT_DEBUG"):
            raise
        return 1, _message(error)
    return (code if isinstance(code, int) else 0), ""


def _message(error: Exception) -> str:
    if isinstance(error, OSError):
        if error.filename is None:
            _drop_standard_output()
        return f"{error.filename or 'the output'}: {error.strerror or error}"
    return (
        f"unexpected error: {type(error).__name__}. Run the command again with LABKIT_DEBUG=1 to "
        "see where, and report it."
    )


def _drop_standard_output() -> None:
    """Prevent Python from writing again, at its end, what could not be written."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
