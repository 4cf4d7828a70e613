"""A board on a serial port: capture what it prints, reset it, build its firmware and flash it.

A board is a pySerial URL. The simulated one is `rfc2217://…`, opened without pySerial's waits.
Build and flash are commands of lab.toml, run without a shell; labkit's own run in its own process.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from labkit.device.capture import Capture, ConsoleLog, LogWriter
from labkit.device.commands import Command
from labkit.device.hands import NOBODY, Hands
from labkit.device.listening import Heard, Listener, Patience, Until
from labkit.device.looks import COMMON_RATES, share_of_text
from labkit.device.opening import opened
from labkit.device.reset import held_in_reset
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
        log: the file to which everything that the board prints is added.
        firmware: the firmware tree, in which build and flash commands run.
        build_command: the command that builds the tree; `by hand` asks a person.
        flash_command: the command that loads what was built.
        variables: environment variables for both, beside our own.
        hands: who is asked for what only a person can do.
        patience: how long is waited for what.
        is_simulated: whether it is a board of the simulated bench.
        own_commands: what is called in place of a command of these words; it returns a line.
    """

    url: str
    baud_rate: int
    log: Path
    firmware: Path
    build_command: Sequence[str]
    flash_command: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)
    hands: Hands = NOBODY
    patience: Patience = field(default_factory=Patience)
    is_simulated: bool = False
    own_commands: Mapping[tuple[str, ...], Callable[[], str]] = field(default_factory=dict)

    @property
    def console_log(self) -> ConsoleLog:
        """The log, with the times at which its bytes came."""
        return ConsoleLog(self.log)

    def build(self, show: Callable[[str], object] | None = None) -> str:
        """Build the firmware tree and return what the command printed, a line at a time to `show`.

        Raises:
            DeviceError: the command is missing, or failed.
        """
        return self._run("build", self.build_command, show)

    def flash(self, show: Callable[[str], object] | None = None) -> str:
        """Load what was built onto the board and return what the command printed, as `build` does.

        Raises:
            DeviceError: the command is missing, or failed.
        """
        return self._run("flash", self.flash_command, show)

    def reset(self) -> None:
        """Press the reset button through the port's lines, or ask for it where there are none.

        Raises:
            PortError: the port cannot be opened, or went away.
        """
        try:
            with self._opened() as port, self._held(port) as has_lines:
                pass
        except OSError as error:
            raise self._gone(error) from None
        if not has_lines:
            self.hands.say("Press the board's reset button now.")

    def boot(
        self,
        *,
        until: Until = Until.DEMO,
        timeout_s: float | None = None,
        show: Callable[[str], object] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Capture:
        """Reset the board and return what it prints until the demo ends.

        The capture starts while the board is held in reset, so nothing is missed, and nothing
        of an earlier boot is taken for this one's. A board that is not reset by its port's lines,
        since they are missing or lead nowhere, is reset by a person, who is asked for it.
        Everything is in the log before it is looked at.

        Args:
            until: with `Until.DUMP` a dump that is complete is enough.
            timeout_s: seconds to wait for the end, beside the delay that the board announces;
                the board's patience when not given.
            show: called with each line as it comes, and now and then while the board waits.
            stop: asked again and again; once it returns True the capture ends after the line that
                is coming, and what came so far is returned.

        Raises:
            PortError: the port cannot be opened, or went away.
            BaudRateError: what came is no text.
            CaptureTimeoutError: what was waited for did not come in time, or nothing came.
        """
        patience = self.patience
        if timeout_s is not None:
            patience = replace(patience, boot_s=timeout_s)
        with self._opened() as port, LogWriter(self.console_log) as log:
            try:
                with self._held(port) as has_lines:
                    log.write(port.read(port.in_waiting))  # printed before the reset
                    log.start_line()
                    listener = Listener(
                        port,
                        log,
                        until=until,
                        patience=patience,
                        show=show,
                        say=self.hands.say,
                        stop=stop,
                    )
                if not has_lines:
                    listener.ask_for_reset()
                heard = listener.listen()
            except OSError as error:
                raise self._gone(error) from None
            end = log.offset
        if heard not in {Heard.END, Heard.STOPPED}:
            raise self._failed(heard, listener, patience)
        return self.console_log.capture(listener.start, end)

    def stored(self, start: int, end: int) -> Capture:
        """Return an earlier capture, read from the log."""
        return self.console_log.capture(start, end)

    def paste(self, text: str | bytes) -> Capture:
        """Add a console text that came another way than through the port, and return it.

        Args:
            text: what was copied out of a terminal, or a terminal's log file. Bytes are UTF-8,
                or UTF-16 with its byte order mark.

        Raises:
            DeviceError: nothing is in it.
        """
        raw = text.encode() if isinstance(text, str) else _as_utf8(text)
        if not raw.strip():
            raise DeviceError(
                "nothing is in the pasted text. Copy the console from the board's reset on, or "
                "give the path of your terminal's log file."
            )
        return self.console_log.append(raw)

    def pasted(self, capture: Capture) -> PastedBoard:
        """Return the board as it is where a person built, flashed, booted and pasted."""
        return PastedBoard(
            self.url, self.baud_rate, self.log, self.firmware, (), (), capture=capture
        )

    def _opened(self) -> AbstractContextManager[Serial]:
        return opened(self.url, self.baud_rate, is_simulated=self.is_simulated)

    def _held(self, port: Serial) -> AbstractContextManager[bool]:
        return held_in_reset(port, 0) if self.is_simulated else held_in_reset(port)

    def _run(self, what: str, words: Sequence[str], show: Callable[[str], object] | None) -> str:
        if own := self.own_commands.get(tuple(words)):
            line = own()
            if show:
                show(line)
            return f"{line}\n"
        return Command(what, words, self.firmware, self.variables).run(self.hands, show)

    def _gone(self, error: OSError) -> PortError:
        return PortError(
            f"the port {self.url} went away while the board was printing ({error}). What came "
            f"before is in {self.log}. Plug the board in again and repeat the step.",
            cause="gone",
        )

    def _failed(self, heard: Heard, listener: Listener, patience: Patience) -> DeviceError:
        where = f"{listener.received} bytes came and are in {self.log}"
        if heard is Heard.GARBLED:
            share = 1 - share_of_text(self.log.read_bytes()[listener.start :])
            return BaudRateError(
                f"{where}; {share:.0%} of them are no text, as when the baud rate is wrong. "
                f"Expected text at {self.baud_rate} baud. Set device.baud_rate in lab.toml to "
                f"what the firmware's console uses; usual are {_other_rates(self.baud_rate)}. If "
                "none reads, look at the wires: ground, voltage, and is this the console's port?"
            )
        if heard is Heard.SILENCE:
            waited = min(patience.boot_s, patience.silence_s)
            return CaptureTimeoutError(
                f"the demo did not end within {waited:g} s; not a byte came on {self.url}. Is the "
                "board powered, is this its console's port (boards may have two), the baud rate "
                f"right ({self.baud_rate}), the firmware flashed, and was the board reset?"
            )
        if heard is Heard.OLD_BOOT:
            return CaptureTimeoutError(
                f"the board went on with a boot from before the reset; {where}. Its port's lines "
                "do not reset it: repeat the step, and press its reset button when it is asked for."
            )
        return CaptureTimeoutError(
            f"the demo did not end within {patience.boot_s:g} s; {where}. Read their end: what is "
            "the board waiting for, and is it still powered?"
        )


@dataclass(slots=True)
class PastedBoard(Board):
    """A board whose console was pasted: a person has built, flashed and reset it.

    Attributes:
        capture: what was pasted.
    """

    capture: Capture = field(default_factory=lambda: Capture("", 0, 0))

    def build(self, show: Callable[[str], object] | None = None) -> str:
        """Build nothing: it was done by hand."""
        del show
        return ""

    def flash(self, show: Callable[[str], object] | None = None) -> str:
        """Flash nothing: it was done by hand."""
        del show
        return ""

    def boot(
        self,
        *,
        until: Until = Until.DEMO,
        timeout_s: float | None = None,
        show: Callable[[str], object] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Capture:
        """Return what was pasted."""
        del until, timeout_s, show, stop
        return self.capture


def _as_utf8(raw: bytes) -> bytes:
    """Return text as UTF-8; Windows tools write UTF-16, which in the middle of a log is lost."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace").encode()
    return raw.removeprefix(b"\xef\xbb\xbf")


def _other_rates(baud_rate: int) -> str:
    *others, last = [str(rate) for rate in COMMON_RATES if rate != baud_rate]
    return f"{', '.join(others)} and {last}"
