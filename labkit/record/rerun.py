"""Run a seeded, simulated run again from its record, and compare every file."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import rsa

from labkit import __version__, certificates
from labkit.certificates.rules import spki
from labkit.errors import LabError
from labkit.firmware.tree import find_sources
from labkit.keys import sha256_fingerprint
from labkit.lab.lab import open_lab
from labkit.record.contents.collecting import collect
from labkit.record.contents.firmware_sources import ORIGINAL, differences
from labkit.record.evidence import read_steps
from labkit.record.scan.known import known_secrets
from labkit.record.scan.scanning import without_secrets
from labkit.support.seeding import Randomness
from labkit.workspace import Workspace, write
from labkit.workspace.lab_toml import set_in_lab_toml
from labkit.workspace.routes import thing_name_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labkit.lab.lab import Lab
    from labkit.record.reading import Record

REPRODUCED = "reproduced"
"""Made again, the same byte for byte."""
AGREES = "agrees"
"""Checked again, or made again with a difference that is expected."""
DIFFERS = "DIFFERS"
"""Made again or checked again, with another result than the record has."""
GIVEN = "given"
"""Other artefacts are made from it."""
CANNOT = "cannot be"
"""It cannot be reproduced."""

_BEFORE, _FROM = 16, 8
"""How many bytes a message shows before a difference, and from it on."""

_RUN, _HOW = "the whole run", "from the whole run"
_TIMES = "device/console.times.jsonl"
_LOG, _JOURNAL, _CERTIFICATE = "device/console.log", "journal.jsonl", "account/certificate.json"
_COMPARED = ("account/", "ca/", "device/", "firmware/", _JOURNAL)
_INDEPENDENT_OF_CA = (
    *("device/DevicePublicKey", "device/deviceCert.csr", _LOG),
    *("firmware/original/", "firmware/aws_clientcredential.h"),
)
_SUBJECTS = {"option-2": "ca.subject", "just-in-time": "ca.just_in_time_subject"}
"""The setting for the CA's subject, on the routes where it can be chosen."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """The result for one artefact.

    Attributes:
        what: the artefact, or a claim about it.
        verdict: `REPRODUCED`, `AGREES`, `DIFFERS`, `GIVEN` or `CANNOT`.
        why: what it was made from, where it differs, or why it cannot be reproduced.
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
    pairs = enumerate(zip(recorded, made, strict=False))
    at = next((n for n, (a, b) in pairs if a != b), min(len(recorded), len(made)))
    start = max(at - _BEFORE, 0)
    expected, got = (raw[start : at + _FROM] for raw in (made, recorded))
    why = f"{how}: at offset {at} expected {expected!r}, the record has {got!r}"
    return Replayed(what, DIFFERS, why)


def compare_run(record: Record) -> Iterator[Replayed]:
    """Run a seeded, simulated run again, as far as it went, and compare each file."""
    if why := _not_repeatable(record.facts):
        yield Replayed(_RUN, CANNOT, why)
        return
    try:
        made = _run_again(record)
    except LabError as error:
        yield Replayed(_RUN, DIFFERS, f"run again, it ended with: {error}")
        return
    done = sum(step["done"] for step in record.facts["steps"])
    why = f"{done} steps repeated with labkit {__version__}; made with {record.facts['labkit']}"
    yield Replayed(_RUN, AGREES, why)
    recorded = {path: raw for path, raw in record.files.items() if path.startswith(_COMPARED)}
    for path in sorted((recorded.keys() | made.keys()) - {_TIMES}):
        if path in recorded and path in made:
            yield _compared_file(path, recorded[path], made[path], has_rsa=_has_rsa(record.files))
        elif path in made:
            yield Replayed(path, DIFFERS, f"{_HOW}: it is not in the record")
        elif record.facts["outcome"] == "accepted":
            yield Replayed(path, DIFFERS, f"{_HOW}: it was not made again")
        else:
            yield Replayed(path, CANNOT, "left by a step that failed or was not finished")


