"""What a judge finds."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["Finding"]


class Finding(NamedTuple):
    """What a judge found.

    Attributes:
        verdict: "for" the cause, which decides it, or "against" it, which rules it out.
        text: what was found, in words.
        source: "certificate", "headers", "account" or "console".
        line: the console's line, None where it is from elsewhere.
    """

    verdict: Literal["for", "against"]
    text: str
    source: str
    line: int | None = None
