"""The console log and its times, pasted text, and requests to the operator."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from console_shapes import boot_202107, key, text

from labkit import console
from labkit.device.board import Board
from labkit.device.capture import ConsoleLog, LogFollower, LogWriter
from labkit.device.commands import NO_OPERATOR, OPERATOR, Operator
from labkit.errors import DeviceError

if TYPE_CHECKING:
    from pathlib import Path

BOOT = text(boot_202107(key(), makes_pair=False))


@pytest.fixture
def log(tmp_path: Path) -> ConsoleLog:
    """Return a log that is not there yet, in a folder that is not either."""
    return ConsoleLog(tmp_path / "device" / "console.log")


@pytest.fixture
def board(tmp_path: Path) -> Board:
    """Return a board without a port."""
    (tmp_path / "tree").mkdir()
    return Board("loop://", 115200, tmp_path / "console.log", tmp_path / "tree", (), ())


def offsets(log: ConsoleLog) -> list[int]:
    """Return the offsets that have times."""
    return [json.loads(line)["offset"] for line in log.times_path.read_text().splitlines()]


# The log


def test_bytes_are_in_the_file_at_once(log: ConsoleLog) -> None:
    """What was written is in both files before they are closed, so that a kill loses nothing."""
    with LogWriter(log) as writer:
        writer.write(b"\x00\xffhalf a li")
        assert log.path.read_bytes() == b"\x00\xffhalf a li"
        assert offsets(log) == [0]
        time.sleep(0.02)
        writer.write(b"ne\r\n")
        assert offsets(log) == [0, 11]
        assert writer.offset == 15
    assert log.capture(11).text == "ne\r\n"


def test_times_are_lines_of_json(log: ConsoleLog) -> None:
    """Each line of the times is an offset and seconds since 1970."""
    begin = time.time()
    with LogWriter(log) as writer:
        writer.write(b"x")
    (line,) = log.times_path.read_text().splitlines()
    assert log.times_path.name == "console.times.jsonl"
    entry = json.loads(line)
    assert sorted(entry) == ["offset", "seconds"]
    assert begin - 0.001 <= entry["seconds"] <= time.time() + 0.001


# A log that is followed


def test_a_log_is_followed(log: ConsoleLog) -> None:
    """New bytes are read once, with their time; a log that was replaced is detected."""
    follower = LogFollower(log)
    assert (follower.more(), follower.is_replaced) == (b"", False)
    with LogWriter(log) as writer:
        writer.write(b"one\r\n")
        assert follower.more() == b"one\r\n"
        time.sleep(0.02)
        writer.write(b"tw")
        writer.write(b"o\r\n")
    pasted = log.append(b"three\r\n")
    assert follower.more() == b"two\r\nthree\r\n"
    assert follower.more() == b""
    first, second, third = (follower.time_of(at) for at in (0, 5, pasted.start))
    assert first < second
    assert first[2] == first[5] == ":"
    assert third == " " * 12
    log.path.write_bytes(b"another")
    assert follower.is_replaced


def test_bytes_without_a_time(log: ConsoleLog) -> None:
    """Bytes may have no time; damaged lines of the times are skipped."""
    log.path.parent.mkdir()
    log.path.write_bytes(b"before\r\n")
    with LogWriter(log) as writer:
        writer.write(b"port\r\n")
    with log.times_path.open("a") as times:
        times.write('{"offset": 5}\n[]\n{"offset": 8, "sec')
    follower = LogFollower(log)
    assert follower.time_of(0) == " " * 12
    assert follower.time_of(8)[2] == ":"


# Pasted text


@pytest.mark.parametrize(
    "pasted",
    [
        BOOT,
        BOOT.encode(),
        BOOT.encode("utf-8-sig"),
        BOOT.encode("utf-16"),
        "\n".join(f"> {line}" for line in BOOT.splitlines()),
    ],
    ids=["text", "bytes", "UTF-8 with a mark", "UTF-16", "quoted in a mail"],
)
def test_pasted_text_is_read(board: Board, pasted: str | bytes) -> None:
    """What a terminal's copy or log file holds gives the key, also behind an older capture."""
    board.log.write_bytes(b"0 1 [iot_thread] cut off he")
    capture = board.paste(pasted)
    assert console.parse(capture.text).public_key() == key()
    with board.log.open("rb") as file:
        assert console.parse(file).public_key() == key()
    assert board.log.read_bytes().startswith(b"0 1 [iot_thread] cut off he\n")
    assert board.stored(capture.start, capture.end) == capture


