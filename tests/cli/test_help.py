"""The help of every command: what it states, and that its examples work when pasted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import click
import pytest
from cli_runner import labkit
from lab_bench import environment

from labkit.cli import cli
from labkit.firmware.tree import find_sources
from labkit.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMPERATIVES = {
    *("Build", "Check", "Create", "Delete", "Describe", "Diagnose", "Flash", "Issue", "List"),
    *("Make", "Open", "Print", "Provision", "Read", "Repeat", "Reset", "Run", "Set", "Show"),
    *("Stop", "Verify", "Write"),
}
AT_THE_END = {"ports": 1, "undo": 2, "stop": 3, "simulate": 4, "open": 5}
"""Commands after which the prepared workspace is no longer as others need it."""


def commands(
    group: click.Group = cli, *before: str
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command and group with the words that call it."""
    for name, command in group.commands.items():
        yield (*before, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)


COMMANDS = {(): cli, **dict(commands())}


def examples(words: tuple[str, ...]) -> list[str]:
    """Return the examples in a command's help, each as one shell command."""
    text = labkit(*words, "--help").out.partition("Example")[2].partition("Exit codes:")[0]
    lines = text.replace("\\\n", "").splitlines()[1:]
    return [" ".join(line.split()) for line in lines if line.strip()]


def test_the_commands_are_complete() -> None:
    """No command is missing; a new one gets a line here."""
    assert {" ".join(words) for words in COMMANDS if words} == {
        "run", "simulate", "status", "stop", "open", "key",
        "certificate", "certificate new-ca", "certificate verification", "certificate issue",
        "certificate show", "board", "board build", "board flash", "board reset",
        "firmware", "firmware find", "firmware get", "firmware set", "diagnose", "ports",
        "preflight", "undo",
        "site", "record", "record keys", "record list", "record make", "record replay",
        "record show", "record verify",
    }  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_is_complete(words: tuple[str, ...]) -> None:
    """A help begins with an imperative sentence and has options, examples and exit codes."""
    ended = labkit(*words, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == labkit(*words, "-h").out
    assert all(len(line) <= 100 for line in ended.out.splitlines())
    sentence = (COMMANDS[words].help or "").partition("\n\n")[0]
    assert sentence.split()[0].rstrip(",") in IMPERATIVES
    assert sentence.endswith(".")
    assert sentence.count(".") == 1
    assert len(sentence) <= 80
    assert any(f"labkit {' '.join(words)}".strip() in each for each in examples(words))
    codes = ended.out.partition("Exit codes:")[2].split()
    assert [word for word in codes if word in ("0", "1", "2")] == ["0", "1", "2"]
    for option in COMMANDS[words].params:
        if isinstance(option, click.Option):
            assert option.help, option.opts
            assert option.help[0].isupper(), option.opts


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder with a finished workspace and the files that the examples name."""
    folder = tmp_path_factory.mktemp("pasted")
    paste("labkit run", folder)
    place = Workspace.open(folder / "workspace", {})
    sources = find_sources(place.firmware)
    for name in (
        "console.log",
        "deviceCert.pem",
        "DevicePublicKey.pem",
        "rootCA.pem",
        "rootCA.key",
    ):
        shutil.copy(place.path(name), folder)
    shutil.copy(place.path("console.log"), folder / "fresh.log")
    shutil.copy(sources.credentials, folder)
    shutil.copy(sources.keys, folder)
    paste("labkit record make --operator Jane", folder)
    (record,) = (place.root / "records").glob("*.eln")
    shutil.copy(record, folder / "board-7.eln")
    (public_key,) = (place.root / "record-keys").glob("*.pub")
    shutil.copy(public_key, folder / "jane.pub")
    shutil.copytree(place.root / "records", folder / "records")
    shutil.copytree(place.firmware, folder / "firmware")
    yield folder
    paste("labkit stop", folder)
    paste("labkit stop --workspace lab-2", folder)


def shell(folder: Path, workspace: str = "workspace") -> dict[str, object]:
    """Return how a shell in a folder finds labkit and the workspace, and opens no browser."""
    found = os.path.dirname(sys.executable)  # noqa: PTH120 as PATH has it
    path = os.pathsep.join((found, os.environ["PATH"]))
    return {
        "cwd": folder,
        "env": environment(folder / workspace, PATH=path, BROWSER="true"),
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }


def paste(example: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an example as a trainee who pastes it into a terminal."""
    return subprocess.run(["sh", "-c", example], check=False, **shell(folder))  # type: ignore[call-overload,no-any-return]


def serve(example: str, folder: Path) -> int:
    """Run an example that serves until it is stopped; return its exit code after Ctrl-C."""
    workspace = folder / "served"
    process = subprocess.Popen(example.split(), **shell(folder, workspace.name))  # type: ignore[call-overload]
    try:
        while process.poll() is None and not (workspace / "bench/ready.json").exists():
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate()
    finally:
        process.kill()
    return int(process.returncode)


PASTED = dict.fromkeys(
    example for words in COMMANDS if words != ("open",) for example in examples(words)
)
"""Every example but those of `labkit open`, which does not end by itself; its own tests run it."""


def order(example: str) -> int:
    """Return when an example is pasted: a record needs the workspace as the run left it."""
    is_record = example.startswith("labkit record make")
    return -1 if is_record else AT_THE_END.get(example.split()[1], 0)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the examples are for a POSIX shell")
@pytest.mark.parametrize("example", sorted(PASTED, key=order))
def test_examples_work_when_pasted(example: str, prepared: Path, tmp_path: Path) -> None:
    """Every example ends with exit code 0 in a folder with a finished, simulated workspace."""
    if example.split()[1] == "simulate":
        assert serve(example, tmp_path) == 0
    else:
        ended = paste(example, prepared)
        assert ended.returncode == 0, ended.stderr
