"""Write a record's `ro-crate-metadata.json`: RO-Crate 1.1, as the ELN file format requires.

The root lists one Dataset, `run/`, which an electronic lab notebook imports as one entry.

Source: RO-Crate 1.1, Metadata of the RO-Crate; The ELN Consortium, Specification for the ELN file
format, "Structure of ro-crate-metadata.json".
"""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from labkit.record.seal.archive import FOLDER, METADATA

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

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

_CONTEXT, _PROFILE = "https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/crate/1.1"
_LICENCE, _OPERATOR, _PUBLISHER = "#licence", "#operator", "#labkit"


def crate_metadata(
    name: str, when: datetime, files: Mapping[str, bytes], facts: Mapping[str, Any], text: str
) -> bytes:
    """Return the metadata of a record.

    Args:
        name: the record's name.
        when: its date, UTC.
        files: content by path inside `FOLDER`.
        facts: its `record.json`.
        text: the record in a few lines of HTML, which an electronic lab notebook shows.
    """
    moment = when.isoformat().replace("+00:00", "Z")
    description = (
        f"Key provisioning of {facts['thing']} by {facts['route']}: {facts['outcome']}. "
        f"{facts['mode']['words']}"
    )
    head = _head(name, moment, description)
    run = {
        "@id": FOLDER,
        "@type": "Dataset",
        "name": f"{facts['thing']}: {facts['outcome']}",
        "description": description,
        "dateCreated": moment,
        "dateModified": moment,
        "genre": "experiment",
        "keywords": f"Amazon FreeRTOS, key provisioning, {facts['route']}",
        "text": text,
        "author": {"@id": _OPERATOR},
        "hasPart": [{"@id": FOLDER + path} for path in sorted(files)],
    }
    operator = {"@id": _OPERATOR, "@type": "Person", "name": facts["operator"] or "not given"}
    listed = [_file(path, raw) for path, raw in sorted(files.items())]
    graph = [*head, run, _LABKIT, _NO_LICENCE, operator, *listed]
    crate = {"@context": _CONTEXT, "@graph": graph}
    return (json.dumps(crate, ensure_ascii=False, indent=1) + "\n").encode()


_LABKIT = {"@id": _PUBLISHER, "@type": "Organization", "name": "labkit"}
_NO_LICENCE = {
    "@id": _LICENCE,
    "@type": "CreativeWork",
    "name": "No licence",
    "description": "A lab's own record. Ask its operator for permission to use it.",
}


def _head(name: str, moment: str, description: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the entity of the metadata itself, and the root dataset."""
    metadata = {
        "@id": METADATA,
        "@type": "CreativeWork",
        "conformsTo": {"@id": _PROFILE},
        "about": {"@id": "./"},
        "sdPublisher": {"@id": _PUBLISHER},
        "dateCreated": moment,
    }
    root = {
        "@id": "./",
        "@type": "Dataset",
        "datePublished": moment,
        "name": f"Lab record {name}",
        "identifier": name,
        "description": description,
        "dateModified": moment,
        "license": {"@id": _LICENCE},
        "hasPart": [{"@id": FOLDER}],
    }
    return metadata, root


def _file(path: str, raw: bytes) -> dict[str, str]:
    suffix = PurePosixPath(path).suffix
    return {
        "@id": FOLDER + path,
        "@type": "File",
        "name": PurePosixPath(path).name,
        "encodingFormat": _FORMATS.get(suffix, "application/octet-stream"),
        "contentSize": str(len(raw)),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
