"""List the records of a folder, filtered by device, key, thing, operator, outcome and date.

Of each file only the ZIP's directory and `record.json` are read. Nothing is verified.
"""

from __future__ import annotations

import os
import re
import unicodedata
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.errors import RecordError
from labkit.record.listing.records import Facts, Listed, NotARecord, Records
from labkit.record.record_json import OUTCOMES, parse_facts
from labkit.record.seal.archive import FACTS, facts_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SUFFIX = ".eln"
_PREFIX = re.compile(r"[0-9a-f]{1,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST = 200
"""Characters of a value that a list keeps."""


def records(
    folder: str | Path,
    *,
    device: str | None = None,
    thing: str | None = None,
    fingerprint: str | None = None,
    certificate: str | None = None,
    operator: str | None = None,
    outcome: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Records:
    """List the records of a folder, newest first. They are not verified.

    Args:
        folder: the folder of the `.eln` files; subfolders and hidden files are left out.
        device: a thing's name, a board's label or the serial number of its USB port,
            case-insensitive.
        thing: the thing's name, exactly.
        fingerprint: the first digits of the SHA-256 of the device's public key; colons are allowed.
        certificate: the first digits of the certificate's id.
        operator: the operator's name, case-insensitive.
        outcome: "accepted", "failed" or "unfinished".
        since: a day or a time; UTC unless it has a time zone.
        until: a day (inclusive) or a time; UTC unless it has a time zone.

    Raises:
        RecordError: the folder does not exist, or a filter is not valid.
    """
    given = {
        "device": device, "thing": thing, "fingerprint": fingerprint, "certificate": certificate,
        "operator": operator, "outcome": outcome, "since": since, "until": until,
    }  # fmt: skip
    filters = {name: value for name, value in given.items() if value is not None}
    tests = [_test(name, _encodable(value)) for name, value in filters.items()]
    folder = Path(folder)
    found: list[Listed] = []
    others: list[NotARecord] = []
    for file in _files(folder):
        if not file.is_file():
            others.append(NotARecord(file.name, "expected a file, got a folder, pipe or device."))
            continue
        try:
            found.append(Listed(file.name, facts_of(file.path)))
        except RecordError as error:
            others.append(NotARecord(file.name, str(error)))
        except OSError as error:
            others.append(NotARecord(file.name, f"cannot be read: {error.strerror}."))
    listed = [each for each in found if all(test(each.facts) for test in tests)]
    listed.sort(key=lambda each: each.facts.made_at, reverse=True)
    words = ", ".join(f"{name} {value}" for name, value in filters.items())
    return Records(folder, tuple(listed), tuple(others), len(found), words)


def _files(folder: Path) -> list[os.DirEntry[str]]:
    """Return the `.eln` files of a folder, sorted by name."""
    try:
        with os.scandir(folder) as entries:
            files = [each for each in entries if each.name.endswith(_SUFFIX)]
    except OSError as error:
        raise RecordError(
            f"{folder}: the folder cannot be read: {error.strerror}. Give another folder, or make "
            "a record with `labkit record make`."
        ) from None
    return sorted((e for e in files if not e.name.startswith(".")), key=lambda e: e.name)


# Filters


_TEXTS = {"device": ("thing", "board", "serial_number"), "operator": ("operator",)}
_DIGITS = {"fingerprint": "fingerprint", "certificate": "certificate_id"}


def _test(name: str, value: str) -> Callable[[Facts], bool]:
    """Return a filter as a function of a record's facts."""
    if name in _TEXTS:
        text = _folded(value)
        return lambda facts: text in (_folded(getattr(facts, member)) for member in _TEXTS[name])
    if name in _DIGITS:
        digits = _digits(value)
        return lambda facts: getattr(facts, _DIGITS[name]).startswith(digits)
    if name == "since":
        first = _moment(value, "T00:00:00Z")
        return lambda facts: facts.made_at >= first
    if name == "until":
        last = _moment(value, "T23:59:59Z")
        return lambda facts: facts.made_at <= last
    if name == "outcome" and value not in OUTCOMES:
        raise RecordError(f"{value!r}: expected an outcome. Choose from {', '.join(OUTCOMES)}.")
    return lambda facts: bool(getattr(facts, name) == value)


def _folded(text: str) -> str:
    """Return a text for comparison that ignores case and compatible spellings (NFKC)."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def _digits(value: str) -> str:
    digits = re.sub(r"[:\s]", "", value).lower()
    if not _PREFIX.fullmatch(digits):
        raise RecordError(
            f"{value!r}: expected the first of 64 hexadecimal digits, with or without colons. "
            "Write for example 91:5a or 915a."
        )
    return digits


def _moment(value: str, time_of_day: str) -> str:
    try:
        return f"{date.fromisoformat(value)}{time_of_day}"
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        raise RecordError(
            f"{value!r}: expected a day or a time. Write for example 2026-11-25 or "
            "2026-11-25T12:00:00Z."
        ) from None
    return f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


# A file


def facts_of(path: str | Path) -> Facts:
    """Return the facts of a record that a list shows.

    Raises:
        RecordError: the file is not a record, or is damaged.
        OSError: it cannot be read.
    """
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 10,000 Paths cost 0.1 s
        facts = parse_facts(facts_in(file))
    try:
        return _columns(facts)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        why = f"{type(error).__name__}: {error}"
        raise RecordError(
            f"{FACTS}: not as labkit writes it ({_text(why)}). Get another copy of the record."
        ) from None


def _columns(facts: Mapping[str, Any]) -> Facts:
    certificate = facts["certificate"] or {}
    return Facts(
        made_at=_utc(facts["made_at"]),
        outcome=OUTCOMES[OUTCOMES.index(facts["outcome"])],
        bench=_bench(facts["mode"]),
        thing=_text(facts["thing"]),
        board=_text(facts["board"]),
        serial_number=_text((facts["port"] or {}).get("serial_number")),
        operator=_text(facts["operator"]),
        fingerprint=_sha256(facts["fingerprint"]),
        certificate_id=_sha256(certificate.get("id")),
        certificate_status=_text(certificate.get("status")),
        not_after=_utc(certificate["not_after"]) if certificate else "",
        account_id=_text(facts["account_id"]),
        region=_text(facts["region"]),
        route=_text(facts["route"]),
    )


def _bench(mode: Mapping[str, str]) -> str:
    board, account = mode["board"] == "real", mode["account"] == "real"
    if board == account:
        return "real" if board else "SIMULATED"
    return "SIMULATED account" if board else "SIMULATED board"


def _utc(text: str) -> str:
    """Return a time as UTC, in a format that sorts as text."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"expected a time with its time zone, got {text}")
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _sha256(text: str | None) -> str:
    if text and not _SHA256.fullmatch(text):
        raise ValueError(f"expected 64 hexadecimal digits, got {text}")
    return text or ""


def _text(value: str | None) -> str:
    """Return a value as a list keeps it, cut to `_LONGEST` characters."""
    if not isinstance(value, str | None):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return _encodable((value or "")[:_LONGEST])


def _encodable(text: str) -> str:
    """Escape surrogates, which JSON can contain and UTF-8 cannot."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()
