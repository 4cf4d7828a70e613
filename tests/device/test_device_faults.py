"""Captures from a port that makes faults: each has its own message, and none loses a byte."""

from __future__ import annotations

import errno
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import fault_port
import pytest
import serial
from console_shapes import boot_202107, text
from fault_port import Script
from second_board import QUICK, ROM, SecondBoard, esp32, older

from labkit import console
from labkit.bench.simulator.board.serial_line import as_read_at
from labkit.device import opening
from labkit.device.baud_rates import COMMON_RATES, looks_garbled, share_of_text
from labkit.device.listening import Until
from labkit.device.ports import Port
from labkit.errors import BaudRateError, CaptureTimeoutError, DumpError, PortError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from labkit.device.board import Board

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals")

ROW = 11
"""A row in the middle of the dump, by line, in the second board's log."""


@pytest.fixture
def second() -> Iterator[SecondBoard]:
    """Return a board that plays logs."""
    board = SecondBoard()
    yield board
    board.close()


@pytest.fixture
def board(second: SecondBoard, tmp_path: Path) -> Board:
    """Return it as labkit has it."""
    return second.as_board(tmp_path)


def printed(second: SecondBoard, until: int | None = None) -> bytes:
    """Return what the board prints in a boot, up to a line."""
    lines = fault_port.script(second.log(second.key))[:until]
    return b"".join(line for line in lines if isinstance(line, bytes))


def test_the_row_is_a_row(second: SecondBoard) -> None:
    """The faults below hit the middle of the dump."""
    lines = printed(second).splitlines()
    assert lines[ROW - 4].endswith(b"Device public key, 91 bytes:")
    assert lines[ROW - 2].startswith(b"3059 3013")
    assert len(lines[ROW].split()) == 8


# Faults that cost nothing


@pytest.mark.parametrize(
    "fault",
    [
        fault_port.noise,
        lambda of: fault_port.late(of, ROW, 0.4),
        lambda of: fault_port.interrupted(of, ROW, b"6 1013 [ETHER_RECEI] Heap: 233772\r\n"),
        lambda of: fault_port.interrupted(of, ROW, b"6 1013 [T] Heap: 1\r\n", glued=True),
    ],
    ids=["noise", "late row", "another task's line", "another task's text glued on"],
)
def test_faults_that_cost_nothing(
    second: SecondBoard, board: Board, fault: Callable[[Script], Script]
) -> None:
    """Noise, late rows and other tasks change nothing about the key that is read."""
    second.fault = fault
    capture = board.boot()
    assert console.parse(capture.text).public_key() == second.key


def test_a_lost_row_is_found_out(second: SecondBoard, board: Board) -> None:
    """A capture with a row lost is whole as a capture, and its dump is refused."""
    second.fault = lambda of: fault_port.dropped(of, ROW)
    capture = board.boot()
    with pytest.raises(DumpError):
        console.parse(capture.text).public_key()


# Faults that end a capture


def test_unplugged_in_the_middle_of_the_dump(second: SecondBoard, board: Board) -> None:
    """A pulled cable has its own error; every byte before it is in the log."""
    second.fault = lambda of: fault_port.unplugged(of, ROW)
    with pytest.raises(PortError, match="was disconnected while the board was printing") as caught:
        board.boot()
    assert caught.value.cause == "gone"
    assert str(board.log) in str(caught.value)
    kept = board.log.read_bytes()
    assert kept.startswith(printed(second, ROW))
    assert (
        len(kept)
        == len(printed(second, ROW)) + len(printed(second, ROW + 1).splitlines()[-1]) // 2 + 1
    )
    with pytest.raises(PortError, match="the port does not exist") as caught:
        board.boot()
    assert caught.value.cause == "missing"
    assert board.log.read_bytes() == kept


def test_a_board_that_hangs(second: SecondBoard, board: Board) -> None:
    """A board that hangs is an error after the timeout; its bytes are in the log."""
    second.fault = lambda of: fault_port.hung(of, ROW)
    with pytest.raises(CaptureTimeoutError, match=r"within 0\.7 s; \d+ bytes were received"):
        board.boot(timeout_s=0.7)
    assert board.log.read_bytes() == printed(second, ROW)