def _not_repeatable(facts: Mapping[str, Any]) -> str:
    """Return why a run cannot be repeated; empty if it can."""
    if "real" in (facts["mode"]["board"], facts["mode"]["account"]):
        return "the board or the account was real"
    if not facts["seed"]:
        return "it had no seed: its keys were random"
    if facts["route"] == "option-1" or facts["fingerprint"] is None:
        return ""
    key = Randomness(facts["seed"]).ec_key(facts["thing"], "key pair 1").public_key()
    if sha256_fingerprint(spki(key)) == facts["fingerprint"]:
        return ""
    return (
        "its key is not the first that the seed gives its board: the board had made key pairs "
        "before, or the labkit that made the record derived the key differently"
    )


def _run_again(record: Record) -> dict[str, bytes]:
    """Repeat the steps that were done, on a bench in a temporary folder; return their files."""
    with tempfile.TemporaryDirectory(prefix="labkit-replay-") as folder:
        lab = _prepared(record, Path(folder))
        try:
            for step in record.facts["steps"]:
                if not step["done"]:
                    break
                lab.perform(step["step"])
            files, _ = without_secrets(collect(lab, {}), known_secrets(lab))
        finally:
            if lab.bench:
                lab.bench.stop()
    return differences(files)[0]


def _prepared(record: Record, root: Path) -> Lab:
    """Open a lab in the state before the first step."""
    facts = record.facts
    chosen = {
        "device": "sim",
        "cloud": "sim",
        "seed": facts["seed"],
        "thing_name": str(facts["thing"]).removesuffix(thing_name_on(facts["route"], "")),
        "route": facts["route"],
        "release": facts["release"],
    }
    workspace = Workspace.open(root, {}, **chosen)
    set_in_lab_toml(root / "lab.toml", _settings(record))
    sources = find_sources(workspace.firmware)
    for file in (sources.credentials, sources.keys, sources.provisioning):
        with suppress(KeyError):
            write(file, record.files[ORIGINAL + file.name])
    return open_lab(root, **chosen)


def _settings(record: Record) -> dict[str, str | int]:
    facts = record.facts
    settings: dict[str, str | int] = {
        "account.account_id": facts["account_id"],
        "account.region": facts["region"],
    }
    if (ca := record.files.get("ca/rootCA.pem")) and facts["route"] in _SUBJECTS:
        with suppress(LabError):
            subject = certificates.load_certificate(ca).subject
            settings[_SUBJECTS[facts["route"]]] = certificates.subject_text(subject)
    return settings


# Comparing the files


def _has_rsa(files: Mapping[str, bytes]) -> bool:
    for path in ("ca/rootCA.pem", "device/deviceCert.pem"):
        with suppress(LabError):
            key = certificates.load_certificate(files.get(path, b"")).public_key()
            if isinstance(key, rsa.RSAPublicKey):
                return True
    return False


def _compared_file(path: str, recorded: bytes, made: bytes, *, has_rsa: bool) -> Replayed:
    if recorded == made:
        return Replayed(path, REPRODUCED, _HOW)
    if has_rsa and not path.startswith(_INDEPENDENT_OF_CA):
        return Replayed(path, CANNOT, "it depends on an RSA key, which is not derived from a seed")
    if path == _LOG and recorded.startswith(made):
        how = f"{_HOW}, its first {len(made)} bytes; the rest are boots in addition to the steps"
        return compared(path, recorded[: len(made)], made, how)
    if path == _CERTIFICATE and _without_version(recorded) == _without_version(made):
        return Replayed(path, AGREES, f"{_HOW}; only the number of changes differs")
    if path == _JOURNAL and _entries(recorded) == _entries(made):
        return Replayed(path, AGREES, f"{_HOW}; only repeated steps and account notes differ")
    return compared(path, recorded, made, _HOW)


def _without_version(answer: bytes) -> dict[str, Any]:
    description: dict[str, Any] = json.loads(answer)
    return {name: value for name, value in description.items() if name != "customerVersion"}


def _entries(journal: bytes) -> set[str]:
    """Return each step's entry once, without the diff: a page repeats steps from another state."""
    entries = [asdict(entry) for entry in read_steps({_JOURNAL: journal})]
    for entry in entries:
        entry["facts"].pop("diff", None)
    return {json.dumps(entry, sort_keys=True) for entry in entries}
