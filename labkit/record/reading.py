"""A sealed record's files and facts, once its seal was found whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.errors import RecordError
from labkit.record.contents.crate import FOLDER
from labkit.record.contents.facts import FORMAT, VERSION
from labkit.record.seal.sealed import open_sealed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

__all__ = ["Record", "read", "read_facts"]


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """A record whose seal is whole.

    Attributes:
        name: its name.
        when: its date, UTC.
        key_id: the id of the key that signed it.
        files: what is in it, by path inside of its folder.
        facts: its `record.json`.
    """

    name: str
    when: datetime
    key_id: str
    files: Mapping[str, bytes]
    facts: Mapping[str, Any]


def read(data: bytes, public_keys: Sequence[str]) -> Record:
    """Read a record, verifying its seal.

    Args:
        data: the `.eln` file.
        public_keys: whose signature is accepted: public keys in minisign's form.

    Raises:
        RecordError: the file is not as it was signed, or is no record of this form.
    """
    sealed = open_sealed(data, public_keys)
    files = {
        path.removeprefix(FOLDER): raw
        for path, raw in sealed.files.items()
        if path.startswith(FOLDER)
    }
    return Record(
        sealed.name, sealed.when, sealed.key_id, files, read_facts(files.get("record.json", b""))
    )


def read_facts(raw: bytes) -> dict[str, Any]:
    """Read a `record.json`.

    Raises:
        RecordError: it is none, or of a newer form than this labkit knows.
    """
    try:
        facts = json.loads(raw)
        told = facts["format"], facts["version"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise RecordError(
            "record.json: expected the facts of a record, got something else. It is no record that "
            "labkit made; `labkit record show` shows what an .eln file of others holds."
        ) from None
    if told[0] != FORMAT or not isinstance(told[1], int) or not 1 <= told[1] <= VERSION:
        raise RecordError(
            f"record.json: expected {FORMAT} up to version {VERSION}, got {told[0]!r} version "
            f"{told[1]!r}. Take the labkit that made it, or a newer one."
        )
    missing = sorted(_MEMBERS - facts.keys())
    if missing:
        raise RecordError(f"record.json: expected {', '.join(missing)}; they are not there.")
    return dict(facts)


_MEMBERS = {
    "account_id", "board", "certificate", "checks", "diagnosis", "failed", "fingerprint",
    "fingerprints", "headers", "made_at", "mode", "name", "operator", "outcome", "pages",
    "parameters", "port", "region", "release", "route", "seed", "steps", "thing", "where",
}  # fmt: skip
"""What every version has."""