def test_silence(second: SecondBoard, board: Board) -> None:
    """A board that never prints a byte is asked to be reset, and given up sooner than a boot."""
    second.fault = lambda of: fault_port.hung(of, 0)
    with pytest.raises(CaptureTimeoutError, match=r"within 0\.8 s: no byte was received") as caught:
        board.boot()
    assert second.url in str(caught.value)
    assert second.pressed == 1


def test_a_wrong_baud_rate(second: SecondBoard, board: Board) -> None:
    """Bytes that are not text are reported, with the rates to try, and are kept."""
    second.fault = fault_port.garbled
    with pytest.raises(BaudRateError) as caught:
        board.boot(timeout_s=0.7)
    assert "are not text, as at a wrong baud rate" in str(caught.value)
    assert "Expected text at 115200 baud." in str(caught.value)
    assert "common rates are 9600, 57600, 38400, 74880," in str(caught.value)
    assert len(board.log.read_bytes()) == len(printed(second))


def test_a_wrong_baud_rate_is_known_before_the_end(second: SecondBoard, board: Board) -> None:
    """A board that goes on printing rubbish is not listened to until the time is over."""
    second.fault = lambda of: fault_port.garbled([*of, *(b"x" * 40, 0.05) * 200])
    with pytest.raises(BaudRateError):
        board.boot(timeout_s=12)
    assert len(board.log.read_bytes()) < 200 * 40


@pytest.mark.parametrize(
    ("raw", "verdict"),
    [
        (b"", False),
        (b"\xff" * 15, False),
        (b"\xff" * 16, True),
        (b"0 1 [iot_thread] Write certificate...\r\n\x1b[0m\t", False),
        (ROM[0].encode() + b"\xfe\x00\x80", False),
        ("0 1 [任务] 正在写入证书请稍候设备即将重新启动\r\n".encode()[2:-4], False),
        (bytes(range(256)), True),
    ],
)
def test_the_look_of_bytes(raw: bytes, verdict: bool) -> None:
    """Text, even with some noise, is text; many other bytes are a wrong baud rate."""
    assert looks_garbled(raw) is verdict
    assert 0 <= share_of_text(raw) <= 1


@pytest.mark.parametrize("rate", [rate for rate in COMMON_RATES if rate != 115200])
def test_every_other_rate_is_known(second: SecondBoard, rate: int) -> None:
    """What a receiver at any other usual rate makes of a boot at 115200 is seen as garbled."""
    raw = printed(second)
    assert looks_garbled(as_read_at(raw, rate))
    assert not looks_garbled(as_read_at(raw, 115200))


# Ports that cannot be opened


@pytest.mark.parametrize(
    ("error", "cause", "message"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "denied", "group dialout: run `sudo"),
        (serial.SerialException(errno.EACCES, "no"), "denied", "usermod -a -G dialout $USER`"),
        (serial.SerialException(errno.EBUSY, "no"), "busy", "another program is using it"),
        (serial.SerialException(errno.EAGAIN, "no lock"), "busy", "another program is using it"),
        (serial.SerialException(errno.ENOENT, "no"), "missing", ": /dev/ttyACM0, COM7. Plug"),
        (
            serial.SerialException(
                "could not open port 'COM3': PermissionError(13, 'Access is denied.', None, 5)"
            ),
            *("busy", "another program is using it"),
        ),
        (
            serial.SerialException(
                "could not open port 'COM9': FileNotFoundError(2, 'The system cannot…', None, 2)"
            ),
            *("missing", "the port does not exist"),
        ),
        (serial.SerialException("weather"), "other", "weather. Check that the board is plugged in"),
        (ValueError("invalid URL, protocol 'x' not known"), "other", "protocol 'x' not known"),
    ],
)
def test_each_reason_has_its_own_message(
    bare: Board, monkeypatch: pytest.MonkeyPatch, error: Exception, cause: str, message: str
) -> None:
    """What the system says of a port becomes what to do about it, on Linux and on Windows."""

    def fail(*_arguments: Any, **_options: Any) -> None:  # noqa: ANN401 as pySerial takes them
        raise error

    monkeypatch.setattr(serial, "serial_for_url", fail)
    monkeypatch.setattr(opening, "ports", lambda: [Port("/dev/ttyACM0", ""), Port("COM7", "")])
    with pytest.raises(PortError) as caught:
        bare.boot()
    assert caught.value.cause == cause
    assert "the serial port /dev/none cannot be opened: " in str(caught.value)
    assert message in str(caught.value)


