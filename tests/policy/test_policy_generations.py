"""The policy of each generation: enough for its hello world, and no part that it can spare."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from narrowed_policies import narrowed

from labkit.policy import (
    GENERATIONS,
    NEWEST,
    connection_context,
    evaluate,
    generation,
    hello_world_policy,
    parse,
    resource_arn,
)

if TYPE_CHECKING:
    from labkit.policy import HelloWorld

REGION, ACCOUNT, THING = "us-east-1", "123456789012", "my-thing"
V1, V201906, V202011 = GENERATIONS


def denied(document: dict[str, Any], demo: HelloWorld, *, attached: bool = True) -> list[str]:
    """Return what a document denies of all that a hello world asks for."""
    policy, client_id = parse(document), demo.client_id(THING)
    # A thing's name is known only where it is the client id.
    context = connection_context(client_id, attached=attached and demo.connects_as_thing)
    return [
        f"{action} {resource}"
        for action, resource in (*demo.at_connect(THING), *demo.after_connect(THING))
        if not evaluate(policy, action, resource_arn(REGION, ACCOUNT, resource), context)
    ]


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("1.0.0", V1), ("1.4.7", V1), ("V1.4.9", V1), ("v1", V1),
        ("201906.00", V201906), ("201906.00_Major", V201906), ("201910.00", V201906),
        ("202007.00", V201906), ("201906", V201906),
        ("202011.00", V202011), ("202012.01", V202011), ("202203.00", V202011),
        ("202406.05-LTS", V202011),
        (None, NEWEST), ("", NEWEST), ("main", NEWEST),
    ],
)  # fmt: skip
def test_a_release_has_a_generation(release: str | None, expected: HelloWorld) -> None:
    """Every shape of a release's name leads to its hello world; an unknown one to the newest."""
    assert generation(release) == expected


def test_what_each_generation_asks_for() -> None:
    """Client id, topics and will are those of the demos' sources."""
    assert V1.at_connect(THING) == (("iot:Connect", "client/MQTTEcho"),)
    assert V1.after_connect(THING) == (
        ("iot:Subscribe", "topicfilter/freertos/demos/echo"),
        ("iot:Publish", "topic/freertos/demos/echo"),
        ("iot:Receive", "topic/freertos/demos/echo"),
    )
    assert V201906.at_connect(THING) == (
        ("iot:Connect", "client/my-thing"),
        ("iot:Publish", "topic/iotdemo/will"),
    )
    assert ("iot:Publish", "topic/iotdemo/acknowledgements") in V201906.after_connect(THING)
    assert len(V201906.after_connect(THING)) == 4 + 5 + 4
    assert NEWEST.topics(THING) == ("my-thing/example/topic",)


@pytest.mark.parametrize("demo", GENERATIONS, ids=lambda demo: demo.name)
def test_a_policy_is_enough_and_each_part_is_needed(demo: HelloWorld) -> None:
    """Nothing is denied; without any one statement or resource something is."""
    document: dict[str, Any] = hello_world_policy(REGION, ACCOUNT, demo)
    assert denied(document, demo) == []
    parts = dict(narrowed(document))
    assert len(parts) == {"v1": 4, "201906": 4 + 6 + 4 + 4, "202011": 4}[demo.name]
    assert [name for name, less in parts.items() if not denied(less, demo)] == []
    assert len(json.dumps(document)) < 2048


@pytest.mark.parametrize("demo", GENERATIONS, ids=lambda demo: demo.name)
def test_no_policy_serves_another_generation(demo: HelloWorld) -> None:
    """With the policy of any other generation the hello world is refused."""
    for other in GENERATIONS:
        refused = denied(hello_world_policy(REGION, ACCOUNT, other), demo) != []
        assert refused is (other != demo)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iot:Subscribe", "topicfilter/iotdemo/will"),
        ("iot:Receive", "topic/iotdemo/will"),
        ("iot:Subscribe", "topicfilter/iotdemo/acknowledgements"),
        ("iot:Receive", "topic/iotdemo/acknowledgements"),
        ("iot:Subscribe", "topicfilter/iotdemo/topic/+"),
        ("iot:Publish", "topic/iotdemo/topic/5"),
        ("iot:Connect", "client/another-thing"),
        ("iot:RetainPublish", "topic/iotdemo/will"),
    ],
)
def test_201906_may_do_nothing_else(action: str, resource: str) -> None:
    """Will and acknowledgements can only be published, and no other topic can be used."""
    policy = parse(hello_world_policy(REGION, ACCOUNT, V201906))
    context = connection_context(THING, attached=True)
    assert not evaluate(policy, action, resource_arn(REGION, ACCOUNT, resource), context)


def test_an_attached_thing_is_asked_for_where_it_can_be() -> None:
    """A certificate without its thing cannot connect; v1.x has one client id for all devices."""
    for demo in GENERATIONS:
        document = hello_world_policy(REGION, ACCOUNT, demo)
        refused = denied(document, demo, attached=False) != []
        assert refused is demo.connects_as_thing


def test_each_generation_has_a_policy_of_its_own() -> None:
    """Their names differ, so one account can have them all; the newest keeps its name."""
    names = [demo.policy_name for demo in GENERATIONS]
    assert names == ["labkit-hello-world-v1", "labkit-hello-world-201906", "labkit-hello-world"]
