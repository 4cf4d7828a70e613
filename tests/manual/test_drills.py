"""The drills: each shows its fault, takes the right answer, is fixed with the manual's calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lab_bench import ACCEPTED, THREADS_OF_PYSERIAL, do_everything, end, files
from solutions import REPAIRS

from labkit import open_lab
from labkit.diagnosis import CAUSES, causes_of
from labkit.diagnosis.signs import Sign
from labkit.errors import CertificateError, ManualError
from labkit.manual import drills
from labkit.manual.drills.catalogue import DRILLS, find
from labkit.manual.drills.device import DrillDevice
from labkit.manual.drills.faults import PLANTINGS, variants_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)]


@pytest.fixture(scope="module")
def device(
    tmp_path_factory: pytest.TempPathFactory, clean_environment: pytest.MonkeyPatch
) -> Iterator[Lab]:
    """The drill device; after each test no fault is planted on it."""
    del clean_environment
    lab = open_lab(tmp_path_factory.mktemp("drills"), route="drills")
    do_everything(lab)
    yield lab
    end(lab)


@pytest.fixture(autouse=True)
def _tidy(request: pytest.FixtureRequest) -> Iterator[None]:
    """Remove the fault of a failed test."""
    yield
    if "device" in request.fixturenames:
        DrillDevice(request.getfixturevalue("device")).restore()


def seed_of(number: int, cause: str, way: int = 0) -> str:
    """Return a seed with which a drill has a cause, in one of its variants."""
    exercise = find(number)
    names, ways = exercise.causes, variants_of(cause, at_desk=True)
    for seed in map(str, range(1, 1000)):
        drilled = DrillDevice(None, f"drill {number}, seed {seed}")
        chosen = drilled.number("cause", len(names)), drilled.number(f"{cause}, way", len(ways))
        if chosen == (names.index(cause), way):
            return seed
    raise AssertionError(cause)


LOOKALIKES = 13
"""The drill whose causes all print the same code."""

QUICK = {(1, "endpoint-empty", 0), (7, "no-policy", 0), (12, "key-changed", 0)}
"""One drill of each level, and of headers, account and board."""


def every_case() -> list[object]:
    """Return every cause of every drill, each in all its ways."""
    cases = [
        (exercise.number, cause, way)
        for exercise in DRILLS
        for cause in exercise.causes
        for way in range(len(variants_of(cause, at_desk=True)))
    ]
    return [
        pytest.param(*case, id="{} {} {}".format(*case), marks=marks)
        for case in cases
        for marks in [[] if case in QUICK else [pytest.mark.slow]]
    ]


@pytest.mark.parametrize(("number", "cause", "way"), every_case())
def test_found_and_fixed(device: Lab, number: int, cause: str, way: int) -> None:
    """It fails, its cause is right and labkit's own diagnosis too, and fixed it is accepted."""
    drill = drills.begin(device, number, seed=seed_of(number, cause, way))
    assert ACCEPTED not in drill.console
    assert ("0x7780" in drill.console) or number != LOOKALIKES
    assert cause not in repr(drill)
    assert drill.verify().passed is None
    assert drill.answer(cause).passed
    assert drill.diagnose().best.id == cause
    REPAIRS[cause](device)
    assert drill.verify().passed, drill.console
    assert not DrillDevice(device).is_disturbed


def test_named_is_not_fixed(device: Lab) -> None:
    """After the right answer alone the board is still refused; after the fix it is accepted."""
    (device.workspace.device / "drills.json").unlink(missing_ok=True)
    drill = drills.begin(device, 8, seed=seed_of(8, "certificate-not-active"))
    drill.answer("certificate-not-active")
    refused = drill.verify()
    assert refused.passed is False
    assert "0x7780" in refused.shown
    assert "named, not fixed yet" in repr(drills.summary(device))
    device.activate_certificate()
    assert drill.verify().passed
    assert drill.verify().shown == "fixed before"
    assert 8 in drills.summary(device).mastered
    assert ACCEPTED in device.run_hello_world()


def test_every_cause_that_the_manuals_calls_can_fix_is_drilled() -> None:
    """At least twelve, from easy to nasty, with a fix for each cause."""
    assert len(DRILLS) >= 12
    assert [each.number for each in DRILLS] == list(range(1, len(DRILLS) + 1))
    order = ["easy", "harder", "nasty"]
    assert [each.level for each in DRILLS] == sorted(
        (each.level for each in DRILLS), key=order.index
    )
    drilled = {cause for each in DRILLS for cause in each.causes}
    assert drilled == set(REPAIRS)
    assert set(PLANTINGS) - drilled == {
        *("private-key-missing", "storage-failed", "server-closed-handshake", "rows-lost"),
        *("generation-delay", "key-literal-damaged", "unsupported-key"),
    }


def test_the_last_drill_has_what_prints_its_code() -> None:
    """All causes of an alert are drilled, except those that another line distinguishes."""
    assert set(causes_of(Sign.ALERT)) - set(find(LOOKALIKES).causes) == {
        *("no-certificate", "jit-first-connection", "wrong-root-or-endpoint")
    }


