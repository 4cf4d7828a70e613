"""open_lab(): what it chooses, what its banner says, and the lab's own calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from lab_bench import ACCEPTED, THREADS_OF_PYSERIAL, end

from labkit import open_lab
from labkit.cloud.account import Account
from labkit.cloud.session import aws_client, simulated_client
from labkit.errors import BenchError, CloudError, DeviceError, NotReadyError, WorkspaceError
from labkit.lab import opening
from labkit.lab.procedure import STEPS

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.lab.lab import Lab

FILES = (
    *("rootCA.key", "rootCA.pem", "verificationCert.pem", "deviceCert.csr", "deviceCert.pem"),
    *("DevicePublicKeyAsciiHex.txt", "console.log"),
)

pytest_plugins = ("bench_fixtures",)
pytestmark = [
    pytest.mark.filterwarnings(THREADS_OF_PYSERIAL),
    pytest.mark.usefixtures("clean_environment"),
]


# The mode banner


def test_banner_of_a_simulated_bench(lab: Lab) -> None:
    """A simulated bench's banner says so, and names neither port nor folder: they change."""
    assert repr(lab).splitlines() == [
        (
            "board    simulated: firmware 202203.00; its clock runs fast, "
            "180 s of waiting pass at once"
        ),
        "account  simulated: it runs on this computer, nothing reaches AWS",
        "         account 123456789012, region us-east-1",
        "device   thing lab-device",
    ]


def test_banner_of_a_real_board(tmp_path: Path) -> None:
    """A real board's banner shouts, and names its port and the folder."""
    real = open_lab(tmp_path, device="loop://")
    assert "board    REAL: loop:// at 115200 baud" in repr(real)
    assert "account  simulated" in repr(real)
    assert f"folder   {tmp_path}" in repr(real)
    end(real)


def test_banner_of_a_real_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real account's banner shouts, and its number is the one that AWS gives."""
    client = aws_client("iot", "eu-central-1")
    account = Account(client, "eu-central-1", "999999999999")
    monkeypatch.setattr(opening, "open_real", lambda *_, **__: account)
    real = open_lab(tmp_path, cloud="aws")
    assert "account  REAL: what is made here is made in AWS" in repr(real)
    assert "account 999999999999, region eu-central-1" in repr(real)
    end(real)


def test_banner_of_a_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account whose endpoint is on this computer is a stand-in, and never REAL."""
    client = simulated_client("iot", "http://127.0.0.1:9", "us-east-1")
    account = Account(client, "us-east-1", "999999999999")
    monkeypatch.setattr(opening, "open_real", lambda *_, **__: account)
    real = open_lab(tmp_path, cloud="aws")
    assert "account  stand-in: its endpoint is on this computer" in repr(real)
    assert "REAL" not in repr(real)
    end(real)


def test_a_real_account_without_credentials(
    tmp_path: Path, clean_environment: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without credentials the first question to AWS says so, and what was asked."""
    del clean_environment
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nothing goes to AWS from here
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    real = open_lab(tmp_path, cloud="aws")
    with pytest.raises(CloudError, match=r"asking whose credentials these are: .*credentials"):
        _ = real.account
    end(real)


