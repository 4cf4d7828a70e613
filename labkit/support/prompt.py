"""Asking whoever sits before the program, in a terminal or on an open page."""

from __future__ import annotations

import getpass
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_NOBODY = (EOFError, NotImplementedError, OSError, getpass.GetPassWarning)
"""What is raised where nobody can type.

NotImplementedError is the parent of what ipykernel raises on a page without a front end.
"""


def ask(question: str) -> str | None:
    """Show a question and return what is typed; None where nobody is there to answer."""
    return _answer(input, question)


def ask_unseen(question: str) -> str | None:
    """Ask without showing what is typed; None where nobody is there to answer."""
    with warnings.catch_warnings():
        # Where there is no terminal, getpass would go on and show what is typed.
        warnings.simplefilter("error", getpass.GetPassWarning)
        return _answer(getpass.getpass, question)


def _answer(asking: Callable[[str], str], question: str) -> str | None:
    try:
        return asking(question)
    except _NOBODY:
        return None