def test_a_hint_does_not_give_it_away(device: Lab) -> None:
    """Whatever the wrong answer, its hint never holds the id of the cause, however often."""
    drill = drills.begin(device, 7, seed=seed_of(7, "thing-not-attached"))
    for wrong in set(PLANTINGS) - {"thing-not-attached"}:
        verdict = drill.answer(wrong)
        assert verdict.passed is False
        assert "thing-not-attached" not in verdict.shown
        assert verdict.shown.startswith(f"not {wrong}. You would recognise it by this: ")
    assert "This fault is fixed in the account." in verdict.shown
    assert "is fixed in" not in drills.begin(device, 7).answer("rows-lost").shown
    drills.restore(device)


@pytest.mark.parametrize("cause", PLANTINGS)
def test_no_hint_names_another_cause(cause: str) -> None:
    """A hint names no other id than that of the wrong answer."""
    text = CAUSES[cause].distinguish or CAUSES[cause].meaning
    assert not [each for each in CAUSES if "-" in each and each in text]


def test_not_an_answer(device: Lab) -> None:
    """None is not answered yet; an unknown cause or drill is an error, and not an attempt."""
    drill = drills.begin(device, 1)
    assert repr(drill.answer(None)).endswith("not answered yet")
    assert repr(drill.verify()).endswith("not answered yet")
    with pytest.raises(ManualError, match=r"such as .*no-policy"):
        drill.answer("no-polcy")
    with pytest.raises(ManualError, match="'ok' is not the id of a cause"):
        drill.answer("ok")
    with pytest.raises(ManualError, match=f"The drills are 1 to {len(DRILLS)}"):
        drills.begin(device, len(DRILLS) + 1)
    drills.restore(device)


def test_the_same_seed_is_the_same_drill(device: Lab) -> None:
    """Fault and details come from the seed: the header is the same to the byte, or another."""
    keys = device.workspace.firmware / "demos/include/aws_clientcredential_keys.h"
    one, other = seed_of(5, "certificate-damaged"), seed_of(5, "public-key-as-certificate")
    texts = []
    for seed in (one, one, other):
        drills.begin(device, 5, seed=seed)
        texts.append(keys.read_bytes())
    drills.restore(device)
    assert texts[0] == texts[1] != texts[2]


def test_restore_leaves_no_trace(device: Lab) -> None:
    """A drill without an answer is removed: headers as before, accepted, no fault."""
    before = files(device.workspace.firmware)
    drills.begin(device, 5)
    assert files(device.workspace.firmware) != before
    assert drills.restore(device).passed
    assert files(device.workspace.firmware) == before
    assert drills.restore(device).passed
    assert not DrillDevice(device).is_disturbed


def test_an_unfinished_fix_is_undone(device: Lab) -> None:
    """A certificate for the new key is not a fix: key and certificate are restored."""
    own = ("DevicePublicKey.pem", "deviceCert.pem")
    before = [device.file(name).read_bytes() for name in own]
    drills.begin(device, 12)
    device.file("DevicePublicKey.pem").unlink()
    device.register_certificate()
    device.attach_thing_and_policy()
    assert [device.file(name).read_bytes() for name in own] != before
    assert drills.restore(device).passed
    assert [device.file(name).read_bytes() for name in own] == before
    thing = device.workspace.settings.thing_name
    principals = device.account.client.list_thing_principals(thingName=thing)["principals"]
    assert [arn.rpartition("/")[2] for arn in principals] == [device.certificate_id]
    assert ACCEPTED in device.run_hello_world()


def test_a_drill_after_another_kernel(device: Lab) -> None:
    """After a restart of the kernel a new drill first removes the old fault."""
    before = files(device.workspace.firmware)
    drills.begin(device, 3)
    again = open_lab(device.workspace.root, route="drills")
    drills.begin(again, 7)
    assert files(device.workspace.firmware) == before
    assert drills.restore(again).passed


def test_the_summary_counts(device: Lab) -> None:
    """Answers, named causes and fixes are counted over all seeds."""
    (device.workspace.device / "drills.json").unlink(missing_ok=True)
    for cause in ("ca-not-registered", "jit-first-connection"):
        drill = drills.begin(device, 9, seed=seed_of(9, cause))
        drill.answer("no-policy")
        drill.answer(cause)
        REPAIRS[cause](device)
        assert drill.verify().passed
    summary = drills.summary(device)
    assert summary.results == {9: {"answers": 4, "named": 2, "mastered": 2}}
    assert "mastered, 2 times (4 answers in all)" in repr(summary)
    assert repr(summary).endswith(f"mastered: 1 of {len(DRILLS)}")


def test_a_drill_shows_the_certificate_in_the_header(device: Lab) -> None:
    """The certificate in the header is described; a header without one is an error."""
    drill = drills.begin(device, 10, seed=seed_of(10, "ca-certificate-as-device-certificate"))
    assert "drills root CA" in repr(drill.certificate)
    drill = drills.begin(device, 3)
    with pytest.raises(CertificateError):
        _ = drill.certificate
    drills.restore(device)


def test_other_devices_are_left_alone(device: Lab) -> None:
    """Drills have a device, a tree and a CA of their own, and refuse any other device's lab."""
    other = open_lab(device.workspace.root)
    with pytest.raises(ManualError, match='open_lab\\(route="drills"\\)'):
        drills.begin(other, 1)
    assert other.workspace.firmware != device.workspace.firmware
    assert other.workspace.ca != device.workspace.ca
    assert other.workspace.device != device.workspace.device
