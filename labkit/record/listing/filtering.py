"""Which records a folder has: by device, key, thing, certificate, operator, outcome and date.

Of each file only the ZIP's directory and `record.json` are read. Nothing is verified.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.errors import RecordError
from labkit.record.listing.records import Facts, Listed, NoRecord, Records
from labkit.record.reading import OUTCOMES, read_form
from labkit.record.seal.archive import FACTS, facts_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SUFFIX = b".eln"
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
        folder: where the `.eln` files are; subfolders and hidden files are left out.
        device: a thing's name, a board's label or the serial number of its USB port.
        thing: the thing's name, exactly.
        fingerprint: the first digits of the SHA-256 of the device's public key; colons may stand
            between them.
        certificate: the first digits of the certificate's id.
        operator: who did it, case-insensitive.
        outcome: "accepted", "failed" or "unfinished".
        since: a day or a time, UTC where it names no zone.
        until: a day, which counts whole, or a time.

    Raises:
        RecordError: there is no such folder, or what is asked for is no digits, day or outcome.
    """
    given = {
        "device": device, "thing": thing, "fingerprint": fingerprint, "certificate": certificate,
        "operator": operator, "outcome": outcome, "since": since, "until": until,
    }  # fmt: skip
    asked = {what: value for what, value in given.items() if value is not None}
    tests = [_test(what, _storable(value)) for what, value in asked.items()]
    folder = Path(folder)
    found: list[Listed] = []
    others: list[NoRecord] = []
    for name in _names(folder):
        file = os.fsdecode(name)
        try:
            found.append(Listed(file, facts_of(folder / file)))
        except RecordError as error:
            others.append(NoRecord(file, str(error)))
        except OSError as error:
            others.append(NoRecord(file, f"cannot be read: {error.strerror}"))
    listed = [each for each in found if all(test(each.facts) for test in tests)]
    listed.sort(key=lambda each: each.facts.made_at, reverse=True)
    words = ", ".join(f"{what} {value}" for what, value in asked.items())
    return Records(folder, tuple(listed), tuple(others), len(found), words)


def _names(folder: Path) -> list[bytes]:
    """Return the names of the files that should be records, in order."""
    try:
        names = os.listdir(os.fsencode(folder))  # noqa: PTH208 bytes, since a name can be any
    except OSError as error:
        raise RecordError(
            f"{folder}: expected a folder of records: {error.strerror}. `labkit record make` makes "
            "a record."
        ) from None
    return sorted(n for n in names if n.endswith(_SUFFIX) and not n.startswith(b"."))


# A question


_TEXTS = {"device": ("thing", "board", "serial_number"), "operator": ("operator",)}
_DIGITS = {"fingerprint": "fingerprint", "certificate": "certificate_id"}


def _test(what: str, value: str) -> Callable[[Facts], bool]:
    """Return whether a record answers a question, as a function of its facts."""
    if what in _TEXTS:
        text = _folded(value)
        return lambda facts: text in (_folded(getattr(facts, name)) for name in _TEXTS[what])
    if what in _DIGITS:
        digits = _digits(value)
        return lambda facts: getattr(facts, _DIGITS[what]).startswith(digits)
    if what in ("since", "until"):
        is_since = what == "since"
        moment = _moment(value, "T00:00:00Z" if is_since else "T23:59:59Z")
        return lambda facts: facts.made_at >= moment if is_since else facts.made_at <= moment
    exact = _outcome(value) if what == "outcome" else value
    return lambda facts: bool(getattr(facts, what) == exact)


def _folded(text: str) -> str:
    """Return a text so that two that a person takes for the same are equal."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def _digits(value: str) -> str:
    digits = re.sub(r"[:\s]", "", value).lower()
    if not _PREFIX.fullmatch(digits):
        raise RecordError(
            f"{value!r}: expected the first of 64 hexadecimal digits, colons between them or not, "
            "such as 91:5a or 915a."
        )
    return digits


def _outcome(value: str) -> str:
    if value not in OUTCOMES:
        raise RecordError(f"{value!r}: expected an outcome: {', '.join(OUTCOMES)}.")
    return value


def _moment(value: str, time_of_a_day: str) -> str:
    try:
        return f"{date.fromisoformat(value)}{time_of_a_day}"
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        raise RecordError(
            f"{value!r}: expected a day such as 2026-11-25, or a time such as 2026-11-25T12:00:00Z."
        ) from None
    return f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


# A file


def facts_of(path: Path) -> Facts:
    """Return a record's facts.

    Raises:
        RecordError: the file is no record of labkit's, or is damaged.
        OSError: it cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise RecordError("expected a file, got a folder, a pipe or a device.")
    with path.open("rb", buffering=0) as file:
        facts = read_form(facts_in(file))
    try:
        return _columns(facts)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        why = f"{type(error).__name__}: {error}"
        raise RecordError(f"{FACTS}: not as labkit writes it ({_text(why)}).") from None


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
    """Return a time as UTC, in the one form that sorts as text."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"expected a time with its zone, got {text}")
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _sha256(text: str | None) -> str:
    if text and not _SHA256.fullmatch(text):
        raise ValueError(f"expected 64 hexadecimal digits, got {text}")
    return text or ""


def _text(value: str | None) -> str:
    """Return a value as a list keeps it, cut where it is long."""
    if not isinstance(value, str | None):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return _storable((value or "")[:_LONGEST])


def _storable(text: str) -> str:
    """Return a text with what is no character escaped: halves of one, which JSON can spell."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()
