"""The drills, from easy to nasty: the story of each, and the causes that the seed chooses from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from labkit.diagnosis import causes_of
from labkit.diagnosis.signs import Sign
from labkit.errors import ManualError


@dataclass(frozen=True, slots=True)
class Exercise:
    """The task of a drill.

    Attributes:
        number: its number, counted from 1.
        level: "easy", "harder" or "nasty".
        title: its title.
        story: what a colleague reports.
        causes: the causes that the seed chooses from.
    """

    number: int
    level: str
    title: str
    story: str
    causes: tuple[str, ...]

    def __str__(self) -> str:
        """Return number, level and title."""
        return f"drill {self.number} ({self.level}): {self.title}"


_OTHER_LINES = {"no-certificate", "jit-first-connection", "wrong-root-or-endpoint"}
"""Causes of an alert that another line of the console distinguishes."""

_ROWS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("easy", "Nowhere to go", "The headers were merged from another branch.", ("endpoint-empty",)),
    (
        "easy",
        "As it came",
        "A colleague started again with a fresh copy of the sources, and did not finish.",
        ("placeholder-text",),
    ),
    (
        "easy",
        "Nothing to show",
        "The header was cleaned up before the code review.",
        ("no-certificate",),
    ),
    (
        "easy",
        "Somebody else's door",
        "The endpoint was copied from an old e-mail.",
        ("wrong-root-or-endpoint",),
    ),
    (
        "harder",
        "Lost in the header",
        "A value was pasted into a header by hand.",
        ("certificate-damaged", "public-key-as-certificate", "ca-literal-damaged"),
    ),
    (
        "harder",
        "Not a word from TLS",
        "The device worked at home. In the office, a colleague tried to bypass the firewall.",
        ("transport",),
    ),
    (
        "harder",
        "Let in and hung up on",
        "TLS is established, then the connection closes. The account was cleaned up yesterday.",
        ("no-policy", "thing-not-attached", "policy-denies"),
    ),
    (
        "harder",
        "Not on the list",
        "The board worked, and was not touched since.",
        ("certificate-not-active", "certificate-not-registered"),
    ),
    (
        "harder",
        "The authority",
        "A colleague, now on holiday, changed a setting of the CA.",
        ("jit-first-connection", "ca-not-registered"),
    ),
    (
        "nasty",
        "Whose key?",
        "The certificate was issued again, with three lines of OpenSSL.",
        ("certificate-not-for-this-key", "ca-certificate-as-device-certificate"),
    ),
    (
        "nasty",
        "A question of time",
        "The certificate is registered and ACTIVE, and it is for the board's key.",
        ("certificate-expired", "clock-wrong"),
    ),
    (
        "nasty",
        "Good as new",
        "The board is back from the hardware lab, which reports no changes.",
        ("key-changed",),
    ),
    (
        "nasty",
        "One code, many causes",
        "There is no report this time.",
        tuple(cause for cause in causes_of(Sign.ALERT) if cause not in _OTHER_LINES),
    ),
)

DRILLS: Final = tuple(Exercise(number, *row) for number, row in enumerate(_ROWS, 1))
"""All drills, in their order."""


def find(number: int) -> Exercise:
    """Return a drill by its number.

    Raises:
        ManualError: there is no drill of this number.
    """
    if number in range(1, len(DRILLS) + 1):
        return DRILLS[number - 1]
    raise ManualError(f"there is no drill {number!r}. The drills are 1 to {len(DRILLS)}.")
