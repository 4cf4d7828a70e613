"""The lab: what a page calls, the procedure, and what combines board, account and workspace.

`open_lab` returns a `Lab`. `shell_commands` shows the commands that a step replaces, `choose`
chooses between the documentation's options, and `first_connection` makes certificates
that AWS IoT does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.support.lazy import lazy

if TYPE_CHECKING:
    from labkit.lab import first_connection, shell_commands
    from labkit.lab.choice import choose
    from labkit.lab.lab import Lab, open_lab

__all__ = ["Lab", "choose", "first_connection", "open_lab", "shell_commands"]

__getattr__ = lazy(
    __name__,
    {
        "Lab": "lab",
        "shell_commands": "shell_commands",
        "choose": "choice",
        "first_connection": "first_connection",
        "open_lab": "lab",
    },
)