@pytest.fixture
def bare(board: Board) -> Board:
    """Return a board whose port is not there."""
    return replace(board, url="/dev/none")


# A board whose port has no reset line


def test_a_hand_is_asked(second: SecondBoard, board: Board) -> None:
    """Where there are no lines a person is asked for the reset button, once, before listening."""
    board.boot()
    assert second.prompts == ["Press the board's reset button now; its console is being captured."]
    board.reset()
    assert second.prompts[1:] == ["Press the board's reset button now."]


def test_a_boot_of_before_is_not_taken(second: SecondBoard, board: Board) -> None:
    """A board that is in the middle of its old boot is listened to, and only the new one counts."""
    old = "57 9000 [iot_thread] Demo completed successfully.\r\n" * 3
    second.fault = lambda of: [*fault_port.script(old), 0.3, *of]
    capture = board.boot()
    assert capture.text.startswith("0 1 [iot_thread]")
    assert "completed" not in capture.text
    assert board.log.read_bytes()[: capture.start].decode() == old + text(ROM)


def test_a_board_that_nothing_resets(second: SecondBoard, board: Board) -> None:
    """A board that goes on with its old boot is an error that says so."""
    second.log = lambda _key: "57 9000 [iot_thread] Demo completed successfully.\r\n"
    with pytest.raises(CaptureTimeoutError, match="continued a boot that began before the reset"):
        board.boot(timeout_s=0.7)


def test_a_second_press_counts(second: SecondBoard, board: Board) -> None:
    """A board that is reset again while it prints is followed to the end of the newer boot."""
    again = fault_port.script(esp32(second.key, accepted=True))
    second.fault = lambda of: [*of, *again]
    capture = board.boot()
    assert capture.text.count("Printing device public key") == 2
    assert capture.text.endswith("Demo completed successfully.\r\n\r\n")


# What a capture waits for


def test_other_tasks_that_never_fall_quiet(second: SecondBoard, board: Board) -> None:
    """A demo that has ended ends the capture, whatever other tasks still print."""
    heap = [b"%d %d [T] Heap: 1\r\n" % (number, 1200 + number) for number in range(30, 230)]
    second.fault = lambda of: [*of, *(piece for line in heap for piece in (line, 0.05))]
    assert "TLS_Connect fail" in board.boot(timeout_s=30)


def test_a_dump_is_enough_where_the_demo_goes_on(second: SecondBoard, board: Board) -> None:
    """With no end of the demo a whole dump and quiet end a capture that waits for the dump."""
    second.log = lambda of: text(boot_202107(of, makes_pair=False)[:-2])
    capture = board.boot(until=Until.DUMP, timeout_s=30)
    assert console.parse(capture.text).public_key() == second.key
    with pytest.raises(CaptureTimeoutError):
        board.boot(timeout_s=1)


def test_an_announced_delay_moves_the_deadline(second: SecondBoard, board: Board) -> None:
    """A delay that the board announces extends the timeout, and the rest of it is shown."""
    shown: list[str] = []
    second.log = lambda of: esp32(of, makes_pair=True).replace("180 seconds", "2 seconds")
    second.fault = lambda of: fault_port.late(of, 6, 1.5)
    patient = replace(board, timeouts=replace(QUICK, progress_s=0.6))
    capture = patient.boot(timeout_s=0.9, show=shown.append)
    assert console.parse(capture.text).public_key() == second.key
    progress = [line for line in shown if line.startswith("... ")]
    assert progress == ["... the board generates its key pair in 1 s"] * 2
    second.log = esp32
    with pytest.raises(CaptureTimeoutError):
        patient.boot(timeout_s=0.9)


def test_releases_that_print_no_dump(second: SecondBoard, board: Board) -> None:
    """A boot of a release that prints no dump ends with its demo."""
    second.log = lambda of: older(of, dumps=False, accepted=True)
    assert "Demo completed successfully." in board.boot(until=Until.DUMP)


