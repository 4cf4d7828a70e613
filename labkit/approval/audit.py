"""The audit log: one line for each decision, chained to the line before; append-only.

A line contains the SHA-256 of the chain so far and of itself, so a line that is changed, moved or
removed breaks every later line. A log whose end was cut off is still valid: keep its `head` in
another place, and `verify` finds that too. A user who can write the file can also replace the whole
log; only a head kept in another place shows that.
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
    """One decision of the certificate authority. It contains no secret.

    Attributes:
        at: when, ISO 8601, UTC.
        who: the administrator whose key signed, or "unknown".
        signer: SHA-256 of the public key (DER) that signed the request.
        request: SHA-256 of what was signed (DER CertificationRequestInfo).
        name: the requested common name.
        device_key: SHA-256 of the device's public key (DER); empty in a registration.
        decision: "registered", "issued" or "refused".
        reason: why.
        certificate: the issued certificate, PEM; empty if none was issued.
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
        """Return the decision in one line; the reason up to its colon."""
        key = f", device key {self.device_key[:_SHOWN_DIGITS]}…" if self.device_key else ""
        what = f" {self.name!r}{key}" if self.name or key else ""
        return f"{self.decision:<10} by {self.who}:{what} ({self.reason.partition(':')[0]})"


class AuditLog:
    """The log of one certificate authority.

    Args:
        path: its file, JSON lines; made by the first decision.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        """Return one line for each decision."""
        return "\n".join(map(repr, self.decisions())) or "no decision yet"

    def decisions(self) -> tuple[Decision, ...]:
        """Return every decision, oldest first.

        Raises:
            ApprovalError: a line was changed, moved or removed.
        """
        return self._read()[0]

    @property
    def head(self) -> str:
        """The SHA-256 of the chain up to the last line, 64 hex digits; keep it in another place."""
        return self._read()[1]

    def verify(self, head: str | None = None) -> int:
        """Verify the chain, and return the number of decisions.

        Args:
            head: an earlier head, which must be in the chain.

        Raises:
            ApprovalError: a line was changed, moved or removed; with a head, also from the end.
        """
        content = self._content()
        decisions, _ = parse(content, self.path.name)
        chains = {json.loads(each)["chain"] for each in content.splitlines()}
        if head is not None and head not in chains | {_START}:
            raise ApprovalError(
                f"{self.path.name}: the head {head[:_SHOWN_DIGITS]}… is not in the chain. Lines "
                "were cut off or replaced: do not issue certificates, and compare the log with a "
                "backup."
            )
        return len(decisions)

    def decide(self, judge: Callable[[tuple[Decision, ...]], Decision]) -> Decision:
        """Make a decision that can depend on all earlier ones, and append it.

        The file is locked meanwhile, and the decision is on the disk when this returns.

        Args:
            judge: returns the decision, given the earlier ones.

        Raises:
            ApprovalError: a line was changed, moved or removed; nothing is decided.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file, locked(file):
            file.seek(0)
            content = _whole_lines(file.read())
            decisions, head = parse(content, self.path.name)
            decision = judge(decisions)
            # A line that a kill left unfinished was not used by anyone.
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
    """Return the decisions and the head of a log, which ends in a line feed.

    Raises:
        ApprovalError: a line was changed, moved or removed.
    """
    decisions, head = [], _START
    for number, raw in enumerate(content.split(b"\n")[:-1], 1):
        try:
            members = json.loads(raw)
            chain = members.pop("chain")
            decision = Decision(**members)
            whole = line(decision, head) == raw + b"\n"
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            whole = False
        if not whole:
            raise ApprovalError(
                f"{name}, line {number}: the line does not continue the chain. It was changed, or "
                "lines before it were removed: do not issue certificates, and compare the log with "
                "a backup."
            )
        decisions.append(decision)
        head = chain
    return tuple(decisions), head


def line(decision: Decision, head: str) -> bytes:
    """Return the line of a decision, with its line feed, for a chain with this head."""
    members = asdict(decision)
    if not all(isinstance(value, str) for value in members.values()):
        raise TypeError("a value is not text")
    chain = hashlib.sha256(head.encode() + json.dumps(members, sort_keys=True).encode()).hexdigest()
    return json.dumps(members | {"chain": chain}, sort_keys=True).encode() + b"\n"