def test_nothing_is_done_unasked_in_a_real_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a simulated board and a real account, too, a step does no other one first."""
    account = Account(None, "us-east-1", "999999999999")
    monkeypatch.setattr(opening, "open_real", lambda *_, **__: account)
    real = open_lab(tmp_path, cloud="aws")
    with pytest.raises(NotReadyError, match="set_endpoint_and_thing"):
        real.run_hello_world()
    end(real)


def test_banner_names_the_seed(tmp_path: Path) -> None:
    """A seeded lab says that its keys are derived."""
    lab = open_lab(tmp_path, seed="one")
    assert repr(lab).endswith("seed     one: every key and date here is derived from it")
    end(lab)


# What is the same on every machine


def test_a_seed_makes_everything_the_same(tmp_path: Path) -> None:
    """Two labs of one seed make the same files in any order; one of another seed makes others."""
    made = {}
    for name, seed, steps in (
        ("a", "one", ["issue_certificate", "register_ca"]),
        ("b", "one", ["register_ca", "create_policy", "sign_request", "issue_certificate"]),
        ("c", "two", ["register_ca", "issue_certificate"]),
    ):
        lab = open_lab(tmp_path / name, seed=seed)
        for step in steps:
            lab.perform(step)
        made[name] = {each: lab.file(each).read_bytes() for each in FILES}
        end(lab)
    assert made["a"] == made["b"]
    assert all(made["a"][each] != made["c"][each] for each in made["a"])


def test_without_a_seed_nothing_is_the_same(lab: Lab, tmp_path: Path) -> None:
    """Without a seed keys are random."""
    other = open_lab(tmp_path)
    assert other.file("rootCA.key").read_bytes() != lab.file("rootCA.key").read_bytes()
    end(other)


# Calls


def test_route_names_every_step_once(lab: Lab) -> None:
    """The route shows every page with its steps, as calls."""
    route = repr(lab.procedure)
    assert re.findall(r"lab\.(\w+)\(\)", route) == [step.name for step in STEPS]
    assert [line[:2] for line in route.splitlines() if line[0] != " "] == [
        "03", "04", "05", "06", "07", "08"
    ]  # fmt: skip


def test_sources_now_and_before(lab: Lab) -> None:
    """A source is shown as it is and as it was before the first edit; others are refused."""
    lab.force_key_generation()
    name = "aws_dev_mode_key_provisioning.c"
    assert "FORCE_GENERATE_NEW_KEY_PAIR    1" in lab.source(name)
    assert "FORCE_GENERATE_NEW_KEY_PAIR    0" in lab.original(name)
    assert lab.original("aws_clientcredential_keys.h") == lab.source("aws_clientcredential_keys.h")
    with pytest.raises(
        WorkspaceError, match=r"the firmware tree has no main\.c; the demo's source"
    ):
        lab.source("main.c")


def test_show_is_told_each_line_while_the_board_prints(lab: Lab) -> None:
    """A long step tells its lines as they come: the commands' and then the board's."""
    lines: list[str] = []
    capture = lab.perform("run_demo_first", show=lines.append)
    built, flashed, *printed = lines
    assert built.startswith("built 202203.00 from ")
    assert flashed.startswith("flashed")
    assert any("Waiting for 180 seconds" in line for line in printed)
    assert all(line.rstrip() in capture.text for line in printed)


# A bench that has gone


def test_a_bench_that_has_ended_is_started_again(lab: Lab) -> None:
    """A page that was left alone for long goes on: its bench is started again, all is there."""
    key = lab.public_key if lab.file("DevicePublicKey.pem") else None
    assert lab.bench is not None
    lab.bench.stop()
    assert ACCEPTED in lab.run_hello_world()
    assert lab.public_key == key
    assert lab.bench.is_alive()


def test_a_bench_that_goes_in_the_middle(lab: Lab) -> None:
    """What is asked of a bench that has just gone gives an error, not a traceback of sockets."""
    assert lab.bench is not None
    lab.bench.stop()
    with pytest.raises(BenchError, match=r"does not answer: .*it starts the bench"):
        lab.bench.get()
    with pytest.raises(CloudError, match=r"asking for the MQTT endpoint: .*Run the step again"):
        lab.account.endpoint()
    with pytest.raises(DeviceError, match="cannot be opened"):
        lab.board.boot()
    assert lab.create_policy()


def test_the_board_as_in_life_waits(lab: Lab) -> None:
    """At the pace of life the 180 s before a key is made are there; open_lab lets them run."""
    assert lab.bench is not None
    lab.perform("force_key_generation")
    lab.board.build()
    lab.board.flash()
    lab.bench.post("boards/lab-device/clock", {"speed": 1})
    with pytest.raises(DeviceError, match="did not end within 1 s"):
        lab.board.boot(timeout_s=1)
    assert open_lab(lab.workspace.root).bench == lab.bench
    assert lab.bench.get()["boards"]["lab-device"]["speed"] == "fast"  # type: ignore[index]
