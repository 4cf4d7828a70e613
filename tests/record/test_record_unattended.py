"""`labkit run --record` runs the pages unattended and makes a record however that ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from lab_bench import THREADS_OF_PYSERIAL, end, environment, labkit

from labkit import open_lab, record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)]

JANE = ("--set", "operator=Jane", "--set", "board=007")


def facts(path: Path) -> dict[str, Any]:
    """Return a record's facts."""
    with zipfile.ZipFile(path) as opened:
        name = next(each for each in opened.namelist() if each.endswith("/record.json"))
        known: dict[str, Any] = json.loads(opened.read(name))
    return known


def only(folder: Path) -> Path:
    """Return the only record in a folder."""
    (path,) = folder.glob("*.eln")
    return path


# Refused before the first page


@pytest.fixture
def root(lab: Lab) -> Path:
    """Return a workspace with a running bench."""
    return lab.workspace.root


def test_set_is_for_pages(root: Path) -> None:
    """Without --record no page is run: a usage error."""
    done = labkit(root, "run", "--set", "operator=Jane")
    assert done.returncode == 2
    assert "--record DIR" in done.stderr


REFUSED = {
    "secret": (("--set", "wifi_password=x"), "wifi_password: its name looks like a secret"),
    "no value": (("--set", "operator"), "expected name=value"),
    "file in the way": (("--record", "{tmp}/file/records"), "the record cannot be written"),
    "record there": (("--record", "{tmp}/there.eln"), "never overwritten"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_at_once(root: Path, tmp_path: Path, what: str) -> None:
    """A reason why the record cannot be written is reported before the first page."""
    (tmp_path / "file").write_text("")
    (tmp_path / "there.eln").write_text("")
    options, message = REFUSED[what]
    words = [word.format(tmp=tmp_path) for word in options]
    done = labkit(root, "run", "--record", str(tmp_path / "records"), *words)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "03-initial-configuration" not in done.stdout
    assert list(tmp_path.rglob("*lab-device*.eln")) == []


def test_unusable_key_is_reported_at_once(root: Path, tmp_path: Path) -> None:
    """A missing passphrase is reported before the first page."""
    variables = {
        "LABKIT_RECORD_KEYS": str(tmp_path / "keys"),
        "LABKIT_RECORD_PASSPHRASE_COMMAND": "false",
    }
    done = labkit(root, "run", "--record", str(tmp_path / "records"), **variables)
    assert done.returncode == 1
    assert "LABKIT_RECORD_PASSPHRASE_COMMAND" in done.stderr
    assert "03-initial-configuration" not in done.stdout


# Whole runs


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory, clean_environment: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Return a seeded workspace for several boards."""
    del clean_environment
    lab = open_lab(tmp_path_factory.mktemp("bench"), seed="all day")
    yield lab.workspace.root
    end(lab)


def run(root: Path, to: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the pages."""
    done = labkit(root, "run", "--record", str(to), *options, LABKIT_SEED="all day")
    assert "Traceback" not in done.stdout + done.stderr
    return done


@pytest.mark.slow
def test_one_board_after_the_other_is_accepted(bench: Path, tmp_path: Path) -> None:
    """In one tree: the first, a second, the first again with a new key; each has a record."""
    known = []
    for number, options in enumerate(
        (["--thing", "one"], ["--thing", "two"], ["--thing", "one", "--fresh"])
    ):
        done = run(bench, tmp_path / str(number), *options, *JANE)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert "08-device-authorization" in done.stdout
        known.append(facts(only(tmp_path / str(number))))
    assert [each["outcome"] for each in known] == ["accepted"] * 3
    assert [each["thing"] for each in known] == ["one", "two", "one"]
    assert len({each["fingerprint"] for each in known}) == 3
    assert {(each["operator"], each["board"]) for each in known} == {("Jane", "007")}
    assert known[0]["parameters"] == {"operator": "Jane", "board": "007"}
    assert [name[:2] for name in known[0]["pages"]] == ["03", "04", "05", "06", "07", "08"]
    again = run(bench, tmp_path / "again", "--thing", "two")  # another was in the tree since
    assert again.returncode == 1
    assert "Start over with --fresh" in again.stdout
    keys = record.public_keys(bench)
    assert record.verify(only(tmp_path / "1"), keys).holds
    replayed = record.replay(only(tmp_path / "1"), keys)
    assert replayed.holds, replayed
    assert "boots in addition to the steps" in repr(replayed)


@pytest.mark.slow
@pytest.mark.parametrize("route", ["option-1", "just-in-time"])
def test_other_routes_pages_are_run_and_replayed(bench: Path, tmp_path: Path, route: str) -> None:
    """Each route has its page; what the page does in addition to the steps is distinguished."""
    done = run(bench, tmp_path, "--route", route, *JANE)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    known = facts(only(tmp_path))
    assert (known["outcome"], known["route"], len(known["pages"])) == ("accepted", route, 1)
    replayed = record.replay(only(tmp_path), record.public_keys(bench))
    assert replayed.holds, replayed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "page", "cause"),
    [
        ("storage-failed", "04-demo-project-configuration", "storage-failed"),
        ("server-closed-handshake", "07-certificate-import", "certificate-not-registered"),
    ],
)
def test_a_planted_fault_leaves_a_failed_record(
    tmp_path: Path, clean_environment: pytest.MonkeyPatch, fault: str, page: str, cause: str
) -> None:
    """Exit code 1 with page and cell, and the record has the diagnosis."""
    del clean_environment
    lab = open_lab(tmp_path / "lab", seed="all day")
    try:
        assert lab.bench
        lab.bench.post("boards/lab-device/fault", {"plant": fault})
        done = run(lab.workspace.root, tmp_path / "records", *JANE)
    finally:
        end(lab)
    assert (done.returncode, done.stderr) == (1, "")
    assert f"Failed: {page}.ipynb, code cell " in done.stdout
    known = facts(only(tmp_path / "records"))
    assert known["outcome"] == "failed"
    assert known["failed"]["run"].startswith(f"{page}.ipynb, code cell ")
    assert known["diagnosis"]["causes"][0]["id"] == cause
    assert list(known["pages"])[-1] == f"{page}.ipynb"


@pytest.mark.slow
def test_interrupted_it_leaves_an_unfinished_record(bench: Path, tmp_path: Path) -> None:
    """Ctrl-C: exit code 130, and the record has the steps that were done."""
    command = [sys.executable, "-m", "labkit", "run", "--thing", "three"]
    process = subprocess.Popen(
        [*command, "--record", str(tmp_path)],
        env=environment(bench, LABKIT_SEED="all day"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    first = next(line for line in process.stdout if line.startswith("03-"))
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=100)
    assert process.returncode == 130, first + rest
    assert "Ended early by SIGINT" in rest
    assert "Traceback" not in rest
    known = facts(only(tmp_path))
    assert known["outcome"] == "unfinished"
    assert next(iter(known["pages"])) == "03-initial-configuration.ipynb"
