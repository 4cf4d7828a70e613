"""No call and no connection reads a whole table: the 10,000th costs what the first did."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from opened_account import ABSENT, open_account
from query_plans import Asked, reads_all, written
from simulator_fixtures import Authority, Cloud, Device, connected

from labkit.bench import simulator
from labkit.bench.simulator import mqtt
from labkit.bench.simulator.gateway import admission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labkit.bench.simulator.account import Account

pytest_plugins = ("cloud_fixtures",)

FOLDER = Path(simulator.__file__).parent

PAGES = " WHERE 1"
"""How a listing of everything ends in the source: what is read of it is one page."""


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """Return an empty account."""
    account = open_account(tmp_path)
    yield account
    account.close()


def test_every_query_that_is_written_uses_an_index(account: Account) -> None:
    """Those that do not are pages of a listing."""
    statements = set(written(FOLDER))
    assert len(statements) > 50
    whole = {each for each in statements if reads_all(account, each)}
    assert {each for each in whole if not each.endswith(PAGES)} == set()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM things WHERE id = ?",
        "SELECT 1 FROM certificates WHERE status = ? LIMIT 1",
        "UPDATE certificates SET status = ? WHERE lower(id) = ?",
        "SELECT count(*) FROM things",
        "SELECT t.name FROM things t JOIN thing_principals p ON p.type = t.id WHERE t.name = ?",
    ],
)
def test_a_query_that_reads_a_whole_table_is_found(
    account: Account, tmp_path: Path, statement: str
) -> None:
    """The twin: planted in a module, a query without an index is read there and found out."""
    halves = f"{statement[:20]!r}\n    {statement[20:]!r}"
    (tmp_path / "planted.py").write_text(f"call.one(\n    {halves})")
    assert list(written(tmp_path)) == [statement]
    assert reads_all(account, statement)


def attach(cloud: Cloud, _: Authority, device: Device) -> None:
    """Do all that a device needs, and attach it again."""
    cloud.allow(device)
    cloud.attach_thing(device)


def connect(cloud: Cloud, ca: Authority, device: Device) -> None:
    """Connect a device that may, and refuse a certificate and a CA that are not registered."""
    cloud.allow(device)
    with connected(cloud, device) as client:
        client.send(mqtt.Subscribe(1, ((f"{device.name}/example/topic", 1),)))
        assert isinstance(client.receive(), mqtt.SubAck)
    for stranger in (ca.issue("stranger"), Authority("Nobody").issue("stranger")):
        name = cloud.account.endpoint_name()
        assert admission.judge(cloud.account, stranger.certificate, name, name).refusal


def list_everything(cloud: Cloud, _: Authority, device: Device) -> None:
    """List by whatever can be listed by, from the first page to the second."""
    cloud.allow(device)
    arn = cloud.arn("cert", device.id)
    cloud.iot.create_thing(thingName="another")
    first = cloud.iot.list_things(maxResults=1)
    assert len(cloud.iot.list_things(nextToken=first["nextToken"])["things"]) == 1
    cloud.iot.list_certificates_by_ca(caCertificateId=ABSENT)
    cloud.iot.list_thing_principals(thingName=device.name)
    cloud.iot.list_principal_things(principal=arn)
    cloud.iot.list_attached_policies(target=arn)
    cloud.iot.list_targets_for_policy(policyName="hello")


def pages_of_everything(statement: str) -> bool:
    """Return whether a statement is the first page of a listing that leaves nothing out."""
    return bool(re.search(r" WHERE 1 ORDER BY rowid (ASC|DESC) LIMIT \d+$", statement))


@pytest.mark.parametrize("act", [attach, connect, list_everything])
def test_what_is_asked_uses_an_index(
    cloud: Cloud, ca: Authority, act: Callable[[Cloud, Authority, Device], None]
) -> None:
    """The same of the queries that are put together while a call or a connection is served."""
    asked = Asked(cloud.account)
    act(cloud, ca, ca.issue("LED"))
    statements = [each for each in asked.statements if not pages_of_everything(each)]
    assert len(statements) > 10
    assert [each for each in statements if reads_all(cloud.account, each)] == []
