"""A record's `ro-crate-metadata.json`: RO-Crate 1.1, as the ELN file format has it.

The root lists one Dataset, `run/`, which an electronic lab notebook imports as one entry.

Source: RO-Crate 1.1, Metadata of the RO-Crate; The ELN Consortium, Specification for the ELN file
format, "Structure of ro-crate-metadata.json".
"""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from rocrate.model import ContextEntity, Person
from rocrate.rocrate import ROCrate

from labkit.record.seal.archive import FOLDER, METADATA

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["crate_metadata"]

_FORMATS = {
    ".bin": "application/octet-stream",
    ".c": "text/x-c",
    ".csr": "application/pkcs10",
    ".diff": "text/x-diff",
    ".h": "text/x-c",
    ".html": "text/html; charset=UTF-8",
    ".ipynb": "application/x-ipynb+json",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".log": "text/plain",
    ".pem": "application/x-pem-file",
    ".txt": "text/plain",
}

_DESCRIPTIONS = {
    "record.json": "the facts of the run",
    "report.html": "the record to read, on a screen or on paper",
    "journal.jsonl": "every step that was done, with what it read and made",
    "device/console.log": "what the board printed, byte for byte",
    "device/console.times.jsonl": "when its bytes came",
}

_LICENCE = "#licence"
_OPERATOR = "#operator"
_PUBLISHER = "#labkit"


def crate_metadata(
    name: str, when: datetime, files: Mapping[str, bytes], facts: Mapping[str, Any], text: str
) -> bytes:
    """Return the metadata of a record.

    Args:
        name: the record's name.
        when: its date, UTC.
        files: what is in it, by path inside of `FOLDER`.
        facts: its `record.json`.
        text: the record in a few lines of HTML, which a notebook shows.
    """
    moment = when.isoformat().replace("+00:00", "Z")
    crate = ROCrate(version="1.1")
    said = _said(facts)
    _root(crate, name, moment, said)
    operator = crate.add(Person(crate, _OPERATOR, {"name": facts["operator"] or "not told"}))
    run = crate.add_dataset(
        dest_path=FOLDER,
        properties={
            "name": f"{facts['thing']}: {facts['outcome']}",
            "description": said,
            "dateCreated": moment,
            "dateModified": moment,
            "genre": "experiment",
            "keywords": f"Amazon FreeRTOS, key provisioning, {facts['route']}",
            "text": text,
        },
    )
    run["author"] = operator
    for path, raw in sorted(files.items()):
        entity = crate.add_file(dest_path=FOLDER + path, properties=_file(path, raw))
        run.append_to("hasPart", entity)
    crate.root_dataset["hasPart"] = [run]
    return (json.dumps(_sorted(crate), ensure_ascii=False, indent=1) + "\n").encode()


def _root(crate: ROCrate, name: str, moment: str, said: str) -> None:
    root = crate.root_dataset
    root["name"] = f"Lab record {name}"
    root["identifier"] = name
    root["description"] = said
    root["datePublished"] = root["dateModified"] = moment
    licence = {
        "@type": "CreativeWork",
        "name": "No licence",
        "description": "A lab's own record; whoever made it says who may use it.",
    }
    root["license"] = crate.add(ContextEntity(crate, _LICENCE, licence))
    publisher = {"@type": "Organization", "name": "labkit"}
    crate.metadata["sdPublisher"] = crate.add(ContextEntity(crate, _PUBLISHER, publisher))
    crate.metadata["dateCreated"] = moment


def _said(facts: Mapping[str, Any]) -> str:
    return (
        f"Key provisioning of {facts['thing']} by {facts['route']}: {facts['outcome']}. "
        f"{facts['mode']['words']}"
    )


def _file(path: str, raw: bytes) -> dict[str, str]:
    told = {
        "name": PurePosixPath(path).name,
        "encodingFormat": _FORMATS.get(PurePosixPath(path).suffix, "application/octet-stream"),
        "contentSize": str(len(raw)),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    if path in _DESCRIPTIONS:
        told["description"] = _DESCRIPTIONS[path]
    return told


def _sorted(crate: ROCrate) -> dict[str, Any]:
    told: dict[str, Any] = crate.metadata.generate()
    first = {METADATA: 0, "./": 1, FOLDER: 2}
    told["@graph"].sort(key=lambda entity: (first.get(entity["@id"], 3), entity["@id"]))
    return told
