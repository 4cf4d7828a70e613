"""What a handshake came to: a value whose repr is a list of steps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a step went; it is said in this word."""

    OK = "ok"
    SENT = "sent"
    """On its way; whether the other side took it is not known."""
    BROKE = "broke here"
    IGNORED = "sent, not looked at"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Step:
    """A message.

    Attributes:
        sender: "device" or "AWS IoT".
        message: its name in the RFC.
        outcome: how it went.
        means: what it says, or who proves what by it.
    """

    sender: str
    message: str
    outcome: Outcome
    means: str


@dataclass(frozen=True, slots=True, repr=False)
class Handshake:
    """The handshake of a device's last connection; its repr is a list of its steps.

    Attributes:
        source: what it is known from, one sentence.
        steps: the messages; empty where nobody could see them.
        verdict: what it came to.
        is_accepted: whether both sides have proved who they are and CONNECT was accepted.
        alert: the name of the alert that ended it, such as "unknown_ca"; empty for none.
    """

    source: str
    verdict: str
    steps: tuple[Step, ...] = ()
    is_accepted: bool = False
    alert: str = ""

    @property
    def broke_at(self) -> Step | None:
        """The step at which it broke, or None."""
        return next((step for step in self.steps if step.outcome is Outcome.BROKE), None)

    def __repr__(self) -> str:
        """Return the source, a line for each step, and the verdict."""
        width = max((len(step.outcome) for step in self.steps), default=0)
        lines = [
            f"{number:2}  {step.sender:7}  {step.message:18}  {step.outcome:{width}}  {step.means}"
            for number, step in enumerate(self.steps, 1)
        ]
        return "\n".join([self.source, *lines, self.verdict])
