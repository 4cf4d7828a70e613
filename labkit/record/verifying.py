"""Verifying a record from the file and a public key alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.certificates.words import printable
from labkit.errors import RecordError
from labkit.record.evidence import judge
from labkit.record.reading import Record, read
from labkit.record.seal.archive import LARGEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labkit.check import Check

__all__ = ["Verified", "bounded", "verify"]


@dataclass(frozen=True, slots=True)
class Verified:
    """A record whose seal is whole, and what its files say about each other.

    Attributes:
        record: the record.
        checks: its files, checked against each other.
    """

    record: Record
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        """Whether everything in the record agrees."""
        return all(self.checks)

    def __repr__(self) -> str:
        """Return the seal's line, and one for each check."""
        record = self.record
        facts = record.facts
        by = facts["operator"] or "nobody named"
        lines = [
            f"ok   signed by the key {record.key_id} and unchanged: {len(record.files)} files",
            *map(repr, self.checks),
            f"     {facts['thing']}: {facts['outcome']}, {facts['made_at']}, by {printable(by)}",
            f"     {facts['mode']['words']}",
        ]
        return "\n".join(lines)


def verify(file: str | Path, public_keys: Sequence[str]) -> Verified:
    """Verify a record: signature, every hash, no file more or less, chain, key and journal.

    Args:
        file: the `.eln` file.
        public_keys: whose signature is accepted: public keys in minisign's form.

    Returns:
        What was found. A record whose seal is whole may say itself that something does not
        agree, as of a run that failed: see `Verified.holds`.

    Raises:
        RecordError: the file was changed in any way since it was signed, or another key signed it.
    """
    record = read(bounded(Path(file)), public_keys)
    return Verified(record, judge(record.files, record.facts))


def bounded(file: Path) -> bytes:
    """Return what a file holds.

    Raises:
        RecordError: it cannot be read, or is larger than any record.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except OSError as error:
        raise RecordError(f"{file}: the record cannot be read: {error.strerror}.") from None
    if len(data) > LARGEST:
        raise RecordError(f"{file}: expected at most {LARGEST >> 20} MiB; it is larger.")
    return data
