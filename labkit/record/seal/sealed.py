"""Opening a record whose seal is whole: not a bit of its file is other than when it was signed.

The signature covers the metadata, the metadata every other file, the folder's name and the time;
from these the whole file is written again, and compared.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.errors import RecordError
from labkit.record.seal.archive import METADATA, SIGNATURE, Archive, read_archive, refuse_difference
from labkit.record.seal.metadata import Metadata, is_a, read_metadata
from labkit.record.seal.signature import check
from labkit.record.seal.zip_form import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

__all__ = ["Sealed", "open_sealed"]


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """A record whose seal is whole.

    Attributes:
        name: its name, which is its root folder's.
        files: contents by path inside of the root folder, as the metadata lists them.
        metadata: what `ro-crate-metadata.json` tells.
        key_id: the id of the key that signed it.
        when: the time that it is of, UTC.
    """

    name: str
    files: Mapping[str, bytes]
    metadata: Metadata
    key_id: str
    when: datetime


def open_sealed(data: bytes, public_keys: Sequence[str]) -> Sealed:
    """Open a record, refusing one that is not, bit for bit, what was signed.

    Args:
        data: the whole file.
        public_keys: whose signature is accepted: public keys in minisign's form.

    Raises:
        RecordError: it is not; what, where, expected and got are told.
    """
    archive = read_archive(data)
    signed, signature = _both(archive)
    key_id = check(signature, signed, public_keys, archive.when)
    metadata = read_metadata(signed)
    files = {path: raw for path, raw in archive.files.items() if path not in (METADATA, SIGNATURE)}
    if metadata.twice:
        raise RecordError(f"{METADATA}: two entities have the @id {shown(metadata.twice[0])}.")
    _refuse_other_files(metadata, files)
    _refuse_other_root(metadata, archive)
    refuse_difference(data, archive.name, archive.files, archive.when)
    return Sealed(archive.name, files, metadata, key_id, archive.when)


def _both(archive: Archive) -> tuple[bytes, bytes]:
    for path in (METADATA, SIGNATURE):
        if path not in archive.files:
            raise RecordError(
                f"expected the file {path} in {archive.name}/; it is not there, so that nothing "
                "says who vouches for the rest. Take another copy of the record."
            )
    return archive.files[METADATA], archive.files[SIGNATURE]


def _refuse_other_files(metadata: Metadata, files: Mapping[str, bytes]) -> None:
    """Refuse a file that is not signed as it is, a file more, or a file less."""
    listed = {name: told for name, told in metadata.entities.items() if is_a(told, "File")}
    for path in sorted(files.keys() ^ listed.keys()):
        if path in files:
            raise RecordError(f"{path}: the signed metadata lists no such file; it was added.")
        raise RecordError(f"{shown(path)}: the signed metadata lists this file; it is not there.")
    for path, raw in files.items():
        told = {
            "contentSize": str(len(raw)),
            "sha256": hashlib.sha256(raw).hexdigest(),
        }
        for what, got in told.items():
            _refuse_other(f"{path}, {what}", listed[path].get(what), got)


def _refuse_other_root(metadata: Metadata, archive: Archive) -> None:
    told = {"identifier": archive.name, "dateModified": f"{archive.when:%Y-%m-%dT%H:%M:%SZ}"}
    for what, got in told.items():
        _refuse_other(f"the record's {what}", metadata.root.get(what), got)


def _refuse_other(where: str, expected: Any, got: str) -> None:  # noqa: ANN401 others' JSON
    if expected != got:
        raise RecordError(
            f"{where}: the signed metadata says {shown(str(expected))}, the file has {got}. It was "
            "changed after it was signed: take another copy of the record."
        )
