"""What every board does for the lab: the simulated one, and a second one that plays logs."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
import serial
from lab_bench import THREADS_OF_PYSERIAL
from second_board import SecondBoard

from labkit import console, firmware
from labkit.device.listening import Until
from labkit.errors import CaptureTimeoutError, DeviceError, LabError, PortError
from labkit.firmware.tree import find_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from labkit.device.board import Board
    from labkit.device.capture import Capture, ConsoleLog
    from labkit.keys import PublicKey
    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = [
    pytest.mark.filterwarnings(THREADS_OF_PYSERIAL),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals"),
]


@dataclass
class Subject:
    """A board under the contract, and what a hand does to it.

    Attributes:
        board: the board as labkit has it.
        power: switches it.
        make_new_key: lets it make another key pair at its next boot.
    """

    board: Board
    power: Callable[[bool], object]
    make_new_key: Callable[[], object]


def times_of(log: ConsoleLog) -> list[tuple[int, float]]:
    """Return the offsets of a log that have times, and the times."""
    lines = map(json.loads, log.times_path.read_text().splitlines())
    return [(line["offset"], line["seconds"]) for line in lines]


@pytest.fixture(params=["simulated", "second"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    """Return each of the boards, powered, with a key pair, and with a log of the test's own."""
    if request.param == "second":
        second = SecondBoard()
        yield Subject(
            second.as_board(tmp_path),
            lambda on: setattr(second, "powered", on),
            second.make_new_key,
        )
        second.close()
        return
    lab: Lab = request.getfixturevalue("finished")
    board = replace(lab.board, log=tmp_path / "console.log")
    bench = lab.bench
    assert bench is not None
    set_force(board, "0")
    yield Subject(
        board,
        lambda on: bench.post("boards/lab-device/power", {"on": on}),
        lambda: forced_anew(board),
    )
    bench.post("boards/lab-device/power", {"on": True})


def set_force(board: Board, value: str) -> None:
    """Set the macro that makes a board generate a key pair, build and flash."""
    file = find_sources(board.firmware).provisioning
    name = "keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR"
    file.write_bytes(firmware.encode(firmware.edit(file.read_text(), name, value).new))
    board.build()
    board.flash()


def forced_anew(board: Board) -> None:
    """Let the simulated board make a key pair, once."""
    set_force(board, "1")
    replace(board, log=board.log.with_name("other.log")).boot(until=Until.DUMP)
    set_force(board, "0")


def key_of(capture: Capture) -> PublicKey:
    """Return the key that a boot printed."""
    return console.parse(capture.text).public_key()


def test_a_boot_is_captured_whole(subject: Subject) -> None:
    """All that a boot prints is in the log, raw, and nothing else is; the next follows it."""
    first = subject.board.boot()
    assert subject.board.log.read_bytes() == first.text.encode()
    assert "\r\n" in first.text
    assert (first.start, first.end) == (0, len(first.text.encode()))
    second = subject.board.boot()
    assert second.start == first.end
    assert subject.board.log.read_bytes() == (first.text + second.text).encode()
    assert subject.board.stored(first.start, first.end) == first


def test_the_key_stays_over_a_reset(subject: Subject) -> None:
    """Every boot prints the same key as long as nobody makes a new one; then it is another."""
    key = key_of(subject.board.boot())
    assert key_of(subject.board.boot()) == key
    subject.make_new_key()
    assert key_of(subject.board.boot()) != key


def test_lines_are_shown_as_they_come(subject: Subject) -> None:
    """Each line of the boot is shown, in order, before the capture is over."""
    shown: list[str] = []
    capture = subject.board.boot(show=shown.append)
    assert any("Printing device public key" in line for line in shown)
    position = 0
    for line in shown:
        position = capture.text.index(line, position)


def test_times_are_kept(subject: Subject) -> None:
    """The log's bytes have times, which never go back and lie within the capture."""
    begin = time.time()
    capture = subject.board.boot()
    times = times_of(subject.board.console_log)
    assert times[0][0] == 0
    assert times == sorted(times)
    assert all(0 <= offset < capture.end for offset, _ in times)
    assert all(begin - 1 <= seconds <= time.time() for _, seconds in times)


def test_a_dump_is_enough(subject: Subject) -> None:
    """A capture that waits for the dump ends with a whole one, or with the demo."""
    assert key_of(subject.board.boot(until=Until.DUMP)) == key_of(subject.board.boot())


def test_without_power_there_is_silence(subject: Subject) -> None:
    """A board without power is an error: no byte was received; the log stays empty."""
    subject.power(False)  # noqa: FBT003 a switch is on or off
    with pytest.raises(CaptureTimeoutError, match=r"no byte was received .* is powered"):
        subject.board.boot(timeout_s=1)
    assert subject.board.log.read_bytes() == b""
    assert times_of(subject.board.console_log) == []
    subject.power(True)  # noqa: FBT003 as above
    assert key_of(subject.board.boot())


# pySerial 3.5 forgets to close the socket of a port that hangs up while it is being opened.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_program_at_a_time(subject: Subject) -> None:
    """A port that another program has open is refused, and the board is left alone."""
    board = subject.board
    options = {"exclusive": True} if board.url.startswith("/") else {}
    with (
        serial.serial_for_url(board.url, baudrate=board.baud_rate, timeout=0.1, **options),
        pytest.raises(PortError, match=r"cannot be opened: "),
    ):
        board.boot(timeout_s=1)
    assert not board.log.exists()
    assert key_of(board.boot())


def test_commands_tell_what_they_do(subject: Subject) -> None:
    """Build and flash show their lines and return them."""
    shown: list[str] = []
    assert subject.board.build(shown.append).splitlines() == shown
    assert len(shown) == 1
    with pytest.raises(DeviceError, match="names no command to flash"):
        replace(subject.board, flash_command=()).flash()


def test_pasting_is_as_good(subject: Subject) -> None:
    """A boot that is pasted into another log gives the same key and the same capture."""
    capture = subject.board.boot()
    elsewhere = replace(subject.board, url="/dev/none", log=subject.board.log.with_name("b.log"))
    pasted = elsewhere.paste(capture.text)
    assert (pasted.text, key_of(pasted)) == (capture.text, key_of(capture))
    with pytest.raises(LabError, match="cannot be opened"):
        elsewhere.boot()
    assert replace(elsewhere, pasted_boot=pasted).boot() == pasted
