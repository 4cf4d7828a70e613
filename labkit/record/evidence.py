"""Check the files of a record against each other: certificate chain, keys and journal."""

from __future__ import annotations

import hashlib
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from labkit import certificates
from labkit.check import Check, check
from labkit.diagnosis.signs import ACCEPTED
from labkit.errors import LabError, WorkspaceError
from labkit.record.fingerprints import Fingerprint, fingerprints
from labkit.workspace import Entry, read_journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_DUMP = "the newest dump in console.log"
_CERTIFICATE = "the key in deviceCert.pem"
_SHORT = 16


def judge(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> tuple[Check, ...]:
    """Check a record's files against each other.

    Steps that a run did not reach are not checked. An accepted run must have done all of them.

    Args:
        files: the content of the record, by path.
        facts: its `record.json`.
    """
    recorded = [Fingerprint(f["at"], f["sha256"]) for f in facts["fingerprints"] if f["sha256"]]
    if facts["fingerprint"]:
        recorded.append(Fingerprint("record.json", facts["fingerprint"]))
    found = fingerprints(files)
    return tuple(
        each
        for each in (
            *_steps(files, facts),
            *_chain(files, facts),
            _one_key([*recorded, *found]),
            _identity(files, facts),
            *_accepted(files, facts, {each.at for each in found}),
        )
        if each is not None
    )


def _steps(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Iterator[Check]:
    try:
        steps = read_steps(files)
        numbered = [(each.step, each.at) for each in steps]
        problems: list[tuple[str, str]] = [
            ("each step read what an earlier step made", _chain_problem(steps)),
            ("every file is as the journal recorded it", _files_problem(steps, files)),
        ]
        if not facts["seed"]:  # a seeded step's time depends on the step, not on the clock
            problems.insert(0, ("the journal's times are in order", _order_problem(steps)))
    except (LabError, ValueError) as error:
        yield check("the journal can be read", passed=False, value=error)
        return
    yield check("the journal can be read", passed=True, value=f"{len(numbered)} entries")
    for claim, problem in problems:
        yield _verdict(claim, problem)


def _chain(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Iterator[Check | None]:
    pem, ca_pem = files.get("device/deviceCert.pem"), files.get("ca/rootCA.pem")
    if facts["route"] == "option-1" or pem is None or ca_pem is None:
        return
    try:
        ca = certificates.load_certificate(ca_pem)
        device = certificates.load_certificate(pem)
    except LabError as error:
        yield check("the certificates can be read", passed=False, value=error)
        return
    yield _tried("the CA signed its own certificate", lambda: certificates.verify_issued_by(ca, ca))
    yield _tried(
        "the CA signed the device's certificate", lambda: certificates.verify_issued_by(device, ca)
    )


def _one_key(known: list[Fingerprint]) -> Check | None:
    claim = "the key is the same at every step"
    unread = next((each for each in known if not each.sha256), None)
    if unread:
        return check(claim, passed=False, value=f"{unread.at}: {unread.why}")
    if not known:
        return None
    first = known[0]
    other = next((each for each in known if each.sha256 != first.sha256), None)
    if other is None:
        places = len({each.at for each in known})
        return check(claim, passed=True, value=f"{first.sha256[:_SHORT]}… in {places} places")
    return check(
        claim,
        passed=False,
        value=f"{first.at} {first.sha256[:_SHORT]}…, {other.at} {other.sha256[:_SHORT]}…",
    )


def _identity(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Check | None:
    pem, recorded = files.get("device/deviceCert.pem"), facts["certificate"]
    if pem is None or recorded is None:
        return None
    try:
        found = certificates.certificate_id(certificates.load_certificate(pem))
    except LabError as error:
        return check("the certificate has the recorded id", passed=False, value=error)
    return check("the certificate has the recorded id", found == recorded["id"])


def _accepted(
    files: Mapping[str, bytes], facts: Mapping[str, Any], found: set[str]
) -> Iterator[Check]:
    if facts["outcome"] != "accepted":
        return
    log = files.get("device/console.log", b"")
    yield check("the board printed that its hello world was accepted", ACCEPTED.encode() in log)
    wanted = [_CERTIFICATE] if facts["route"] == "option-1" else [_DUMP, _CERTIFICATE]
    missing = [place for place in wanted if place not in found]
    if facts["route"] != "option-1" and "ca/rootCA.pem" not in files:
        missing.append("ca/rootCA.pem")
    yield _verdict("an accepted run has its key and certificates", ", ".join(missing))


def _tried(claim: str, do: Callable[[], None]) -> Check:
    try:
        do()
    except LabError as error:
        return check(claim, passed=False, value=error)
    return check(claim, passed=True)


def _verdict(claim: str, problem: str) -> Check:
    return check(claim, passed=False, value=problem) if problem else check(claim, passed=True)


# The journal


def read_steps(files: Mapping[str, bytes]) -> list[Entry]:
    """Return the steps of a record's journal, oldest first; empty without a journal.

    Raises:
        WorkspaceError: a line is not an entry.
    """
    lines = read_journal(files.get("journal.jsonl", b""), "journal.jsonl")
    return [line for line in lines if isinstance(line, Entry)]


def _order_problem(steps: Sequence[Entry]) -> str:
    """Return where the times of the steps go backwards; empty if they do not."""
    for earlier, later in pairwise(steps):
        if datetime.fromisoformat(later.at) < datetime.fromisoformat(earlier.at):
            return (
                f"{later.step} at {later.at} follows {earlier.step} at {earlier.at}: the "
                "computer's clock was set back, or lines were moved"
            )
    return ""


def _chain_problem(steps: Sequence[Entry]) -> str:
    """Return where a step read another file than was made last; empty if none did.

    A log grows, so `_files_problem` checks it instead.
    """
    made: dict[str, tuple[str, str]] = {}
    for entry in steps:
        for item, state in entry.read.items():
            maker, last = made.get(_name(item), ("", state))
            if last != state and not item.endswith(".log"):
                return (
                    f"{entry.step} read {item} with SHA-256 {state[:16]}…, {maker} made it with "
                    f"{last[:16]}…"
                )
        made |= {_name(item): (entry.step, state) for item, state in entry.made.items()}
    return ""


def _files_problem(steps: Sequence[Entry], files: Mapping[str, bytes]) -> str:
    """Return which file differs from what the journal recorded; empty if none does.

    For console.log the journal records its first bytes at each step. A record does not contain the
    CA's key.
    """
    made: dict[str, tuple[str, str]] = {}
    for entry in steps:
        made |= {
            item: (entry.step, state)
            for item, state in entry.made.items()
            if "." in item and not item.endswith((".log", ".key")) and "=" not in item
        }
    for item, (step, state) in made.items():
        raw = files.get(_path(item))
        if raw is None:
            return f"{item}, which {step} made, is not in the record"
        if (found := hashlib.sha256(raw).hexdigest()) != state:
            return f"{item} has SHA-256 {found[:16]}…, {step} made it with {state[:16]}…"
    return _log_problem(steps, files.get("device/console.log", b""))


def _log_problem(steps: Sequence[Entry], log: bytes) -> str:
    states = sorted(_log_states(steps))
    digest, at = hashlib.sha256(), 0
    for size, sha256, step in states:
        digest.update(log[at:size])
        at = size
        if len(log) < size:
            return f"console.log has {len(log)} bytes, {step} recorded {size}"
        if digest.hexdigest() != sha256:
            return f"the first {size} bytes of console.log are not those that {step} recorded"
    return ""


def _log_states(steps: Sequence[Entry]) -> Iterator[tuple[int, str, str]]:
    for entry in steps:
        for item, state in (*entry.read.items(), *entry.made.items()):
            if item == "console.log":
                size, _, sha256 = state.partition(":")
                if not size.isdecimal():
                    raise WorkspaceError(
                        f"journal.jsonl: {entry.step}: expected `<bytes>:<SHA-256>` for "
                        f"console.log, got {state[:80]!r}"
                    )
                yield int(size), sha256, entry.step


def _name(item: str) -> str:
    return item.partition("=")[0]


def _path(item: str) -> str:
    is_ca = item.startswith(("rootCA.", "verificationCert."))
    return f"ca/{item}" if is_ca else f"device/{item}"
