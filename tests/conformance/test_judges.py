"""Whom the table is put to: a real account only knowingly, another judge only where it is named."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from judge import real_account
from table import load

if TYPE_CHECKING:
    from judge import Judge

HERE = Path(__file__).resolve().parent


@pytest.fixture
def credentials(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let boto3 take ours for AWS, as its own variable for an endpoint allows."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", str(judge.url))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "simulated")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "simulated")
    monkeypatch.setenv("AWS_DEFAULT_REGION", judge.region)
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")


def suite(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the suite in a process of its own."""
    command = [sys.executable, "-m", "pytest", str(HERE / "test_conformance.py"), "-q", "-n0"]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", *options],
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("confirmation", ["", "12", "0000", "123456789013"])
def test_an_account_that_is_not_confirmed_is_let_be(confirmation: str) -> None:
    """Without its number's last digits nothing is asked of an account but who it is."""
    with (
        pytest.raises(SystemExit, match=r"account 123456789012 in us-east-1\. Nothing was asked"),
        real_account(confirmation),
    ):
        pass


@pytest.mark.usefixtures("credentials")
def test_an_account_that_is_confirmed_is_asked(judge: Judge) -> None:
    """Its last four digits are enough; it is real, so that only free calls are made."""
    with real_account(judge.account_id[-4:]) as found:
        assert (found.account_id, found.real, found.strict) == (judge.account_id, True, False)


@pytest.mark.slow
@pytest.mark.usefixtures("credentials")
def test_a_real_account_is_left_as_it_was(judge: Judge, tmp_path: Path) -> None:
    """The rows whose calls are all free are run, and nothing of them is left behind."""

    def everything() -> list[object]:
        return [
            judge.iot.list_certificates()["certificates"],
            judge.iot.list_ca_certificates()["certificates"],
            judge.iot.list_policies()["policies"],
            judge.iot.list_provisioning_templates()["templates"],
            judge.iot.list_things()["things"],
            judge.iot.get_registration_code()["registrationCode"],
        ]

    before = everything()
    differences = tmp_path / "differences.md"
    done = suite("--real-account", "--confirm-account", "9012", "--differences", str(differences))
    assert done.returncode == 0, done.stdout
    ran = sum(int(count) for count in re.findall(r"(\d+) (?:passed|xfailed)", done.stdout))
    assert 50 <= ran < len(load())
    assert everything() == before
    assert differences.read_text().startswith("# What the real account does differently")


@pytest.mark.slow
def test_another_judge_needs_its_address() -> None:
    """A name alone starts nothing, and says what does."""
    done = suite("--judge", "moto", "-k", "GetRegistrationCode")
    assert done.returncode != 0
    assert "python tests/conformance/judges.py moto" in done.stdout


@pytest.mark.slow
def test_differences_of_another_judge_are_listed(judge: Judge, tmp_path: Path) -> None:
    """A difference fails at ours and is noted of another: the same row, the same address."""
    # It is ours under another name, and it has no gateway: what differs is planted.
    differences = tmp_path / "differences.md"
    options = ("--judge", "other", "--endpoint", str(judge.url), "--differences", str(differences))
    done = suite(*options, "-k", "GetRegistrationCode or CONNECT")
    assert done.returncode == 0, done.stdout
    assert "the judge has no gateway" in done.stdout
    assert differences.read_text().splitlines()[0] == "# What other does differently"
