"""The drills, from easy to nasty: what each tells, and the causes that its seed chooses from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from labkit.errors import ManualError

__all__ = ["DRILLS", "Exercise", "find"]

_ANY: Final[tuple[int, ...]] = ()


@dataclass(frozen=True, slots=True)
class Exercise:
    """A drill as it is set.

    Attributes:
        number: its number, counted from 1.
        level: "easy", "harder" or "nasty".
        title: its title.
        story: what a colleague tells.
        causes: the causes that the seed chooses from, each with the ways that can be mended at the
            desk; none for all its ways.
    """

    number: int
    level: str
    title: str
    story: str
    causes: dict[str, tuple[int, ...]]

    def __str__(self) -> str:
        """Return number, level and title."""
        return f"drill {self.number} ({self.level}): {self.title}"


_LOOKALIKES = (
    *("certificate-not-for-this-key", "ca-certificate-as-device-certificate", "key-changed"),
    *("certificate-expired", "clock-wrong", "ca-not-registered", "certificate-not-registered"),
    "certificate-not-active",
)
"""All of them print 0x7780 and nothing else that tells them apart at once."""

DRILLS: Final = (
    Exercise(
        1,
        "easy",
        "Nowhere to go",
        "The headers were merged from another branch.",
        {"endpoint-empty": _ANY},
    ),
    Exercise(
        2,
        "easy",
        "As it came",
        "Somebody started over from a fresh copy of the sources, and was called away.",
        {"placeholder-text": _ANY},
    ),
    Exercise(
        3,
        "easy",
        "Nothing to show",
        "The header was cleaned up before the code review.",
        {"no-certificate": _ANY},
    ),
    Exercise(
        4,
        "easy",
        "Somebody else's door",
        "The endpoint was copied out of an old mail.",
        {"wrong-root-or-endpoint": (0,)},
    ),
    Exercise(
        5,
        "harder",
        "Lost in the header",
        "Something was pasted by hand, late in the evening.",
        {
            "certificate-damaged": _ANY,
            "public-key-as-certificate": _ANY,
            "ca-literal-damaged": _ANY,
        },
    ),
    Exercise(
        6,
        "harder",
        "Not a word from TLS",
        "It worked at home. In the office somebody tried to get around the firewall.",
        {"transport": (1,)},
    ),
    Exercise(
        7,
        "harder",
        "Let in and hung up on",
        "TLS stands, and then the line goes dead. Somebody has tidied up in the account.",
        {"no-policy": _ANY, "thing-not-attached": _ANY, "policy-denies": _ANY},
    ),
    Exercise(
        8,
        "harder",
        "Not on the list",
        "Nobody has touched the board since it worked.",
        {"certificate-not-active": _ANY, "certificate-not-registered": _ANY},
    ),
    Exercise(
        9,
        "harder",
        "The authority",
        "Somebody has changed something about the CA, and is on holiday.",
        {"jit-first-connection": _ANY, "ca-not-registered": _ANY},
    ),
    Exercise(
        10,
        "nasty",
        "Whose key?",
        "The certificate was issued again, with three lines of OpenSSL.",
        {"certificate-not-for-this-key": _ANY, "ca-certificate-as-device-certificate": _ANY},
    ),
    Exercise(
        11,
        "nasty",
        "A question of time",
        "The certificate is registered and ACTIVE, and it is for the board's key.",
        {"certificate-expired": _ANY, "clock-wrong": _ANY},
    ),
    Exercise(
        12,
        "nasty",
        "Good as new",
        "The board is back from the hardware lab. They have not changed anything, they say.",
        {"key-changed": _ANY},
    ),
    Exercise(
        13,
        "nasty",
        "One of eight",
        "No story this time.",
        dict.fromkeys(_LOOKALIKES, _ANY),
    ),
)
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
