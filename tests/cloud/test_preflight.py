"""Before the first write: who acts, where, what is allowed; and the guard that waits for a yes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest
from botocore.exceptions import ClientError
from simulator_fixtures import ACCOUNT_ID, REGION, Cloud, iot_client

from labkit.bench.simulator.http import HttpServer, Request, Response
from labkit.cloud.confirmation import Confirmation, guard_writes, refuse_other_account
from labkit.cloud.preflight import Clients, preflight
from labkit.errors import CloudError
from labkit.workspace import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ("cloud_fixtures",)

ACTIONS = ("iot:CreateThing", "iot:CreatePolicy")


class Iam:
    """A stand-in for IAM and STS that answers as configured."""

    def __init__(self) -> None:
        self.identity = f"arn:aws:iam::{ACCOUNT_ID}:user/lab"
        self.decisions = dict.fromkeys(ACTIONS, "allowed")
        self.asked: list[str] = []
        self.server = HttpServer(self._answer)
        self.url = self.server.start()

    def _answer(self, request: Request) -> Response:
        sent = parse_qs(request.body.decode())
        if sent["Action"] == ["GetCallerIdentity"]:
            return xml(
                "GetCallerIdentity",
                f"<Arn>{self.identity}</Arn><Account>{ACCOUNT_ID}</Account><UserId>x</UserId>",
            )
        self.asked += sent["PolicySourceArn"]
        if not self.decisions:
            error = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
            return Response(403, f"<ErrorResponse>{error}</ErrorResponse>".encode())
        results = "".join(
            f"<member><EvalActionName>{action}</EvalActionName>"
            f"<EvalDecision>{decision}</EvalDecision></member>"
            for action, decision in self.decisions.items()
        )
        return xml(
            "SimulatePrincipalPolicy",
            f"<EvaluationResults>{results}</EvaluationResults><IsTruncated>false</IsTruncated>",
        )


def xml(name: str, content: str) -> Response:
    """Return an answer of AWS's query protocol."""
    body = f"<{name}Response><{name}Result>{content}</{name}Result></{name}Response>"
    return Response(200, body.encode())


@pytest.fixture
def iam() -> Iterator[Iam]:
    """A stand-in for IAM and STS."""
    stand_in = Iam()
    yield stand_in
    stand_in.server.close()


def clients(cloud: Cloud, iam: Iam) -> Clients:
    """Return the three clients."""
    return Clients(iot_client(iam.url, "sts"), iot_client(iam.url, "iam"), cloud.iot)


def test_identity_place_and_permissions_are_told(cloud: Cloud, iam: Iam) -> None:
    """The person sees who acts, in which account and region, against which endpoint."""
    found = preflight(clients(cloud, iam), REGION, ACTIONS)
    assert (found.account_id, found.endpoint_url) == (ACCOUNT_ID, cloud.url)
    assert found.obstacles == ()
    shown = repr(found)
    assert f"identity  arn:aws:iam::{ACCOUNT_ID}:user/lab" in shown
    assert "allowed   iot:CreateThing, iot:CreatePolicy" in shown


def test_simulated_account_says_what_it_knows(cloud: Cloud) -> None:
    """It has an identity and no IAM; where it is changes from run to run and is left out."""
    asked = Clients(iot_client(cloud.url, "sts"), iot_client(cloud.url, "iam"), cloud.iot)
    shown = repr(preflight(asked, REGION, ACTIONS))
    assert f"user/lab\naccount   {ACCOUNT_ID}, region {REGION}\nendpoint  on this" in shown
    assert "unknown   iot:CreateThing, iot:CreatePolicy" in shown


def test_denied_action_is_an_obstacle(cloud: Cloud, iam: Iam) -> None:
    """An implicit deny is a deny; it is named before anything is written."""
    iam.decisions["iot:CreatePolicy"] = "implicitDeny"
    found = preflight(clients(cloud, iam), REGION, ACTIONS)
    assert found.obstacles == ("iot:CreatePolicy is denied",)
    assert "STOP      iot:CreatePolicy is denied" in repr(found)


