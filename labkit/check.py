"""A check on a page: one line that says what was asked, how it came out, and with what value."""

from __future__ import annotations

from dataclasses import dataclass

_UNSET = object()
_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict of one check; its repr is the line that a trainee reads.

    Attributes:
        claim: what is claimed, in words.
        passed: True, False, or None while an exercise is not answered yet.
        shown: the value behind the verdict, as text; empty when there is none.
    """

    claim: str
    passed: bool | None
    shown: str = ""

    def __repr__(self) -> str:
        """Return one line: `ok`, `FAIL` or `...`, the claim and the value."""
        if self.passed is None:
            return f"...  {self.claim}: not answered yet"
        line = f"{'ok  ' if self.passed else 'FAIL'} {self.claim}"
        return f"{line}: {self.shown}" if self.shown else line

    def __bool__(self) -> bool:
        """Return whether the check passed; one that is not answered has not."""
        return self.passed is True


def check(claim: str, passed: bool | None, value: object = _UNSET) -> Check:
    """Put a verdict into a line.

    Args:
        claim: what is claimed, such as "public key is 91 bytes".
        passed: whether it holds; None for an exercise that is not answered yet.
        value: what was found; shown after the claim, cut at 100 characters.

    Returns:
        A `Check`; as the last line of a cell it prints `ok   public key is 91 bytes: 91`.
    """
    shown = "" if value is _UNSET else _shorten(str(value))
    return Check(claim, None if passed is None else bool(passed), shown)


def _shorten(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
