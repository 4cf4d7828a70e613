"""The hello world of 201910.00 end to end: its own policy, a narrowed one, and the newest one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from board_bench import Authority, BareBoard, Server, image
from board_console import with_key
from lab_bench import ACCEPTED, THREADS_OF_PYSERIAL, do_everything, end
from narrowed_policies import narrowed

from labkit import open_lab, policy
from labkit.bench.simulator import mqtt
from labkit.lab import shell_commands
from labkit.lab.account_check import check_account
from labkit.lab.procedure.steps.provisioning import template_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures", "board_fixtures")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)]

NAME = "labkit-hello-world-201906"
TOPICS = tuple(f"iotdemo/topic/{number}" for number in range(1, 5))


@pytest.fixture(scope="module")
def lab(
    tmp_path_factory: pytest.TempPathFactory, clean_environment: pytest.MonkeyPatch
) -> Iterator[Lab]:
    """A lab whose board runs 201910.00, with every step done: the hello world was accepted."""
    del clean_environment
    lab = open_lab(tmp_path_factory.mktemp("lab"), release="201910.00")
    do_everything(lab)
    yield lab
    end(lab)


def boot_with(lab: Lab, document: dict[str, Any]) -> str:
    """Boot with another document in the certificate's one policy, then delete that policy."""
    client, arn = lab.account.client, lab.account.certificate(lab.certificate_id).arn
    client.create_policy(policyName="other", policyDocument=json.dumps(document))
    client.attach_policy(policyName="other", target=arn)
    client.detach_policy(policyName=NAME, target=arn)
    try:
        console = lab.board.boot().text
        shown = str(lab.diagnose())
    finally:
        client.attach_policy(policyName=NAME, target=arn)
        client.detach_policy(policyName="other", target=arn)
        client.delete_policy(policyName="other")
    return f"{console}\n{shown}"


def test_packets_are_those_of_the_real_demo(
    board: BareBoard, authority: Authority, serve: Callable[..., Server]
) -> None:
    """CONNECT has the will; one SUBSCRIBE; 20 messages, each acknowledged; UNSUBSCRIBE."""
    public_key, server = with_key(board), serve()
    printed = board.boot(image("201910.00", certificate=authority.issue(public_key))).decode()
    heard = server.everything(until=mqtt.Disconnect)
    assert isinstance(heard[0], mqtt.Connect)
    assert heard[0].will == mqtt.Will("iotdemo/will", b"MQTT demo unexpectedly disconnected.")
    assert isinstance(heard[1], mqtt.Subscribe)
    assert heard[1].filters == tuple((topic, 1) for topic in TOPICS)
    assert isinstance(heard[-2], mqtt.Unsubscribe)
    assert heard[-2].filters == TOPICS
    published = [each for each in heard if isinstance(each, mqtt.Publish)]
    messages = [each for each in published if each.topic in TOPICS]
    assert [(each.topic, each.payload.decode(), each.qos) for each in messages] == [
        (TOPICS[number % 4], f"Hello world {number}!", 1) for number in range(20)
    ]
    acknowledgements = [each for each in published if each.topic == "iotdemo/acknowledgements"]
    assert [each.payload.decode() for each in acknowledgements] == [
        f"Client has received PUBLISH {number} from server." for number in range(20)
    ]
    assert len(published) == 40
    assert len({each.packet_id for each in published}) == 40
    assert "[INFO ][DEMO][lu] Publishing messages 18 to 19.\r\n" in printed
    assert "[INFO ][DEMO][lu] Publishing messages 20" not in printed


def test_a_tree_of_v1_keeps_its_own_hello_world(
    board: BareBoard, authority: Authority, serve: Callable[..., Server]
) -> None:
    """A board with the habits of 201910.00 uses the client id and the topic of its own tree."""
    public_key, server = with_key(board), serve()
    run = image("201910.00", certificate=authority.issue(public_key))
    board.boot(type(run)(run.release, run.macros, "v1"))
    heard = server.everything(until=mqtt.Disconnect)
    assert isinstance(heard[0], mqtt.Connect)
    assert (heard[0].client_id, heard[0].will) == ("MQTTEcho", None)
    used = {each.topic for each in heard if isinstance(each, mqtt.Publish)}
    assert used == {"freertos/demos/echo"}


def test_accepted_with_its_own_policy(lab: Lab) -> None:
    """The steps made the policy of this release, and everything that shows names knows it."""
    assert ACCEPTED in lab.run_hello_world()
    arn = lab.account.certificate(lab.certificate_id).arn
    assert lab.account.attachments(arn) == ("thing lab-device", f"policy {NAME}")
    assert f"--policy-name {NAME} " in repr(shell_commands.commands(lab, "create_policy"))
    assert f"--policy-name {NAME} " in repr(shell_commands.commands(lab, "attach_thing_and_policy"))
    assert check_account(lab).verdict == "Nothing is missing for a connection."
    assert template_name(lab.hello_world) == "labkit-just-in-time-201906"


def test_the_newest_policy_is_refused_and_named(lab: Lab) -> None:
    """A policy for 202011.00 and later denies the will: no CONNACK, and the diagnosis says why."""
    account = lab.account
    shown = boot_with(lab, policy.hello_world_policy(account.region, account.account_id))
    assert "Wait complete with result TIMEOUT." in shown
    assert "policy-denies: almost certain" in shown
    assert "iotdemo/will" in shown.partition("Why ")[2]
    assert "of policy other" in " ".join(shown.split())
    assert ACCEPTED not in shown
    assert ACCEPTED in lab.run_hello_world()


@pytest.mark.slow
def test_refused_without_any_one_part_of_the_policy(lab: Lab) -> None:
    """Each statement and each resource is needed, through the gateway as well."""
    account = lab.account
    document: dict[str, Any] = policy.hello_world_policy(
        account.region, account.account_id, lab.hello_world
    )
    assert ACCEPTED in boot_with(lab, document)
    parts = dict(narrowed(document))
    assert len(parts) == 18
    shown = {part: boot_with(lab, less) for part, less in parts.items()}
    assert [part for part, text in shown.items() if ACCEPTED in text] == []
    assert [part for part, text in shown.items() if "policy-denies: almost" not in text] == []
