"""The route just-in-time: what its steps do, what they refuse, and what they leave alone."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from just_in_time_devices import CLOSED, build_flash_boot, set_ca_macro
from lab_bench import ACCEPTED, THREADS_OF_PYSERIAL, account_rows, do_everything, files

from labkit import certificates, open_lab
from labkit.cloud import templates as cloud
from labkit.errors import DeviceError
from labkit.firmware.tree import find_sources
from labkit.lab.procedure import ROUTES
from labkit.lab.procedure.steps.certificate import create_ca
from labkit.lab.procedure.steps.workbench import Workbench
from labkit.support.seeding import SEEDED_DAY, Randomness
from labkit.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures", "just_in_time_fixtures")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)]

ROUTE = ROUTES["just-in-time"]


# All is well


def check_the_whole_route(lab: Lab) -> None:
    """Check that the first connection is closed, that all is there after it, and the second."""
    lab.import_certificate()
    account, certificate_id = lab.account, lab.certificate_id
    assert account.find_certificate(certificate_id) is None
    first = lab.first_connection()
    assert CLOSED in first or "result TIMEOUT" in first
    assert ACCEPTED not in first
    certificate = account.certificate(certificate_id)
    assert certificate.status == "ACTIVE"
    thing = lab.workspace.settings.thing_name
    assert account.attachments(certificate.arn) == (
        f"thing {thing}",
        f"policy {lab.hello_world.policy_name}",
    )
    second = lab.run_hello_world()
    assert ACCEPTED in second
    assert CLOSED not in second
    done = [entry["step"] for entry in lab.journal]
    assert sorted(map(str, done)) == sorted(step.name for step in ROUTE.steps)


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("202203.00", ["transportStatus=-30848", "CONNACK recv failed", "MQTTRecvFailed"]),
        pytest.param(
            "201910.00",
            ["Network connection closed on error.", "Wait complete with result TIMEOUT."],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_the_first_connection_is_closed_and_the_second_accepted(
    lab: Lab, release: str, expected: list[str]
) -> None:
    """Both releases tell of the close in their own words; then all is there, and it is let in."""
    root, name = lab.workspace.root, f"board-{release.partition('.')[0]}"
    device = open_lab(root, route="just-in-time", thing_name=name, release=release)
    check_the_whole_route(device)
    first = device.first_connection()
    assert [text for text in expected if text not in first] == []


def test_the_cas_are_two(accepted: Lab, lab: Lab) -> None:
    """The lab's own CA registers nothing by itself: another key, subject, folder and setting."""
    other = open_lab(lab.workspace.root, thing_name="by-hand")
    other.register_ca()
    accepted.register_ca_with_template()  # a device of another generation may have set its own
    ours, theirs = (
        certificates.load_certificate(each.file("rootCA.pem").read_bytes())
        for each in (accepted, other)
    )
    assert ours.public_key() != theirs.public_key()
    assert ours.subject != theirs.subject
    assert accepted.workspace.ca.name == "ca-just-in-time"
    states = [
        cloud.automatic_ca(accepted.account, certificates.certificate_id(each))
        for each in (ours, theirs)
    ]
    assert [(each.auto_registration, each.template) for each in states] == [
        ("ENABLE", "labkit-just-in-time"),
        ("DISABLE", ""),
    ]
    assert repr(states[1]).endswith("ACTIVE, auto-registration DISABLE, no template")


def test_seeded_cas_are_two(tmp_path: Path) -> None:
    """With a seed, too: each CA's key and serial number are its own, and the same every time."""
    made = {}
    for root, route in itertools.product(("one", "two"), ("option-2", "just-in-time")):
        place = Workspace.open(tmp_path / root, {}, route=route, seed="any")
        workbench = Workbench(place, None, None, Randomness("any"), SEEDED_DAY)
        create_ca(workbench, None)
        made[root, route] = (place.path("rootCA.key").read_bytes(), workbench.read("rootCA.pem"))
    assert made["one", "option-2"] == made["two", "option-2"]
    assert made["one", "just-in-time"] == made["two", "just-in-time"]
    keys = [certificates.load_private_key(key) for key, _ in made.values()]
    assert len({key.public_key().public_numbers() for key in keys}) == 2
    ends = [certificates.load_certificate(pem).serial_number for _, pem in made.values()]
    assert len(set(ends)) == 2


def test_a_certificate_of_the_labs_own_ca_is_not_provisioned(lab: Lab) -> None:
    """The twin: the same boot with the CA without automatic registration ends in an alert."""
    by_hand = open_lab(lab.workspace.root, thing_name="nobody-registers-it")
    by_hand.register_ca()
    refused = by_hand.run_demo_with_certificate()
    assert "0x7780" in refused
    assert CLOSED not in refused
    assert by_hand.account.find_certificate(by_hand.certificate_id) is None


@pytest.mark.parametrize("name", [step.name for step in ROUTE.steps[:-1]])
def test_any_step_first(bare: Lab, name: str) -> None:
    """On a simulated bench a step first makes what it needs, and no more than that."""
    bare.perform(name)
    expected = [step.name for step in ROUTE.before(ROUTE.find(name))] + [name]
    assert [entry["step"] for entry in bare.journal] == expected


def test_everything_again_changes_nothing(accepted: Lab) -> None:
    """Every step again, forwards and backwards: nothing changes, the log only grows."""
    place = accepted.workspace

    def made() -> dict[str, bytes]:
        return {
            name: content
            for name, content in files(place.ca, place.device).items()
            if "console." not in name
        }

    before, rows, first = made(), account_rows(accepted), repr(accepted.first_connection())
    do_everything(accepted)
    for step in reversed(ROUTE.steps):
        accepted.perform(step.name)
    assert made() == before
    assert account_rows(accepted) == rows
    assert repr(accepted.first_connection()) == first


# The JITR macro


def test_without_the_ca_nothing_is_registered(bare: Lab) -> None:
    """NULL for the macro: the connection closes as well, and the account has heard of nothing."""
    bare.register_ca_with_template()
    bare.import_certificate()
    own = find_sources(bare.workspace.firmware).keys.read_bytes()
    set_ca_macro(bare, None)
    console = build_flash_boot(bare)
    assert CLOSED in console
    assert "JITP certificate" not in console
    assert bare.account.find_certificate(bare.certificate_id) is None
    bare.import_certificate()
    assert find_sources(bare.workspace.firmware).keys.read_bytes() == own
    assert CLOSED in bare.first_connection()
    assert bare.account.certificate(bare.certificate_id).status == "ACTIVE"


def test_a_first_connection_that_leads_to_nothing_is_an_error(
    bare: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step asks the account: where the board sent no CA, it names the macro."""
    bare.register_ca_with_template()
    bare.import_certificate()
    build = bare.board.build

    def without_ca(_: object, show: object = None) -> str:
        del show
        set_ca_macro(bare, None)
        output = build()
        bare.import_certificate()
        return output

    monkeypatch.setattr(type(bare.board), "build", without_ca)
    with pytest.raises(DeviceError, match=r"had no effect.*Error running demo.*keyJITR_DEVICE"):
        bare.first_connection()
    assert "first_connection" not in [entry["step"] for entry in bare.journal]
    monkeypatch.undo()
    assert CLOSED in bare.first_connection()
