"""A run that is killed at any moment goes on where it stopped and makes nothing twice."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from lab_bench import counts, end, environment, labkit

from labkit import open_lab
from labkit.lab.procedure import STEPS

if TYPE_CHECKING:
    from pathlib import Path

ONE_OF_EACH = {"CAs": 1, "certificates": 1, "things": 1, "policies": 1}
A_RUN_S = 5.0
A_RUN_OF_OPTION_1_S = 3.5

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("clean_environment")]
pytest_plugins = ("bench_fixtures",)


def run_and_kill(root: Path, after_s: float, *, route: str = "option-2") -> bool:
    """Start `labkit run`, kill it after a time, and return whether it was still running."""
    process = subprocess.Popen(
        [sys.executable, "-m", "labkit", "run", "--route", route],
        env=environment(root),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def verify_finished(root: Path) -> None:
    """Run to the end and verify that there is one of each, and a whole journal."""
    done = labkit(root, "run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "The device was accepted" in done.stdout
    lab = open_lab(root)
    try:
        assert counts(lab) == ONE_OF_EACH
        journal = list(lab.workspace.journal)
        assert {entry.step for entry in journal} == {step.name for step in STEPS}
        keys = {entry.facts["sha256"] for entry in journal if entry.step == "extract_public_key"}
        assert keys == {lab.public_key.sha256}
        assert all(is_done for _, is_done in lab.route())
    finally:
        end(lab)


def run_and_kill_in(root: Path, step: str) -> None:
    """Start `labkit run`, and kill it as soon as its journal has a step."""
    journal = root / "devices/lab-device/journal.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "labkit", "run"],
        env=environment(root),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not (journal.exists() and step in journal.read_text("utf-8")):
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("step", ["force_key_generation", "issue_certificate"])
def test_killed_once(tmp_path: Path, step: str) -> None:
    """Killed at some moment of a run, and run again."""
    root = tmp_path / "lab"
    run_and_kill_in(root, step)
    verify_finished(root)


@pytest.mark.parametrize("moment", [0.35, 0.5, 0.8])
def test_option_1_killed_once(tmp_path: Path, moment: float) -> None:
    """Killed at some moment, a run of Option 1 ends with one certificate in use, and no other."""
    root = tmp_path / "lab"
    run_and_kill(root, moment * A_RUN_OF_OPTION_1_S, route="option-1")
    done = labkit(root, "run", "--route", "option-1")
    assert (done.returncode, done.stderr) == (0, "")
    lab = open_lab(root, route="option-1")
    try:
        found = lab.account.client.list_certificates()["certificates"]
        active = [each["certificateId"] for each in found if each["status"] == "ACTIVE"]
        assert active == [lab.certificate_id]
        # A kill in the moment of AWS IoT's answer may leave one more, of no use to anybody.
        assert len(found) <= 2
        assert counts(lab) | {"certificates": 1} == ONE_OF_EACH | {"CAs": 0}
    finally:
        end(lab)


@pytest.mark.parametrize("moment", [0.3, 0.6, 0.8])
def test_just_in_time_killed_once(tmp_path: Path, moment: float) -> None:
    """Killed round its first connection, say, a device has that one certificate in the end."""
    root = tmp_path / "lab"
    run_and_kill(root, moment * A_RUN_S, route="just-in-time")
    done = labkit(root, "run", "--route", "just-in-time")
    assert (done.returncode, done.stderr) == (0, "")
    lab = open_lab(root, route="just-in-time")
    try:
        assert counts(lab) == ONE_OF_EACH
        assert lab.account.certificate(lab.certificate_id).status == "ACTIVE"
    finally:
        end(lab)


@pytest.mark.parametrize("number", range(18))
def test_killed_at_a_random_moment(tmp_path: Path, number: int) -> None:
    """Killed at random moments of the three routes, each in a workspace of its own."""
    route = ("option-2", "option-1", "just-in-time")[number % 3]
    root = tmp_path / "lab"
    run_and_kill(root, random.Random(number).uniform(0.1, A_RUN_S), route=route)  # noqa: S311 a moment, no key
    if route == "option-2":
        verify_finished(root)
        return
    done = labkit(root, "run", "--route", route)
    assert (done.returncode, done.stderr) == (0, "")
    lab = open_lab(root, route=route)
    try:
        found = lab.account.client.list_certificates()["certificates"]
        active = [each["certificateId"] for each in found if each["status"] == "ACTIVE"]
        assert active == [lab.certificate_id]
        assert len(found) <= (2 if route == "option-1" else 1)
        assert counts(lab)["things"] == counts(lab)["policies"] == 1
        assert all(is_done for _, is_done in lab.route())
    finally:
        end(lab)


def test_killed_again_and_again(tmp_path: Path) -> None:
    """Killed every few tenths of a second, a run gets to the end all the same."""
    root, kills = tmp_path / "lab", 0
    while run_and_kill(root, 1.2 + 0.05 * kills):
        kills += 1
    assert kills > 2
    verify_finished(root)


def test_killed_in_the_middle_of_a_line_of_the_journal(tmp_path: Path) -> None:
    """A journal whose last line is cut off loses that step, which is done again."""
    root = tmp_path / "lab"
    run_and_kill(root, 60)
    journal = root / "devices" / "lab-device" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    steps = [json.loads(line).get("step") for line in lines]
    cut = steps.index("run_demo_with_certificate")
    journal.write_bytes(b"".join(lines[:cut]) + lines[cut][:100])
    verify_finished(root)


def test_bench_killed_with_the_run(tmp_path: Path) -> None:
    """Killed together with its bench, as by a power cut, a run goes on with what is on disk."""
    root = tmp_path / "lab"
    run_and_kill_in(root, "issue_certificate")
    ready = json.loads((root / "bench" / "ready.json").read_text())
    subprocess.run(["kill", "-KILL", str(ready["pid"])], check=True)
    time.sleep(0.1)
    verify_finished(root)
