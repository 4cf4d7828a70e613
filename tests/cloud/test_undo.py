"""Undo: everything that a run made and nothing else, in AWS's order, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from simulator_fixtures import REGION, Authority, Cloud, Device

from labkit.cloud.resources import (
    CA_CERTIFICATE,
    CERTIFICATE,
    POLICY,
    POLICY_ATTACHMENT,
    TEMPLATE,
    THING,
    THING_ATTACHMENT,
    UNKNOWN_CERTIFICATE,
)
from labkit.cloud.undo import Undoing, undo
from labkit.workspace import Made

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

pytest_plugins = ("cloud_fixtures",)


class Run:
    """A run that has made everything that Option 2 makes."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.ca = Authority()
        self.ca_id = cloud.register_ca(self.ca)
        self.device = self.ca.issue("led")
        cloud.allow(self.device)
        self.arn = cloud.arn("cert", self.device.id)
        thing = cloud.iot.describe_thing(thingName="led")
        self.made = [
            Made(CA_CERTIFICATE, self.ca_id, "", is_certain=True),
            Made(CERTIFICATE, self.device.id, "", is_certain=True),
            Made(THING, "led", thing["thingId"], is_certain=True),
            Made(POLICY, "hello", "", is_certain=True),
            Made(THING_ATTACHMENT, f"led {self.arn}", "", is_certain=True),
            Made(POLICY_ATTACHMENT, f"hello {self.arn}", "", is_certain=True),
        ]
        self.gone: list[tuple[str, str]] = []

    def undo(self, made: list[Made] | None = None, **options: Any) -> Undoing:  # noqa: ANN401 as undo takes them
        """Undo the run."""
        return undo(
            self.cloud.iot,
            REGION,
            self.made if made is None else made,
            gone=lambda kind, name: self.gone.append((kind, name)),
            **{"wait": lambda _: None, **options},
        )


@pytest.fixture
def run(cloud: Cloud) -> Run:
    """A run to undo."""
    return Run(cloud)


def holds(cloud: Cloud) -> tuple[int, ...]:
    """Return how many things, policies, certificates and CAs the account holds."""
    iot = cloud.iot
    return (
        len(iot.list_things()["things"]),
        len(iot.list_policies()["policies"]),
        len(iot.list_certificates()["certificates"]),
        len(iot.list_ca_certificates()["certificates"]),
    )


def outcomes(done: Undoing) -> dict[str, str]:
    """Return each kind's outcome."""
    return {item.kind: item.outcome for item in done.items}


def test_everything_is_removed_in_order(cloud: Cloud, run: Run) -> None:
    """Attachments first, the CA last; the account is as empty as before, and each is reported."""
    done = run.undo()
    assert [item.kind for item in done.items] == [
        POLICY_ATTACHMENT, THING_ATTACHMENT, CERTIFICATE, THING, POLICY, CA_CERTIFICATE,
    ]  # fmt: skip
    assert {item.outcome for item in done.items} == {"removed"}
    assert holds(cloud) == (0, 0, 0, 0)
    assert len(run.gone) == 6
    assert done.left == ()


def test_again_there_is_nothing_to_do(run: Run) -> None:
    """A second undo finds everything gone, without an error."""
    run.undo()
    assert {item.outcome for item in run.undo().items} == {"gone already"}
    assert repr(run.undo([])).startswith("nothing to undo")


def test_dry_run_only_tells(cloud: Cloud, run: Run) -> None:
    """It lists what is there and what is gone, and changes nothing."""
    before = holds(cloud)
    made = [*run.made, Made(TEMPLATE, "never-made", "", is_certain=False)]
    done = run.undo(made, dry_run=True)
    assert outcomes(done)[CERTIFICATE] == "would be removed"
    assert outcomes(done)[TEMPLATE] == "gone already"
    assert holds(cloud) == before
    assert run.gone == []


def test_half_of_a_run_is_undone(cloud: Cloud) -> None:
    """What was begun and never made is no obstacle to the rest."""
    run = Run.__new__(Run)
    run.cloud, run.gone = cloud, []
    cloud.iot.create_thing(thingName="led")
    made = [
        Made(THING, "led", "", is_certain=False),
        Made(POLICY, "hello", "", is_certain=False),
        Made(CERTIFICATE, "0" * 64, "", is_certain=False),
        Made(POLICY_ATTACHMENT, f"hello {cloud.arn('cert', '0' * 64)}", "", is_certain=False),
    ]
    assert outcomes(run.undo(made)) == {
        POLICY_ATTACHMENT: "gone already",
        CERTIFICATE: "gone already",
        THING: "removed",
        POLICY: "gone already",
    }


def other_user(cloud: Cloud, run: Run) -> Device:
    """Let another device use the same CA, policy and thing."""
    other = run.ca.issue("other")
    arn = cloud.register(other)
    cloud.iot.attach_policy(policyName="hello", target=arn)
    cloud.iot.attach_thing_principal(thingName="led", principal=arn)
    return other


