"""What came of one artefact of a record when it was made again."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AGREES", "CANNOT", "DIFFERS", "GIVEN", "REPRODUCED", "Replayed", "compared"]

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
