"""What of a record is not made again: what the rest is made from, and what nobody can make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.record.rerun.replayed import CANNOT, GIVEN, Replayed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from labkit.record.reading import Record

__all__ = ["beyond"]

_GROUND = {
    "device/console.log": "what the board printed: the key is parsed from it",
    "firmware/": "a source as it was found, or its difference: the edited one is made of both",
    "journal.jsonl": "what was done, step by step: the files are checked against it",
}
_WHY = {
    "device/console.times.jsonl": "when each line came, by the clock of that computer",
    "device/deviceCert.csr": "signed by a throw-away key, which is gone",
    "device/deviceCert.pem": "signed by a key that is in no record",
    "device/": "made once; the record holds nothing to make it from",
    "ca/": "signed by the CA's key, which is in no record",
    "account/": "what the account answered then; `labkit record verify --ask-account` asks it now",
    "pages/": "was run once, there and then",
    "": "tells who, when and where",
}
"""By how a path begins; the first that fits counts."""


def beyond(record: Record, told: Collection[str]) -> Iterator[Replayed]:
    """Yield each file that was not made again, and the keys that are in no record, with why.

    Args:
        record: the record.
        told: what was made or checked again.
    """
    for path in sorted(set(record.files) - set(told)):
        verdict = GIVEN if path.startswith(tuple(_GROUND)) else CANNOT
        why = next(why for begin, why in (_GROUND | _WHY).items() if path.startswith(begin))
        yield Replayed(path, verdict, why)
    yield Replayed("the device's private key", CANNOT, _private_key(record))
    if "ca/rootCA.pem" in record.files:
        yield Replayed("ca/rootCA.key", CANNOT, "whoever has it can issue: it is in no record")


def _private_key(record: Record) -> str:
    facts = record.facts
    if facts["route"] == "option-1":
        return "AWS IoT made it and told it once: it is in no record"
    if facts["mode"]["board"] == "real":
        return "it is inside the board, which gives it to nobody"
    return "it is inside the simulated board, which gives it to nobody"
