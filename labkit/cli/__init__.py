"""The `labkit` command: what the pages do, from a terminal.

Errors go to standard error with exit code 1, wrong usage exits with 2, and no traceback reaches a
user (LABKIT_DEBUG=1 lets it through).
"""

from __future__ import annotations

import contextlib
import io
import os
import sys

import click

import labkit
from labkit.cli import account, bench, diagnose, files, headers, ports, record, run, site
from labkit.errors import LabError
from labkit.support.extras import naming_extras

__all__ = ["cli", "main"]

INTERRUPTED = 130
"""What a shell gives a program that Ctrl-C ended: 128 and the number of SIGINT."""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  labkit run                              provision a simulated device, start to hello world
  labkit key console.log                  the public key that a console log holds
  labkit diagnose console.log             what happened, why, and what to do next
  labkit firmware get keys.h keyCLIENT_CERTIFICATE_PEM
  labkit certificate show deviceCert.pem""",
)
@click.version_option(labkit.__version__, prog_name="labkit")
def cli() -> None:
    """Developer-mode key provisioning for Amazon FreeRTOS devices, in the lab."""


for module in (run, account, bench, diagnose, files, headers, ports, record, site):
    for command in module.COMMANDS:
        cli.add_command(command)


def main() -> None:
    """Run the command line and end with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a terminal cannot show is shown escaped, and stops no command.
            stream.reconfigure(errors="backslashreplace")
    code, message = _run()
    if message:
        click.echo(f"labkit: {message}", err=True)
    sys.exit(code)


def _run() -> tuple[int, str]:
    """Run the command line and return its exit code, and what is left to say."""
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
        return 1, _said_plainly(error)
    return (code if isinstance(code, int) else 0), ""


def _said_plainly(error: Exception) -> str:
    if isinstance(error, OSError):
        if error.filename is None:
            _drop_standard_output()
        return f"{error.filename or 'the output'}: {error.strerror or error}"
    return (
        f"this should not have happened: {type(error).__name__}. "
        "LABKIT_DEBUG=1 shows where; please report it."
    )


def _drop_standard_output() -> None:
    """Keep Python from trying once more, at its end, to write what could not be written."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
