"""A lab with a real account, against a stand-in that boto3 finds as it finds AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lab_bench import THREADS_OF_PYSERIAL
from simulator_fixtures import ACCOUNT_ID, Cloud

from labkit.errors import CloudError, NotReadyError
from labkit.lab.procedure.steps.account import POLICY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.lab.lab import Lab

pytest_plugins = ("real_account",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

ACCOUNT_STEPS = ("set_endpoint_and_thing", "create_ca", "register_ca", "create_thing",
                 "create_policy")  # fmt: skip
NO_FIRMWARE = ACCOUNT_STEPS[1:]


def names(cloud: Cloud) -> dict[str, list[str]]:
    """Return what the account holds, by kind."""
    iot = cloud.iot
    return {
        "things": [each["thingName"] for each in iot.list_things()["things"]],
        "policies": [each["policyName"] for each in iot.list_policies()["policies"]],
        "cas": [each["certificateId"] for each in iot.list_ca_certificates()["certificates"]],
        "certificates": [each["certificateId"] for each in iot.list_certificates()["certificates"]],
    }


DIGITS = ACCOUNT_ID[-4:]
EMPTY: dict[str, list[str]] = {"things": [], "policies": [], "cas": [], "certificates": []}


def test_profile_region_and_endpoint_are_boto3s(aws: Cloud, opened: Callable[..., Lab]) -> None:
    """lab.toml says nothing of them, and the banner shows what boto3 found."""
    lab = opened()
    assert lab.account.region == "us-east-1"
    assert lab.account.client.meta.endpoint_url == aws.url
    assert f"account {ACCOUNT_ID}, region us-east-1" in repr(lab)
    assert "stand-in" in repr(lab)


def test_nothing_is_written_unconfirmed(aws: Cloud, opened: Callable[..., Lab]) -> None:
    """Reading passes, the first write is refused with what to do, nothing is noted as made."""
    lab = opened()
    lab.set_endpoint_and_thing()
    lab.create_ca()
    with pytest.raises(CloudError, match=r"REAL account 123456789012.*--confirm-account"):
        lab.register_ca()
    assert names(aws) == EMPTY
    lab.confirm_account(DIGITS)
    lab.register_ca()
    assert len(names(aws)["cas"]) == 1


def test_confirmation_asks_once(
    aws: Cloud, opened: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digits are typed once; another session of the workspace remembers."""
    assert aws
    answers = iter(["1234", DIGITS])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    lab = opened()
    with pytest.raises(CloudError, match="expected the last four digits"):
        lab.confirm_account()
    found = lab.confirm_account()
    assert (found.passed, found.shown) == (
        True,
        f"confirmed, account {ACCOUNT_ID}, region us-east-1",
    )
    assert opened().confirm_account() == found


@pytest.mark.parametrize("error", [EOFError, NotImplementedError, OSError])
def test_nobody_to_ask_is_said(
    aws: Cloud,
    opened: Callable[..., Lab],
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
) -> None:
    """Without a terminal or an open page: what to do, no traceback, and nothing is confirmed."""

    def nobody(_: str) -> str:
        raise error

    monkeypatch.setattr("builtins.input", nobody)
    lab = opened()
    with pytest.raises(CloudError, match="no one can type its last four digits"):
        lab.confirm_account()
    with pytest.raises(CloudError, match="REAL account"):
        lab.create_thing()
    assert names(aws) == EMPTY


def test_preflight_tells_what_the_route_needs(aws: Cloud, opened: Callable[..., Lab]) -> None:
    """Identity, account, region, endpoint, and each action of the route's steps."""
    assert aws
    found = opened().preflight()
    assert (found.account_id, found.region) == (ACCOUNT_ID, "us-east-1")
    actions = {each.action for each in found.permissions}
    assert {"iot:RegisterCACertificate", "iot:AttachPolicy", "iot:UpdateCertificate"} <= actions
    option_1 = opened(route="option-1").preflight()
    assert "iot:CreateKeysAndCertificate" in {each.action for each in option_1.permissions}


def test_account_that_lab_toml_leaves_out_is_refused(
    aws: Cloud, opened: Callable[..., Lab]
) -> None:
    """account.allowed pins the account."""
    assert aws
    lab = opened()
    file = lab.workspace.root / "lab.toml"
    file.write_text(file.read_text().replace("allowed = []", 'allowed = ["111111111111"]'))
    with pytest.raises(CloudError, match=r"of the account 123456789012"):
        _ = opened().account


def confirmed(opened: Callable[..., Lab], name: str = "lab", **chosen: str) -> Lab:
    """Open a lab and confirm its account."""
    lab = opened(name, **chosen)
    lab.confirm_account(DIGITS)
    return lab


def do(lab: Lab, steps: tuple[str, ...] = ACCOUNT_STEPS) -> None:
    """Do the steps that need no board."""
    for step in steps:
        lab.perform(step)


def test_what_was_made_is_found_by_its_tag_and_undone(
    aws: Cloud, opened: Callable[..., Lab]
) -> None:
    """CA and policy carry the tag; undo leaves the account as it was, and again does nothing."""
    lab = confirmed(opened)
    do(lab)
    made = names(aws)
    assert (made["things"], made["policies"]) == (["lab-device"], [POLICY_NAME])
    for arn in (aws.arn("cacert", made["cas"][0]), aws.arn("policy", POLICY_NAME)):
        tags = aws.iot.list_tags_for_resource(resourceArn=arn)["tags"]
        assert tags == [{"Key": "labkit", "Value": "lab-device"}]
    assert [item.outcome for item in lab.undo(dry_run=True).items] == ["would be removed"] * 3
    assert names(aws) == made
    assert [item.outcome for item in lab.undo().items] == ["removed"] * 3
    assert names(aws) == EMPTY
    assert lab.undo().items == ()


