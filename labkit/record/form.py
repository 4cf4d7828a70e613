"""The form of a record: where its files stand, and which `record.json` this labkit can read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from labkit.errors import RecordError
from labkit.record.seal.zip_form import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FACTS", "FOLDER", "FORMAT", "OUTCOMES", "VERSION", "in_folder", "read_form"]

FOLDER = "run/"
"""The folder of the one Dataset; every file but the metadata and its signature is in it."""

FACTS = "record.json"
"""The facts of a run, in `FOLDER`."""

FORMAT = "labkit-record"
VERSION = 1
"""Of the form of `record.json`; a reader refuses a higher one."""

OUTCOMES = ("accepted", "failed", "unfinished")


def in_folder(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of a record that stand in `FOLDER`, by path inside of it."""
    return {
        path.removeprefix(FOLDER): raw for path, raw in files.items() if path.startswith(FOLDER)
    }


def read_form(raw: bytes) -> dict[str, Any]:
    """Return what a `record.json` tells, if it is of a form that this labkit can read.

    Raises:
        RecordError: it is none, or of a newer form.
    """
    try:
        told = json.loads(raw)
        form, version = told["format"], told["version"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise RecordError(
            f"{FACTS}: expected the facts of a record, got something else. It is no record that "
            "labkit made; `labkit record show` shows what an .eln file of others holds."
        ) from None
    if form != FORMAT or not isinstance(version, int) or not 1 <= version <= VERSION:
        raise RecordError(
            f"{FACTS}: expected {FORMAT} up to version {VERSION}, got {shown(str(form))} version "
            f"{shown(str(version))}. Take the labkit that made it, or a newer one."
        )
    return dict(told)
