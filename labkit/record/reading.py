"""A record's files and facts: with its seal checked, without, or only shown.

The signature covers the metadata; the metadata covers every other file, the folder's name and the
time; and from these the whole file is written again, and compared.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.certificates.words import printable
from labkit.errors import RecordError
from labkit.record.seal.archive import (
    FACTS,
    FOLDER,
    LARGEST,
    METADATA,
    SIGNATURE,
    Archive,
    facts_in,
    read_archive,
    shown,
)
from labkit.record.seal.signature import check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

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

LARGEST_METADATA = 4 << 20
"""Bytes of a metadata file, at most."""

_ROOT = "./"

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
    """What a record says of itself: names and values, in order; its repr is lines to read."""

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


# The seal


def open_sealed(data: bytes, public_keys: Sequence[str]) -> Archive:
    """Open a record, refusing one that is not, bit for bit, what was signed.

    Args:
        data: the whole file.
        public_keys: whose signature is accepted: public keys in minisign's form.

    Returns:
        The record with the files that the metadata lists, and the id of the key that signed it.

    Raises:
        RecordError: it was changed; what, where, expected and got are in the message.
    """
    archive = read_archive(data)
    for path in (METADATA, SIGNATURE):
        if path not in archive.files:
            raise RecordError(
                f"expected the file {path} in {archive.name}/; it is missing, so nothing says who "
                "vouches for the rest. Take another copy of the record."
            )
    signed = archive.files[METADATA]
    key_id = check(archive.files[SIGNATURE], signed, public_keys, archive.when)
    entities = _entities(signed)
    files = {path: raw for path, raw in archive.files.items() if path not in (METADATA, SIGNATURE)}
    _refuse_other_files(entities, files)
    root = {"identifier": archive.name, "dateModified": f"{archive.when:%Y-%m-%dT%H:%M:%SZ}"}
    for what, got in root.items():
        _refuse_other(f"the record's {what}", entities[_ROOT].get(what), got)
    return replace(archive, files=files, key_id=key_id)


def _entities(raw: bytes) -> dict[str, Mapping[str, Any]]:
    """Return the entities of a metadata file by `@id`, the root dataset among them."""
    if len(raw) > LARGEST_METADATA:
        raise RecordError(f"{METADATA}: expected at most {LARGEST_METADATA} bytes, got {len(raw)}.")
    try:
        graph = json.loads(raw)["@graph"]
        entities: dict[str, Mapping[str, Any]] = {entity["@id"]: dict(entity) for entity in graph}
        whole = _ROOT in entities
    except (ValueError, LookupError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise RecordError(
            f"{METADATA}: expected JSON with an @graph, a list of objects with an @id, and in it "
            f"the root dataset {_ROOT}. Take another copy of the record."
        )
    if len(entities) != len(graph):
        raise RecordError(f"{METADATA}: expected an @id to be there once, got one twice.")
    return entities


def _refuse_other_files(
    entities: Mapping[str, Mapping[str, Any]], files: Mapping[str, bytes]
) -> None:
    """Refuse a file that differs from what was signed, a file more, or a file less."""
    listed = {path: entity for path, entity in entities.items() if entity.get("@type") == "File"}
    for path in sorted(files.keys() ^ listed.keys()):
        if path in files:
            raise RecordError(f"{path}: the signed metadata lists no such file; it was added.")
        raise RecordError(f"{shown(path)}: the signed metadata lists this file; it is missing.")
    for path, raw in files.items():
        states = {"contentSize": str(len(raw)), "sha256": hashlib.sha256(raw).hexdigest()}
        for what, got in states.items():
            _refuse_other(f"{path}, {what}", listed[path].get(what), got)


def _refuse_other(where: str, expected: object, got: str) -> None:
    if expected != got:
        raise RecordError(
            f"{where}: the signed metadata says {shown(str(expected))}, the file has {got}. It was "
            "changed after it was signed: take another copy of the record."
        )
