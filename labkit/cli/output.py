"""Write a command's result to a file, whole or not at all, or to standard output."""

from __future__ import annotations

from pathlib import Path

import click

from labkit.errors import WorkspaceError

_KEY_MARKER = b"PRIVATE" + b" KEY-----"


def put(content: str | bytes, output: Path | None) -> None:
    """Write a command's result to a file, or to standard output (None or `-`).

    Only regular files are replaced; a pipe or a device is written to.

    Raises:
        WorkspaceError: the file cannot be written, is one that the command reads, or holds a
            private key.
    """
    from labkit.workspace import write

    if output is None or str(output) == "-":
        click.echo(content, nl=False)
        return
    _refuse_what_would_be_lost(output)
    try:
        if output.exists() and not output.is_file():
            output.write_bytes(content.encode() if isinstance(content, str) else content)
        else:
            write(output, content)
    except OSError as error:
        raise WorkspaceError(
            f"{output} cannot be written: {error.strerror}. Name another file with -o."
        ) from None


def _refuse_what_would_be_lost(output: Path) -> None:
    """Refuse an output that is an input of the same command, or a private key's file."""
    given = click.get_current_context().params
    for name, path in given.items():
        if path is not output and isinstance(path, Path) and path.resolve() == output.resolve():
            raise WorkspaceError(
                f"{output} is also given for {name.replace('_', '-')}, and would be overwritten. "
                "Name another file for the output."
            )
    if output.is_file() and _KEY_MARKER in output.read_bytes():
        raise WorkspaceError(
            f"{output} holds a private key and is not overwritten. Name another file with -o."
        )
