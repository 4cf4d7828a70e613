"""`labkit firmware`: macros in the demo's headers and sources. Only files are needed, no bench."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from labkit.cli.options import FILE, ends
from labkit.errors import FirmwareError, WorkspaceError, in_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


_CONDITIONS = (
    click.option(
        "-D",
        "defined",
        metavar="NAME[=VALUE]",
        multiple=True,
        help="A macro that is defined outside FILE, for its #if; 1 without VALUE.",
    ),
    click.option(
        "-U",
        "undefined",
        metavar="NAME",
        multiple=True,
        help="A macro that is not defined outside FILE.",
    ),
)


def _with_conditions(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for macros from outside the file."""
    for option in reversed(_CONDITIONS):
        command = option(command)
    return command


def _defines(defined: tuple[str, ...], undefined: tuple[str, ...]) -> dict[str, str | None]:
    pairs = [each.partition("=") for each in defined]
    given: dict[str, str | None] = dict.fromkeys(undefined)
    return given | {name: value if equals else "1" for name, equals, value in pairs}


def _show(file: Path, remarks: Iterable[str]) -> None:
    for each in remarks:
        click.echo(f"{file}, {each}", err=True)


@click.group(
    epilog=ends(
        "labkit firmware get aws_clientcredential.h clientcredentialIOT_THING_NAME\n"
        "labkit firmware set aws_clientcredential.h clientcredentialIOT_THING_NAME my-thing"
    )
)
def firmware() -> None:
    """Read and set macros in the demo's headers and sources."""


@firmware.command(
    epilog=ends(
        "labkit firmware find firmware",
        failure="the files of the demo are not in TREE, or several candidates are",
    )
)
@click.argument("tree", type=click.Path(path_type=Path), default=".")
def find(tree: Path) -> None:
    """Print what a firmware tree has: its files, its release and the possible options.

    TREE is the top folder of the source tree, by default the current folder.
    """
    from labkit.firmware.tree import find_sources

    click.echo(repr(find_sources(tree.absolute())))


@firmware.command(
    epilog=ends(
        "labkit firmware get aws_clientcredential.h clientcredentialIOT_THING_NAME",
        failure="MACRO is not defined in FILE, or not as a value that can be read",
    )
)
@click.argument("file", type=FILE)
@click.argument("macro")
@_with_conditions
def get(file: Path, macro: str, defined: tuple[str, ...], undefined: tuple[str, ...]) -> None:
    """Print the value of a macro.

    Nothing is printed for MACRO if it is NULL in FILE. Private keys and passwords are not printed,
    only that they are set. Remarks on FILE and on the value are printed on standard error.
    """
    from labkit import firmware as sources

    with in_file(file):
        text = sources.decode(file.read_bytes())
        _show(file, sources.faults(text))
        defines = _defines(defined, undefined)
        found = sources.get(text, macro, defines=defines)
        _show(file, sources.remarks(text, macro, defines=defines))
    if found.value is None:
        return
    if _is_secret(found.name, found.value):
        click.echo(f"{found.name} is set; its value is secret and is not shown", err=True)
    else:
        # As bytes: a value need not be UTF-8, nor the terminal's encoding.
        click.echo(sources.encode(found.value), nl=not found.value.endswith("\n"))


def _is_secret(name: str, value: str) -> bool:
    from labkit.firmware.kinds import is_secret
    from labkit.firmware.values import is_placeholder

    named = is_secret(name) and value != "" and not is_placeholder(value)
    return named or "PRIVATE" + " KEY-----" in value


@firmware.command(
    "set",
    epilog=ends(
        "labkit firmware set aws_clientcredential.h clientcredentialIOT_THING_NAME my-thing\n"
        "labkit firmware set aws_clientcredential_keys.h keyCLIENT_CERTIFICATE_PEM "
        "--pem deviceCert.pem\n"
        "labkit firmware set aws_clientcredential_keys.h keyCLIENT_PRIVATE_KEY_PEM NULL --dry-run",
        failure="FILE was not changed; the message states why",
    ),
)
@click.argument("file", type=FILE)
@click.argument("macro")
@click.argument("value", required=False)
@click.option("--pem", type=FILE, help="The PEM file whose text is the value.")
@click.option("--dry-run", is_flag=True, help="Show the difference only; write nothing.")
@_with_conditions
def set_macro(
    *,
    file: Path,
    macro: str,
    value: str | None,
    pem: Path | None,
    dry_run: bool,
    defined: tuple[str, ...],
    undefined: tuple[str, ...],
) -> None:
    """Set a macro in a file and show the difference.

    VALUE may be NULL, for no value.

    FILE.orig keeps FILE as it was before the first change. Put `--` before a VALUE that begins
    with a dash.
    """
    from labkit import firmware as sources
    from labkit.firmware.values import refuse_value

    if (value is None) == (pem is None):
        raise click.UsageError("give either VALUE or --pem FILE.")
    text = _pem_text(pem) if pem else value
    raw = file.read_bytes()
    with in_file(file):
        old = sources.decode(raw)
        given = None if text == "NULL" else text
        defines = _defines(defined, undefined)
        refuse_value(macro, given)
        edit = sources.edit(old, macro, given, defines=defines)
        if broken := sources.faults(edit.new):
            raise FirmwareError((*sources.faults(old), *broken)[0])
        remarks = sources.remarks(edit.new, macro, defines=defines)
    click.echo(sources.encode(edit.diff(file.name)), nl=False)
    _show(file, remarks)
    if not edit.changed:
        click.echo(f"{file}: {macro} already has this value; nothing was changed", err=True)
    elif not dry_run:
        _replace(file, raw, sources.encode(edit.new))


def _pem_text(file: Path) -> str:
    """Return the text of a PEM file; a certificate in DER or PKCS #7 as PEM."""
    from labkit import certificates
    from labkit import pem as pem_blocks

    raw = file.read_bytes()
    if raw.startswith(b"\x30"):
        with in_file(file):
            return certificates.to_pem(certificates.load_certificate(raw))
    return pem_blocks.plain(raw)


def _replace(file: Path, old: bytes, new: bytes) -> None:
    """Write a header, and keep its first text in FILE.orig, readable by its owner only."""
    from labkit.workspace import write

    original = file.with_name(file.name + ".orig")
    try:
        if not original.exists():
            write(original, old, private=True)
            click.echo(f"the original text is kept in {original}", err=True)
        write(file, new)
    except OSError as error:
        raise WorkspaceError(
            f"{file} cannot be written: {error.strerror}. It is unchanged."
        ) from None


COMMANDS = (firmware,)
