"""The drills, from easy to nasty: a story each, and the causes that the seed chooses from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from labkit.diagnosis import causes_of
from labkit.diagnosis.signs import Sign
from labkit.errors import ManualError


@dataclass(frozen=True, slots=True)
class Exercise:
    """A drill as it is set.

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
"""Causes of an alert that are planted so that another line tells them apart."""

_ROWS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("easy", "Nowhere to go", "The headers were merged from another branch.", ("endpoint-empty",)),
    (
        "easy",
        "As it came",
        "Somebody started over from a fresh copy of the sources, and was called away.",
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
        "The endpoint was copied out of an old mail.",
        ("wrong-root-or-endpoint",),
    ),
    (
        "harder",
        "Lost in the header",
        "Something was pasted by hand, late in the evening.",
        ("certificate-damaged", "public-key-as-certificate", "ca-literal-damaged"),
    ),
    (
        "harder",
        "Not a word from TLS",
        "It worked at home. In the office somebody tried to get around the firewall.",
        ("transport",),
    ),
    (
        "harder",
        "Let in and hung up on",
        "TLS stands, and then the line goes dead. Somebody has tidied up in the account.",
        ("no-policy", "thing-not-attached", "policy-denies"),
    ),
    (
        "harder",
        "Not on the list",
        "Nobody has touched the board since it worked.",
        ("certificate-not-active", "certificate-not-registered"),
    ),
    (
        "harder",
        "The authority",
        "Somebody has changed something about the CA, and is on holiday.",
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
        "The board is back from the hardware lab. They have not changed anything, they say.",
        ("key-changed",),
    ),
    (
        "nasty",
        "One code, many causes",
        "No story this time.",
        tuple(cause for cause in causes_of(Sign.ALERT) if cause not in _OTHER_LINES),
    ),
)

DRILLS: Final = tuple(Exercise(number, *row) for number, row in enumerate(_ROWS, 1))
"""All drills, in their order."""


def find(number: int) -> Exercise:
    """Return a drill by its number.

    Raises:
        ManualError: there is none.
    """
    for each in DRILLS:
        if each.number == number:
            return each
    raise ManualError(f"there is no drill {number!r}: expected 1 to {len(DRILLS)}.")
