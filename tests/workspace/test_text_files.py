"""lab.toml as Windows editors save it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from labkit.encodings import decode_text, decode_utf
from labkit.errors import WorkspaceError
from labkit.workspace.lab_toml import read_settings, set_in_lab_toml

if TYPE_CHECKING:
    from pathlib import Path

TEXT = '[device]\r\nthing_name = "bench-7"\r\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_lab_toml_is_read_in_each_encoding(encoding: str, tmp_path: Path) -> None:
    """UTF-8 and UTF-16 are read and changed, with or without a byte order mark."""
    file = tmp_path / "lab.toml"
    file.write_bytes(TEXT.encode(encoding))
    assert read_settings(file, {})[0].chosen_name == "bench-7"
    set_in_lab_toml(file, {"device.thing_name": "bench-8"})
    assert read_settings(file, {})[0].chosen_name == "bench-8"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (r'firmware = "C:\Users\lab"', "single quotes"),
        (r'firmware = "D:\new"' + "\nx = ", "single quotes"),
        ("[account]\naccount_id = 012345678901", "in quotes"),
    ],
)
def test_a_mistake_in_lab_toml_has_a_hint(line: str, hint: str, tmp_path: Path) -> None:
    """A path with backslashes and a number that begins with 0 are explained."""
    file = tmp_path / "lab.toml"
    file.write_text(f"{line}\n")
    with pytest.raises(WorkspaceError, match=hint):
        read_settings(file, {})


def test_another_mistake_has_no_hint(tmp_path: Path) -> None:
    """The hints appear only for what they explain."""
    file = tmp_path / "lab.toml"
    file.write_text("[device\n")
    with pytest.raises(WorkspaceError, match="Fix the file") as error:
        read_settings(file, {})
    assert "quotes" not in str(error.value)


def test_bytes_that_are_neither_utf_8_nor_utf_16() -> None:
    """They are refused, or read as Latin-1."""
    with pytest.raises(UnicodeDecodeError):
        decode_utf(b"m\xfcnchen")
    assert decode_text(b"m\xfcnchen") == "m\xfcnchen"
