"""Replaying a record: what can be made again from the file alone, and what by its nature cannot.

Nothing is asked but the file. A seeded run, whose board and account were simulated, is run again
as a whole; of any other the console is parsed, the certificate checked and the sources rebuilt.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit import certificates, console, firmware
from labkit.errors import LabError, RecordError
from labkit.lab.procedure.steps.headers import CERTIFICATE_PEM
from labkit.record.contents.firmware_sources import ORIGINAL, patched
from labkit.record.evidence import judge
from labkit.record.reading import Record, read, read_unverified
from labkit.record.rerun.comparing import (
    AGREES,
    CANNOT,
    DIFFERS,
    GIVEN,
    REPRODUCED,
    Replayed,
    compared,
    run_compared,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

_LOG = "device/console.log"
_CA, _REQUEST, _DEVICE = "ca/rootCA.pem", "device/deviceCert.csr", "device/deviceCert.pem"
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


@dataclass(frozen=True, slots=True)
class Replay:
    """A record's replay; its repr lists each artefact.

    Attributes:
        record: the record.
        artefacts: what came of each.
    """

    record: Record
    artefacts: tuple[Replayed, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing differs from what the record says."""
        return all(each.verdict != DIFFERS for each in self.artefacts)

    def __repr__(self) -> str:
        """Return who vouches for the record, a line for each artefact, and the sum."""
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
    """Make again what a record holds, from the record alone, and compare.

    Args:
        file: the `.eln` file.
        public_keys: whose signature is accepted: public keys in minisign's form.
        unverified: replay a record that nobody vouches for; no signature is looked at.

    Raises:
        RecordError: the file was changed since it was signed, or another key signed it.
    """
    record = read_unverified(file) if unverified else read(file, public_keys)
    return Replay(record, tuple(_replayed(record)))


def _replayed(record: Record) -> Iterator[Replayed]:
    """Yield what came of each artefact, and at last what nobody can make again."""
    told: set[str] = set()
    try:
        for each in (*_key(record.files), *_certificate(record.files), *_sources(record),
                     *_judged(record), *run_compared(record)):  # fmt: skip
            told.add(each.what)
            yield each
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(
            f"record.json: expected the facts of a run, got something else ({error!r}). It is no "
            "record that labkit made."
        ) from None
    yield from _beyond(record, told)


def _key(files: Mapping[str, bytes]) -> Iterator[Replayed]:
    """Parse the raw console log again, and make the key's three files of it."""
    if _LOG not in files:
        return
    what = "the public key in console.log"
    try:
        newest = console.parse(io.BytesIO(files[_LOG])).newest
        if newest is None:
            yield Replayed(what, CANNOT, "none was printed")
            return
        key = newest.public_key()
    except LabError as error:
        yield Replayed(what, CANNOT, f"the newest dump is not whole: {error}")
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


def _certificate(files: Mapping[str, bytes]) -> Iterator[Replayed]:
    """Check the certificate against the key in the console log, its CA and its request."""
    if not {_LOG, _DEVICE, _CA} <= files.keys():
        return
    try:
        key = console.parse(io.BytesIO(files[_LOG])).public_key()
        csr = files.get(_REQUEST)
        certificates.verify_device_certificate(
            certificates.load_certificate(files[_DEVICE]),
            public_key=key,
            ca=certificates.load_certificate(files[_CA]),
            csr=None if csr is None else certificates.load_request(csr),
        )
    except LabError as error:
        yield Replayed(_DEVICE, DIFFERS, f"against console.log and the CA: {error}")
    else:
        yield Replayed(_DEVICE, AGREES, "it holds the key in console.log, and the CA signed it")


def _sources(record: Record) -> Iterator[Replayed]:
    """Rebuild the edited sources from their originals and differences."""
    files, facts = record.files, record.facts
    for name, sha256 in sorted(facts["headers"].items()):
        what, path = f"{name} as it was edited", f"firmware/{name}.diff"
        if path not in files or files[path].startswith(f"{name}: no difference".encode()):
            yield Replayed(what, CANNOT, "the record holds no difference of it")
            continue
        try:
            now = patched(files.get(ORIGINAL + name, b""), files[path], name)
        except RecordError as error:
            yield Replayed(what, DIFFERS, str(error))
            continue
        if (found := hashlib.sha256(now).hexdigest()) != sha256:
            yield Replayed(what, DIFFERS, f"SHA-256 {found[:16]}…, the record says {sha256[:16]}…")
            continue
        yield Replayed(what, REPRODUCED, "its original with the difference applied")
        yield from _in_header(record, name, now)


def _in_header(record: Record, name: str, source: bytes) -> Iterator[Replayed]:
    """Compare the certificate in the rebuilt header with the file, once a step has put it there."""
    put = any(step["done"] and CERTIFICATE_PEM in step["made"] for step in record.facts["steps"])
    if not put or not name.endswith("_keys.h") or _DEVICE not in record.files:
        return
    what = f"{CERTIFICATE_PEM} in it"
    value = firmware.get(firmware.decode(source), CERTIFICATE_PEM).value or ""
    if value.encode() == record.files[_DEVICE]:
        yield Replayed(what, AGREES, "it is deviceCert.pem")
    else:
        yield Replayed(what, DIFFERS, "it is another text than deviceCert.pem")


def _judged(record: Record) -> Iterator[Replayed]:
    """Check the record's files against each other, as verifying does."""
    for each in judge(record.files, record.facts):
        yield Replayed(each.claim, AGREES if each else DIFFERS, each.shown or "checked again")


def _beyond(record: Record, told: Collection[str]) -> Iterator[Replayed]:
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
