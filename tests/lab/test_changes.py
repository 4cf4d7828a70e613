"""A step that was done before states what it changes again, and asks on a real account."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

import pytest
from lab_bench import THREADS_OF_PYSERIAL, labkit

from labkit.cloud.changes import Change
from labkit.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator_fixtures import Cloud

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures", "real_account")
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

DETACHED = "attached the certificate to the thing lab-device (it was not attached)"
SWITCHED_OFF = "set the certificate ACTIVE (it was INACTIVE)"


def change_by_hand(lab: Lab) -> None:
    """Set the device's certificate INACTIVE and detach it, as a person in the console does."""
    client, thing = lab.account.client, lab.workspace.settings.thing_name
    arn = lab.account.certificate(lab.certificate_id).arn
    client.update_certificate(certificateId=lab.certificate_id, newStatus="INACTIVE")
    client.detach_thing_principal(thingName=thing, principal=arn)


def test_run_states_what_it_changes_again(finished: Lab) -> None:
    """The lines of the two steps name the change; the others say that they changed nothing."""
    change_by_hand(finished)
    lines = labkit(finished.workspace.root, "run").stdout.splitlines()
    steps = {line.split()[0]: line for line in lines if line[:2].strip().isdigit()}
    assert steps["15"].endswith(f"(changed again: {DETACHED})")
    assert steps["16"].endswith(f"(changed again: {SWITCHED_OFF})")
    assert steps["13"].endswith("(checked: unchanged)")
    assert steps["3"].endswith("(done before)")
    assert "(repeated, " in steps["17"]
    again = labkit(finished.workspace.root, "run").stdout
    assert "changed again" not in again
    assert finished.account.certificate(finished.certificate_id).status == "ACTIVE"


def test_a_page_call_prints_what_it_changes_again(
    finished: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also a change that an earlier step makes before it; without one nothing is printed."""
    change_by_hand(finished)
    finished.run_hello_world()
    assert capsys.readouterr().out.splitlines() == [
        f"lab.attach_thing_and_policy(): {DETACHED}",
        f"lab.activate_certificate(): {SWITCHED_OFF}",
    ]
    finished.run_hello_world()
    assert capsys.readouterr().out == ""


@pytest.fixture
def thing(aws: Cloud, opened: Callable[..., Lab]) -> Lab:
    """Return a lab with a real account, whose thing was created and then deleted by hand."""
    lab = opened()
    lab.confirm_account("9012")
    lab.create_thing()
    aws.iot.delete_thing(thingName="lab-device")
    return lab


@pytest.mark.parametrize(("answer", "exists"), [("y", True), ("yes ", True), ("", False)])
def test_a_real_account_is_changed_again_only_after_a_yes(
    aws: Cloud, thing: Lab, monkeypatch: pytest.MonkeyPatch, answer: str, *, exists: bool
) -> None:
    """The question says what was changed; any other answer leaves the account as it is."""
    questions: list[str] = []
    monkeypatch.setattr(builtins, "input", lambda text: questions.append(text) or answer)
    if exists:
        thing.create_thing()
    else:
        with pytest.raises(CloudError, match=r"Nothing was changed\. .* labkit run --yes"):
            thing.create_thing()
    assert [each["thingName"] for each in aws.iot.list_things()["things"]] == (
        ["lab-device"] if exists else []
    )
    assert questions == [
        (
            "The account was changed after lab.create_thing() was done: it is missing now. "
            "The account is REAL. Create the thing lab-device again? [y/N] "
        )
    ]


def test_without_anyone_to_ask_nothing_is_changed(
    aws: Cloud, thing: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script is refused, unless LABKIT_YES says yes, as `labkit run --yes` does."""

    def no_terminal(_question: str) -> str:
        raise EOFError

    monkeypatch.setattr(builtins, "input", no_terminal)
    with pytest.raises(CloudError, match="Find out who changed it"):
        thing.create_thing()
    assert aws.iot.list_things()["things"] == []
    monkeypatch.setenv("LABKIT_YES", "1")
    thing.create_thing()
    assert len(aws.iot.list_things()["things"]) == 1


def test_a_new_certificate_is_not_a_change_by_others(
    opened: Callable[..., Lab], aws: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another certificate is attached and activated without a question."""
    monkeypatch.setattr(builtins, "input", lambda _: pytest.fail("asked"))
    lab = opened(route="option-1")
    lab.confirm_account("9012")
    steps = ("create_thing", "create_policy", "create_keys_and_certificate")
    for _ in range(2):
        for name in (*steps, "attach_thing_and_policy", "activate_certificate"):
            lab.perform(name)
        lab.workspace.path("deviceCert.pem").unlink()
        header = lab.workspace.firmware / "demos/include/aws_clientcredential_keys.h"
        header.write_text(lab.original("aws_clientcredential_keys.h"))
    assert len(aws.iot.list_certificates()["certificates"]) == 2


def test_a_first_time_is_not_asked_about(
    opened: Callable[..., Lab], aws: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was never done is done without a question."""
    assert aws
    monkeypatch.setattr(builtins, "input", lambda _: pytest.fail("asked"))
    lab = opened()
    lab.confirm_account("9012")
    lab.create_thing()
    lab.create_thing()


def test_a_change_reads_as_a_sentence() -> None:
    """In the past for a report, in the infinitive for a question."""
    change = Change("attach", "the policy p to the certificate", "not attached")
    assert str(change) == "attached the policy p to the certificate (it was not attached)"
    assert change.act == "attach the policy p to the certificate"
