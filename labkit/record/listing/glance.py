"""A glance at a record: the facts that a list shows, of a file that may be anybody's.

Only the ZIP's directory and `record.json` are read, so a record of any size costs the same. Nothing
is verified: a glance says what a file says of itself.
"""

from __future__ import annotations

import os
import re
import stat
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from labkit.errors import RecordError
from labkit.record.form import FACTS, FOLDER, OUTCOMES, read_form
from labkit.record.seal.archive import LARGEST, MOST_FILES
from labkit.record.seal.zip_form import (
    CENTRAL,
    CENTRAL_MARK,
    END,
    END_MARK,
    LOCAL,
    LOCAL_MARK,
    Entry,
)

if TYPE_CHECKING:
    import io
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["PLACE", "Facts", "glance", "storable"]

PLACE = FOLDER + FACTS

_LARGEST_FACTS = 2 << 20
"""Bytes of a `record.json`; a finished run's has some 40,000."""
_LARGEST_DIRECTORY = 1 << 20
_LONGEST = 200
"""Characters of a value that a list keeps."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FOREIGN = "It is none that labkit made, or is damaged; `labkit record show` shows what it holds."


class Facts(NamedTuple):
    """What a list tells of a record, as text, empty where the record does not know.

    Attributes:
        made_at: its date, as `2026-11-25T12:00:00Z`.
        outcome: "accepted", "failed" or "unfinished".
        bench: "SIMULATED", "SIMULATED board", "SIMULATED account" or "real".
        thing: the device's thing name.
        board: which board, such as the label on it.
        serial_number: of the board's USB port.
        operator: who did it.
        fingerprint: SHA-256 of the device's public key, 64 hexadecimal digits.
        certificate_id: 64 hexadecimal digits.
        certificate_status: in the account, when the record was made.
        not_after: when the certificate ends.
        account_id: the account.
        region: the account's region.
        route: how the device got its key.
    """

    made_at: str
    outcome: str
    bench: str
    thing: str
    board: str
    serial_number: str
    operator: str
    fingerprint: str
    certificate_id: str
    certificate_status: str
    not_after: str
    account_id: str
    region: str
    route: str


def storable(text: str) -> str:
    """Return a text without what is no character: halves of one, which JSON can spell."""
    return text.encode(errors="backslashreplace").decode()


def glance(path: Path) -> Facts:
    """Return a record's facts.

    Raises:
        RecordError: the file is no record of labkit's, or is damaged.
        OSError: it cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise RecordError("expected a file, got a folder, a pipe or a device.")
    with path.open("rb", buffering=0) as file:
        return _facts(_record_json(file, os.fstat(file.fileno()).st_size))


def _record_json(file: io.FileIO, size: int) -> bytes:
    """Return what stands in `record.json`, found through the ZIP's directory."""
    if not END.size <= size <= LARGEST:
        raise RecordError(f"expected {END.size} to {LARGEST} bytes, got {size}. {_FOREIGN}")
    end = size - END.size
    mark, _, _, _, count, length, start, _ = END.unpack(_at(file, end, END.size))
    if mark != END_MARK or start + length != end or length > _LARGEST_DIRECTORY:
        raise RecordError(f"expected a ZIP's directory that ends at offset {end}. {_FOREIGN}")
    root = None
    directory = _at(file, start, length)
    position = 0
    for number in range(1, min(count, MOST_FILES) + 1):
        raw = directory[position : position + CENTRAL.size]
        if len(raw) < CENTRAL.size or not raw.startswith(CENTRAL_MARK):
            raise RecordError(f"expected directory entry {number} of {count}. {_FOREIGN}")
        entry = Entry._make(CENTRAL.unpack(raw))
        position += CENTRAL.size
        name = directory[position : position + entry.name_length]
        position += entry.name_length + entry.extra_length + entry.comment_length
        root = root or name.partition(b"/")[0] + b"/"
        if name == root + PLACE.encode():
            return _content(file, entry, name)
    raise RecordError(f"expected {PLACE} in the ZIP; it is not there. {_FOREIGN}")


def _content(file: io.FileIO, entry: Entry, name: bytes) -> bytes:
    if entry.method or entry.flags or entry.extra_length or entry.size != entry.packed_size:
        raise RecordError(f"expected {PLACE} stored as it is, got it packed. {_FOREIGN}")
    if entry.size > _LARGEST_FACTS:
        raise RecordError(
            f"expected a {PLACE} of at most {_LARGEST_FACTS} bytes, got {entry.size}. {_FOREIGN}"
        )
    head = LOCAL.size + entry.name_length
    raw = _at(file, entry.offset, head + entry.size)
    if not raw.startswith(LOCAL_MARK) or raw[LOCAL.size : head] != name:
        raise RecordError(f"expected {PLACE} at offset {entry.offset}. {_FOREIGN}")
    if zlib.crc32(raw[head:]) != entry.crc:
        raise RecordError(
            f"{PLACE}: its CRC-32 is another. The file is damaged: take another copy."
        )
    return raw[head:]


def _at(file: io.FileIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    raw = file.read(size)
    if len(raw) != size:
        raise RecordError(f"expected {size} bytes at offset {offset}, got {len(raw)}. {_FOREIGN}")
    return raw


def _facts(raw: bytes) -> Facts:
    told = read_form(raw)
    try:
        return _chosen(told)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        why = f"{type(error).__name__}: {error}"
        raise RecordError(f"{PLACE}: not as labkit writes it ({_text(why)}).") from None


def _chosen(told: Mapping[str, Any]) -> Facts:
    certificate = told["certificate"] or {}
    return Facts(
        made_at=_moment(told["made_at"]),
        outcome=OUTCOMES[OUTCOMES.index(told["outcome"])],
        bench=_bench(told["mode"]),
        thing=_text(told["thing"]),
        board=_text(told["board"]),
        serial_number=_text((told["port"] or {}).get("serial_number")),
        operator=_text(told["operator"]),
        fingerprint=_digest(told["fingerprint"]),
        certificate_id=_digest(certificate.get("id")),
        certificate_status=_text(certificate.get("status")),
        not_after=_moment(certificate["not_after"]) if certificate else "",
        account_id=_text(told["account_id"]),
        region=_text(told["region"]),
        route=_text(told["route"]),
    )


def _bench(mode: Mapping[str, str]) -> str:
    real = {what: mode[what] == "real" for what in ("board", "account")}
    if all(real.values()):
        return "real"
    simulated = [what for what, is_it in real.items() if not is_it]
    return "SIMULATED" if len(simulated) == len(real) else f"SIMULATED {simulated[0]}"


def _moment(text: str) -> str:
    """Return a time as UTC, in the one form that sorts as text."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"expected a time with its zone, got {text}")
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _digest(text: str | None) -> str:
    if text and not _SHA256.fullmatch(text):
        raise ValueError(f"expected 64 hexadecimal digits, got {text}")
    return text or ""


def _text(value: str | None) -> str:
    """Return a value as a list keeps it, cut where it is long."""
    if not isinstance(value, str | None):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return storable((value or "")[:_LONGEST])
