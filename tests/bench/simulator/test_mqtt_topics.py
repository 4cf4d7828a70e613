from __future__ import annotations

import pytest
from hypothesis import strategies as st

from labkit.bench.simulator.gateway import reserved_topics, topics
from labkit.bench.simulator.gateway.subscriptions import Subscriptions

SHADOW = "$aws/things/LED/shadow"
CA_ID = "0" * 64

LEVELS = st.sampled_from(["", "a", "b", "$aws", "$x"])
TOPICS = st.lists(LEVELS, min_size=1, max_size=4).map("/".join).filter(bool)
FILTERS = (
    st.lists(LEVELS | st.just("+"), min_size=1, max_size=4)
    .flatmap(lambda levels: st.sampled_from([levels, [*levels, "#"], ["#"]]))
    .map("/".join)
    .filter(bool)
)


@pytest.mark.parametrize(
    ("topic", "publish", "subscribe"),
    [
        ("LED/example/topic", True, True),
        (f"{SHADOW}/update", True, True),
        (f"{SHADOW}/get", True, True),
        (f"{SHADOW}/delete", True, True),
        (f"{SHADOW}/name/lamp/update", True, True),
        (f"{SHADOW}/update/accepted", False, True),
        (f"{SHADOW}/update/delta", False, True),
        (f"{SHADOW}/update/documents", False, True),
        (f"{SHADOW}/name/lamp/get/rejected", False, True),
        (f"{SHADOW}/get/delta", False, False),
        (f"{SHADOW}/other", False, False),
        (SHADOW, False, False),
        ("$aws/things/LED/jobs/get", True, False),
        ("$aws/things/LED/jobs/7/update", True, False),
        ("$aws/things/LED/jobs/7/update/accepted", False, True),
        ("$aws/things/LED/jobs/notify-next", False, True),
        ("$aws/things/LED/defender/metrics/json", True, False),
        ("$aws/things/LED/streams/1/get/cbor", True, False),
        ("$aws/things/LED/streams/1/data/cbor", False, True),
        ("$aws/things/LED/tunnels/notify", False, True),
        ("$aws/certificates/create/json", True, False),
        ("$aws/certificates/create/json/accepted", False, True),
        ("$aws/provisioning-templates/fleet/provision/json", True, False),
        (f"$aws/events/certificates/registered/{CA_ID}", False, True),
        ("$aws/events/presence/connected/LED", False, True),
        ("$aws/rules/lamp", True, False),
        ("$aws/rules/lamp/a/b", True, False),
        ("$aws/rules", False, False),
        ("$aws", False, False),
        ("$SYS/broker", False, False),
        ("$LED/a", False, False),
        ("$share/group/LED/a", False, False),
        ("a/$aws", True, True),
    ],
)
def test_reserved_topics_are_as_the_table_says(topic: str, publish: bool, subscribe: bool) -> None:
    """Each is for publishing, for subscribing, for both or for nobody."""
    assert reserved_topics.may_publish(topic) is publish
    assert reserved_topics.may_subscribe(topic) is subscribe


@pytest.mark.parametrize(
    ("topic_filter", "allowed"),
    [
        ("#", True),
        ("+/a", True),
        ("$aws/events/#", True),
        ("$aws/events/certificates/registered/+", True),
        ("$aws/things/+/shadow/#", True),
        ("$aws/things/LED/#", True),
        (f"{SHADOW}/+/accepted", True),
        ("$aws/things/+/shadow/+/delta/x", False),
        ("$aws/rules/#", False),
        ("$aws/#", False),
        ("$aws/+/certificates/#", False),
        ("$SYS/#", False),
        ("$share/group/#", False),
    ],
)
def test_filters_must_take_in_a_topic_of_the_table(topic_filter: str, allowed: bool) -> None:
    """Wildcards are for the levels below the first two, and for topics that are offered."""
    assert reserved_topics.may_subscribe(topic_filter) is allowed


@pytest.mark.parametrize(
    ("topic", "fits"),
    [
        ("1/2/3/4/5/6/7/8", True),
        ("1/2/3/4/5/6/7/8/9", False),
        ("x" * 256, True),
        ("x" * 257, False),
        ("ü" * 128, True),
        ("ü" * 129, False),
        ("$aws/rules/lamp/1/2/3/4/5/6/7/8", True),
        ("$aws/rules/lamp/1/2/3/4/5/6/7/8/9", False),
        ("$aws/rules/lamp/" + "x" * 256, True),
        ("$aws/rules/lamp/" + "x" * 257, False),
        ("$aws/rules/lamp", True),
        ("$aws/events/3/4/5/6/7/8", True),
        ("$aws/events/3/4/5/6/7/8/9", False),
    ],
)
def test_limits_leave_out_the_prefix_of_basic_ingest(topic: str, fits: bool) -> None:
    """256 bytes and 7 slashes; `$aws/rules/<rule name>/` in front does not count, others do."""
    assert topics.is_within_limits(topic) is fits


def test_a_subscriber_gets_its_highest_qos() -> None:
    """Of all its filters that match; ending or forgetting a subscription ends what it asked for."""
    subscriptions: Subscriptions[str] = Subscriptions()
    for who, name, qos in (
        ("one", "a/+", 0),
        ("one", "a/b", 1),
        ("two", "#", 0),
        ("three", "x", 1),
    ):
        subscriptions.add(who, name, qos)
    assert subscriptions.matching("a/b") == {"one": 1, "two": 0}
    subscriptions.remove("one", "a/b")
    subscriptions.remove("one", "never/subscribed")
    subscriptions.remove("nobody", "a/b")
    subscriptions.forget("two")
    assert subscriptions.matching("a/b") == {"one": 0}
    assert subscriptions.of("two") == {}
