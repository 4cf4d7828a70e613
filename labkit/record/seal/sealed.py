"""Opening a record whose seal is whole: its file is, bit for bit, what was signed.

The signature covers the metadata; the metadata covers every other file, the folder's name and the
time; and from these the whole file is written again, and compared.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labkit.errors import RecordError
from labkit.record.seal.archive import METADATA, SIGNATURE, Archive, read_archive, shown
from labkit.record.seal.signature import check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["LARGEST_METADATA", "open_sealed"]

LARGEST_METADATA = 4 << 20
"""Bytes of a metadata file, at most."""

_ROOT = "./"


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