def test_what_others_use_is_left_and_named(cloud: Cloud, run: Run) -> None:
    """Policy, thing and CA stay, each with who uses it and where the console shows it."""
    other = other_user(cloud, run)
    done = run.undo()
    left = {item.kind: item for item in done.left}
    assert set(left) == {THING, POLICY, CA_CERTIFICATE}
    for item in left.values():
        assert f"certificate {other.id[:16]}" in item.why
        assert item.console.startswith(f"https://{REGION}.console.aws.amazon.com/iot/")
    assert left[POLICY].console.endswith("#/policy/hello")
    assert outcomes(done)[CERTIFICATE] == "removed"
    answer = cloud.iot.describe_ca_certificate(certificateId=run.ca_id)
    assert answer["certificateDescription"]["status"] == "ACTIVE"
    assert (CERTIFICATE, run.device.id) in run.gone
    assert (POLICY, "hello") not in run.gone


def test_certificate_that_somebody_else_attached_is_left(cloud: Cloud, run: Run) -> None:
    """A policy that this run did not attach keeps the certificate, and its status."""
    cloud.iot.create_policy(
        policyName="theirs",
        policyDocument=cloud.iot.get_policy(policyName="hello")["policyDocument"],
    )
    cloud.iot.attach_policy(policyName="theirs", target=run.arn)
    done = run.undo()
    [certificate] = [item for item in done.left if item.kind == CERTIFICATE]
    assert "policy theirs" in certificate.why
    answer = cloud.iot.describe_certificate(certificateId=run.device.id)
    assert answer["certificateDescription"]["status"] == "ACTIVE"


def test_thing_that_was_made_anew_is_left(cloud: Cloud, run: Run) -> None:
    """Another thing of the same name is not this run's."""
    cloud.iot.detach_thing_principal(thingName="led", principal=run.arn)
    cloud.iot.delete_thing(thingName="led")
    cloud.account.call("CreateThing", {"thingName": "led"})
    [thing] = [item for item in run.undo().items if item.kind == THING]
    assert (thing.outcome, "another thing" in thing.why) == ("LEFT", True)
    assert cloud.iot.list_things()["things"]


def test_versions_of_the_policy_go_with_it(cloud: Cloud, run: Run) -> None:
    """Versions that somebody added are deleted before the policy."""
    document = cloud.iot.get_policy(policyName="hello")["policyDocument"]
    cloud.iot.create_policy_version(policyName="hello", policyDocument=document)
    assert outcomes(run.undo())[POLICY] == "removed"


def test_certificate_whose_answer_was_lost_is_named(run: Run) -> None:
    """It cannot be distinguished from others': it is kept, with what to look for."""
    [lost] = run.undo([Made(CERTIFICATE, UNKNOWN_CERTIFICATE, "", is_certain=False)]).left
    assert "the answer was lost" in lost.why
    assert lost.console.endswith("#/certificatehub")


class Slow:
    """A client for whom a detachment takes a few tries to be felt."""

    def __init__(self, client: Any, tries: int) -> None:  # noqa: ANN401 boto3's
        self._client, self._tries = client, tries

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return boto3's call; deletions fail at first."""
        call = getattr(self._client, name)
        return self._fails_first(call) if name == "delete_thing" else call

    def _fails_first(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def late(**parameters: object) -> object:
            self._tries -= 1
            if self._tries >= 0:
                answer = {"Error": {"Code": "InvalidRequestException", "Message": "attached"}}
                raise ClientError(answer, "DeleteThing")
            return call(**parameters)

        return late


@pytest.mark.parametrize(("tries", "outcome"), [(3, "removed"), (5, "LEFT")])
def test_detachment_is_waited_for_but_not_forever(
    cloud: Cloud, run: Run, tries: int, outcome: str
) -> None:
    """AWS lets a detachment take seconds: a few tries, with growing pauses."""
    waited: list[float] = []
    done = undo(Slow(cloud.iot, tries), REGION, run.made, gone=lambda *_: None, wait=waited.append)
    assert outcomes(done)[THING] == outcome
    assert waited == sorted(waited)
    assert len(waited) == min(tries, 4)


def test_listings_are_read_to_their_end(cloud: Cloud, run: Run) -> None:
    """A user on the second page of a listing is a user."""
    document = cloud.iot.get_policy(policyName="hello")["policyDocument"]
    for number in range(9):
        cloud.iot.create_policy(policyName=f"p{number}", policyDocument=document)
        cloud.iot.attach_policy(policyName=f"p{number}", target=run.arn)
    for number in range(300):
        cloud.account.call("CreateThing", {"thingName": f"t{number:03}"})
        attach = {"thingName": f"t{number:03}", "principal": run.arn}
        cloud.account.call("AttachThingPrincipal", attach)
    cloud.account.call("CreateThing", {"thingName": "zz"})
    cloud.account.call("AttachThingPrincipal", {"thingName": "zz", "principal": run.arn})
    made = [Made(THING_ATTACHMENT, f"zz {run.arn}", "", is_certain=True)]
    assert outcomes(run.undo(made)) == {THING_ATTACHMENT: "removed"}
    assert cloud.iot.list_thing_principals(thingName="zz")["principals"] == []
