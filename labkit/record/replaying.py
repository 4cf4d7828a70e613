"""Replay a record: make again what can be made from the file alone, and report what cannot.

The console log is parsed, the edited sources are rebuilt and the files are checked against each
other, as verifying does. A seeded run of a simulated bench is repeated as a whole.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit import console
from labkit.errors import LabError, RecordError
from labkit.record.contents.firmware_sources import ORIGINAL, patched
from labkit.record.evidence import judge
from labkit.record.reading import Record, read, read_unverified
from labkit.record.rerun import (
    AGREES,
    CANNOT,
    DIFFERS,
    GIVEN,
    REPRODUCED,
    Replayed,
    compare_run,
    compared,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

_LOG, _CA = "device/console.log", "ca/rootCA.pem"
_OTHERS = (
    (_LOG, GIVEN, "what the board printed; the key is parsed from it"),
    ("firmware/", GIVEN, "an original or a difference; the edited source is made from both"),
    ("journal.jsonl", GIVEN, "the steps; the files are checked against it"),
    ("device/deviceCert", CANNOT, "signed with a key that is not in any record"),
    ("device/", CANNOT, "made once; the record has nothing to make it from"),
    ("ca/", CANNOT, "signed with the CA's key, which is not in any record"),
    (
        "account/",
        CANNOT,
        "the account's answer; `labkit record verify --ask-account` asks again",
    ),
    ("pages/", CANNOT, "was run once"),
    ("", CANNOT, "describes who made the record, when and where"),
)
"""Verdict and reason of a file that was not made again, by the first beginning that matches."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A record's replay; its repr lists each artefact.

    Attributes:
        record: the record.
        artefacts: the result for each.
    """

    record: Record
    artefacts: tuple[Replayed, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing differs from the record."""
        return all(each.verdict != DIFFERS for each in self.artefacts)

    def __repr__(self) -> str:
        """Return who signed the record, a line for each artefact, and the total."""
        record = self.record
        by = f"signed by the key {record.key_id}" if record.key_id else "NOT VERIFIED"
        counts = Counter(each.verdict for each in self.artefacts)
        total = (
            f"{counts[REPRODUCED]} reproduced byte for byte, {counts[AGREES]} agree, "
            f"{counts[DIFFERS]} differ, {counts[CANNOT]} cannot be reproduced"
        )
        return "\n".join([f"{record.name}, {by}", *map(repr, self.artefacts), total])


def replay(
    file: str | Path, public_keys: Sequence[str] = (), *, unverified: bool = False
) -> Replay:
    """Make again what a record contains, from the record alone, and compare.

    Args:
        file: the `.eln` file.
        public_keys: the public keys to accept, in minisign's format.
        unverified: replay the record without verifying its signature.

    Raises:
        RecordError: the file was changed, another key signed it, or its facts are not valid.
    """
    record = read_unverified(file) if unverified else read(file, public_keys)
    return Replay(record, tuple(_replayed(record)))


def _replayed(record: Record) -> Iterator[Replayed]:
    """Yield the result for each artefact; last, those that cannot be made again."""
    seen: set[str] = set()
    try:
        for each in (
            *_key(record.files),
            *_sources(record),
            *_evidence(record),
            *compare_run(record),
        ):
            seen.add(each.what)
            yield each
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(
            f"record.json: a member has another type than labkit writes ({error!r}). labkit did "
            "not make this record: get another copy."
        ) from None
    yield from _not_made(record, seen)


def _key(files: Mapping[str, bytes]) -> Iterator[Replayed]:
    """Parse the console log again, and make the key's three files from it."""
    if _LOG not in files:
        return
    what = "the public key in console.log"
    try:
        newest = console.parse(io.BytesIO(files[_LOG])).newest
        if newest is None:
            yield Replayed(what, CANNOT, "the log has no dump of a key")
            return
        key = newest.public_key()
    except LabError as error:
        yield Replayed(what, CANNOT, f"the newest dump is not complete: {error}")
        return
    yield Replayed(what, AGREES, f"parsed again, SHA-256 {key.sha256[:16]}…")
    rows = "".join(f"{row}\n" for row in newest.hex_rows)
    made = {
        "device/DevicePublicKeyAsciiHex.txt": rows.encode(),
        "device/DevicePublicKeyDer.bin": key.der,
        "device/DevicePublicKey.pem": key.pem.encode(),
    }
    for path, raw in made.items():
        if path in files:
            yield compared(path, files[path], raw, "from the newest dump in console.log")


def _sources(record: Record) -> Iterator[Replayed]:
    """Rebuild the edited sources from their originals and differences."""
    files = record.files
    for name, sha256 in sorted(record.facts["headers"].items()):
        what, path = f"{name} as it was edited", f"firmware/{name}.diff"
        if path not in files or files[path].startswith(f"{name}: no difference".encode()):
            yield Replayed(what, CANNOT, "the record has no difference for it")
            continue
        now = patched(files.get(ORIGINAL + name, b""), files[path])
        if (got := hashlib.sha256(now).hexdigest()) == sha256:
            yield Replayed(what, REPRODUCED, "its original with the difference applied")
        else:
            why = f"its original with the difference applied has SHA-256 {got[:16]}…"
            yield Replayed(what, DIFFERS, f"{why}, the record has {sha256[:16]}…")


def _evidence(record: Record) -> Iterator[Replayed]:
    """Check the record's files against each other, as verifying does."""
    for each in judge(record.files, record.facts):
        yield Replayed(each.claim, AGREES if each else DIFFERS, each.shown or "checked again")


def _not_made(record: Record, seen: Collection[str]) -> Iterator[Replayed]:
    """Yield each file that was not made again, and the keys that are not in any record."""
    for path in sorted(set(record.files) - set(seen)):
        _, verdict, why = next(each for each in _OTHERS if path.startswith(each[0]))
        yield Replayed(path, verdict, why)
    yield Replayed("the device's private key", CANNOT, _private_key(record))
    if _CA in record.files:
        yield Replayed("ca/rootCA.key", CANNOT, "it can issue certificates: not in any record")


def _private_key(record: Record) -> str:
    if record.facts["route"] == "option-1":
        return "AWS IoT made it and returned it once: not in any record"
    return "it is inside the board and cannot be read"
