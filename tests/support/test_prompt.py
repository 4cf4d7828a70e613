"""Prompts: the typed text, or None without a terminal; a hidden text is never shown."""

from __future__ import annotations

import getpass
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from IPython.core.error import StdinNotImplementedError

from labkit.support.prompt import ask, ask_unseen

if TYPE_CHECKING:
    from collections.abc import Callable

ASKED = {"seen": (ask, "builtins.input"), "unseen": (ask_unseen, "getpass.getpass")}
BOTH = pytest.mark.parametrize(("asking", "typing"), ASKED.values(), ids=ASKED)


@BOTH
def test_what_is_typed_is_returned(
    monkeypatch: pytest.MonkeyPatch, asking: Callable[[str], str | None], typing: str
) -> None:
    """An empty answer is one, too."""
    for typed in ("1234", ""):
        monkeypatch.setattr(typing, lambda _, typed=typed: typed)
        assert asking("digits: ") == typed


@BOTH
@pytest.mark.parametrize(
    "error", [EOFError, OSError, StdinNotImplementedError, getpass.GetPassWarning]
)
def test_nobody_is_there(
    monkeypatch: pytest.MonkeyPatch,
    asking: Callable[[str], str | None],
    typing: str,
    error: type[Exception],
) -> None:
    """A closed input, a page without a front end, no terminal: None, and no error."""

    def nobody(_: str) -> str:
        raise error

    monkeypatch.setattr(typing, nobody)
    assert asking("digits: ") is None


@BOTH
def test_an_interrupt_is_no_answer(
    monkeypatch: pytest.MonkeyPatch, asking: Callable[[str], str | None], typing: str
) -> None:
    """The twin: Ctrl-C goes through."""

    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(typing, interrupted)
    with pytest.raises(KeyboardInterrupt):
        asking("digits: ")


def test_nothing_hidden_is_read_where_it_would_be_shown() -> None:
    """Without a terminal of its own a program does not fall back on reading in the open."""
    code = "from labkit.support.prompt import ask_unseen; print(ask_unseen('PIN: '))"
    done = subprocess.run(
        [sys.executable, "-c", code], input="1234\n", capture_output=True, text=True, check=True,
        start_new_session=True,
    )  # fmt: skip
    assert done.stdout.strip() == "None"
    assert "1234" not in done.stdout + done.stderr
