"""The route just-in-time: what its steps do, what they refuse, and what they leave alone."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import pytest
from lab_bench import (
    ACCEPTED,
    THREADS_OF_PYSERIAL,
    account_rows,
    counts,
    do_everything,
    end,
    files,
)

from labkit import certificates, firmware, open_lab
from labkit.cloud import just_in_time as cloud
from labkit.device.image import find_sources
from labkit.errors import CloudError, DeviceError, WorkspaceError
from labkit.procedure import ROUTES
from labkit.seeding import SEEDED_DAY, Randomness
from labkit.steps import headers, just_in_time
from labkit.steps.certificate import create_ca
from labkit.steps.headers import CA_PEM
from labkit.steps.workbench import Workbench
from labkit.workspace import Journal, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labkit.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

ROUTE = ROUTES["just-in-time"]
CLOSED = "-30848"


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the account once: the simulated one has provisioned before it closes."""
    monkeypatch.setattr(just_in_time, "_WAITS_S", (0.0,))


@pytest.fixture
def bare(lab: Lab, request: pytest.FixtureRequest) -> Lab:
    """A device of its own, in which nothing is done."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name)[-40:]  # a common name has at most 64
    return open_lab(lab.workspace.root, route="just-in-time", thing_name=name)


@pytest.fixture(scope="module")
def accepted(lab: Lab) -> Lab:
    """A device whose second connection was accepted; each test leaves it so."""
    device = open_lab(lab.workspace.root, route="just-in-time", thing_name="accepted")
    do_everything(device)
    return device


def set_ca_macro(lab: Lab, pem: str | None) -> None:
    """Set the JITR macro of the keys header with a text editor."""
    file = find_sources(lab.workspace.firmware).keys
    text = firmware.decode(file.read_bytes())
    file.write_bytes(firmware.encode(firmware.edit(text, CA_PEM, pem).new))


def build_flash_boot(lab: Lab) -> str:
    """Do by hand what a step does with a board."""
    lab.board.build()
    lab.board.flash()
    return lab.board.boot().text


# All is well


def check_the_whole_route(lab: Lab) -> None:
    """Check that the first connection is closed, that all is there after it, and the second."""
    lab.import_certificate()
    account, certificate_id = lab.account, lab.certificate_id
    assert account.find_certificate(certificate_id) is None
    first = lab.first_connection()
    assert CLOSED in first
    assert ACCEPTED not in first
    certificate = account.certificate(certificate_id)
    assert certificate.status == "ACTIVE"
    thing = lab.workspace.settings.thing_name
    assert account.attachments(certificate.arn) == (f"thing {thing}", "policy labkit-hello-world")
    second = lab.run_hello_world()
    assert ACCEPTED in second
    assert CLOSED not in second
    done = [entry["step"] for entry in lab.journal]
    assert sorted(map(str, done)) == sorted(step.name for step in ROUTE.steps)


@pytest.mark.parametrize(
    ("release", "told"),
    [
        ("202203.00", ["transportStatus=-30848", "CONNACK recv failed", "MQTTRecvFailed"]),
        ("201910.00", ["Error -30848 while receiving data", "Wait complete with result TIMEOUT."]),
    ],
)
def test_the_first_connection_is_closed_and_the_second_accepted(
    lab: Lab, release: str, told: list[str]
) -> None:
    """Both releases tell of the close in their own words; then all is there, and it is let in."""
    root, name = lab.workspace.root, f"board-{release.partition('.')[0]}"
    device = open_lab(root, route="just-in-time", thing_name=name, release=release)
    check_the_whole_route(device)
    first = device.first_connection()
    assert [text for text in told if text not in first] == []


def test_the_cas_are_two(accepted: Lab, lab: Lab) -> None:
    """The lab's own CA registers nothing by itself: another key, subject, folder and setting."""
    other = open_lab(lab.workspace.root, thing_name="by-hand")
    other.register_ca()
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
        said = build()
        bare.import_certificate()
        return said

    monkeypatch.setattr(type(bare.board), "build", without_ca)
    with pytest.raises(DeviceError, match=r"led to nothing.*Error running demo.*keyJITR_DEVICE"):
        bare.first_connection()
    assert "first_connection" not in [entry["step"] for entry in bare.journal]
    monkeypatch.undo()
    assert CLOSED in bare.first_connection()


