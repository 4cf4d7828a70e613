"""A board on a serial port: capture what it prints, reset it, build its firmware and flash it.

A board is a pySerial URL; the simulated one is `rfc2217://…` and differs in nothing else. Build
and flash are commands of lab.toml, run without a shell.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from labkit import console
from labkit.errors import CaptureTimeoutError, DeviceError, PortError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import serial

__all__ = ["Board", "Capture"]

BOOT_TIMEOUT_S = 240.0
"""The firmware waits 180 s before it makes a key pair; the rest of a boot takes seconds."""
QUIET_S = 0.15
"""Silence after the last line of a boot that says that nothing more comes."""
PULSE_S = 0.05
"""How long the reset line is held."""

_ENDS = (
    "Demo completed successfully.",
    "Demo failed",
    "Error running demo",
    "TLS_Connect fail",
    "The handshake failed",
    "Failed to resolve",
)
"""Lines after which a boot of the hello world has nothing more to tell."""


@dataclass(frozen=True, slots=True)
class Capture:
    """What one boot printed.

    Attributes:
        text: the console text, decoded as it came.
        start: where it starts in console.log, in bytes.
        end: where it ends there.
    """

    text: str
    start: int
    end: int

    def __repr__(self) -> str:
        """Return the text without carriage returns and empty lines, as a terminal shows it."""
        lines = (line.rstrip() for line in self.text.replace("\r", "").splitlines())
        return "\n".join(line for line in lines if line)

    def __contains__(self, text: str) -> bool:
        """Return whether the board printed a text."""
        return text in self.text


@dataclass(slots=True)
class Board:
    """The board.

    Attributes:
        url: a pySerial URL.
        baud_rate: baud rate of the console.
        log: the file to which everything that the board prints is added.
        firmware: the firmware tree, in which build and flash commands run.
        build_command: the command that builds the tree.
        flash_command: the command that loads what was built.
        variables: environment variables for both, beside our own.
    """

    url: str
    baud_rate: int
    log: Path
    firmware: Path
    build_command: Sequence[str]
    flash_command: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)

    def build(self) -> str:
        """Build the firmware tree and return what the command printed.

        Raises:
            DeviceError: the command is missing, or failed.
        """
        return self._run("build", self.build_command)

    def flash(self) -> str:
        """Load what was built onto the board and return what the command printed.

        Raises:
            DeviceError: the command is missing, or failed.
        """
        return self._run("flash", self.flash_command)

    def reset(self) -> None:
        """Press the reset button through the port's lines."""
        with self._open() as port, _held_in_reset(port):
            pass

    def boot(
        self, *, timeout_s: float = BOOT_TIMEOUT_S, show: Callable[[str], object] | None = None
    ) -> Capture:
        """Reset the board and return what it prints until the demo ends.

        The capture starts while the board is held in reset, so nothing is missed, and nothing
        of an earlier boot is taken for this one's. Everything is in the log before it is looked
        at.

        Args:
            timeout_s: seconds to wait for the end of the demo.
            show: called with each line as it comes.

        Raises:
            PortError: the port cannot be opened, or went away.
            CaptureTimeoutError: the demo did not end in time; what came is in the log.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as port, self.log.open("ab") as log:
            try:
                with _held_in_reset(port):
                    log.write(port.read(port.in_waiting))  # of the time before the reset
                    start = log.tell()
                ended = _read_until_the_end(port, log.write, timeout_s, show)
            except OSError as error:
                raise PortError(
                    f"the port {self.url} went away while the board was printing ({error}). What "
                    f"came before is in {self.log}. Plug the board in again and repeat the step."
                ) from None
        raw = self.log.read_bytes()[start:]
        if not ended:
            raise CaptureTimeoutError(
                f"the demo did not end within {timeout_s:g} s; {len(raw)} bytes came and are in "
                f"{self.log}. "
                + (
                    "Read their end: what is the board waiting for, and is it still powered?"
                    if raw
                    else "Is the board powered, the baud rate right, and does RTS reset it?"
                )
            )
        return Capture(raw.decode(errors="replace"), start, start + len(raw))

    def stored(self, start: int, end: int) -> Capture:
        """Return an earlier capture, read from the log."""
        with self.log.open("rb") as log:
            log.seek(start)
            return Capture(log.read(end - start).decode(errors="replace"), start, end)

    @contextmanager
    def _open(self) -> Iterator[serial.Serial]:
        import serial  # noqa: PLC0415 only a board needs it

        try:
            # Exclusive: two readers of a port would each get some of the bytes.
            port = serial.serial_for_url(
                self.url, baudrate=self.baud_rate, timeout=0.05, exclusive=True
            )
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise PortError(
                f"the serial port {self.url} cannot be opened: {error}. Is the board plugged in, "
                "its URL in lab.toml right, and no other program (a terminal) using its port?"
            ) from None
        try:
            yield port
        finally:
            port.close()

    def _run(self, what: str, command: Sequence[str]) -> str:
        if not command:
            raise DeviceError(f"lab.toml names no command to {what}: set device.{what}.")
        here = str(Path(sys.executable).parent)
        environment = {**os.environ, **self.variables}
        environment["PATH"] = here + os.pathsep + environment.get("PATH", "")
        try:
            done = subprocess.run(
                list(command),
                cwd=self.firmware,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        except OSError as error:
            raise DeviceError(
                f"the {what} command {command[0]!r} cannot be run in {self.firmware}: "
                f"{error.strerror}. Mend device.{what} in lab.toml."
            ) from None
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            raise DeviceError(
                f"the {what} command ended with exit code {done.returncode}: {' '.join(command)}\n"
                f"{said}"
            )
        return done.stdout


@contextmanager
def _held_in_reset(port: serial.Serial) -> Iterator[None]:
    """Hold the board in reset, and let it go at the end, as esptool's hard reset does.

    A port without these lines is read all the same: the board has a reset button.
    """
    with _without_lines_is_no_error():
        port.dtr = False
        if not port.rts:
            port.rts = True
    time.sleep(PULSE_S)
    yield
    with _without_lines_is_no_error():
        port.rts = False


@contextmanager
def _without_lines_is_no_error() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTTY):
            raise


def _read_until_the_end(
    port: serial.Serial,
    keep: Callable[[bytes], object],
    timeout_s: float,
    show: Callable[[str], object] | None,
) -> bool:
    """Read until the demo has ended and the line is quiet; return whether it ended."""
    reader = console.Reader()
    deadline = time.monotonic() + timeout_s
    quiet_since = time.monotonic()
    ended = False
    while time.monotonic() < deadline:
        chunk = port.read(port.in_waiting or 1)
        if chunk:
            keep(chunk)
            quiet_since = time.monotonic()
            for event in reader.feed(chunk):
                ended = ended or any(end in event.text for end in _ENDS)
                if show:
                    show(event.text)
        elif ended and time.monotonic() - quiet_since > QUIET_S:
            return True
    return False
