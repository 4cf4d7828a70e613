"""Folders of small records to list, with facts as labkit writes them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from labkit.record.listing.filtering import records
from labkit.record.seal.archive import write_archive

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
OUTCOMES = ("accepted", "accepted", "failed", "unfinished")
OPERATORS = ("Jane", "Ömer", "Kim", "")
TEN = [f"device-{number}.eln" for number in range(10)]
"""The files that `fill` makes, ten of them."""


def facts(number: int = 0, **others: Any) -> dict[str, Any]:  # noqa: ANN401 JSON
    """Return what a `record.json` says, as far as a list reads it; members can be changed."""
    made = NOON - timedelta(hours=number)
    key = hashlib.sha256(b"key %d" % number).hexdigest()
    certificate = {
        "id": hashlib.sha256(b"certificate %d" % number).hexdigest(),
        "status": "ACTIVE",
        "not_after": "2027-11-25T12:00:00+00:00",
    }
    values = {
        "format": "labkit-record",
        "version": 1,
        "made_at": made.isoformat().replace("+00:00", "Z"),
        "outcome": OUTCOMES[number % 4],
        "mode": {"board": "simulated", "account": "simulated", "words": "SIMULATED"},
        "thing": f"device-{number}",
        "board": f"shelf {number % 50}, left",
        "operator": OPERATORS[number % 4],
        "fingerprint": key,
        "certificate": certificate,
        "port": None,
        "account_id": "123456789012",
        "region": "us-east-1",
        "route": "option-2",
    }
    return values | others


def record(content: object, *, place: str = "run/record.json", name: str = "r") -> bytes:
    """Return a record file with this content: JSON, or bytes as they are."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    files = {"ro-crate-metadata.json": b"{}", place: raw, "run/report.html": b"x" * 1000}
    return write_archive(name, files, NOON)


def fill(folder: Path, count: int) -> None:
    """Make so many records, the newest first."""
    for number in range(count):
        (folder / f"device-{number}.eln").write_bytes(record(facts(number)))


def listed(folder: Path, **asked: Any) -> list[str]:  # noqa: ANN401 what records takes
    """Return the files that are listed."""
    return [each.file for each in records(folder, **asked)]
