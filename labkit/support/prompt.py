"""Prompts, in a terminal or on an open page."""

from __future__ import annotations

import getpass
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_NO_ONE = (EOFError, NotImplementedError, OSError, getpass.GetPassWarning)
"""The errors of `input` and `getpass` if no one can type.

NotImplementedError is the parent of what ipykernel raises on a page without a front end.
"""


def ask(question: str) -> str | None:
    """Show a question and return what is typed; None if no one can answer."""
    return _answer(input, question)


def ask_unseen(question: str) -> str | None:
    """Ask without showing what is typed; None if no one can answer."""
    with warnings.catch_warnings():
        # Without a terminal, getpass would continue and show what is typed.
        warnings.simplefilter("error", getpass.GetPassWarning)
        return _answer(getpass.getpass, question)


def _answer(asking: Callable[[str], str], question: str) -> str | None:
    try:
        return asking(question)
    except _NO_ONE:
        return None