# The template


@pytest.fixture
def needs_a_country(lab: Lab) -> Iterator[str]:
    """Let the CA run another template for a while, whose parameters have no value."""
    device = open_lab(lab.workspace.root, route="just-in-time", thing_name="accepted")
    device.register_ca_with_template()
    template = cloud.provisioning_template("labkit-hello-world")
    template["Parameters"] = {
        **template["Parameters"],  # type: ignore[dict-item]  # a mapping, as the template says
        "AWS::IoT::Certificate::Country": {"Type": "String"},
    }
    account = device.account
    role = "arn:aws:iam::123456789012:role/any"
    cloud.create_template(account, "needs-a-country", template, role)
    ca = certificates.load_certificate(device.file("rootCA.pem").read_bytes())
    ca_id = certificates.certificate_id(ca)
    account.client.update_ca_certificate(
        certificateId=ca_id, registrationConfig={"templateName": "needs-a-country"}
    )
    yield ca_id
    device.register_ca_with_template()
    assert cloud.automatic_ca(account, ca_id).template == "labkit-just-in-time"
    account.client.delete_provisioning_template(templateName="needs-a-country")


def test_a_parameter_without_a_value_leaves_it_pending(
    bare: Lab, needs_a_country: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The subject has no country: registered, PENDING_ACTIVATION, and the step says so."""
    bare.import_certificate()
    monkeypatch.setattr(
        just_in_time.just_in_time,
        "register_automatic_ca",
        lambda account, *_, **__: cloud.automatic_ca(account, needs_a_country),
    )
    for _ in range(2):
        with pytest.raises(CloudError, match=r"left it PENDING_ACTIVATION.*each parameter"):
            bare.first_connection()
        assert bare.account.certificate(bare.certificate_id).status == "PENDING_ACTIVATION"
    monkeypatch.undo()
    monkeypatch.setattr(just_in_time, "_WAITS_S", (0.0,))
    assert CLOSED in bare.first_connection()  # which sets the CA right first
    assert bare.account.certificate(bare.certificate_id).status == "ACTIVE"


def test_a_template_is_set_right(accepted: Lab) -> None:
    """One that somebody disabled is enabled again."""
    client = accepted.account.client
    client.update_provisioning_template(templateName="labkit-just-in-time", enabled=False)
    assert repr(accepted.create_provisioning_template()) == (
        "provisioning template labkit-just-in-time: enabled"
    )
    told = client.describe_provisioning_template(templateName="labkit-just-in-time")
    assert told["enabled"]
    assert told["type"] == "JITP"


def test_another_template_of_the_name_is_refused(accepted: Lab) -> None:
    """A template that says something else is somebody's: it is left as it is."""
    other = {"Resources": {}}
    with pytest.raises(CloudError, match="labkit-just-in-time that says something else"):
        cloud.create_template(accepted.account, "labkit-just-in-time", other, "unused")


# Changed by somebody


def test_a_certificate_put_out_of_use_stays_so(accepted: Lab) -> None:
    """INACTIVE is somebody's decision: no step takes it back, and the message says what it is."""
    certificate = accepted.account.set_certificate_status(accepted.certificate_id, "INACTIVE")
    with pytest.raises(CloudError, match=r"expected ACTIVE.*it is INACTIVE, with thing accepted"):
        accepted.run_hello_world()
    accepted.account.set_certificate_status(certificate.name, "ACTIVE")
    assert ACCEPTED in accepted.run_hello_world()


def test_what_the_account_lost_is_provisioned_again(accepted: Lab) -> None:
    """A certificate that was deleted is unknown: its next connection is a first one again."""
    account, certificate = accepted.account, accepted.account.certificate(accepted.certificate_id)
    account.client.detach_policy(policyName="labkit-hello-world", target=certificate.arn)
    thing = accepted.workspace.settings.thing_name
    account.client.detach_thing_principal(thingName=thing, principal=certificate.arn)
    account.set_certificate_status(certificate.name, "INACTIVE")
    account.delete_certificate(certificate.name)
    assert ACCEPTED in accepted.run_hello_world()
    assert account.certificate(certificate.name).status == "ACTIVE"
    assert CLOSED in accepted.first_connection()


def test_another_image_on_the_board_is_replaced(accepted: Lab) -> None:
    """What was flashed meanwhile gives way to the device's own: no second first connection."""
    set_ca_macro(accepted, None)
    build_flash_boot(accepted)
    assert ACCEPTED in accepted.run_hello_world()
    assert headers.value_now(accepted.workbench("first_connection"), CA_PEM)
    assert "JITP certificate" in accepted.board.boot()
    assert CLOSED in accepted.first_connection()


@pytest.mark.slow
def test_ended_between_the_connection_and_the_journal(
    bare: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device is provisioned and the journal does not say so: the run goes on from there."""
    bare.import_certificate()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(just_in_time, "_verify_provisioned", killed)
        with pytest.raises(KeyboardInterrupt):
            bare.first_connection()
    assert "first_connection" not in [entry["step"] for entry in bare.journal]
    assert ACCEPTED in bare.first_connection()
    assert ACCEPTED in bare.run_hello_world()
    assert Journal(bare.workspace.journal.path).newest("first_connection")


# The first connection that does not fail


def test_a_first_connection_that_is_accepted_is_an_error(
    accepted: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must be closed: one that is accepted had been made before, by somebody."""
    finds = [None]
    find = just_in_time._find  # noqa: SLF001 the account forgets once
    monkeypatch.setattr(
        just_in_time, "_find", lambda workbench: finds.pop() if finds else find(workbench)
    )
    with pytest.raises(DeviceError, match="first connection was accepted: expected AWS IoT to cl"):
        accepted.first_connection()


# Undone


@pytest.mark.slow
def test_all_of_it_can_be_undone(tmp_path: Path, lab: Lab) -> None:
    """What AWS IoT made was noted beside what the steps made: all of it goes, in AWS's order."""
    del lab
    device = open_lab(tmp_path, route="just-in-time")
    device.run_hello_world()
    assert counts(device) == {"CAs": 1, "certificates": 1, "things": 1, "policies": 1}
    undone = device.undo()
    assert [item.kind for item in undone.items] == [
        *("policy attachment", "thing attachment", "certificate", "thing", "policy"),
        *("CA certificate", "provisioning template"),
    ]
    assert undone.left == ()
    assert set(counts(device).values()) == {0}
    assert device.account.client.list_provisioning_templates()["templates"] == []
    assert ACCEPTED in device.run_hello_world()
    end(device)


# The role


def test_a_real_account_needs_a_role(bare: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one in lab.toml the step says which to create, and asks AWS for nothing."""
    workbench = bare.workbench("create_provisioning_template")
    monkeypatch.setattr(
        type(workbench.workspace.settings), "account_is_simulated", property(lambda _: False)
    )
    with pytest.raises(WorkspaceError, match=r"AWSIoTThingsRegistration.*provisioning_role"):
        just_in_time.create_provisioning_template(workbench, None)


def test_the_role_of_lab_toml_is_taken(tmp_path: Path, lab: Lab) -> None:
    """lab.toml's role is the template's; text that is no role's ARN is refused at once."""
    del lab
    role = "arn:aws:iam::123456789012:role/provisioning"
    file = tmp_path / "lab.toml"
    file.write_text(f'[account]\nprovisioning_role = "{role}"\n')
    device = open_lab(tmp_path, route="just-in-time")
    device.create_provisioning_template()
    told = device.account.client.describe_provisioning_template(templateName="labkit-just-in-time")
    assert told["provisioningRoleArn"] == role
    end(device)
    file.write_text('[account]\nprovisioning_role = "somebody"\n')
    with pytest.raises(WorkspaceError, match=r"provisioning_role in .* is 'somebody'; expected"):
        open_lab(tmp_path, route="just-in-time")