# A demo that tries again


def test_a_capture_ends_when_the_demo_gives_up(second: SecondBoard, board: Board) -> None:
    """A failure that is followed by another try ends nothing, however long the try takes."""
    retry = "[INFO] Retry attempt 2 out of maximum retry attempts 5."
    lines = [retry, 2.0, "TLS_Connect fail (0x7780, x)", "Error running demo."]
    prints = [
        b"8 9 [iot_thread] %s\r\n" % it.encode() if isinstance(it, str) else it for it in lines
    ]
    second.fault = lambda of: [*of, *prints]
    waiting = replace(board, timeouts=replace(QUICK, progress_s=0.5))
    shown: list[str] = []
    capture = waiting.boot(show=shown.append)
    assert "Error running demo." in capture
    assert "... the board tries to connect again; waiting until it gives up" in shown


def test_a_capture_of_the_dump_waits_for_no_retry(second: SecondBoard, board: Board) -> None:
    """What is waited for is there, so the demo may go on trying."""
    retry = b"8 9 [iot_thread] [INFO] Retry attempt 2 out of maximum retry attempts 5.\r\n"
    second.fault = lambda of: [*of, retry, 60.0, b"9 9 [iot_thread] Error running demo.\r\n"]
    assert "Error running demo." not in board.boot(until=Until.DUMP)


# Lines that lead nowhere


def test_lines_that_lead_nowhere(
    second: SecondBoard, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port that has the lines, wired to nothing, resets nobody: a person is asked after all."""
    for line in ("dtr", "rts"):
        monkeypatch.setattr(serial.Serial, f"_update_{line}_state", lambda _port: None)
    capture = board.boot()
    assert second.pressed == 1
    assert console.parse(capture.text).public_key() == second.key
    second.runs_on("57 9000 [iot_thread] Demo completed successfully.\r\n", every_s=0.05)
    capture = board.boot()
    assert second.pressed == 2
    assert capture.text.startswith("0 1 [iot_thread]")


# Captures that are stopped


def test_a_stop_waits_for_the_lines_end(second: SecondBoard, board: Board) -> None:
    """A capture that is stopped in the middle of a line ends with it; the next begins a line."""
    second.fault = lambda of: [*of[:6], of[6][:9], 0.05, of[6][9:], 60.0, *of[7:]]
    lines = fault_port.script(esp32(second.key))
    half = len(b"".join(lines[:6])) + 9
    patient = replace(board, timeouts=replace(QUICK, boot_s=60, quiet_s=60, noise_s=60))
    capture = patient.boot(stop=lambda: board.log.stat().st_size >= half)
    assert capture.text.encode() == b"".join(lines[:7])


@pytest.mark.parametrize("rest", ["", "0 1 [a] no end ", "0 1 [a] an end\r\n"])
def test_a_capture_begins_a_line_of_the_log(board: Board, rest: str) -> None:
    """A boot begins on a line of its own, also where the capture before ended within a line."""
    board.log.write_text(rest, newline="")
    capture = board.boot()
    between = "\n" if rest.endswith("end ") else ""
    assert board.log.read_bytes() == f"{rest}{between}{capture.text}".encode()


@pytest.mark.parametrize("every_s", [0.01, 5.0])
def test_a_stop_does_not_wait_for_ever(second: SecondBoard, board: Board, every_s: float) -> None:
    """A line that never ends, whether text goes on to come or not, does not keep a capture."""
    second.fault = lambda _: [piece for _ in range(400) for piece in (b"0 1 [a] no end ", every_s)]
    capture = board.boot(stop=lambda: board.log.stat().st_size > 20)
    assert capture.text.startswith("0 1 [a] no end ")
    assert board.log.read_bytes() == capture.text.encode()


def test_a_stop_before_the_first_byte(second: SecondBoard, board: Board) -> None:
    """Stopping a silent board is not an error; waiting for one is."""
    second.powered = False
    assert board.boot(stop=lambda: True).text == ""
    with pytest.raises(CaptureTimeoutError, match="no byte was received"):
        board.boot(stop=lambda: False)
