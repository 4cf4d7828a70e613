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
    return Replayed(
        what,
        DIFFERS,
        f"{how}, expected {made[at : at + 8].hex(' ') or 'its end'} at offset {at}, the record has "
        f"{recorded[at : at + 8].hex(' ') or 'its end'}",
    )
