"""Whether a journal is in order, and each step read what an earlier one had made."""

from __future__ import annotations

import hashlib
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from labkit.errors import WorkspaceError
from labkit.workspace import Entry, read_journal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["chain_problem", "files_problem", "order_problem", "read_steps"]


def read_steps(files: Mapping[str, bytes]) -> list[Entry]:
    """Return the steps of a record's journal, oldest first; none where there is no journal.

    Raises:
        WorkspaceError: a line is no entry.
    """
    lines = read_journal(files.get("journal.jsonl", b""), "journal.jsonl")
    return [line for line in lines if isinstance(line, Entry)]


def order_problem(steps: Sequence[Entry]) -> str:
    """Return where the steps' times run backwards, or nothing."""
    for earlier, later in pairwise(steps):
        if datetime.fromisoformat(later.at) < datetime.fromisoformat(earlier.at):
            return (
                f"{later.step} at {later.at} stands after {earlier.step} at {earlier.at}: the "
                "computer's clock was set back, or lines were moved"
            )
    return ""


def chain_problem(steps: Sequence[Entry]) -> str:
    """Return where a step read something else than what was made last, or nothing.

    Of a log, which grows, this is told by `files_problem`.
    """
    made: dict[str, tuple[str, str]] = {}
    for entry in steps:
        for item, state in entry.read.items():
            maker, last = made.get(_name(item), ("", state))
            if last != state and not item.endswith(".log"):
                return (
                    f"{entry.step} read {item} with SHA-256 {state[:16]}…, and {maker} had made it "
                    f"with {last[:16]}…"
                )
        made |= {_name(item): (entry.step, state) for item, state in entry.made.items()}
    return ""


def files_problem(steps: Sequence[Entry], files: Mapping[str, bytes]) -> str:
    """Return which file of a record is not as the journal says that it was made, or nothing.

    Of console.log the journal says what its first bytes were, step by step. The CA's key is in no
    record.
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
            return f"{item} has SHA-256 {found[:16]}…, and {step} made it with {state[:16]}…"
    return _log_problem(steps, files.get("device/console.log", b""))


def _log_problem(steps: Sequence[Entry], log: bytes) -> str:
    told = sorted(_log_states(steps))
    digest, at = hashlib.sha256(), 0
    for size, sha256, step in told:
        digest.update(log[at:size])
        at = size
        if len(log) < size:
            return f"console.log has {len(log)} bytes, and {step} knew {size} of them"
        if digest.hexdigest() != sha256:
            return f"the first {size} bytes of console.log are not those that {step} knew"
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
