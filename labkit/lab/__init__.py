"""The lab: what a page calls, the procedure, and what combines board, account and workspace.

`open_lab` returns a `Lab`. `by_hand` shows each step as the commands that it replaces, `choose`
chooses between the documentation's options, and `first_connection` makes devices that connect for
the first time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.support.lazy import lazy

if TYPE_CHECKING:
    from labkit.lab import by_hand, first_connection
    from labkit.lab.choice import choose
    from labkit.lab.lab import Lab, open_lab

__all__ = ["Lab", "by_hand", "choose", "first_connection", "open_lab"]

__getattr__ = lazy(
    __name__,
    {
        "Lab": "lab",
        "by_hand": "by_hand",
        "choose": "choice",
        "first_connection": "first_connection",
        "open_lab": "lab",
    },
)