def test_permissions_that_nobody_tells_are_unknown(cloud: Cloud, iam: Iam) -> None:
    """Where IAM may not be asked nothing is claimed, neither good nor bad."""
    iam.decisions.clear()
    found = preflight(clients(cloud, iam), REGION, ACTIONS)
    assert {each.verdict for each in found.permissions} == {"unknown"}
    assert "IAM did not answer: AccessDenied" in repr(found)
    assert found.obstacles == ()


def test_action_that_iam_leaves_out_is_unknown(cloud: Cloud, iam: Iam) -> None:
    """What the answer does not name is not taken for allowed."""
    del iam.decisions["iot:CreateThing"]
    found = preflight(clients(cloud, iam), REGION, ACTIONS)
    assert [each.verdict for each in found.permissions] == ["unknown", "allowed"]


def test_assumed_role_is_asked_about_as_the_role(cloud: Cloud, iam: Iam) -> None:
    """IAM simulates roles, not sessions; of the root user it can say nothing."""
    iam.identity = f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/Lab/me"
    preflight(clients(cloud, iam), REGION, ACTIONS)
    assert iam.asked == [f"arn:aws:iam::{ACCOUNT_ID}:role/Lab"]
    iam.identity = f"arn:aws:iam::{ACCOUNT_ID}:root"
    assert "root user" in repr(preflight(clients(cloud, iam), REGION, ACTIONS))
    assert len(iam.asked) == 1


@pytest.mark.parametrize(
    ("off_s", "words", "stops"),
    [(0, "right", False), (30, "s ahead of AWS's", False), (-900, "s behind AWS's", True)],
)
def test_clock_is_compared(cloud: Cloud, iam: Iam, off_s: int, words: str, *, stops: bool) -> None:
    """A few seconds are reported; five minutes make AWS refuse every signature."""
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=off_s)
    found = preflight(clients(cloud, iam), REGION, ACTIONS, now=now)
    assert found.clock_skew_s == pytest.approx(-off_s, abs=2)
    assert bool(found.obstacles) is stops
    assert words in repr(found)


def test_nothing_is_written_before_the_account_is_confirmed(cloud: Cloud, tmp_path: Path) -> None:
    """Reading passes; each write is refused with what to do; after the digits it passes."""
    confirmation = Confirmation(tmp_path / "confirmed.json", ACCOUNT_ID, REGION)
    guard_writes(cloud.iot, confirmation.require)
    assert cloud.iot.list_things()["things"] == []
    assert cloud.iot.describe_endpoint(endpointType="iot:Data-ATS")
    with pytest.raises(ClientError):
        cloud.iot.get_effective_policies()
    for write_call in (
        lambda: cloud.iot.create_thing(thingName="led"),
        lambda: cloud.iot.delete_thing(thingName="led"),
        cloud.iot.create_keys_and_certificate,
        lambda: cloud.iot.attach_policy(policyName="x", target="y"),
        cloud.iot.delete_registration_code,
    ):
        with pytest.raises(CloudError, match="REAL account 123456789012"):
            write_call()
    with pytest.raises(CloudError, match="expected the last four digits"):
        confirmation.give("1234", write)
    confirmation.give(ACCOUNT_ID[-4:], write)
    assert cloud.iot.create_thing(thingName="led")["thingName"] == "led"


def test_confirmation_is_for_one_account_and_region(tmp_path: Path) -> None:
    """Another account, another region, or a damaged file: it is not confirmed."""
    file = tmp_path / "confirmed.json"
    Confirmation(file, ACCOUNT_ID, REGION).give(ACCOUNT_ID[-4:], write)
    assert Confirmation(file, ACCOUNT_ID, REGION).is_given
    assert not Confirmation(file, "210987654321", REGION).is_given
    assert not Confirmation(file, ACCOUNT_ID, "eu-central-1").is_given
    assert json.loads(file.read_text())["account_id"] == ACCOUNT_ID
    file.write_text("{")
    assert not Confirmation(file, ACCOUNT_ID, REGION).is_given


def test_list_of_accounts_pins_the_account() -> None:
    """An account that lab.toml leaves out is refused; no list allows all."""
    refuse_other_account(ACCOUNT_ID, [])
    refuse_other_account(ACCOUNT_ID, ["1" * 12, ACCOUNT_ID])
    with pytest.raises(CloudError, match=r"account\.allowed"):
        refuse_other_account(ACCOUNT_ID, ["1" * 12])
