"""Build and flash: the user's own commands, run without a shell, with their output live."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labkit.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from labkit.device.hands import Hands

BY_HAND = "by hand"
"""Stands in lab.toml in place of a command where a person does it, in an IDE for instance."""

_LAST_LINES = 20
"""Lines of a failed command's output that its error repeats: compilers name the cause last."""

_DONE_BY_HAND = {
    "build": "Build the firmware in {tree} now.",
    "flash": "Load what was built from {tree} onto the board now.",
}


@dataclass(frozen=True, slots=True)
class Command:
    """A command of lab.toml.

    Attributes:
        what: "build" or "flash".
        words: the program and its arguments; `by hand` alone asks a person.
        tree: the folder in which it runs.
        variables: environment variables for it, beside our own.
    """

    what: str
    words: Sequence[str]
    tree: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, hands: Hands, show: Callable[[str], object] | None = None) -> str:
        """Run it and return what it printed, both streams as they came.

        Args:
            hands: who is asked where it is done by hand.
            show: called with each line as it comes.

        Raises:
            DeviceError: the command is missing, cannot be started, or failed; the message ends
                with its last lines.
        """
        if not self.words:
            raise DeviceError(
                f"lab.toml names no command to {self.what}: set device.{self.what}, to "
                f'"{BY_HAND}" if you do it in an IDE.'
            )
        if tuple(self.words) == (BY_HAND,):
            hands.wait(_DONE_BY_HAND[self.what].format(tree=self.tree))
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
                # Never None: it was asked for.
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
                f"{error.strerror}. Mend device.{self.what} in lab.toml."
            ) from None
