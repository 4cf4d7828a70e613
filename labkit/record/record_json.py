"""Read `record.json`, the facts of a run; refuse what another version or program wrote."""

from __future__ import annotations

import json
from typing import Any

from labkit.errors import RecordError
from labkit.record.seal.archive import FACTS, shown

FORMAT = "labkit-record"
VERSION = 1
"""The version of `record.json`; a reader refuses a higher one."""

OUTCOMES = ("accepted", "failed", "unfinished")

_MEMBERS = {
    "account_id", "board", "certificate", "checks", "diagnosis", "failed", "fingerprint",
    "fingerprints", "headers", "made_at", "mode", "name", "operator", "outcome", "pages",
    "parameters", "port", "region", "release", "route", "seed", "steps", "thing", "where",
}  # fmt: skip
"""The members that every version has."""


def parse_facts(raw: bytes) -> dict[str, Any]:
    """Return the facts, if this labkit can read their version. The members are not checked.

    Raises:
        RecordError: it is not a `record.json`, or a newer labkit wrote it.
    """
    try:
        facts = json.loads(raw)
        written_as, version = facts["format"], facts["version"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise RecordError(
            f"{FACTS}: expected a JSON object with a format and a version. labkit did not make "
            "this record: get another copy."
        ) from None
    if written_as != FORMAT or not isinstance(version, int) or not 1 <= version <= VERSION:
        raise RecordError(
            f"{FACTS}: expected {FORMAT} up to version {VERSION}, got {shown(str(written_as))} "
            f"version {shown(str(version))}. Use the labkit that made it, or a newer one."
        )
    return dict(facts)


def read_facts(raw: bytes) -> dict[str, Any]:
    """Return the facts, after checking that no member is missing.

    Raises:
        RecordError: as `parse_facts`, or a member is missing.
    """
    facts = parse_facts(raw)
    if missing := sorted(_MEMBERS - facts.keys()):
        raise RecordError(
            f"{FACTS}: the members {', '.join(missing)} are missing. labkit did not make this "
            "record: get another copy."
        )
    return facts
