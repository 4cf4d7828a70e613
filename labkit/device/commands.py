"""Build and flash: the user's own commands, run without a shell, or an operator who does it.

A command's output is shown while it runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labkit.errors import DeviceError
from labkit.support.prompt import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

BY_HAND = "by hand"
"""Replaces a command in lab.toml if the operator does it, for instance in an IDE."""

_LAST_LINES = 20
"""Lines of a failed command's output that its error repeats: compilers name the cause last."""

_DONE_BY_HAND = {
    "build": "Build the firmware in {tree} now.",
    "flash": "Flash the image that was built in {tree} onto the board now.",
}


@dataclass(frozen=True, slots=True)
class Operator:
    """How the person at the board is asked to press a button, to build or to flash.

    Attributes:
        say: shows a request, such as to press the reset button, and returns at once.
        wait: shows a request, and returns after the operator has confirmed it.
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
            f"{text} No one can confirm here that it is done: run the step in a terminal or in an "
            "open notebook, or name a command for it in lab.toml."
        )


def _refuse(text: str) -> None:
    raise DeviceError(f"{text} This board has no operator: name a command for it in lab.toml.")


OPERATOR = Operator(_say, _wait)
"""The person at this program's terminal or page."""

NO_OPERATOR = Operator(lambda _text: None, _refuse)
"""No one, as for the simulated board."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of lab.toml.

    Attributes:
        what: "build" or "flash".
        words: the program and its arguments; `by hand` alone asks the operator.
        tree: the folder in which it runs.
        variables: environment variables for it, in addition to those of this process.
    """

    what: str
    words: Sequence[str]
    tree: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, operator: Operator, show: Callable[[str], object] | None = None) -> str:
        """Run the command and return its output, both streams in the order of their lines.

        Args:
            operator: asked to do it if lab.toml has `by hand` in place of a command.
            show: called with each line when it is printed.

        Raises:
            DeviceError: the command is missing, cannot be started, or failed; the message ends
                with the last lines of its output.
        """
        if not self.words:
            raise DeviceError(
                f"lab.toml names no command to {self.what}. Set device.{self.what} there, to "
                f'"{BY_HAND}" if you do it in an IDE.'
            )
        if tuple(self.words) == (BY_HAND,):
            operator.wait(_DONE_BY_HAND[self.what].format(tree=self.tree))
            return ""
        lines, code = self._stream(show)
        if code != 0:
            last = "".join(deque(lines, _LAST_LINES)).strip()
            raise DeviceError(
                f"the {self.what} command ended with exit code {code}: {' '.join(self.words)}\n"
                f"{last or 'It printed nothing.'}"
            )
        return "".join(lines)

    def _stream(self, show: Callable[[str], object] | None) -> tuple[list[str], int]:
        lines = []
        with self._start() as process:
            try:
                # Never None: it is a pipe.
                for line in process.stdout or ():
                    lines.append(line)
                    if show:
                        show(line.rstrip())
            except BaseException:
                # A notebook's interrupt does not reach the command by itself.
                process.terminate()
                raise
        return lines, process.returncode

    def _start(self) -> subprocess.Popen[str]:
        here = os.path.dirname(sys.executable)  # noqa: PTH120 as PATH has it, links not followed
        environment = {**os.environ, **self.variables}
        environment["PATH"] = here + os.pathsep + environment.get("PATH", "")
        try:
            return subprocess.Popen(
                list(self.words),
                cwd=self.tree,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except OSError as error:
            raise DeviceError(
                f"the {self.what} command {self.words[0]!r} cannot be run in {self.tree}: "
                f"{error.strerror}. Correct device.{self.what} in lab.toml."
            ) from None
