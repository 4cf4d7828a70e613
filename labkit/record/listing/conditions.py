"""What a list of records may be asked for, as a condition of SQL."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from labkit.errors import RecordError
from labkit.record.form import OUTCOMES
from labkit.record.listing.glance import storable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["conditions", "folded"]

_PREFIX = re.compile(r"[0-9a-f]{1,64}")


def conditions(asked: Mapping[str, str | None]) -> tuple[str, tuple[str, ...]]:
    """Return a condition of SQL and its values.

    Args:
        asked: what is asked for, by the names that `labkit.record.records` has; None is nothing.

    Raises:
        RecordError: it is no digits, day or outcome.
    """
    told = {what: storable(value) for what, value in asked.items() if value is not None}
    parts = [part for what, value in told.items() for part in _part(what, value)]
    return " AND ".join(["why IS NULL", *(sql for sql, _ in parts)]), tuple(v for _, v in parts)


def folded(text: str) -> str:
    """Return a text such that those that a person takes for the same are the same."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def _part(what: str, value: str) -> Iterator[tuple[str, str]]:
    match what:
        case "device":
            yield "? IN (folded(thing), folded(board), folded(serial_number))", folded(value)
        case "thing":
            yield "thing = ?", value
        case "operator":
            yield "folded(operator) = ?", folded(value)
        case "outcome":
            yield "outcome = ?", _outcome(value)
        case "fingerprint":
            yield _begins("fingerprint", value)
        case "certificate":
            yield _begins("certificate_id", value)
        case "since":
            yield "made_at >= ?", _moment(value, "T00:00:00Z")
        case "until":
            yield "made_at <= ?", _moment(value, "T23:59:59Z")


def _begins(column: str, value: str) -> tuple[str, str]:
    digits = re.sub(r"[:\s]", "", value).lower()
    if not _PREFIX.fullmatch(digits):
        raise RecordError(
            f"{value!r}: expected the first of 64 hexadecimal digits, colons between them or not, "
            "such as 91:5a or 915a."
        )
    return f"substr({column}, 1, {len(digits)}) = ?", digits


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
