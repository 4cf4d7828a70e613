"""A check on a page: one line with the claim, the verdict and the value."""

from __future__ import annotations

from dataclasses import dataclass

_UNSET = object()
_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict of one check; its repr is the line on the page.

    Attributes:
        claim: the statement that is checked.
        passed: True, False, or None if an exercise is not answered yet.
        shown: the value behind the verdict, as text; empty if there is none.
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
        """Return whether the check passed; an unanswered one has not."""
        return self.passed is True


def check(claim: str, passed: bool | None, value: object = _UNSET) -> Check:
    """Return a check with its verdict.

    Args:
        claim: the statement that is checked, such as "public key is 91 bytes".
        passed: whether it is true; None for an exercise that is not answered yet.
        value: the value found; shown after the claim, cut at 100 characters.

    Returns:
        A `Check`; as the last line of a cell it prints `ok   public key is 91 bytes: 91`.
    """
    shown = "" if value is _UNSET else _shorten(str(value))
    return Check(claim, None if passed is None else bool(passed), shown)


def _shorten(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
