"""The file lab.toml: writing a new one, reading it, and changing values in it."""

from __future__ import annotations

import difflib
import re
import tomllib
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from labkit.encodings import decode_utf
from labkit.errors import WorkspaceError
from labkit.workspace.files import write
from labkit.workspace.routes import refuse_name
from labkit.workspace.settings import ROWS, TREES, Choice, Settings, settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


_BACKSLASH = re.compile(r'"[^"\n]*\\[^"\n]*"')
_LEADING_ZERO = re.compile(r"=[ \t]*0\d")


def read_settings(file: Path, choices: Mapping[str, Choice]) -> tuple[Settings, str | None]:
    """Return the settings, and the text of a new lab.toml if there is none yet.

    Args:
        file: lab.toml.
        choices: what overrides it.

    Raises:
        WorkspaceError: the file cannot be read, or a setting is not possible; the message names it.
    """
    text = None
    if not file.exists():
        # A page that names its route chooses it for itself, not for the pages after it.
        kept = {name: choice.value for name, choice in choices.items() if name != "device.route"}
        text = _new_file(kept)
    found = {} if text else _read(file)
    effective = {
        row.name: choices.get(row.name)
        or Choice(found.get(row.name, row.default), f"{row.name} in {file}")
        for row in ROWS.values()
    }
    for name, choice in effective.items():
        rule = ROWS[name].rule
        if not rule.accepts(choice.value):
            raise WorkspaceError(
                f"{choice.where} is {choice.value!r}; expected {rule.expected}. Fix it there."
            )
    settings = settings_of({name: choice.value for name, choice in effective.items()})
    refuse_name(settings.route, settings.chosen_name, effective["device.thing_name"].where)
    releases = sorted(path.name for path in TREES.iterdir() if path.is_dir())
    if settings.board_is_simulated and settings.release not in releases:
        raise WorkspaceError(
            f"{effective['device.release'].where} is {settings.release!r}; the simulated board has "
            f"{' and '.join(releases)}. Fix it there."
        )
    if settings.seed and not settings.is_simulated:
        raise WorkspaceError(
            "a seed is set, but the board or the account is real. A seeded key is for pages and "
            f"tests only: empty {effective['lab.seed'].where}, or leave both simulated."
        )
    return settings, text


def _new_file(chosen: Mapping[str, Any]) -> str:
    """Return the text of a new lab.toml: each table, with the help above each setting."""
    variables = ", ".join(row.variable for row in ROWS.values() if row.variable)
    lines = ["# The settings of this lab. These variables override them:", f"# {variables}"]
    table = ""
    for row in ROWS.values():
        before, (table, _, name) = table, row.name.partition(".")
        if table != before:
            lines += ["", f"[{table}]"]
        lines += [f"# {line}" for line in (row.help or row.rule.expected).splitlines()]
        lines.append(f"{name} = {tomlkit.item(chosen.get(row.name, row.default)).as_string()}")
    return "\n".join(lines) + "\n"


def _read(file: Path) -> dict[str, Any]:
    """Return the values in lab.toml, by setting."""
    text = ""
    try:
        text = decode_utf(file.read_bytes())
        tables = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WorkspaceError(
            f"{file}: {error}. {_hint(text)}Fix the file, or move it away and a new one is written."
        ) from None
    found = {
        f"{table}.{name}": value
        for table, settings in tables.items()
        for name, value in (settings.items() if isinstance(settings, dict) else [("", settings)])
    }
    if unknown := sorted(set(found) - set(ROWS)):
        name = unknown[0].rstrip(".")
        near = difflib.get_close_matches(name, ROWS, 1) or list(ROWS)
        raise WorkspaceError(
            f"{file}: {name} is not a setting; expected {' or '.join(near)}. Fix the file."
        )
    return found


def _hint(text: str) -> str:
    """Return what people often forget in TOML, if a text that is not TOML shows it."""
    if _BACKSLASH.search(text):
        return (
            "In double quotes, a backslash begins an escape: write a Windows path in single "
            "quotes, such as 'C:\\Users\\lab'. "
        )
    if _LEADING_ZERO.search(text):
        return (
            'A number cannot begin with 0: write an account id in quotes, such as "012345678901". '
        )
    return ""


def set_in_lab_toml(file: Path, values: Mapping[str, str | int]) -> None:
    """Set values in lab.toml, all of them or none.

    Args:
        file: lab.toml, which exists.
        values: the new values by setting, such as `{"device.url": "/dev/ttyUSB0"}`.

    Raises:
        WorkspaceError: the file cannot be read or changed; it is as it was.
    """
    try:
        text = decode_utf(file.read_bytes())
        write(file, edited(text, values))
    except (OSError, ValueError) as error:  # text that is not UTF-8 or not TOML is a ValueError
        wanted = ", ".join(
            f"{name} = {tomlkit.item(value).as_string()}" for name, value in values.items()
        )
        raise WorkspaceError(
            f"{file} cannot be changed: {error}. It is as it was; set by hand: {wanted}."
        ) from None


def edited(text: str, values: Mapping[str, str | int]) -> str:
    """Return a TOML text with values of its tables set; comments and layout are kept.

    Raises:
        ValueError: the text is not TOML, or a table's name is not a table in it.
    """
    expected = tomllib.loads(text)
    try:
        document = tomlkit.parse(text)
        for setting, value in values.items():
            table, _, name = setting.partition(".")
            if not isinstance(expected.setdefault(table, {}), dict):
                raise ValueError(f"{table} is not a table")  # noqa: TRY004 as for text that is not TOML
            expected[table][name] = value
            document.setdefault(table, tomlkit.table())[name] = value
        result = tomlkit.dumps(document)
    except TOMLKitError as error:
        raise ValueError(str(error)) from error
    if tomllib.loads(result) != expected:
        raise ValueError("the text would no longer have the same meaning")
    return result
