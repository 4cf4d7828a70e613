"""The board on its port: captures, resets, ports that fail, and build and flash commands."""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import serial
import serial.rfc2217
from lab_bench import ACCEPTED, THREADS_OF_PYSERIAL

from labkit.device.board import Board
from labkit.errors import BaudRateError, CaptureTimeoutError, DeviceError, PortError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)


@pytest.fixture
def board(finished: Lab, tmp_path: Path) -> Iterator[Board]:
    """The finished lab's board, with a log of its own, left powered and fast."""
    yield replace(finished.board, log=tmp_path / "console.log")
    at_bench(finished, "power", on=True)
    at_bench(finished, "clock", speed="fast")


@pytest.fixture
def bare(tmp_path: Path) -> Board:
    """A board without a port, for its commands."""
    (tmp_path / "tree").mkdir()
    return Board("loop://", 115200, tmp_path / "console.log", tmp_path / "tree", (), ())


def at_bench(lab: Lab, act: str, **body: object) -> None:
    """Do something at the bench by hand."""
    assert lab.bench is not None
    lab.bench.post(f"boards/lab-device/{act}", body)


def boots(lab: Lab) -> int:
    """Return how often the board has booted."""
    assert lab.bench is not None
    return int(lab.bench.get()["boards"]["lab-device"]["boots"])  # type: ignore[index]


def after(delay_s: float, act: Callable[[], None]) -> threading.Thread:
    """Do something a little later, beside the test."""
    thread = threading.Timer(delay_s, act)
    thread.start()
    return thread


# A boot


def test_a_boot_is_captured_whole(board: Board, finished: Lab) -> None:
    """One boot is one reset, and what it prints is in the log, from its first line to its last."""
    before = boots(finished)
    capture = board.boot()
    assert boots(finished) == before + 1
    assert capture.text.startswith("0 ")
    assert ACCEPTED in capture
    assert board.log.read_bytes() == capture.text.encode()
    assert (capture.start, capture.end) == (0, board.log.stat().st_size)
    again = board.boot()
    assert boots(finished) == before + 2
    assert again.start == capture.end
    assert board.log.read_bytes() == (capture.text + again.text).encode()
    assert board.stored(again.start, again.end) == again


def test_a_capture_reads_as_a_terminal_shows_it(board: Board) -> None:
    """Carriage returns and empty lines are left out of what is shown, not of what is kept."""
    capture = board.boot()
    assert "\r\n\r\n" in capture.text
    assert "\r" not in repr(capture)
    assert "\n\n" not in repr(capture)


def test_a_capture_that_is_stopped(board: Board, finished: Lab) -> None:
    """A stopped capture holds what was read so far, in whole lines; the port is free again."""
    at_bench(finished, "clock", speed=1)
    shown: list[str] = []
    capture = board.boot(show=shown.append, stop=lambda: bool(shown))
    assert capture.text.startswith("0 ")
    assert capture.text.endswith("\n")
    assert ACCEPTED not in capture
    assert board.log.read_bytes() == capture.text.encode()
    at_bench(finished, "clock", speed="fast")
    again = board.boot(stop=lambda: False)
    assert ACCEPTED in again
    # Between them may be what the stopped boot printed until the next reset.
    assert board.log.read_bytes().startswith(capture.text.encode())
    assert board.log.read_bytes().endswith(again.text.encode())


