"""A run that is killed at each of its moments goes on, makes nothing twice and ends the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lab_bench import end, environment, labkit

from labkit import open_lab
from labkit.cloud.resources import CERTIFICATE, UNKNOWN_CERTIFICATE

if TYPE_CHECKING:
    from labkit.lab.lab import Lab
    from labkit.workspace import Made

pytest_plugins = ("bench_fixtures",)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("clean_environment"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork, and no SIGKILL"),
]

PROGRAM = Path(__file__).resolve().parents[1] / "helpers/kill_points.py"
JOURNAL_AND_CALLS = (
    r"\| (call (POST|PUT|PATCH|DELETE) /(?!boards)[^|]*|open /devices/\S*/journal\S*)$"
)
"""The boundaries of the steps and of the notes, and both sides of each call that writes."""
MOMENTS = {"option-2": 300, "option-1": 150, "just-in-time": 250}
"""At least so many kills there are on each route when everything counts."""


def killed_everywhere(root: Path, route: str, pattern: str = ".") -> list[str]:
    """Kill a run at each moment that a pattern matches, until it ends, and return the moments."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(root), route, pattern],
        env=environment(root),
        capture_output=True,
        text=True,
        check=False,
    )
    *killed, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, ""), last
    assert "The device was accepted" in last["output"]
    return [each["killed"] for each in killed]


def names(root: Path) -> set[str]:
    """Return the name of every file of a workspace, but the bench's own."""
    every = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return {name for name in every if not name.startswith("bench/")}


def attached(lab: Lab) -> dict[str, tuple[str, list[str]]]:
    """Return each certificate's status, and what it is attached to."""
    found = lab.account.client.list_certificates()["certificates"]
    return {
        each["certificateId"]: (
            each["status"],
            list(lab.account.attachments(each["certificateArn"])),
        )
        for each in found
    }


def held(lab: Lab) -> dict[str, int]:
    """Return how many of each kind the account has, beside certificates."""
    client = lab.account.client
    return {
        "CAs": len(client.list_ca_certificates()["certificates"]),
        "things": len(client.list_things()["things"]),
        "policies": len(client.list_policies()["policies"]),
        "templates": len(client.list_provisioning_templates()["templates"]),
    }


def notes(lab: Lab) -> tuple[Made, ...]:
    """Return what the run's notes say is there."""
    return lab.workspace.ledger(lambda: datetime.now(UTC)).there()


def verify_same_as_undisturbed(root: Path, route: str, tmp_path: Path) -> None:
    """Verify that a killed run ended as one that nobody disturbed, and can be undone."""
    undisturbed = tmp_path / "undisturbed"
    done = labkit(undisturbed, "run", "--route", route)
    assert (done.returncode, done.stderr) == (0, "")
    quiet, lab = open_lab(undisturbed, route=route), open_lab(root, route=route)
    try:
        assert names(root) == names(undisturbed)
        assert held(lab) == held(quiet)
        assert {each.step for each in lab.workspace.journal} == {
            each.step for each in quiet.workspace.journal
        }
        certificates = attached(lab)
        assert certificates.pop(lab.certificate_id) == attached(quiet)[quiet.certificate_id]
        # If AWS's answer was lost, a certificate of unknown id is left, which is of no use.
        unknown = [each for each in notes(lab) if each.name.startswith(UNKNOWN_CERTIFICATE)]
        assert route == "option-1" or not (certificates or unknown)
        assert len(certificates) <= len(unknown) <= 2
        assert set(map(repr, certificates.values())) <= {repr(("INACTIVE", []))}
        known = [each for each in notes(lab) if each not in unknown]
        assert {(each.kind, each.is_certain) for each in known} == {
            (each.kind, True) for each in notes(quiet)
        }
        assert [each.name for each in known if each.kind == CERTIFICATE] == [lab.certificate_id]
        assert [each.kind for each in lab.undo().left] == [CERTIFICATE] * len(unknown)
        assert set(held(lab).values()) == {0}
        assert set(attached(lab)) == set(certificates)
    finally:
        end(quiet)
        end(lab)


def test_killed_at_every_step_and_round_every_call(tmp_path: Path) -> None:
    """Before and after each line of the journal, and each call that writes: nothing is lost."""
    root = tmp_path / "lab"
    killed = killed_everywhere(root, "option-2", JOURNAL_AND_CALLS)
    before = {moment.rpartition("| ")[2] for moment in killed}
    assert "call POST /things/lab-device HTTP/1.1" in before
    assert any("| call POST /things/lab-device HTTP/1.1 | open" in moment for moment in killed)
    verify_same_as_undisturbed(root, "option-2", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("route", list(MOMENTS))
def test_killed_everywhere(tmp_path: Path, route: str) -> None:
    """Before every call, file, folder, name and command of a run, one after the other."""
    root = tmp_path / "lab"
    killed = killed_everywhere(root, route)
    assert len(killed) >= MOMENTS[route]
    verify_same_as_undisturbed(root, route, tmp_path)
