"""What only a person at the bench can do: press a button, build or flash by hand."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.errors import DeviceError
from labkit.support.prompt import ask

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Hands:
    """How a person at the bench is spoken to.

    Attributes:
        say: tells what to do, such as pressing the reset button, and returns at once.
        wait: tells what to do, and returns when it is done.
    """

    say: Callable[[str], object]
    wait: Callable[[str], object]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _wait(text: str) -> None:
    _say(text)
    if ask("Press Enter when it is done. ") is None:
        raise DeviceError(
            f"{text} Nobody can say here that it is done: run the step in a terminal or an open "
            "notebook, or name a command for it in lab.toml."
        )


def _nobody(text: str) -> None:
    raise DeviceError(f"{text} Nobody is there to do it: name a command for it in lab.toml.")


PERSON = Hands(_say, _wait)
"""Whoever sits before this program."""

NOBODY = Hands(lambda _text: None, _nobody)
"""A board that is alone, as the simulated one is."""
