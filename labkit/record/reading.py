"""A record's files and facts: with its seal checked, without, or only shown."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.certificates.words import printable
from labkit.errors import RecordError
from labkit.record.seal.archive import FACTS, FOLDER, LARGEST, facts_in, read_archive, shown
from labkit.record.seal.sealed import open_sealed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from labkit.record.seal.archive import Archive

__all__ = ["FORMAT", "OUTCOMES", "VERSION", "Record", "Shown", "read", "read_facts", "read_form",
           "read_unverified", "show"]  # fmt: skip

FORMAT = "labkit-record"
VERSION = 1
"""Of the form of `record.json`; a reader refuses a higher one."""

OUTCOMES = ("accepted", "failed", "unfinished")

_MEMBERS = {
    "account_id", "board", "certificate", "checks", "diagnosis", "failed", "fingerprint",
    "fingerprints", "headers", "made_at", "mode", "name", "operator", "outcome", "pages",
    "parameters", "port", "region", "release", "route", "seed", "steps", "thing", "where",
}  # fmt: skip
"""What a `record.json` of every version has."""

_LEFT = 15
"""Columns of the names on the left."""


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """A record that was read.

    Attributes:
        name: its name.
        when: its date, UTC.
        key_id: the id of the key that signed it; empty where no signature was checked.
        files: what is in it, by path inside of its folder.
        facts: its `record.json`.
    """

    name: str
    when: datetime
    key_id: str
    files: Mapping[str, bytes]
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a file says of itself; its repr is lines to read.

    Attributes:
        lines: name and value, in order.
    """

    lines: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        """Return a line for each."""
        return "\n".join(f"{name:<{_LEFT}} {value}".rstrip() for name, value in self.lines)


def read(file: str | Path, public_keys: Sequence[str]) -> Record:
    """Read a record, verifying its seal.

    Args:
        file: the `.eln` file.
        public_keys: whose signature is accepted: public keys in minisign's form.

    Raises:
        RecordError: the file is not as it was signed, or is no record of this form.
    """
    return _record(open_sealed(_bounded(Path(file)), public_keys))


def read_unverified(file: str | Path) -> Record:
    """Read a record whose signature is not checked.

    Args:
        file: the `.eln` file.

    Raises:
        RecordError: the file is no record of this form.
    """
    return _record(read_archive(_bounded(Path(file))))


def show(file: str | Path) -> Shown:
    """Describe what a record says of itself; nothing is verified.

    Args:
        file: the `.eln` file.

    Raises:
        RecordError: it is no record that labkit made, or cannot be read.
    """
    try:
        with Path(file).open("rb") as opened:
            facts = read_facts(facts_in(opened))
    except OSError as error:
        raise RecordError(f"{file}: the record cannot be read: {error.strerror}.") from None
    with suppress(LookupError, TypeError, AttributeError, ValueError):
        return Shown(tuple((name, printable(str(value))) for name, value in _lines(facts)))
    raise RecordError(f"{FACTS}: expected the facts of a run, as labkit writes them.")


def read_form(raw: bytes) -> dict[str, Any]:
    """Read a `record.json`, if it is of a form that this labkit can read.

    Raises:
        RecordError: it is something else, or of a newer form.
    """
    try:
        facts = json.loads(raw)
        form, version = facts["format"], facts["version"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise RecordError(
            f"{FACTS}: expected the facts of a record, got something else. It is no record that "
            "labkit made: take another copy."
        ) from None
    if form != FORMAT or not isinstance(version, int) or not 1 <= version <= VERSION:
        raise RecordError(
            f"{FACTS}: expected {FORMAT} up to version {VERSION}, got {shown(str(form))} version "
            f"{shown(str(version))}. Use the labkit that made it, or a newer one."
        )
    return dict(facts)


def read_facts(raw: bytes) -> dict[str, Any]:
    """Read a `record.json` that has everything that one of this form has.

    Raises:
        RecordError: as `read_form`, or something is missing.
    """
    facts = read_form(raw)
    if missing := sorted(_MEMBERS - facts.keys()):
        raise RecordError(f"{FACTS}: expected {', '.join(missing)}; they are missing.")
    return facts


def _bounded(file: Path) -> bytes:
    """Return what a file holds; no record is larger than `LARGEST`."""
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except OSError as error:
        raise RecordError(f"{file}: the record cannot be read: {error.strerror}.") from None
    if len(data) > LARGEST:
        raise RecordError(f"{file}: expected at most {LARGEST >> 20} MiB; it is larger.")
    return data


def _record(archive: Archive) -> Record:
    files = {
        path.removeprefix(FOLDER): raw
        for path, raw in archive.files.items()
        if path.startswith(FOLDER)
    }
    facts = read_facts(files.get(FACTS, b""))
    return Record(archive.name, archive.when, archive.key_id, files, facts)


def _lines(facts: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    yield "record", facts["name"]
    yield "NOT VERIFIED", "`labkit record verify` says whether it is as it was signed"
    yield "mode", facts["mode"]["words"]
    yield "outcome", facts["outcome"]
    yield "thing", facts["thing"]
    yield "board", facts["board"] or "not told"
    yield "operator", facts["operator"] or "not told"
    yield "made", facts["made_at"]
    yield "route", facts["route"]
    yield "fingerprint", facts["fingerprint"] or "none"
    if certificate := facts["certificate"]:
        yield "certificate", f"{certificate['id']} {certificate['status']}"
        yield "valid until", certificate["not_after"]
    yield "account", f"{facts['account_id']} {facts['region']}"
    yield "host", facts["where"]["host"]
    done = sum(step["done"] for step in facts["steps"])
    yield "steps", f"{done} of {len(facts['steps'])} done"
    yield from (("failed", f"{step}: {why}") for step, why in facts["failed"].items())
    for each in facts["checks"]:
        if each["verdict"] == "FAIL":
            yield "FAIL", f"{each['what']}: {each['value']}"
