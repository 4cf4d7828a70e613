"""A sealed record's files and facts, once its seal was found whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.errors import RecordError
from labkit.record.form import FACTS, in_folder, read_form
from labkit.record.seal.archive import read_archive
from labkit.record.seal.sealed import open_sealed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

__all__ = ["Record", "read", "read_facts", "read_unverified"]


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
    return _record(sealed.name, sealed.when, sealed.key_id, sealed.files)


def read_unverified(data: bytes) -> Record:
    """Read a record that nobody vouches for; its key's id is empty.

    Args:
        data: the `.eln` file.

    Raises:
        RecordError: the file is no record of this form.
    """
    archive = read_archive(data)
    return _record(archive.name, archive.when, "", archive.files)


def _record(name: str, when: datetime, key_id: str, sealed: Mapping[str, bytes]) -> Record:
    files = in_folder(sealed)
    return Record(name, when, key_id, files, read_facts(files.get(FACTS, b"")))


def read_facts(raw: bytes) -> dict[str, Any]:
    """Read a `record.json`.

    Raises:
        RecordError: it is none, or of a newer form than this labkit knows.
    """
    facts = read_form(raw)
    missing = sorted(_MEMBERS - facts.keys())
    if missing:
        raise RecordError(f"{FACTS}: expected {', '.join(missing)}; they are not there.")
    return facts


_MEMBERS = {
    "account_id", "board", "certificate", "checks", "diagnosis", "failed", "fingerprint",
    "fingerprints", "headers", "made_at", "mode", "name", "operator", "outcome", "pages",
    "parameters", "port", "region", "release", "route", "seed", "steps", "thing", "where",
}  # fmt: skip
"""What every version has."""
