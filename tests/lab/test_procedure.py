"""The procedure: any step first, every step again, and what was changed in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lab_bench import (
    ACCEPTED,
    THREADS_OF_PYSERIAL,
    account_rows,
    another,
    counts,
    do_everything,
    end,
    files,
)

from labkit import firmware, open_lab
from labkit.errors import DeviceError, NotReadyError
from labkit.firmware.tree import find_sources
from labkit.lab.procedure import ROUTES, STEPS
from labkit.lab.procedure.steps import headers
from labkit.lab.procedure.steps.headers import CERTIFICATE_PEM, ENDPOINT, FORCE

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

OPTION_2 = ROUTES["option-2"]
QUICK = ("extract_public_key", "attach_thing_and_policy")
ANY_STEP = [
    pytest.param(step.name, marks=() if step.name in QUICK else pytest.mark.slow) for step in STEPS
]


def done(lab: Lab) -> list[str]:
    """Return the names of the steps that are done."""
    return [step.name for step, is_done in lab.route() if is_done]


def set_by_hand(lab: Lab, macro: str, value: str) -> None:
    """Set a macro with a text editor."""
    sources = find_sources(lab.workspace.firmware)
    for file in (sources.credentials, sources.keys, sources.provisioning):
        text = firmware.decode(file.read_bytes())
        if f"define {macro} " in text:
            file.write_bytes(firmware.encode(firmware.edit(text, macro, value).new))


def value(lab: Lab, macro: str) -> str | None:
    """Return what a macro says now."""
    step = next(step for step in STEPS if any(item.startswith(macro) for item in step.makes))
    return headers.value_now(lab.workbench(step.name), macro)


# The table


def test_the_table_is_in_order() -> None:
    """What a step needs is made by an earlier one, and no item is made twice."""
    made: list[str] = []
    for step in STEPS:
        assert set(step.needs) <= set(made), step.name
        made += step.makes
    assert len(made) == len(set(made))


def test_before_names_what_a_step_builds_on() -> None:
    """The steps before one are all that it builds on, and no others."""
    names = [step.name for step in OPTION_2.before(OPTION_2.find("issue_certificate"))]
    assert names == [
        *("set_endpoint_and_thing", "force_key_generation", "run_demo_first"),
        *("extract_public_key", "create_ca", "sign_request"),
    ]
    assert OPTION_2.before(OPTION_2.find("create_thing")) == ()


# Any step first


@pytest.mark.parametrize("name", ANY_STEP)
def test_any_step_first(lab: Lab, name: str) -> None:
    """On a simulated bench a step first makes what it needs, and no more than that."""
    device = another(lab, f"first-{name}")
    device.perform(name)
    expected = [step.name for step in OPTION_2.before(OPTION_2.find(name))] + [name]
    if name == "force_key_generation":
        expected = [name]
    assert [entry["step"] for entry in device.journal] == expected
    assert set(expected) <= set(done(device))


def test_a_missing_file_is_made(lab: Lab) -> None:
    """Asking for a file does the step that makes it."""
    device = another(lab, "asks-for-a-file")
    assert device.file("deviceCert.csr").is_file()
    assert [entry["step"] for entry in device.journal] == ["sign_request"]


@pytest.mark.parametrize(
    ("name", "step", "page"),
    [
        ("extract_public_key", "set_endpoint_and_thing", "03-initial-configuration"),
        ("issue_certificate", "set_endpoint_and_thing", "03-initial-configuration"),
        ("register_ca", "create_ca", "06-public-key-infrastructure-setup"),
        ("attach_thing_and_policy", "set_endpoint_and_thing", "03-initial-configuration"),
    ],
)
def test_on_a_real_board_the_missing_step_is_named(
    tmp_path: Path, lab: Lab, name: str, step: str, page: str
) -> None:
    """On a real bench nothing is done unasked: the step and the page that does it are named."""
    del lab  # its fixture cleans the environment
    real = open_lab(tmp_path, device="loop://")
    with pytest.raises(NotReadyError) as caught:
        real.perform(name)
    assert (caught.value.step, caught.value.page) == (step, page)
    assert f"Run lab.{step}() first, on page {page}." in str(caught.value)
    with pytest.raises(NotReadyError, match=r"lab.create_ca\(\) first, on page 06-"):
        real.file("rootCA.key")
    assert list(real.workspace.journal) == []
    assert real.bench is not None
    real.bench.stop()


# Every step again


def test_everything_again_changes_nothing(finished: Lab) -> None:
    """Every step again: files, firmware and account stay as they are; the log only grows."""
    place = finished.workspace
    folders = (place.device, place.ca, place.firmware)
    before, rows = files(*folders), account_rows(finished)
    do_everything(finished)
    after = files(*folders)
    for log in [name for name in before if "console." in name]:  # it, and its times
        assert after.pop(log).startswith(before.pop(log))
    assert after == before
    assert account_rows(finished) == rows


def test_everything_in_reverse_changes_nothing(finished: Lab) -> None:
    """In any order: a page that is opened late does not undo later steps."""
    place = finished.workspace
    before = files(place.ca, place.firmware, place.device)
    rows = account_rows(finished)
    for step in reversed(STEPS):
        finished.perform(step.name)
    after = files(place.ca, place.firmware, place.device)
    for log in [name for name in before if "console." in name]:  # it, and its times
        assert after.pop(log).startswith(before.pop(log))
    assert after == before
    assert account_rows(finished) == rows


# What was changed in between


@pytest.mark.parametrize(
    ("macro", "wrong"), [(ENDPOINT, "elsewhere.example.com"), (FORCE, "1"), (CERTIFICATE_PEM, "")]
)
def test_a_header_edited_by_hand_is_set_right(finished: Lab, macro: str, wrong: str) -> None:
    """A header that was edited after its step is set right, built and flashed again."""
    right, key = value(finished, macro), finished.public_key
    set_by_hand(finished, macro, wrong)
    assert value(finished, macro) != right
    assert ACCEPTED in finished.run_hello_world()
    assert value(finished, macro) == right
    assert finished.public_key == key


def test_a_wrong_header_that_was_built_is_replaced_on_the_board(finished: Lab) -> None:
    """A wrong header that was built and flashed by hand: correcting it is not enough."""
    set_by_hand(finished, ENDPOINT, "elsewhere.example.com")
    finished.board.build()
    finished.board.flash()
    assert "Failed to resolve elsewhere.example.com" in finished.board.boot()
    assert ACCEPTED in finished.run_hello_world()


@pytest.mark.parametrize("name", ["deviceCert.pem", "deviceCert.csr", "DevicePublicKeyDer.bin"])
def test_a_lost_file_is_made_again(finished: Lab, name: str) -> None:
    """A lost file is made again; what was made from it is made again, too, and accepted."""
    finished.workspace.path(name).unlink()
    assert not set(done(finished)) >= {step.name for step in STEPS}
    assert ACCEPTED in finished.run_hello_world()
    assert finished.file(name).is_file()
    do_everything(finished)
    assert {step.name for step in STEPS} == set(done(finished))


def test_a_file_that_is_lost_again_and_again_is_made_each_time(tmp_path: Path, lab: Lab) -> None:
    """Entries that say the same, as a seeded bench's do, hide nothing: the third time counts."""
    del lab  # its fixture cleans the environment
    seeded = open_lab(tmp_path, seed="again")
    for _ in range(3):
        seeded.create_ca()
        seeded.workspace.path("rootCA.pem").unlink()
        assert "create_ca" not in done(seeded)
    assert len(set(map(repr, seeded.workspace.journal))) == 1
    end(seeded)


