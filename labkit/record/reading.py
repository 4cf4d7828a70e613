"""Read a record: with its signature and hashes verified, without, or its facts alone.

The signature covers the metadata. The metadata covers every other file, the root folder's name and
the time. The whole file is written again from these and compared byte for byte.
"""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.certificates.words import printable
from labkit.errors import RecordError
from labkit.record.record_json import read_facts
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

LARGEST_METADATA = 4 << 20
"""The largest metadata file, in bytes."""

_ROOT = "./"
_NAME_COLUMNS = 15
_COPY = "The file was changed after it was signed: get another copy of the record."


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """A record.

    Attributes:
        name: its name.
        when: its date, UTC.
        key_id: the id of the key that signed it, 16 hex digits; empty if it was not verified.
        files: content by path inside `run/`.
        facts: its `record.json`.
    """

    name: str
    when: datetime
    key_id: str
    files: Mapping[str, bytes]
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """The facts of a record as names and values, in order; its repr is one line for each."""

    lines: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        """Return one line for each name."""
        return "\n".join(f"{name:<{_NAME_COLUMNS}} {value}".rstrip() for name, value in self.lines)


def read(file: str | Path, public_keys: Sequence[str]) -> Record:
    """Read a record and verify its signature and hashes.

    Args:
        file: the `.eln` file.
        public_keys: the public keys to accept, in minisign's format.

    Raises:
        RecordError: the file was changed, another key signed it, or it is not a record.
    """
    with _naming(Path(file)) as data:
        return _record(open_sealed(data, public_keys))


def read_unverified(file: str | Path) -> Record:
    """Read a record without verifying its signature and hashes.

    Args:
        file: the `.eln` file.

    Raises:
        RecordError: the file is not a record.
    """
    with _naming(Path(file)) as data:
        return _record(read_archive(data))


def show(file: str | Path) -> Shown:
    """Return the facts of a record. Nothing is verified.

    Args:
        file: the `.eln` file.

    Raises:
        RecordError: the file is not a record, or cannot be read.
    """
    with _naming(Path(file)) as data:
        facts = read_facts(facts_in(io.BytesIO(data)))
    with suppress(LookupError, TypeError, AttributeError, ValueError):
        return Shown(tuple((name, printable(str(value))) for name, value in _lines(facts)))
    raise RecordError(
        f"{Path(file).name}: {FACTS}: a member has another type than labkit writes. labkit did not "
        "make this record: get another copy."
    )


@contextmanager
def _naming(file: Path) -> Iterator[bytes]:
    """Yield a file's content, of which at most `LARGEST` bytes are read; errors name the file."""
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
        yield data
    except OSError as error:
        raise RecordError(
            f"{file}: the record cannot be read: {error.strerror}. Check the path and its "
            "permissions."
        ) from None
    except RecordError as error:
        raise RecordError(f"{file.name}: {error}") from None


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
    yield "NOT VERIFIED", "`labkit record verify` checks that it is as it was signed"
    yield "mode", facts["mode"]["words"]
    yield "outcome", facts["outcome"]
    yield "thing", facts["thing"]
    yield "board", facts["board"] or "not given"
    yield "operator", facts["operator"] or "not given"
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


# The signature and the hashes


def open_sealed(data: bytes, public_keys: Sequence[str]) -> Archive:
    """Open a record that is, bit for bit, what was signed.

    Args:
        data: the whole file.
        public_keys: the public keys to accept, in minisign's format.

    Returns:
        The record with the files that the metadata lists, and the id of the key that signed it.

    Raises:
        RecordError: it was changed, or another key signed it.
    """
    archive = read_archive(data)
    for path in (METADATA, SIGNATURE):
        if path not in archive.files:
            raise RecordError(
                f"{archive.name}/{path}: the file is missing, so the record cannot be verified. "
                "Get another copy of the record."
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
    """Return the entities of a metadata file by `@id`, including the root dataset."""
    if len(raw) > LARGEST_METADATA:
        raise RecordError(
            f"{METADATA}: expected at most {LARGEST_METADATA} bytes, got {len(raw)}. labkit did "
            "not make this record: get another copy."
        )
    try:
        graph = json.loads(raw)["@graph"]
        entities: dict[str, Mapping[str, Any]] = {entity["@id"]: dict(entity) for entity in graph}
        whole = _ROOT in entities
    except (ValueError, LookupError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise RecordError(
            f"{METADATA}: expected JSON with an @graph, a list of objects with an @id that "
            f"includes the root dataset {_ROOT}. labkit did not make this record: get another copy."
        )
    if len(entities) != len(graph):
        raise RecordError(
            f"{METADATA}: two objects have the same @id. labkit did not make this record: get "
            "another copy."
        )
    return entities


def _refuse_other_files(
    entities: Mapping[str, Mapping[str, Any]], files: Mapping[str, bytes]
) -> None:
    """Refuse a file that differs from what was signed, was added or is missing."""
    listed = {path: entity for path, entity in entities.items() if entity.get("@type") == "File"}
    for path in sorted(files.keys() ^ listed.keys()):
        if path in files:
            raise RecordError(f"{path}: the signed metadata does not list this file. {_COPY}")
        raise RecordError(f"{shown(path)}: the file is missing. {_COPY}")
    for path, raw in files.items():
        states = {"contentSize": str(len(raw)), "sha256": hashlib.sha256(raw).hexdigest()}
        for what, got in states.items():
            _refuse_other(f"{path}, {what}", listed[path].get(what), got)


def _refuse_other(where: str, expected: object, got: str) -> None:
    if expected != got:
        raise RecordError(
            f"{where}: the signed metadata has {shown(str(expected))}, got {got}. {_COPY}"
        )
