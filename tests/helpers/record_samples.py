"""A small sealed record, made by hand, and the keys that sign it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import minisign

from labkit.record.seal.archive import METADATA, SIGNATURE, write_archive
from labkit.record.seal.signature import SigningKey, load_signing_key, public_text, sign

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "lab-device-20261125T123456Z"
WHEN = datetime(2026, 11, 25, 12, 34, 56, tzinfo=UTC)
PASSPHRASE = "correct horse battery staple"  # noqa: S105 a test's
NONE: dict[str, str] = {}
WITH = {"LABKIT_RECORD_PASSPHRASE": PASSPHRASE}
FILES = {"run/record.json": b"{}\n", "run/device/console.log": b"hello world\r\n"}


def new_key() -> tuple[SigningKey, str]:
    """Return a new signing key and its public key's text."""
    key = load_signing_key(minisign.KeyPair.generate().secret_key)
    return key, public_text(key, f"minisign public key {key.key_id}")


def described(
    files: Mapping[str, bytes] = FILES, name: str = NAME, when: datetime = WHEN
) -> dict[str, Any]:
    """Return the metadata of a record, no more of it than the seal needs."""
    root = {
        "@id": "./",
        "@type": "Dataset",
        "identifier": name,
        "dateModified": f"{when:%Y-%m-%dT%H:%M:%SZ}",
    }
    about = {"@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"}}
    listed = [
        {
            "@id": path,
            "@type": "File",
            "contentSize": str(len(raw)),
            "sha256": hashlib.sha256(raw).hexdigest(),
        }
        for path, raw in sorted(files.items())
    ]
    return {"@graph": [about, root, *listed]}


def sealed(
    key: SigningKey,
    metadata: Mapping[str, Any] | None = None,
    files: Mapping[str, bytes] = FILES,
    name: str = NAME,
    when: datetime = WHEN,
) -> bytes:
    """Return a record's file, its metadata another than that of its files if that is given."""
    raw = json.dumps(described() if metadata is None else metadata).encode()
    signed = {METADATA: raw, SIGNATURE: sign(raw, key, when)}
    return write_archive(name, {**files, **signed}, when)