@pytest.mark.parametrize("nothing", ["", " \r\n\t", b"", b"\xff\xfe"])
def test_nothing_pasted_is_refused(board: Board, nothing: str | bytes) -> None:
    """An empty paste is an error and leaves no log."""
    with pytest.raises(DeviceError, match="the pasted text is empty"):
        board.paste(nothing)
    assert not board.log.exists()


# The operator


def test_by_hand_asks_and_waits(board: Board) -> None:
    """In place of a command `by hand` asks the operator, and continues when it is confirmed."""
    asked: list[str] = []
    mine = replace(
        board,
        build_command=("by hand",),
        flash_command=("by hand",),
        operator=Operator(say=asked.append, wait=asked.append),
    )
    assert mine.build() == mine.flash() == ""
    assert asked == [
        f"Build the firmware in {board.firmware} now.",
        f"Flash the image that was built in {board.firmware} onto the board now.",
    ]
    with pytest.raises(DeviceError, match="This board has no operator: name a command"):
        replace(mine, operator=NO_OPERATOR).build()


def test_a_person_presses_enter(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The operator reads the request and presses Enter; without a terminal it is an error."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    OPERATOR.wait("Build it.")
    assert capsys.readouterr().out == "Build it.\nPress Enter when it is done. "
    with pytest.raises(DeviceError, match=r"Build it\. No one can confirm here that it is done"):
        OPERATOR.wait("Build it.")
    OPERATOR.say("Press it.")
    assert capsys.readouterr().out.endswith("Press it.\n")


# Commands


def test_output_is_shown_while_the_command_runs(board: Board, tmp_path: Path) -> None:
    """Each line of both streams is shown when it comes, not at the end."""
    go_on = tmp_path / "go on"
    program = (
        "import pathlib, sys, time\n"
        "print('compiling', file=sys.stderr, flush=True)\n"
        f"while not pathlib.Path({str(go_on)!r}).exists(): time.sleep(0.01)\n"
        "print('done')\n"
    )
    shown: list[str] = []

    def show(line: str) -> None:
        shown.append(line)
        go_on.touch()

    mine = replace(board, build_command=(sys.executable, "-c", program))
    assert mine.build(show) == "compiling\ndone\n"
    assert shown == ["compiling", "done"]


def test_a_failure_repeats_the_last_lines(board: Board) -> None:
    """A failing command's error has its exit code and its last lines, and not a thousand."""
    program = "for n in range(1000): print('line', n)\nraise SystemExit(3)"
    failing = replace(board, flash_command=(sys.executable, "-c", program))
    with pytest.raises(DeviceError) as caught:
        failing.flash()
    first, *lines = str(caught.value).splitlines()
    assert first.startswith("the flash command ended with exit code 3: ")
    assert lines[-20:] == [f"line {n}" for n in range(980, 1000)]
    assert "line 979" not in str(caught.value)
    silent = replace(board, flash_command=(sys.executable, "-c", "raise SystemExit(1)"))
    with pytest.raises(DeviceError, match="It printed nothing"):
        silent.flash()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_an_interrupt_ends_the_command(board: Board) -> None:
    """A run that is interrupted does not leave its command running."""
    program = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    pids: list[int] = []
    mine = replace(board, build_command=(sys.executable, "-c", program))

    def interrupt(line: str) -> None:
        pids.append(int(line))
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        mine.build(interrupt)
    done = subprocess.run(["kill", "-0", str(pids[0])], check=False, capture_output=True)
    assert done.returncode != 0