def test_a_simulated_board_is_opened_without_pyserials_waits(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bench's own board is; any other RFC 2217 port is opened by pySerial's client."""

    def refused(_: object) -> None:
        raise serial.SerialException("not opened")

    monkeypatch.setattr(serial.rfc2217.Serial, "open", refused)
    assert board.is_simulated
    assert ACCEPTED in board.boot()
    with pytest.raises(PortError, match="not opened"):
        replace(board, is_simulated=False).boot()


def test_the_reset_button(board: Board, finished: Lab) -> None:
    """A reset through the port's lines is one boot; opening the port is none."""
    before = boots(finished)
    board.reset()
    assert boots(finished) == before + 1
    with serial.serial_for_url(board.url, baudrate=board.baud_rate):
        time.sleep(0.1)
    assert boots(finished) == before + 1


def test_what_came_before_the_reset_is_kept_and_no_part_of_the_boot(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits in the port when it is opened goes into the log, and is not the boot's."""
    original = serial.serial_for_url

    def with_leftovers(*arguments: object, **options: object) -> serial.Serial:
        port = original(*arguments, **options)
        for byte in b"9 9 [old] Demo completed successfully.\r\n":
            port._read_buffer.put(bytes([byte]))  # noqa: SLF001 where its reader thread puts them
        return port

    monkeypatch.setattr(serial, "serial_for_url", with_leftovers)
    capture = replace(board, is_simulated=False).boot()
    assert capture.start == len(b"9 9 [old] Demo completed successfully.\r\n")
    assert "[old]" not in capture.text
    assert b"[old]" in board.log.read_bytes()
    assert "Printing device public key" in capture


# Ports that fail


def test_a_port_that_is_not_there(board: Board) -> None:
    """A port that does not exist is an error that names it, and what to ask or to choose from."""
    questions = "no other program, such as a terminal, is using the port."
    for url, cause, message in (
        ("/dev/ttyUSB99", "missing", "the port does not exist. Ports of this computer: "),
        ("rfc2217://127.0.0.1:9", "other", questions),
        ("nonsense://x", "other", questions),
    ):
        absent = replace(board, url=url, is_simulated=False)
        with pytest.raises(PortError) as caught:
            absent.boot()
        assert f"the serial port {url} cannot be opened" in str(caught.value)
        assert message in str(caught.value)
        assert caught.value.cause == cause
        with pytest.raises(PortError, match="cannot be opened"):
            absent.reset()


# pySerial 3.5 forgets to close the socket of a port that hangs up while it is being opened.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_port_that_is_busy(board: Board, finished: Lab) -> None:
    """With a terminal on its port the board is not touched, and the error says so."""
    with serial.serial_for_url(board.url, baudrate=board.baud_rate, timeout=0.1):
        before = boots(finished)
        with pytest.raises(PortError, match=r"cannot be opened.*no other program"):
            board.boot()
        assert boots(finished) == before
    assert ACCEPTED in board.boot()


@pytest.mark.skipif(sys.platform == "win32", reason="a Windows port is always exclusive")
def test_a_local_port_that_is_busy(bare: Board) -> None:
    """A port of this computer is opened for one program alone."""
    master, slave = os.openpty()
    try:
        mine = replace(bare, url=os.ttyname(slave))
        with serial.Serial(mine.url, exclusive=True), pytest.raises(PortError, match="cannot be"):
            mine.boot(timeout_s=0.1)
        with pytest.raises(CaptureTimeoutError):
            mine.boot(timeout_s=0.1)
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals")
def test_a_port_that_goes_away(bare: Board) -> None:
    """A cable that is pulled during a boot is an error; the bytes before it are in the log."""
    master, slave = os.openpty()
    mine = replace(bare, url=os.ttyname(slave))
    os.close(slave)

    def print_and_go() -> None:
        os.write(master, b"0 1 [iot_thread] half a li")
        time.sleep(0.2)
        os.close(master)

    pulled = after(0.3, print_and_go)
    with pytest.raises(PortError, match=r"was disconnected while .*console\.log"):
        mine.boot(timeout_s=5)
    pulled.join()
    assert b"half a li" in mine.log.read_bytes()


# Boards that say nothing, or stop saying it


def test_a_silent_board(board: Board, finished: Lab) -> None:
    """A board without power is an error after the time, with the questions for silence."""
    at_bench(finished, "power", on=False)
    with pytest.raises(CaptureTimeoutError) as caught:
        board.boot(timeout_s=0.5)
    assert "did not end within 0.5 s: no byte was received on rfc2217://" in str(caught.value)
    assert "Check that the board is powered, that this is its console's port" in str(caught.value)


def test_power_that_goes_in_the_middle(board: Board, finished: Lab) -> None:
    """A board loses its power during a boot: its bytes are in the log, which the error names."""
    at_bench(finished, "clock", speed=1)

    def at_the_first_line(_line: str) -> None:
        at_bench(finished, "power", on=False)

    with pytest.raises(CaptureTimeoutError) as caught:
        board.boot(timeout_s=2.5, show=at_the_first_line)
    kept = board.log.read_bytes()
    assert len(kept) > 0
    assert f" bytes were received and are in {board.log}. Read the last lines" in str(caught.value)
    assert "what the board is waiting for. Check that it is still powered." in str(caught.value)
    at_bench(finished, "power", on=True)
    at_bench(finished, "clock", speed="fast")
    assert ACCEPTED in board.boot()
    assert board.log.read_bytes().startswith(kept)


def test_a_wrong_baud_rate_is_no_boot(board: Board) -> None:
    """At the wrong baud rate the log holds rubbish, and no end of a demo is seen in it."""
    with pytest.raises(BaudRateError) as caught:
        replace(board, baud_rate=9600).boot(timeout_s=1.5)
    raw = board.log.read_bytes()
    assert f"{len(raw)} bytes were received and are in {board.log}" in str(caught.value)
    assert "Expected text at 9600 baud." in str(caught.value)
    assert "common rates are 115200, 57600," in str(caught.value)
    assert b"Demo completed" not in raw


# Build and flash


def test_commands_run_in_the_tree_without_a_shell(bare: Board) -> None:
    """A command gets its words as they are, our variables, and the tree as its folder."""
    program = "import os, sys; print(os.getcwd(), sys.argv[1:], os.environ['MINE'])"
    command = (sys.executable, "-c", program, "a b", "$HOME", ";")
    board = replace(bare, build_command=command, variables={"MINE": "yes"})
    assert board.build() == f"{bare.firmware} ['a b', '$HOME', ';'] yes\n"


def test_a_command_of_our_own_starts_no_process(bare: Board) -> None:
    """What labkit does itself is called, and shown, in place of a program of the same words."""
    shown: list[str] = []
    words = (sys.executable, "-c", "print('a process')")
    own = replace(bare, build_command=words, own_commands={words: lambda: "built"})
    assert own.build(shown.append) == "built\n"
    assert shown == ["built"]
    assert replace(own, own_commands={words[:1]: lambda: "built"}).build() == "a process\n"


def test_our_own_labkit_is_found(bare: Board) -> None:
    """`labkit` is found beside our Python, wherever the shell would look."""
    probe = "import os, shutil; print(os.environ['PATH'].split(os.pathsep)[0])"
    board = replace(bare, flash_command=(sys.executable, "-c", probe))
    assert board.flash().strip() == os.path.dirname(sys.executable)  # noqa: PTH120 as PATH has it


@pytest.mark.parametrize("what", ["build", "flash"])
def test_commands_that_fail(bare: Board, what: str) -> None:
    """No command, a missing one and a failing one are errors that name what to correct."""
    with pytest.raises(DeviceError, match=rf"names no command to {what}. Set device\.{what} there"):
        getattr(bare, what)()
    missing = replace(bare, **{f"{what}_command": ("no-such-program", "x")})
    with pytest.raises(DeviceError) as caught:
        getattr(missing, what)()
    assert f"the {what} command 'no-such-program' cannot be run in {bare.firmware}" in str(
        caught.value
    )
    assert f"Correct device.{what} in lab.toml." in str(caught.value)
    program = (
        "import sys; print('about', flush=True); print('the reason', file=sys.stderr); sys.exit(7)"
    )
    failing = replace(bare, **{f"{what}_command": (sys.executable, "-c", program)})
    with pytest.raises(DeviceError) as caught:
        getattr(failing, what)()
    assert f"the {what} command ended with exit code 7" in str(caught.value)
    assert str(caught.value).endswith("\nthe reason")
    assert "about" in str(caught.value)


def test_a_tree_that_is_not_there(bare: Board) -> None:
    """Without its tree no command is run."""
    bare.firmware.rmdir()
    with pytest.raises(DeviceError, match=r"cannot be run in .*tree: No such file or directory"):
        replace(bare, build_command=(sys.executable, "-c", "")).build()


def test_editing_without_building_changes_nothing(board: Board, finished: Lab) -> None:
    """A header that was edited and not built, or built and not flashed, is not on the board."""
    header = finished.workspace.firmware / "demos" / "include" / "aws_clientcredential.h"
    before = header.read_bytes()
    header.write_bytes(before.replace(b"-ats.iot.", b"-xxx.iot."))
    try:
        assert ACCEPTED in board.boot()
        board.build()
        assert ACCEPTED in board.boot()
        board.flash()
        assert ACCEPTED not in board.boot()
    finally:
        header.write_bytes(before)
        board.build()
        board.flash()
    assert ACCEPTED in board.boot()
