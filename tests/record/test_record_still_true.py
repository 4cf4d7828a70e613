"""Is it still true? What the account and a fresh console log say of a record, later."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
from lab_bench import THREADS_OF_PYSERIAL

from labkit import record

if TYPE_CHECKING:
    from labkit.lab.lab import Lab
    from labkit.record.verifying import Verified

pytest_plugins = ("bench_fixtures",)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)]


@pytest.fixture(scope="module")
def verified(finished: Lab, tmp_path_factory: pytest.TempPathFactory) -> Verified:
    """A finished run's record, verified."""
    made = record.make(finished, to=tmp_path_factory.mktemp("records"))
    return record.verify(made.path, record.public_keys(finished.workspace.root))


def test_the_account_still_says_so(finished: Lab, verified: Verified) -> None:
    """Status, thing, policy and what it says; set INACTIVE, the record is not true any more."""
    asked = record.ask_account(verified.record, finished.account)
    assert len(asked) == 4
    assert all(asked)
    finished.account.set_certificate_status(finished.certificate_id, "INACTIVE")
    failed = [each for each in record.ask_account(verified.record, finished.account) if not each]
    assert [each.shown for each in failed] == ["INACTIVE"]
    finished.account.set_certificate_status(finished.certificate_id, "ACTIVE")


def test_another_account_cannot_say_so(finished: Lab, verified: Verified) -> None:
    """Nothing is asked of an account that the record is not about."""
    other = dataclasses.replace(finished.account, account_id="000000000000", client=None)
    (only,) = record.ask_account(verified.record, other)
    assert not only
    assert "recorded 123456789012" in only.shown


def test_a_detached_thing_is_seen(finished: Lab, verified: Verified) -> None:
    """What was attached then and is not now."""
    account, thing = finished.account, finished.workspace.settings.thing_name
    arn = account.certificate(finished.certificate_id).arn
    account.client.detach_thing_principal(thingName=thing, principal=arn)
    failed = [each for each in record.ask_account(verified.record, account) if not each]
    assert [each.claim for each in failed] == ["thing and policy are attached as recorded"]
    account.client.attach_thing_principal(thingName=thing, principal=arn)


def test_the_board_still_has_the_key(finished: Lab, verified: Verified) -> None:
    """A fresh log's newest dump is compared; without a dump nothing is claimed."""
    log = finished.workspace.path("console.log").read_bytes()
    assert record.ask_console(verified.record, log)
    other = finished.public_key.der.hex()[56:60].encode()
    spoilt = log.replace(other, b"0000")
    assert not record.ask_console(verified.record, spoilt)
    assert "no public-key dump" in record.ask_console(verified.record, b"nothing\n").shown
