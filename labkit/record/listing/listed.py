"""One record in a list, and how its texts and times are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from labkit.record.listing.glance import Facts

__all__ = ["Listed", "NoRecord", "moment", "plain"]


class Listed(NamedTuple):
    """A record in a folder.

    Attributes:
        file: its file's name.
        facts: what it says of itself.
    """

    file: str
    facts: Facts


class NoRecord(NamedTuple):
    """A file in a folder that looks like a record by its name.

    Attributes:
        file: its name.
        why: what was expected, and what came.
    """

    file: str
    why: str


def plain(text: str) -> str:
    """Return a text as one line: what could move a cursor or hide something is escaped."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode()
        for each in text
    )


def moment(text: str) -> str:
    """Return a time in UTC as a column has it that is headed so."""
    return text.replace("T", " ").removesuffix("Z")
