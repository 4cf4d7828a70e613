"""The `labkit` command: what the pages do, from a terminal.

Errors go to standard error with exit code 1, wrong usage exits with 2, and no traceback reaches a
user (LABKIT_DEBUG=1 lets it through).
"""

from __future__ import annotations

import os
import sys

import click

import labkit
from labkit.cli import bench, files
from labkit.errors import LabError

__all__ = ["cli", "main"]


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  labkit run                              provision a simulated device, start to hello world
  labkit key console.log                  the public key that a console log holds
  labkit firmware get keys.h keyCLIENT_CERTIFICATE_PEM
  labkit certificate show deviceCert.pem""",
)
@click.version_option(labkit.__version__, prog_name="labkit")
def cli() -> None:
    """Developer-mode key provisioning for Amazon FreeRTOS devices, in the lab."""


for command in (bench.run, bench.simulate, bench.status, bench.stop, bench.open_manual, bench.board):
    cli.add_command(command)
for command in (files.key, files.certificate, files.firmware):
    cli.add_command(command)


def main() -> None:
    """Run the command line and end with its exit code."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        _end("interrupted", 130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except LabError as error:
        _end(str(error), 1)
    except OSError as error:
        if os.environ.get("LABKIT_DEBUG"):
            raise
        _end(f"{error.filename or 'a file'}: {error.strerror or error}", 1)
    except Exception as error:
        if os.environ.get("LABKIT_DEBUG"):
            raise
        _end(
            f"this should not have happened: {type(error).__name__}. "
            "LABKIT_DEBUG=1 shows where; please report it.",
            1,
        )
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _end(message: str, code: int) -> None:
    click.echo(f"labkit: {message}", err=True)
    sys.exit(code)
