"""A board on a serial port: capture its console, reset it, build its firmware and flash it.

A board is a pySerial URL. The simulated one is `rfc2217://…`, opened without pySerial's waits.
Build and flash are commands of lab.toml, run without a shell; labkit's own run in this process.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from labkit.device.baud_rates import COMMON_RATES, share_of_text
from labkit.device.capture import Capture, ConsoleLog, LogWriter
from labkit.device.commands import NO_OPERATOR, Command, Operator
from labkit.device.listening import End, Listener, Timeouts, Until
from labkit.device.opening import held_in_reset, opened
from labkit.errors import BaudRateError, CaptureTimeoutError, DeviceError, PortError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from serial import Serial


@dataclass(slots=True)
class Board:
    """The board.

    Attributes:
        url: a pySerial URL.
        baud_rate: baud rate of the console.
        log: the file to which the console's bytes are appended.
        firmware: the firmware tree, in which build and flash commands run.
        build_command: the command that builds the tree; `by hand` asks the operator.
        flash_command: the command that flashes the image.
        variables: environment variables for both, in addition to those of this process.
        operator: asked to press the reset button, and to build and flash by hand.
        timeouts: how long a capture waits, and for what.
        is_simulated: whether it is a board of the simulated bench.
        own_commands: functions that replace a command of these words; each returns a line.
        pasted_boot: a pasted console text, which replaces building, flashing and booting.
    """

    url: str
    baud_rate: int
    log: Path
    firmware: Path
    build_command: Sequence[str]
    flash_command: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)
    operator: Operator = NO_OPERATOR
    timeouts: Timeouts = field(default_factory=Timeouts)
    is_simulated: bool = False
    own_commands: Mapping[tuple[str, ...], Callable[[], str]] = field(default_factory=dict)
    pasted_boot: Capture | None = None

    @property
    def console_log(self) -> ConsoleLog:
        """The log, with the times at which its bytes were read."""
        return ConsoleLog(self.log)

    def build(self, show: Callable[[str], object] | None = None) -> str:
        """Build the firmware tree and return the command's output.

        Args:
            show: called with each line when it is printed.

        Raises:
            DeviceError: the command is missing, or failed.
        """
        return self._run("build", self.build_command, show)

    def flash(self, show: Callable[[str], object] | None = None) -> str:
        """Flash the image onto the board and return the command's output, as `build` does.

        Raises:
            DeviceError: the command is missing, or failed.
        """
        return self._run("flash", self.flash_command, show)

    def reset(self) -> None:
        """Reset the board through the port's lines, or ask for its button if the port has none.

        Raises:
            PortError: the port cannot be opened, or was disconnected.
        """
        try:
            with self._opened() as port, self._held(port) as has_lines:
                pass
        except OSError as error:
            raise self._gone(error) from None
        if not has_lines:
            self.operator.say("Press the board's reset button now.")

    def boot(
        self,
        *,
        until: Until = Until.DEMO,
        timeout_s: float | None = None,
        show: Callable[[str], object] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Capture:
        """Reset the board and return its console text until the demo ends.

        The capture starts while the board is held in reset, so it holds this boot from its first
        byte on, and no part of an earlier one. If the port's lines are missing or not connected to
        the board's reset, the operator is asked to press the button. All bytes are in the log
        before they are examined.

        Args:
            until: with `Until.DUMP` the capture ends after a complete dump of the public key.
            timeout_s: seconds to wait for the end, in addition to the delay that the board
                announces; None for the board's timeout.
            show: called with each line when it is printed, and with the rest of a long delay.
            stop: called again and again; after it returns True the capture ends with the current
                line, and what was read so far is returned.

        Raises:
            PortError: the port cannot be opened, or was disconnected.
            BaudRateError: the bytes are not text.
            CaptureTimeoutError: the boot did not end in time, or no byte was received.
        """
        if self.pasted_boot is not None:
            return self.pasted_boot
        timeouts = self.timeouts
        if timeout_s is not None:
            timeouts = replace(timeouts, boot_s=timeout_s)
        with self._opened() as port, LogWriter(self.console_log) as log:
            try:
                with self._held(port) as has_lines:
                    log.write(port.read(port.in_waiting))  # printed before the reset
                    log.start_line()
                    listener = Listener(
                        port,
                        log,
                        until=until,
                        timeouts=timeouts,
                        show=show,
                        say=self.operator.say,
                        stop=stop,
                    )
                if not has_lines:
                    listener.ask_for_reset()
                ended = listener.listen()
            except OSError as error:
                raise self._gone(error) from None
            end = log.offset
        if ended not in {End.COMPLETE, End.STOPPED}:
            raise self._failed(ended, listener, timeouts)
        return self.console_log.capture(listener.start, end)

    def stored(self, start: int, end: int) -> Capture:
        """Return an earlier capture, read from the log."""
        return self.console_log.capture(start, end)

    def paste(self, text: str | bytes) -> Capture:
        """Append a console text that was not read from the port to the log, and return it.

        Args:
            text: a text copied from a terminal, or a terminal's log file. Bytes are UTF-8, or
                UTF-16 with a byte order mark.

        Raises:
            DeviceError: the text is empty.
        """
        raw = text.encode() if isinstance(text, str) else _as_utf8(text)
        if not raw.strip():
            raise DeviceError(
                "the pasted text is empty. Copy the console text from the board's reset on, or "
                "give the path of your terminal's log file."
            )
        return self.console_log.append(raw)

    def _opened(self) -> AbstractContextManager[Serial]:
        return opened(self.url, self.baud_rate, is_simulated=self.is_simulated)

    def _held(self, port: Serial) -> AbstractContextManager[bool]:
        return held_in_reset(port, 0) if self.is_simulated else held_in_reset(port)

    def _run(self, what: str, words: Sequence[str], show: Callable[[str], object] | None) -> str:
        if self.pasted_boot is not None:
            return ""
        if own := self.own_commands.get(tuple(words)):
            line = own()
            if show:
                show(line)
            return f"{line}\n"
        return Command(what, words, self.firmware, self.variables).run(self.operator, show)

    def _gone(self, error: OSError) -> PortError:
        return PortError(
            f"the port {self.url} was disconnected while the board was printing ({error}). The "
            f"bytes received before are in {self.log}. Plug the board in and repeat the step.",
            cause="gone",
        )

    def _failed(self, ended: End, listener: Listener, timeouts: Timeouts) -> DeviceError:
        where = f"{listener.received} bytes were received and are in {self.log}"
        if ended is End.GARBLED:
            share = 1 - share_of_text(self.log.read_bytes()[listener.start :])
            return BaudRateError(
                f"{where}; {share:.0%} of them are not text, as at a wrong baud rate. Expected "
                f"text at {self.baud_rate} baud. Set device.baud_rate in lab.toml to the rate of "
                f"the firmware's console; common rates are {_other_rates(self.baud_rate)}. If none "
                "gives text, check the wires: ground, voltage, and the console's own port."
            )
        if ended is End.SILENCE:
            waited = min(timeouts.boot_s, timeouts.silence_s)
            return CaptureTimeoutError(
                f"the demo did not end within {waited:g} s: no byte was received on {self.url}. "
                "Check that the board is powered, that this is its console's port (boards may have "
                f"two), that the baud rate is {self.baud_rate}, that the firmware is flashed, and "
                "that the board was reset."
            )
        if ended is End.OLD_BOOT:
            return CaptureTimeoutError(
                f"the board continued a boot that began before the reset; {where}. Its port's "
                "lines do not reset it. Repeat the step, and press its reset button when asked."
            )
        return CaptureTimeoutError(
            f"the demo did not end within {timeouts.boot_s:g} s; {where}. Read the last lines: "
            "they show what the board is waiting for. Check that it is still powered."
        )


def _as_utf8(raw: bytes) -> bytes:
    """Return text as UTF-8; Windows tools write UTF-16, which would be lost within a log."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace").encode()
    return raw.removeprefix(b"\xef\xbb\xbf")


def _other_rates(baud_rate: int) -> str:
    *others, last = [str(rate) for rate in COMMON_RATES if rate != baud_rate]
    return f"{', '.join(others)} and {last}"
