"""Many clients at once: no call fails, and nothing is made twice, missing or mixed up."""

from __future__ import annotations

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from opened_account import open_account
from simulator_fixtures import ALLOW_ALL, Authority, Cloud, connected

from labkit.bench.simulator import mqtt
from labkit.bench.simulator.account import Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.bench.simulator.account import Account

pytest_plugins = ("cloud_fixtures",)

CLIENTS = 8
EACH = 250


def names(client: int) -> list[str]:
    """Return the things that one client makes."""
    return [f"thing-{client}-{number}" for number in range(EACH)]


def all_things(account: Account) -> list[tuple[str, str]]:
    """Return name and ARN of every thing, page by page."""
    found, marker = [], {}
    while True:
        page = account.call("ListThings", {"maxResults": 250, **marker})
        found += [(thing["thingName"], thing["thingArn"]) for thing in page["things"]]
        if page["nextToken"] is None:
            return found
        marker = {"nextToken": page["nextToken"]}


def test_eight_threads_make_2000_things(tmp_path: Path) -> None:
    """Each is there once, with an id of its own, which is the one that was answered."""
    account, begin = open_account(tmp_path), threading.Barrier(CLIENTS)

    def make(client: int) -> dict[str, str]:
        begin.wait()
        return {
            name: account.call("CreateThing", {"thingName": name})["thingId"]
            for name in names(client)
        }

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(make, range(CLIENTS)))
    answered = {name: identifier for ids in answers for name, identifier in ids.items()}
    there = all_things(account)
    assert len(there) == len(set(there)) == len(set(answered.values())) == CLIENTS * EACH
    assert {name for name, _ in there} == set(answered)
    for name, identifier in answered.items():
        assert account.call("DescribeThing", {"thingName": name})["thingId"] == identifier
    account.close()


def test_one_thing_made_by_eight_at_once_is_one(tmp_path: Path) -> None:
    """Who comes second gets the first one's thing; with other attributes, a refusal."""
    account, begin = open_account(tmp_path), threading.Barrier(CLIENTS)

    def make(_: int) -> list[str]:
        begin.wait()
        return [
            account.call("CreateThing", {"thingName": f"thing-{each}"})["thingId"]
            for each in range(50)
        ]

    with ThreadPoolExecutor(CLIENTS) as pool:
        first, *others = pool.map(make, range(CLIENTS))
    assert others == [first] * (CLIENTS - 1)
    assert len(all_things(account)) == len(set(first)) == 50
    account.close()


def test_policies_attached_at_once_are_ten_at_most(cloud: Cloud, ca: Authority) -> None:
    """A limit is counted and kept in one transaction, however many come at once."""
    arn, account = cloud.register(ca.issue("LED")), cloud.account
    for number in range(2 * CLIENTS):
        cloud.iot.create_policy(policyName=f"p{number}", policyDocument=ALLOW_ALL)
    begin = threading.Barrier(2 * CLIENTS)

    def attach(number: int) -> str:
        begin.wait()
        try:
            account.call("AttachPolicy", {"policyName": f"p{number}", "target": arn})
        except Refusal as refusal:
            return refusal.code
        return "attached"

    with ThreadPoolExecutor(2 * CLIENTS) as pool:
        output = Counter(pool.map(attach, range(2 * CLIENTS)))
    assert output == {"attached": 10, "LimitExceededException": 2 * CLIENTS - 10}
    assert len(account.call("ListAttachedPolicies", {"target": arn})["policies"]) == 10


def test_devices_are_decided_on_while_calls_come(cloud: Cloud, ca: Authority) -> None:
    """The gateway's thread and the calls' threads share the account: neither disturbs the other."""
    devices = [ca.issue(f"device-{number}") for number in range(CLIENTS)]
    document = json.loads(ALLOW_ALL)

    def provision_and_connect(number: int) -> int:
        device = devices[number]
        cloud.register(device)
        cloud.attach_thing(device)
        cloud.attach_policy(device, document, name=f"policy-{number}")
        heard = 0
        for again in range(3):
            with connected(cloud, device) as client:
                topic = f"devices/{device.name}"
                assert client.ask(mqtt.Subscribe(1, ((topic, 0),))) == mqtt.SubAck(1, (0,))
                answer = client.ask(mqtt.Publish(topic, b"%d" % again))
                assert answer == mqtt.Publish(topic, b"%d" % again)
                heard += 1
            cloud.iot.create_thing(thingName=f"{device.name}-{again}")
        return heard

    with ThreadPoolExecutor(CLIENTS) as pool:
        assert list(pool.map(provision_and_connect, range(CLIENTS))) == [3] * CLIENTS
    assert len(all_things(cloud.account)) == 4 * CLIENTS
