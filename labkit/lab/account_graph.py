"""The resources that an account should hold for a device, and their state, as boxes and lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["good", "bad", "gap", "unknown"]
"""The state of a part: right, present but wrong, missing, or not known."""

Kind = Literal["CA certificate", "provisioning template", "certificate", "thing", "policy"]


@dataclass(frozen=True, slots=True)
class Box:
    """One resource that the account should hold.

    Attributes:
        kind: its kind.
        name: its name or short id; empty if it has none yet.
        tone: its state.
        status: its state in words, such as "ACTIVE" or "missing".
        detail: more about it, in words.
        call: the call that corrects it, or empty.
    """

    kind: Kind
    name: str
    tone: Tone
    status: str
    detail: str = ""
    call: str = ""

    def __str__(self) -> str:
        """Return one line: kind, name, state, and the call that corrects it."""
        state = "; ".join(filter(None, [self.status, self.detail]))
        return f"{' '.join(filter(None, [self.kind, self.name]))}: {state}{_arrow_to(self.call)}"


@dataclass(frozen=True, slots=True)
class Line:
    """One connection that two resources should have.

    Attributes:
        start: the first resource.
        end: the second resource.
        tone: its state.
        status: its state in words, such as "attached".
        call: the call that corrects it, or empty.
    """

    start: Kind
    end: Kind
    tone: Tone
    status: str
    call: str = ""

    def __str__(self) -> str:
        """Return one line: both resources, state, and the call that corrects it."""
        return f"{self.start} to {self.end}: {self.status}{_arrow_to(self.call)}"


@dataclass(frozen=True, slots=True)
class AccountGraph:
    """The resources and connections that an account should hold for one device.

    Attributes:
        boxes: the resources, in the order in which they are needed.
        lines: their connections.
    """

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]

    @property
    def parts(self) -> tuple[Box | Line, ...]:
        """Boxes and lines."""
        return (*self.boxes, *self.lines)

    @property
    def gaps(self) -> tuple[Box | Line, ...]:
        """The parts that are missing or wrong, in the order in which they are needed."""
        return tuple(each for each in self.parts if each.tone in ("gap", "bad"))

    @property
    def is_complete(self) -> bool:
        """Whether the state of every part is known."""
        return all(each.tone != "unknown" for each in self.parts)

    def __str__(self) -> str:
        """Return a line for each part."""
        return "\n".join(map(str, self.parts))


def _arrow_to(call: str) -> str:
    return f"  ->  {call}" if call else ""
