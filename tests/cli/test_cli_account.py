"""`labkit preflight`, `undo` and `run --fresh`, with a stand-in for a real account."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cli_runner import assert_refused, labkit
from lab_bench import THREADS_OF_PYSERIAL
from simulator_fixtures import ACCOUNT_ID, Cloud

from labkit.lab.procedure.steps.account import POLICY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ("real_account",)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)]

DIGITS = ACCOUNT_ID[-4:]


@pytest.fixture
def root(tmp_path: Path, aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a real account and a real board: no bench is needed to look at it."""
    assert aws
    monkeypatch.setenv("LABKIT_CLOUD", "aws")
    monkeypatch.setenv("LABKIT_DEVICE", "loop://")
    return tmp_path / "lab"


def account_is_empty(aws: Cloud) -> bool:
    """Return whether the account holds nothing."""
    iot = aws.iot
    return not (
        iot.list_things()["things"]
        or iot.list_policies()["policies"]
        or iot.list_ca_certificates()["certificates"]
        or iot.list_certificates()["certificates"]
    )


def made(aws: Cloud, root: Path, thing: str = "led") -> None:
    """Let a run have made a thing and a policy."""
    aws.iot.create_thing(thingName=thing)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*",
                "Resource": "*"}]}  # fmt: skip
    aws.iot.create_policy(policyName=POLICY_NAME, policyDocument=json.dumps(document))
    note = {"event": "made", "at": "2026-01-01T09:00:00+00:00", "proof": ""}
    journal = root / "devices" / thing / "journal.jsonl"
    journal.parent.mkdir(parents=True)
    journal.write_text(
        "".join(
            json.dumps(note | {"resource": kind, "name": name}) + "\n"
            for kind, name in (("thing", thing), ("policy", POLICY_NAME))
        )
    )


def test_preflight_shows_and_writes_nothing(aws: Cloud, root: Path) -> None:
    """Who, where and what is allowed; with the digits the account is confirmed."""
    ended = labkit("preflight", "--workspace", root)
    assert ended.code == 0
    assert f"account   {ACCOUNT_ID}, region us-east-1" in ended.out
    assert "iot:RegisterCACertificate" in ended.out
    assert not (root / "account-confirmed.json").exists()
    ended = labkit("preflight", "--workspace", root, "--confirm-account", DIGITS)
    assert f"confirmed, account {ACCOUNT_ID}" in ended.out
    assert account_is_empty(aws)


def test_wrong_digits_are_refused(root: Path) -> None:
    """Another account's digits: exit code 1, what was expected and what was typed."""
    ended = labkit("undo", "--workspace", root, "--confirm-account", "0000")
    assert (ended.code, "Traceback" in ended.err) == (1, False)
    assert f"expected the last four digits of {ACCOUNT_ID}, got '0000'" in ended.err


def test_digits_are_asked_for(aws: Cloud, root: Path) -> None:
    """Without the option they are typed; without anybody to type them nothing happens."""
    made(aws, root)
    ended = labkit("undo", "--workspace", root, "--thing", "led", stdin=b"")
    assert ended.code != 0
    assert not account_is_empty(aws)
    ended = labkit("undo", "--workspace", root, "--thing", "led", stdin=f"{DIGITS}\n".encode())
    assert ended.code == 0
    assert f"Last four digits of the account {ACCOUNT_ID}" in ended.out
    assert account_is_empty(aws)


def test_undo_lists_removes_and_is_done(aws: Cloud, root: Path) -> None:
    """A dry run lists and asks nothing; then it is removed; then there is nothing to undo."""
    made(aws, root)
    command = ("undo", "--workspace", root, "--thing", "led")
    ended = labkit(*command, "--dry-run")
    assert ended.out.count("would be removed") == 2
    assert not account_is_empty(aws)
    ended = labkit(*command, "--confirm-account", DIGITS)
    assert (ended.code, ended.out.count("removed ")) == (0, 2)
    assert account_is_empty(aws)
    ended = labkit(*command)
    assert (ended.code, "nothing to undo" in ended.out) == (0, True)


def test_what_is_left_is_an_exit_code(aws: Cloud, root: Path) -> None:
    """Something that others use is named, with the console's address, and the exit code is 1."""
    made(aws, root)
    other = aws.iot.create_keys_and_certificate()
    aws.iot.attach_policy(policyName=POLICY_NAME, target=other["certificateArn"])
    ended = labkit("undo", "--workspace", root, "--thing", "led", "--confirm-account", DIGITS)
    assert ended.code == 1
    assert f"LEFT          policy {POLICY_NAME}" in ended.out
    assert (
        "https://us-east-1.console.aws.amazon.com/iot/home?region=us-east-1#/policy/" in ended.out
    )
    assert aws.iot.list_things()["things"] == []


def test_all_runs_are_undone_at_once(aws: Cloud, root: Path) -> None:
    """--all takes in every device's run and every kept folder."""
    made(aws, root, "led")
    (root / "devices" / "led").rename(root / "devices" / "led.1")
    command = ("undo", "--workspace", root, "--thing", "led", "--confirm-account", DIGITS)
    assert "nothing to undo" in labkit(*command).out
    assert labkit(*command, "--all").code == 0
    assert account_is_empty(aws)


def test_account_without_credentials_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No profile of that name: a sentence, not a traceback."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert_refused(
        labkit("preflight", "--workspace", root), "nobody", "Choose one with AWS_PROFILE"
    )


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[Path]:
    """A simulated workspace whose bench is ended with the test."""
    yield tmp_path / "simulated"
    labkit("stop", "--workspace", tmp_path / "simulated")


def test_fresh_run_keeps_the_old_one(simulated: Path) -> None:
    """--fresh does everything again in a new folder; undo --all deletes the resources of both."""
    assert labkit("run", "--workspace", simulated).code == 0
    first = (simulated / "devices" / "lab-device" / "deviceCert.pem").read_text()
    ended = labkit("run", "--workspace", simulated, "--fresh")
    assert ended.code == 0, ended.err
    assert "done before" not in ended.out
    devices = simulated / "devices"
    assert (devices / "lab-device.1" / "deviceCert.pem").read_text() == first
    assert (devices / "lab-device" / "deviceCert.pem").read_text() != first
    ended = labkit("undo", "--workspace", simulated, "--all")
    assert (ended.code, "LEFT" in ended.out) == (0, False)
    assert labkit("run", "--workspace", simulated).code == 0