def test_doing_again_after_undo_makes_it_again(aws: Cloud, opened: Callable[..., Lab]) -> None:
    """An undone lab can be done again, and undone again."""
    lab = confirmed(opened)
    do(lab)
    lab.undo()
    do(lab)
    assert names(aws)["things"] == ["lab-device"]
    lab.undo()
    assert names(aws) == EMPTY


def test_what_was_there_before_is_reused_and_stays(aws: Cloud, opened: Callable[..., Lab]) -> None:
    """An equal thing and policy are taken as they are, and undo never touches them."""
    lab = confirmed(opened)
    other = confirmed(opened, "other")
    do(other, ("set_endpoint_and_thing", "create_thing", "create_policy"))
    do(lab)
    assert {item.kind for item in lab.undo().items} == {"CA certificate"}
    assert names(aws)["things"] == ["lab-device"]
    assert names(aws)["policies"] == [POLICY_NAME]


def test_policy_that_says_something_else_is_named(aws: Cloud, opened: Callable[..., Lab]) -> None:
    """Neither taken nor changed: the message says what can be done."""
    aws.iot.create_policy(
        policyName=POLICY_NAME,
        policyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", '
        '"Action": "iot:*", "Resource": "*"}]}',
    )
    lab = confirmed(opened)
    with pytest.raises(CloudError, match="with other statements"):
        lab.create_policy()
    assert lab.undo().items == ()


def test_thing_of_another_person_is_named(aws: Cloud, opened: Callable[..., Lab]) -> None:
    """A thing with a certificate that this lab did not make is somebody else's."""
    theirs = aws.iot.create_keys_and_certificate()["certificateArn"]
    aws.iot.create_thing(thingName="lab-device")
    aws.iot.attach_thing_principal(thingName="lab-device", principal=theirs)
    lab = confirmed(opened)
    with pytest.raises(CloudError, match=r"lab-device in the account has a certificate that this"):
        lab.create_thing()
    mine = confirmed(opened, thing_name="mine")
    mine.create_thing()
    assert set(names(aws)["things"]) == {"lab-device", "mine"}
    mine.undo()
    assert names(aws)["things"] == ["lab-device"]


def test_second_device_shares_what_is_shared(aws: Cloud, opened: Callable[..., Lab]) -> None:
    """One CA and one policy for both; undoing the first leaves what the second uses."""
    first = confirmed(opened)
    do(first)
    second = confirmed(opened, thing_name="second")
    do(second)
    held = names(aws)
    assert (len(held["cas"]), len(held["policies"]), len(held["things"])) == (1, 1, 2)
    assert [item.kind for item in second.undo().items] == ["thing"]
    assert [item.outcome for item in first.undo(everything=True).items] == ["removed"] * 3
    assert names(aws) == EMPTY


class Cut(KeyboardInterrupt):
    """The plug is pulled."""


@pytest.mark.slow
def test_plug_pulled_around_every_call(aws: Cloud, opened: Callable[..., Lab]) -> None:
    """Before, in or after any call of the account: the run goes on, and undo finds everything."""
    no_board = {"device": "loop://"}
    for moment in range(40):
        name = f"t{moment}"
        lab = confirmed(opened, thing_name=name, **no_board)
        calls = cut_after(lab, moment)
        try:
            do(lab, NO_FIRMWARE)
        except Cut:
            pass
        else:
            break
        again = confirmed(opened, thing_name=name, **no_board)
        do(again, NO_FIRMWARE)
        held = names(aws)
        assert (len(held["things"]), len(held["policies"]), len(held["cas"])) == (1, 1, 1), calls
        again.undo()
        assert names(aws) == EMPTY, calls
    assert moment > 10
    confirmed(opened, thing_name=name, **no_board).undo()
    assert names(aws) == EMPTY


def cut_after(lab: Lab, moment: int) -> list[str]:
    """Pull the plug at the n-th moment: after a call was answered, or before it is sent."""
    calls: list[str] = []
    client = lab.account.client

    def note(what: str) -> Any:  # noqa: ANN401 a handler of botocore's
        def handler(model: Any, **_: object) -> None:  # noqa: ANN401 botocore's OperationModel
            calls.append(f"{what} {model.name}")
            if len(calls) > moment:
                raise Cut

        return handler

    client.meta.events.register("before-call.iot", note("before"))
    client.meta.events.register("after-call.iot", note("after"))
    return calls


def test_step_of_another_page_is_not_done_unasked(aws: Cloud, opened: Callable[..., Lab]) -> None:
    """On a real account the missing step is named, not done."""
    assert aws
    with pytest.raises(NotReadyError, match="create_ca"):
        confirmed(opened).register_ca()


def test_what_was_made_in_the_simulated_account_is_not_undone_in_a_real_one(
    aws: Cloud, opened: Callable[..., Lab]
) -> None:
    """A workspace that turned real leaves resources of the same names in the account."""
    rehearsed = opened(cloud="sim", device="loop://")
    rehearsed.create_policy()
    output = rehearsed.account.client.get_policy(policyName=POLICY_NAME)["policyDocument"]
    aws.iot.create_policy(policyName=POLICY_NAME, policyDocument=output)
    assert confirmed(opened, device="loop://").undo().items == ()
    assert names(aws)["policies"] == [POLICY_NAME]
    assert [item.outcome for item in rehearsed.undo().items] == ["removed"]
