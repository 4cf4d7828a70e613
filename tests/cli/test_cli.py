"""The `labkit` command: exit codes, signals, and the commands that work with a bench."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cli_runner import Ended, assert_refused, labkit
from console_shapes import boot_202107, key, text

from labkit import __version__
from labkit.lab import procedure

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
LABKIT = [sys.executable, "-m", "labkit"]
READY = {
    "iot_endpoint_url", "mqtt_host", "mqtt_port", "mqtt_endpoint_name", "root_ca_file", "region",
    "account_id", "board_urls", "control_url", "pid",
}  # fmt: skip


STARTED: list[subprocess.Popen[str]] = []
"""What a test started and may have left; ended by their handles."""


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Return an environment with a workspace of its own, whose bench is ended afterwards."""
    for name in [name for name in os.environ if name.startswith("LABKIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LABKIT_WORKSPACE", str(tmp_path / "lab"))
    yield dict(os.environ)
    program("stop")
    for process in STARTED:
        process.kill()
        process.communicate()
    STARTED.clear()


def program(*arguments: object) -> Ended:
    """Run a command as a process of its own, as what starts a bench has to be."""
    command = [*LABKIT, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return Ended(done.returncode, done.stdout, done.stderr.decode())


def start(environment: dict[str, str], *arguments: object) -> subprocess.Popen[str]:
    """Start a command as a process of its own."""
    process = subprocess.Popen(
        [*LABKIT, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    STARTED.append(process)
    return process


# Usage


def test_version() -> None:
    """--version prints it."""
    assert labkit("--version").out == f"labkit, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["key"],
        ["key", "x", "--format", "xml"],
        ["key", "x", "--nonsense"],
        ["certificate"],
        ["certificate", "issue"],
        ["certificate", "new-ca", "--ca-key", "k", "--days", "0"],
        ["firmware", "set", "x.h"],
        ["open", "--port", "0"],
        ["open", "--port", "65536"],
        ["run", "extra"],
        [],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    """A usage error is on standard error alone, with exit code 2."""
    ended = labkit(*arguments)
    assert (ended.code, ended.raw) == (2, b"")
    assert "Usage: labkit" in ended.err
    assert "Traceback" not in ended.err


FILE_COMMANDS = [
    ["key", "{}"],
    ["certificate", "show", "{}"],
    ["firmware", "get", "{}", "X"],
    ["firmware", "set", "{}", "X", "1"],
    ["certificate", "issue", "--ca", "a", "--ca-key", "k", "--csr", "{}", "--public-key", "p"],
]


@pytest.mark.parametrize("arguments", FILE_COMMANDS, ids=lambda words: " ".join(words[:2]))
def test_file_that_is_not_there(arguments: list[str], tmp_path: Path) -> None:
    """A missing file exits with 1 and is named; a folder in place of a file is a usage error."""
    missing = str(tmp_path / "missing")
    assert_refused(labkit(*(word.format(missing) for word in arguments)), missing)
    ended = labkit(*(word.format(tmp_path) for word in arguments))
    assert (ended.code, ended.raw) == (2, b"")
    assert "is a directory" in ended.err


def test_an_unexpected_error_has_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An error other than LabError exits with 1 and states how to see more."""
    monkeypatch.setattr("labkit.console.parse", lambda _: 1 / 0)
    ended = labkit("key", "-")
    assert (ended.code, ended.raw) == (1, b"")
    assert "ZeroDivisionError" in ended.err
    assert "LABKIT_DEBUG=1" in ended.err
    assert "Traceback" not in ended.err


# As a process: pipes and signals


@pytest.mark.parametrize("end", ["| head -1", "| true", "> /dev/full", ">&-"])
@pytest.mark.parametrize("command", ["key console.log", "certificate --help", "status"])
def test_output_that_nobody_reads(environment: dict[str, str], end: str, command: str) -> None:
    """A closed pipe, a full disk and a closed output end a command without a traceback."""
    place = Path(environment["LABKIT_WORKSPACE"])
    place.mkdir()
    (place / "console.log").write_text(text(boot_202107(key(), makes_pair=True)))
    shell = f"{sys.executable} -m labkit {command} {end}"
    done = subprocess.run(
        ["sh", "-c", shell],
        # Unbuffered, nothing would be left to write at the end, where it fails once more.
        env=environment | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""},
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.returncode == (1 if end == "> /dev/full" else 0)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(environment: dict[str, str], tmp_path: Path, number: int) -> None:
    """Ctrl-C ends a command with 130 and a word, a SIGTERM as it ends any program."""
    log = tmp_path / "pipe"
    os.mkfifo(log)
    process = start(environment, "key", log)
    with log.open("wb"):  # opens when the command has opened it for reading
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert out == ""
    if number == signal.SIGINT:
        assert (process.returncode, err.strip()) == (130, "labkit: interrupted")
    else:
        assert (process.returncode, err) == (-signal.SIGTERM, "")


# run, status, stop, board


@pytest.mark.slow
def test_run_status_stop(environment: dict[str, str], tmp_path: Path) -> None:
    """A run is accepted; status says so, also when the bench has ended, and starts nothing."""
    before = program("status")
    assert before.code == 0
    assert "key      not known yet" in before.out
    assert "bench    not running" in before.out
    assert "done" not in before.out
    assert not (tmp_path / "lab/bench").exists()
    ended = program("run")
    assert (ended.code, ended.err) == (0, "")
    assert "The device was accepted" in ended.out
    assert all(step.does in ended.out for step in procedure.STEPS)
    assert "\r" not in ended.out
    assert "\x1b" not in ended.out
    after = program("status").out
    assert "bench    running" in after
    log = tmp_path / "lab/devices/lab-device/console.log"
    digits = json.loads(labkit("key", log, "--format", "json").out)["sha256"][:16]
    assert " ".join(digits[n : n + 4] for n in range(0, 16, 4)) in after
    # The hello world leaves nothing behind, so only its own run can say that it was accepted.
    assert after.count("\ndone  ") >= len(procedure.STEPS) - 1
    assert program("stop").out == "the bench has ended\n"
    assert "no bench is running" in program("stop").out
    stopped = program("status").out
    assert "bench    not running" in stopped
    assert stopped.count("\ndone  ") == after.count("\ndone  ")
    assert not (tmp_path / "lab/bench/ready.json").exists()
    assert environment["LABKIT_WORKSPACE"] in stopped


@pytest.mark.slow
def test_run_on_a_route(environment: dict[str, str], tmp_path: Path) -> None:
    """A route is run by its name; status shows the device of that route, and no other."""
    ended = program("run", "--route", "option-1")
    assert (ended.code, ended.err) == (0, "")
    assert "route    option-1, private key import from AWS IoT" in ended.out
    steps = procedure.ROUTES["option-1"].steps
    assert all(step.does in ended.out for step in steps)
    assert str(tmp_path / "lab/devices/lab-device-option-1") in ended.out
    status = program("status", "--route", "option-1").out
    assert "device   lab-device-option-1\n" in status
    assert "route    option-1, private key import from AWS IoT\n" in status
    assert status.count("\ndone  ") >= len(steps) - 1
    other = program("status").out
    assert "route    option-2, onboard private key generation\n" in other
    assert "done" not in other
    refused = program("run", "--route", "option-3")
    assert refused.code == 1
    assert 'route is \'option-3\'; expected "option-2" or "option-1"' in refused.err
    assert environment["LABKIT_WORKSPACE"] in status
    program("stop")


@pytest.mark.slow
def test_run_that_is_not_accepted_exits_with_1(environment: dict[str, str]) -> None:
    """Where a step fails the exit code is 1, the message on standard error, no traceback."""
    lab_toml = Path(environment["LABKIT_WORKSPACE"], "lab.toml")
    program("status")
    text = lab_toml.read_text()
    lab_toml.write_text(text.replace('["labkit", "board", "flash"]', '["false"]'))
    ended = program("run")
    assert ended.code == 1
    assert "The device was accepted" not in ended.out
    assert "flash" in ended.err
    assert "Traceback" not in ended.err


def test_stop_makes_no_workspace(environment: dict[str, str], tmp_path: Path) -> None:
    """`labkit stop` in a missing folder creates nothing."""
    assert environment
    ended = program("stop", "--workspace", tmp_path / "typing error")
    assert ended.code == 0
    assert "no bench is running" in ended.out
    assert not (tmp_path / "typing error").exists()


def test_board_build_flash_reset(environment: dict[str, str], tmp_path: Path) -> None:
    """Build makes the image, flash loads it, reset boots it; flash before build is refused."""
    assert environment
    assert_refused(program("board", "flash"), "labkit board build")
    assert program("board", "build").out == "built 202203.00 from firmware/\n"
    assert program("board", "flash").code == 0
    control = json.loads((tmp_path / "lab/bench/ready.json").read_text())
    assert list(control["board_urls"]) == ["lab-device"]
    assert program("board", "reset").out == "the board was reset\n"


def test_board_build_of_no_firmware_tree_is_refused(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """A tree without the demo's sources is named."""
    assert environment
    program("status")
    for file in (tmp_path / "lab/firmware").rglob("*.h"):
        file.unlink()
    assert_refused(program("board", "build"), "firmware")


@pytest.mark.parametrize(
    "words", [("run",), ("status",), ("board", "build"), ("simulate",)], ids=" ".join
)
def test_bad_lab_toml_is_refused(environment: dict[str, str], words: tuple[str, ...]) -> None:
    """A lab.toml that cannot be read is named, with what to do."""
    lab_toml = Path(environment["LABKIT_WORKSPACE"], "lab.toml")
    lab_toml.parent.mkdir()
    lab_toml.write_text("[device\n")
    assert_refused(program(*words), "lab.toml")


# simulate


def wait_for(path: Path, process: subprocess.Popen[str]) -> dict[str, object]:
    """Return what a ready file says, as soon as it is there."""
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            return dict(json.loads(path.read_text()))
        time.sleep(0.02)
    raise AssertionError(process.communicate())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_simulate(environment: dict[str, str], tmp_path: Path, number: int) -> None:
    """It writes the ready file, is this workspace's bench, and ends cleanly on a signal."""
    ready_file, own = tmp_path / "somewhere/ready.json", tmp_path / "lab/bench/ready.json"
    process = start(environment, "simulate", "--ready-file", ready_file)
    ready = wait_for(ready_file, process)
    assert set(ready) == READY
    assert json.loads(own.read_text()) == ready
    assert ready["pid"] == process.pid
    assert (ready["region"], ready["account_id"]) == ("us-east-1", "123456789012")
    assert f"bench    running, process {process.pid}" in program("status").out
    second = program("simulate", "--ready-file", tmp_path / "second.json")
    assert_refused(second, f"already running (process {process.pid})", "labkit stop")
    assert not (tmp_path / "second.json").exists()
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert not ready_file.exists()
    assert not own.exists()


def test_simulate_is_ended_by_stop(environment: dict[str, str], tmp_path: Path) -> None:
    """Without --ready-file it is found as well, and `labkit stop` ends it with exit code 0."""
    process = start(environment, "simulate", "--board-clock", "fast")
    wait_for(tmp_path / "lab/bench/ready.json", process)
    ended = program("stop")
    assert (ended.out, ended.err) == ("the bench has ended\n", "")
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_simulate_replaces_no_pipe(environment: dict[str, str], tmp_path: Path) -> None:
    """A ready file that is a pipe or a device, such as /dev/stdout, is refused, not replaced."""
    assert environment
    # A pipe of our own: if the guard fails, no device is overwritten.
    os.mkfifo(tmp_path / "pipe")
    assert_refused(program("simulate", "--ready-file", tmp_path / "pipe"), "is not a regular file")
    command = [sys.executable, "-m", "labkit.bench.simulator", "--state", tmp_path / "state"]
    done = subprocess.run(
        [*command, "--ready-file", tmp_path / "pipe"], capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