def test_a_certificate_that_left_active_is_activated_again(finished: Lab) -> None:
    """What the account holds is asked of the account, not of the journal."""
    finished.account.set_certificate_status(finished.certificate_id, "INACTIVE")
    assert ACCEPTED in finished.run_hello_world()
    finished.account.detach_policy(
        "labkit-hello-world", finished.account.certificate(finished.certificate_id).arn
    )
    assert ACCEPTED in finished.run_hello_world()


def test_a_second_device_uses_the_same_ca(finished: Lab) -> None:
    """A second thing has its own board, key and certificate, of the same CA; both are let in."""
    before = counts(finished)
    second = another(finished, "second-device")
    do_everything(second)
    after = counts(finished)
    assert {kind: after[kind] - before[kind] for kind in after} == {
        "CAs": 0, "certificates": 1, "things": 1, "policies": 0
    }  # fmt: skip
    assert second.public_key != finished.public_key
    assert second.file("rootCA.pem") == finished.file("rootCA.pem")
    assert second.board.url != finished.board.url
    assert ACCEPTED in finished.run_hello_world()
    assert ACCEPTED in second.run_hello_world()


# Last, since the key of the finished lab's board is gone afterwards.


def test_a_changed_key_stops_the_run(finished: Lab) -> None:
    """A board that made another key pair is refused; the message's own remedy works."""
    old, number = finished.public_key, len(list(finished.workspace.journal))
    set_by_hand(finished, FORCE, "1")
    finished.board.build()
    finished.board.flash()
    assert "Waiting for 180 seconds before generating key-pair" in finished.board.boot()
    with pytest.raises(DeviceError) as caught:
        finished.extract_public_key()
    output = str(caught.value)
    assert f"the device's key has changed: expected {old.short} (DevicePublicKey.pem)" in output
    assert "FORCE_GENERATE_NEW_KEY_PAIR left at 1, or the flash erased?" in output
    with pytest.raises(DeviceError, match="the device's key has changed"):
        finished.run_hello_world()
    assert finished.public_key == old
    pem = finished.workspace.path("DevicePublicKey.pem")
    pem.rename(pem.with_suffix(".old"))
    do_everything(finished)
    assert ACCEPTED in finished.run_hello_world()
    assert finished.public_key != old
    assert len(list(finished.workspace.journal)) > number
