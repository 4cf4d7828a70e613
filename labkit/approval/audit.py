"""The audit log: a line for each decision, only ever added to, each line chained to the one before.

A line holds the SHA-256 over the chain so far and itself, so a line that is changed, moved or
removed breaks every later one. Lines cut off at the end leave a log that is whole: note its `head`
elsewhere, and `verify` finds that too. Whoever may write the file may also write a whole new log;
only a head that is kept elsewhere tells.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from labkit.errors import ApprovalError
from labkit.workspace.files import locked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_START = "0" * 64
_SHOWN_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of the certificate authority, as its log tells it. Nothing in it is secret.

    Attributes:
        at: when, ISO 8601, UTC.
        who: the administrator whose key signed, or "unknown".
        signer: SHA-256 of the public key (DER) that signed the request.
        request: SHA-256 of what was signed (DER CertificationRequestInfo).
        name: the common name that was asked for.
        device_key: SHA-256 of the device's public key (DER); empty in a registration.
        decision: "registered", "issued" or "refused".
        reason: why.
        certificate: what was issued, PEM; empty otherwise.
    """

    at: str
    who: str
    signer: str
    request: str
    name: str
    device_key: str
    decision: str
    reason: str
    certificate: str = ""

    def __repr__(self) -> str:
        """Return what is to be read of the line at a glance; the reason up to its colon."""
        key = f", device key {self.device_key[:_SHOWN_DIGITS]}…" if self.device_key else ""
        what = f" {self.name!r}{key}" if self.name or key else ""
        return f"{self.decision:<10} by {self.who}:{what} ({self.reason.partition(':')[0]})"


class AuditLog:
    """The log of one certificate authority.

    Args:
        path: its file, JSON lines; made with the first decision.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        """Return the decisions, a line each."""
        return "\n".join(map(repr, self.decisions())) or "no decision yet"

    def decisions(self) -> tuple[Decision, ...]:
        """Return every decision, oldest first.

        Raises:
            ApprovalError: a line was changed, moved or removed.
        """
        return self._read()[0]

    @property
    def head(self) -> str:
        """The SHA-256 that the whole log amounts to: note it where the log is not."""
        return self._read()[1]

    def verify(self, head: str | None = None) -> int:
        """Verify the chain, and return how many decisions it holds.

        Args:
            head: a head noted earlier, which must be in the chain.

        Raises:
            ApprovalError: a line was changed, moved or removed, also from the end where a head
                was given.
        """
        content = self._content()
        decisions, _ = parse(content, self.path.name)
        chains = {json.loads(each)["chain"] for each in content.splitlines()}
        if head is not None and head not in chains | {_START}:
            raise ApprovalError(
                f"{self.path.name}: expected the chain to hold the head {head[:_SHOWN_DIGITS]}…, "
                "which was noted earlier, and it does not. Lines were cut off or written anew: "
                "issue nothing, and compare with a backup."
            )
        return len(decisions)

    def decide(self, judge: Callable[[tuple[Decision, ...]], Decision]) -> Decision:
        """Let a decision be made in view of all earlier ones, and add it.

        It is on the disk when this returns. Nobody else decides meanwhile.

        Args:
            judge: takes the earlier decisions, returns this one.

        Raises:
            ApprovalError: the log is not whole; nothing is decided.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file, locked(file):
            file.seek(0)
            content = _whole_lines(file.read())
            decisions, head = parse(content, self.path.name)
            decision = judge(decisions)
            # What a kill left half written was never handed out.
            file.truncate(len(content))
            file.write(line(decision, head))
            file.flush()
            os.fsync(file.fileno())
        return decision

    def _read(self) -> tuple[tuple[Decision, ...], str]:
        return parse(self._content(), self.path.name)

    def _content(self) -> bytes:
        return _whole_lines(self.path.read_bytes()) if self.path.exists() else b""


def _whole_lines(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]


def parse(content: bytes, name: str) -> tuple[tuple[Decision, ...], str]:
    """Return the decisions and the head of a log's whole lines.

    Raises:
        ApprovalError: a line is not the one that was written there.
    """
    decisions, head = [], _START
    for number, raw in enumerate(content.split(b"\n")[:-1], 1):
        try:
            told = json.loads(raw)
            chain = told.pop("chain")
            decision = Decision(**told)
            whole = line(decision, head) == raw + b"\n"
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            whole = False
        if not whole:
            raise ApprovalError(
                f"{name}, line {number}: expected the line that was written after line "
                f"{number - 1}, and it is not. It was changed, or lines before it were removed: "
                "issue nothing, and compare with a backup."
            )
        decisions.append(decision)
        head = chain
    return tuple(decisions), head


def line(decision: Decision, head: str) -> bytes:
    """Return the line of a decision, newline included, after a chain with this head."""
    told = asdict(decision)
    if not all(isinstance(value, str) for value in told.values()):
        raise TypeError("a value is of another type")
    chain = hashlib.sha256(head.encode() + json.dumps(told, sort_keys=True).encode()).hexdigest()
    return json.dumps(told | {"chain": chain}, sort_keys=True).encode() + b"\n"
