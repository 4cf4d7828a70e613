"""Commands about macros in the demo's headers and sources; they need no bench."""

from __future__ import annotations

from pathlib import Path

import click

from labkit.errors import WorkspaceError

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(
    epilog="""\b
Examples:
  labkit firmware get aws_clientcredential.h clientcredentialIOT_THING_NAME
  labkit firmware set aws_clientcredential.h clientcredentialIOT_THING_NAME my-thing"""
)
def firmware() -> None:
    """Read and set macros in the demo's headers and sources."""


@firmware.command(
    epilog="""\b
Example:
  labkit firmware get aws_clientcredential.h clientcredentialIOT_THING_NAME"""
)
@click.argument("file", type=_FILE)
@click.argument("macro")
def get(file: Path, macro: str) -> None:
    """Print the value of MACRO in FILE; nothing where it is NULL.

    Private keys and passwords are not printed: only that they are set is said.
    """
    from labkit import firmware as sources

    found = sources.get(sources.decode(file.read_bytes()), macro)
    if found.value is None:
        return
    if _is_secret(found.name, found.value):
        click.echo(f"{found.name} is set, and is never shown", err=True)
    else:
        # As bytes: a value need not be UTF-8, nor the terminal's encoding.
        click.echo(sources.encode(found.value), nl=not found.value.endswith("\n"))


def _is_secret(name: str, value: str) -> bool:
    from labkit.firmware.kinds import SECRET, is_placeholder

    named = name in SECRET and value != "" and not is_placeholder(value)
    return named or "PRIVATE" + " KEY-----" in value


@firmware.command(
    "set",
    epilog="""\b
Examples:
  labkit firmware set aws_clientcredential.h clientcredentialIOT_THING_NAME my-thing
  labkit firmware set aws_clientcredential_keys.h keyCLIENT_CERTIFICATE_PEM --pem deviceCert.pem
  labkit firmware set aws_clientcredential_keys.h keyCLIENT_PRIVATE_KEY_PEM NULL --dry-run""",
)
@click.argument("file", type=_FILE)
@click.argument("macro")
@click.argument("value", required=False)
@click.option("--pem", type=_FILE, help="Take the value from a PEM file.")
@click.option("--dry-run", is_flag=True, help="Only show the difference.")
def set_macro(
    file: Path, macro: str, value: str | None, pem: Path | None, *, dry_run: bool
) -> None:
    """Set MACRO in FILE to VALUE (NULL for no value) and show the difference.

    What stood in FILE before the first change is kept in FILE.orig. A value that begins with a
    dash is given after `--`.
    """
    from labkit import firmware as sources

    if (value is None) == (pem is None):
        raise click.UsageError("give the VALUE, or --pem FILE, and not both.")
    told = sources.decode(pem.read_bytes()) if pem else value
    raw = file.read_bytes()
    edit = sources.edit(sources.decode(raw), macro, None if told == "NULL" else told)
    click.echo(sources.encode(edit.diff(file.name)), nl=False)
    if not edit.changed:
        click.echo("nothing to change: it says so already", err=True)
    elif not dry_run:
        _replace(file, raw, sources.encode(edit.new))


def _replace(file: Path, old: bytes, new: bytes) -> None:
    """Write a header; what stood there first stays beside it, readable by its owner only."""
    from labkit.workspace import write

    original = file.with_name(file.name + ".orig")
    try:
        if not original.exists():
            write(original, old, private=True)
            click.echo(f"the text before is kept in {original}", err=True)
        write(file, new)
    except OSError as error:
        raise WorkspaceError(
            f"{file} cannot be written: {error.strerror}. It is as it was."
        ) from None


COMMANDS = (firmware,)
