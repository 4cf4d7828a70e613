"""Changing a setting in lab.toml: its value and nothing else, comments and order kept."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

from labkit.errors import WorkspaceError
from labkit.workspace.files import write
from labkit.workspace.place import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["choose_port", "edited", "set_in_lab_toml"]

_VALUE = r"""(?:"(?:[^"\\\r\n]|\\.)*"|'[^'\r\n]*'|[^\s#"'\[{][^\s#]*)"""
"""A value of one line that is no list and no table."""


def choose_port(root: Path, url: str, baud_rate: int | None = None) -> Workspace:
    """Write the board's port into a workspace's lab.toml, made where there is none yet.

    Args:
        root: the workspace's folder.
        url: "sim", or a pySerial URL.
        baud_rate: the console's baud rate; as it was when not given.

    Returns:
        The workspace as lab.toml alone now has it, whatever LABKIT_ variables say.

    Raises:
        WorkspaceError: the choice cannot be, or lab.toml cannot be changed; it is as it was.
    """
    if baud_rate is not None and baud_rate < 1:
        raise WorkspaceError(
            f"expected a whole number such as 115200 for the baud rate, found {baud_rate}."
        )
    Workspace.open(root, {}, device=url)  # refuses what cannot be, before anything is written
    values: dict[str, str | int] = {"device.url": url}
    if baud_rate is not None:
        values["device.baud_rate"] = baud_rate
    set_in_lab_toml(root / "lab.toml", values)
    return Workspace.open(root, {})


def set_in_lab_toml(file: Path, values: Mapping[str, str | int]) -> None:
    """Set values in lab.toml, as a whole or not at all.

    Args:
        file: lab.toml, which is there.
        values: the new values by setting, such as `{"device.url": "/dev/ttyUSB0"}`.

    Raises:
        WorkspaceError: the file cannot be read or changed safely; it is as it was.
    """
    try:
        text = file.read_bytes().decode("utf-8")
        write(file, edited(text, values))
    except (OSError, ValueError) as error:  # text that is not UTF-8 or not TOML is a ValueError
        wanted = ", ".join(f"{name} = {_toml(value)}" for name, value in values.items())
        raise WorkspaceError(
            f"{file} cannot be changed: {error}. It is as it was; set by hand: {wanted}."
        ) from None


def edited(text: str, values: Mapping[str, str | int]) -> str:
    """Return a TOML text with values of its tables set.

    The result is read back: it has to say what it said before, and the new values.

    Raises:
        ValueError: the text is not TOML, or writes a setting in a way that is not followed here,
            such as over several lines or as `device.url` outside its table.
    """
    expected = tomllib.loads(text)
    for setting, value in values.items():
        table, _, name = setting.partition(".")
        expected.setdefault(table, {})[name] = value
        text = _with(text, table, name, _toml(value))
    if _said(text) != expected:
        raise ValueError("it writes these settings in a way that is not followed here")
    return text


def _with(text: str, table: str, name: str, value: str) -> str:
    """Set a value in its table's lines, add it there, or add the table."""
    newline = "\r\n" if "\r\n" in text else "\n"
    header = re.search(rf"(?m)^[ \t]*\[[ \t]*{table}[ \t]*\][^\r\n]*(?:\r?\n|\Z)", text)
    if header is None:
        gap = newline if text and not text.endswith("\n") else ""
        return f"{text}{gap}{newline}[{table}]{newline}{name} = {value}{newline}"
    following = re.compile(r"(?m)^[ \t]*\[").search(text, header.end())
    end = following.start() if following else len(text)
    setting = re.compile(rf"(?m)^([ \t]*{name}[ \t]*=[ \t]*){_VALUE}")
    if found := setting.search(text, header.end(), end):
        return text[: found.end(1)] + value + text[found.end() :]
    gap = "" if header[0].endswith("\n") else newline
    return f"{text[: header.end()]}{gap}{name} = {value}{newline}{text[header.end() :]}"


def _said(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _toml(value: str | int) -> str:
    # A JSON string reads the same in TOML.
    return json.dumps(value, ensure_ascii=False)
