"""What an account should hold of a device, and how each part is: boxes and lines to draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["good", "bad", "gap", "unknown"]
"""How a part is: as it should be, there and not right, not there, or not told."""

Kind = Literal["CA certificate", "provisioning template", "certificate", "thing", "policy"]


@dataclass(frozen=True, slots=True)
class Box:
    """One thing that the account should hold.

    Attributes:
        kind: what it is.
        name: its name or short id; empty where it has none yet.
        tone: how it is.
        says: how it is, in words, such as "ACTIVE" or "missing".
        more: what else there is to say of it, in words.
        call: the call that mends it, or empty.
    """

    kind: Kind
    name: str
    tone: Tone
    says: str
    more: str = ""
    call: str = ""

    def __str__(self) -> str:
        """Return one line: kind, name, how it is, and the call that mends it."""
        said = "; ".join(filter(None, [self.says, self.more]))
        return f"{' '.join(filter(None, [self.kind, self.name]))}: {said}{_closed_by(self.call)}"


@dataclass(frozen=True, slots=True)
class Line:
    """What should hold two boxes together.

    Attributes:
        start: where it begins.
        end: where it ends.
        tone: how it is.
        says: how it is, in words, such as "attached".
        call: the call that mends it, or empty.
    """

    start: Kind
    end: Kind
    tone: Tone
    says: str
    call: str = ""

    def __str__(self) -> str:
        """Return one line: from where to where, how it is, and the call that mends it."""
        return f"{self.start} to {self.end}: {self.says}{_closed_by(self.call)}"


@dataclass(frozen=True, slots=True)
class AccountGraph:
    """What an account holds of one device.

    Attributes:
        boxes: in the order in which they are needed.
        lines: what holds them together.
    """

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]

    @property
    def parts(self) -> tuple[Box | Line, ...]:
        """Boxes and lines."""
        return (*self.boxes, *self.lines)

    @property
    def gaps(self) -> tuple[Box | Line, ...]:
        """What is missing for a connection, or not right, in the order in which it is needed."""
        return tuple(each for each in self.parts if each.tone in ("gap", "bad"))

    @property
    def is_told(self) -> bool:
        """Whether all of it was told."""
        return all(each.tone != "unknown" for each in self.parts)

    def __str__(self) -> str:
        """Return a line for each part."""
        return "\n".join(map(str, self.parts))


def _closed_by(call: str) -> str:
    return f"  ->  {call}" if call else ""
