"""Every planted fault, diagnosed, and the device accepted again when it is taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lab_bench import ACCEPTED, THREADS_OF_PYSERIAL, do_everything, end, files

from labkit import diagnosis, open_lab
from labkit.console.shapes import Kind, kind_of
from labkit.diagnosis import CAUSES, PLACES, Evidence
from labkit.lab.diagnosis_evidence import with_account
from labkit.lab.header_evidence import read_headers
from labkit.manual.drills.device import DrillDevice
from labkit.manual.drills.faults import PLANTINGS, plant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.device.capture import Capture
    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)]

BY_CONSOLE = {
    *("key-changed", "no-certificate", "placeholder-text", "private-key-missing"),
    *("storage-failed", "wrong-root-or-endpoint", "endpoint-empty", "server-closed-handshake"),
    *("rows-lost", "generation-delay", "transport"),
}
"""What the console decides by itself; the others need headers, certificate or account.

A policy's denial is reported by the console where CONNECT was accepted before it: its second way.
"""


@pytest.fixture(scope="module")
def device(
    tmp_path_factory: pytest.TempPathFactory, clean_environment: pytest.MonkeyPatch
) -> Iterator[Lab]:
    """The drill device, accepted; each test leaves it so."""
    del clean_environment
    lab = open_lab(tmp_path_factory.mktemp("drills"), route="drills")
    do_everything(lab)
    yield lab
    end(lab)


def state(lab: Lab) -> dict[str, object]:
    """Return what a fault may disturb: headers, files, flash, and what the account says."""
    account, place = lab.account, lab.workspace
    own = account.certificate(lab.certificate_id)
    reported = account.client.describe_ca_certificate(
        certificateId=account.client.list_ca_certificates()["certificates"][0]["certificateId"]
    )["certificateDescription"]
    made = files(
        place.firmware, place.ca, place.device, place.bench / "boards" / place.settings.thing_name
    )
    return {
        "files": {
            name: raw
            for name, raw in made.items()
            if not any(each in name for each in ("console.", "journal", "another-root"))
        },
        "certificate": (own.status, account.attachments(own.arn)),
        "certificates": len(account.client.list_certificates()["certificates"]),
        "policies": sorted(p["policyName"] for p in account.client.list_policies()["policies"]),
        "CA": (reported["status"], reported["autoRegistrationStatus"]),
    }


WAYS = [
    pytest.param(cause, way, id=f"{cause} {way}", marks=[pytest.mark.slow] if way else [])
    for cause, of_cause in PLANTINGS.items()
    for way in range(len(of_cause))
]
"""Every way into every state; the quick run takes the first of each."""


def drill_device(lab: Lab, cause: str, way: int) -> DrillDevice:
    """Return the drill device with a seed that chooses a way of a cause."""
    for seed in map(str, range(100)):
        drilled = DrillDevice(lab, seed)
        if drilled.number(f"{cause}, way", len(PLANTINGS[cause])) == way:
            return drilled
    raise AssertionError(cause)


def test_every_cause_can_be_planted() -> None:
    """Whatever a diagnosis can name is there, but for `ok` and `unknown`, which are no faults."""
    assert set(PLANTINGS) == set(CAUSES) - set(PLACES["no cause"])


class _WaitsError(Exception):
    """The board waits for three minutes before it makes a key pair."""


def boot_until_it_waits(lab: Lab) -> Capture:
    """Boot the device and return what it prints, until it waits before making a key pair."""
    log = lab.workspace.path("console.log")
    start = log.stat().st_size

    def watch(line: str) -> None:
        if kind_of(line)[0] is Kind.WAITING:
            raise _WaitsError

    try:
        return lab.board.boot(show=watch)
    except _WaitsError:
        return lab.board.stored(start, log.stat().st_size)


@pytest.mark.parametrize(("cause", "way"), WAYS)
def test_planted_and_taken_away(device: Lab, cause: str, way: int) -> None:
    """The planted cause is the best one; without it everything is as before, and accepted."""
    before = state(device)
    drilled = drill_device(device, cause, way)
    plant(drilled, cause)
    try:
        waits = cause == "generation-delay"
        failed = boot_until_it_waits(device) if waits else device.board.boot()
        alone = diagnosis.diagnose(failed.text)
        evidence = Evidence(headers=read_headers(device.workspace.firmware))
        best = diagnosis.diagnose(failed.text, with_account(device, evidence)).best
    finally:
        drilled.restore()
    assert ACCEPTED not in failed
    assert best.id == cause
    assert best.confidence >= 0.6
    decided_alone = alone.best.id == cause and alone.best.confidence >= 0.6
    assert decided_alone == (cause in BY_CONSOLE or (cause, way) == ("policy-denies", 1))
    assert state(device) == before
    assert ACCEPTED in device.board.boot()
