"""Putting away what was made for a moment only, in the order that AWS IoT demands."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from labkit.cloud.undo import undo
from labkit.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labkit.cloud.account import Account

__all__ = ["put_away"]


class _Temporary(NamedTuple):
    """Something that was made for a moment."""

    kind: str
    name: str
    proof: str = ""


def put_away(account: Account, things: Iterable[tuple[str, str]]) -> None:
    """Remove what was made for a moment; what is gone already is no error.

    Args:
        account: where it is.
        things: kind and name of each, as the notes have them.

    Raises:
        CloudError: something could not be removed; the message says what and why.
    """
    made = [_Temporary(kind, name) for kind, name in things]
    undoing = undo(account.client, account.region, made, gone=account.notes.unmade)
    if undoing.left:
        raise CloudError(
            "not everything that was made for a moment could be removed; remove by hand:\n"
            + "\n".join(map(repr, undoing.left))
        )
