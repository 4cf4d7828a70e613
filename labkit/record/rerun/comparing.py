"""What came of an artefact that was made again; a seeded run, done again and compared."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import rsa

from labkit import __version__, certificates
from labkit.errors import LabError
from labkit.record.evidence import read_steps
from labkit.record.rerun.again import is_first_key, run_again

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labkit.record.reading import Record

REPRODUCED = "reproduced"
"""Made again, the same byte for byte."""
AGREES = "agrees"
"""Not the same bytes, but nothing speaks against it."""
DIFFERS = "DIFFERS"
"""Made again or checked again, it is something else than the record says."""
GIVEN = "given"
"""What the rest is made from."""
CANNOT = "cannot be"
"""By its nature, or because the record does not hold what it takes."""

_BEFORE, _BEHIND = 16, 8
"""How many bytes are shown before a difference, and from it on."""

_RUN, _HOW = "the whole run", "by the whole run, done again"
_TIMES = "device/console.times.jsonl"
_LOG, _JOURNAL, _CERTIFICATE = "device/console.log", "journal.jsonl", "account/certificate.json"
_COMPARED = ("account/", "ca/", "device/", "firmware/", _JOURNAL)
_WITHOUT_CA = (
    *("device/DevicePublicKey", "device/deviceCert.csr", _LOG),
    *("firmware/original/", "firmware/aws_clientcredential.h"),
)
"""What hangs on no key but the device's own, and so not on an RSA key."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of one artefact.

    Attributes:
        what: the artefact, or what is claimed.
        verdict: `REPRODUCED`, `AGREES`, `DIFFERS`, `GIVEN` or `CANNOT`.
        why: from what it was made, where it differs, or why it cannot be made.
    """

    what: str
    verdict: str
    why: str

    def __repr__(self) -> str:
        """Return a line."""
        return f"{self.verdict:10}  {self.what}: {self.why}"


def compared(what: str, recorded: bytes, made: bytes, how: str) -> Replayed:
    """Compare an artefact with what was made again, byte for byte."""
    if recorded == made:
        return Replayed(what, REPRODUCED, how)
    at = next(
        (n for n, (a, b) in enumerate(zip(recorded, made, strict=False)) if a != b),
        min(len(recorded), len(made)),
    )
    start = max(at - _BEFORE, 0)
    there, here = (raw[start : at + _BEHIND] for raw in (recorded, made))
    why = f"{how}: at offset {at} expected {here!r}, the record has {there!r}"
    return Replayed(what, DIFFERS, why)


def run_compared(record: Record) -> Iterator[Replayed]:
    """Do a seeded, simulated run again, as far as it came, and yield what came of each file."""
    if why := _never_again(record.facts):
        yield Replayed(_RUN, CANNOT, why)
        return
    if _is_seeded_boards_key(record) and not is_first_key(record.facts):
        yield Replayed(
            _RUN,
            CANNOT,
            "its key is not the first that the seed gives its board: the board had made key pairs "
            "before, or the labkit that made the record derived the key differently",
        )
        return
    try:
        made = run_again(record)
    except LabError as error:
        yield Replayed(_RUN, DIFFERS, f"done again, it ends with: {error}")
        return
    done = sum(step["done"] for step in record.facts["steps"])
    yield Replayed(_RUN, AGREES, f"{done} steps done again by labkit {__version__}; the record is "
                                 f"of labkit {record.facts['labkit']}")  # fmt: skip
    recorded = {path: raw for path, raw in record.files.items() if path.startswith(_COMPARED)}
    for path in sorted((recorded.keys() | made.keys()) - {_TIMES}):
        if path in recorded and path in made:
            yield _both(path, recorded[path], made[path], has_rsa=_has_rsa(record.files))
        elif path in made:
            yield Replayed(path, DIFFERS, f"{_HOW}: it is not in the record")
        elif record.facts["outcome"] == "accepted":
            yield Replayed(path, DIFFERS, f"{_HOW}: it was not made again")
        else:
            yield Replayed(path, CANNOT, "left by what failed or was not finished")


def _never_again(facts: Mapping[str, Any]) -> str:
    if "real" in (facts["mode"]["board"], facts["mode"]["account"]):
        return "board or account was real: what they did, they did once"
    if not facts["seed"]:
        return "it had no seed: its keys were drawn by chance"
    return ""


def _is_seeded_boards_key(record: Record) -> bool:
    return record.facts["route"] != "option-1" and record.facts["fingerprint"] is not None


def _has_rsa(files: Mapping[str, bytes]) -> bool:
    for path in ("ca/rootCA.pem", "device/deviceCert.pem"):
        with suppress(LabError):
            key = certificates.load_certificate(files.get(path, b"")).public_key()
            if isinstance(key, rsa.RSAPublicKey):
                return True
    return False


def _both(path: str, recorded: bytes, made: bytes, *, has_rsa: bool) -> Replayed:
    if recorded != made and has_rsa and not path.startswith(_WITHOUT_CA):
        return Replayed(path, CANNOT, "it hangs on an RSA key, which no seed gives again")
    if path == _LOG and recorded.startswith(made) and recorded != made:
        how = f"{_HOW}, its first {len(made)} bytes; the rest are boots beside the steps"
        return compared(path, recorded[: len(made)], made, how)
    if recorded != made and (but := _excused(path, recorded, made)):
        return Replayed(path, AGREES, f"{_HOW}; {but}")
    return compared(path, recorded, made, _HOW)


def _excused(path: str, recorded: bytes, made: bytes) -> str:
    """Return why a file may be another than the steps alone leave, or nothing."""
    if path == _CERTIFICATE and _unchanging(recorded) == _unchanging(made):
        return "only how often the certificate was changed is another"
    if path == _JOURNAL and _entries(recorded) == _entries(made):
        return "each step read and made the same; repetitions and notes on the account are others"
    return ""


def _unchanging(answer: bytes) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(answer)
    return {name: value for name, value in told.items() if name != "customerVersion"}


def _entries(journal: bytes) -> set[str]:
    """Return each step's entries, once, without what stood in a source before.

    A page does some steps again, from another state.
    """
    told = [asdict(entry) for entry in read_steps({_JOURNAL: journal})]
    for entry in told:
        entry["facts"].pop("diff", None)
    return {json.dumps(entry, sort_keys=True) for entry in told}
