"""A record of a run: made, verified, shown, still true; and what stops each."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from certificate_makers import device_key, ec_key, private_pem
from crate_validator import violations
from lab_bench import THREADS_OF_PYSERIAL

from labkit import open_lab, record
from labkit.errors import CloudError, LabError, RecordError, SecretError
from labkit.firmware.tree import find_sources
from labkit.record.record_json import read_facts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labkit.lab.lab import Lab
    from labkit.record.making import Made
    from labkit.record.verifying import Verified

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

WHEN = datetime(2026, 11, 25, 12, 0, 1, tzinfo=UTC)
WIFI = "correct horse battery"


@pytest.fixture(scope="module")
def made(finished: Lab, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A finished run's record."""
    to = tmp_path_factory.mktemp("records")
    return record.make(finished, operator="Jane <b>", board="shelf 3", to=to, now=WHEN)


@pytest.fixture(scope="module")
def keys(finished: Lab, made: Made) -> list[str]:
    """The public keys that verify it."""
    assert made.path.exists()
    return record.public_keys(finished.workspace.root)


@pytest.fixture
def verified(made: Made, keys: list[str]) -> Verified:
    """The record, verified."""
    return record.verify(made.path, keys)


def inside(path: Path) -> dict[str, bytes]:
    """Return what a record holds, as Python's own zipfile reads it."""
    with zipfile.ZipFile(path) as opened:
        return {name.partition("/")[2]: opened.read(name) for name in opened.namelist()}


def facts(path: Path) -> dict[str, object]:
    """Return a record's facts."""
    return read_facts(inside(path)["run/record.json"])


# Made and verified


def test_a_finished_run_is_recorded_and_verified(made: Made, verified: Verified) -> None:
    """The record says that it was accepted, by whom and with which board; its files agree."""
    assert made.outcome == "accepted"
    assert all(made.checks)
    assert verified.holds
    told = verified.record.facts
    assert (told["operator"], told["board"]) == ("Jane <b>", "shelf 3")
    assert told["made_at"] == "2026-11-25T12:00:00Z"
    assert "SIMULATED" in repr(verified)
    assert f"signed by the key {made.key_id}" in repr(verified)


def test_everything_that_the_run_made_is_in_it(made: Made) -> None:
    """Console with times, keys, request, certificates, headers, account, journal, report."""
    assert set(inside(made.path)) >= {
        "ro-crate-metadata.json",
        "ro-crate-metadata.json.minisig",
        "run/account/certificate.json",
        "run/account/policies.json",
        "run/account/thing.json",
        "run/ca/rootCA.pem",
        "run/device/DevicePublicKey.pem",
        "run/device/console.log",
        "run/device/console.times.jsonl",
        "run/device/deviceCert.csr",
        "run/device/deviceCert.pem",
        "run/firmware/aws_clientcredential_keys.h.diff",
        "run/firmware/original/aws_clientcredential_keys.h",
        "run/journal.jsonl",
        "run/record.json",
        "run/report.html",
    }


def test_the_facts_say_where_and_with_what(verified: Verified) -> None:
    """Host, system, Python, packages, release; each step with its time."""
    where = verified.record.facts["where"]
    assert where["host"]
    assert where["os"]
    assert "cryptography" in where["packages"]
    assert where["firmware"]["release"] == "202203.00"
    assert all(step["done"] and step["at"] for step in verified.record.facts["steps"])
    assert len(verified.record.facts["steps"]) == 17


def test_a_changed_file_does_not_verify(made: Made, keys: list[str], tmp_path: Path) -> None:
    """One letter of the outcome, with the ZIP's check sums made right again, is found."""
    changed = tmp_path / made.path.name
    with zipfile.ZipFile(changed, "w") as out, zipfile.ZipFile(made.path) as opened:
        for entry in opened.infolist():
            raw = opened.read(entry).replace(b'"accepted"', b'"Accepted"')
            out.writestr(entry, raw)
    with pytest.raises(RecordError, match="was changed after it was signed"):
        record.verify(changed, keys)


def test_an_ro_crate_validator_accepts_it_offline(made: Made, tmp_path: Path) -> None:
    """No requirement of RO-Crate 1.1 is violated; where the licence is taken away one is."""
    for path, raw in inside(made.path).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(raw)
    assert violations(tmp_path) == []
    metadata = tmp_path / "ro-crate-metadata.json"
    metadata.write_bytes(metadata.read_bytes().replace(b'"datePublished"', b'"dateUnknown"'))
    assert violations(tmp_path)


def test_every_file_is_listed_as_the_eln_format_wants_it(made: Made) -> None:
    """Name, encodingFormat, contentSize as text, sha256; the Dataset with name and author."""
    graph = json.loads(inside(made.path)["ro-crate-metadata.json"])["@graph"]
    files = [entity for entity in graph if entity["@type"] == "File"]
    assert len(files) == len(inside(made.path)) - 2
    for entity in files:
        assert set(entity) >= {"name", "encodingFormat", "contentSize", "sha256"}
        assert isinstance(entity["contentSize"], str)
    root = next(entity for entity in graph if entity["@id"] == "./")
    assert root["hasPart"] == [{"@id": "run/"}]
    run = next(entity for entity in graph if entity["@id"] == "run/")
    assert run["author"] == {"@id": "#operator"}
    assert isinstance(run["keywords"], str)


# What is made where things are not well


def test_a_run_that_has_not_begun_is_unfinished(finished: Lab, tmp_path: Path) -> None:
    """Another device of the workspace, with nothing done, has a record all the same."""
    other = open_lab(finished.workspace.root, thing_name="another")
    made = record.make(other, to=tmp_path)
    assert made.outcome == "unfinished"
    told = facts(made.path)
    assert told["fingerprint"] is told["certificate"] is None
    assert all(made.checks)


def test_a_step_that_was_refused_makes_a_failed_record(finished: Lab, tmp_path: Path) -> None:
    """The step and what it said are in it; when it is done, the next record is accepted again."""
    keys = find_sources(finished.workspace.firmware).keys
    text = keys.read_bytes()
    keys.write_bytes(text.replace(b"keyCLIENT_CERTIFICATE_PEM", b"keyNO_SUCH_MACRO"))
    with pytest.raises(LabError):
        finished.import_certificate()
    made = record.make(finished, to=tmp_path / "failed.eln")
    assert made.outcome == "failed"
    assert "MacroNotFoundError" in facts(made.path)["failed"]["import_certificate"]
    keys.write_bytes(text)
    finished.run_hello_world()
    assert record.make(finished, to=tmp_path / "again.eln").outcome == "accepted"


def test_a_run_that_its_caller_says_failed_has_a_diagnosis(finished: Lab, tmp_path: Path) -> None:
    """What ended it is told, and what the console shows."""
    made = record.make(finished, failed="DeviceError: no answer", to=tmp_path)
    told = facts(made.path)
    assert (told["outcome"], told["failed"]) == ("failed", {"run": "DeviceError: no answer"})
    assert told["diagnosis"]["causes"][0]["id"] == "ok"


def test_a_run_that_somebody_ended_is_unfinished(finished: Lab, tmp_path: Path) -> None:
    """Even where the device was accepted before; without it, the same run is accepted."""
    assert record.make(finished, cut_off=True, to=tmp_path).outcome == "unfinished"
    assert record.make(finished, to=tmp_path).outcome == "accepted"


def test_an_account_that_does_not_answer_stops_no_record(
    finished: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record says that the account could not be asked."""
    monkeypatch.setattr(type(finished), "account", property(_no_account))
    made = record.make(finished, to=tmp_path)
    assert b"no credentials" in inside(made.path)["run/account/not-told.txt"]
    assert facts(made.path)["account_id"] == ""


def _no_account(_lab: Lab) -> None:
    raise CloudError("no credentials")


def test_what_was_denied_is_an_answer(finished: Lab, tmp_path: Path) -> None:
    """An account without the thing says so in the record."""
    other = open_lab(finished.workspace.root, thing_name="nobody")
    made = record.make(other, to=tmp_path)
    answer = json.loads(inside(made.path)["run/account/thing.json"])
    assert answer == {"not told": "ResourceNotFoundException"}


# Secrets


@pytest.fixture
def wifi(finished: Lab) -> Iterator[str]:
    """A Wi-Fi password in the firmware's header."""
    file = find_sources(finished.workspace.firmware).credentials
    before = file.read_bytes()
    file.write_bytes(before + f'\n#define clientcredentialWIFI_PASSWORD "{WIFI}"\n'.encode())
    yield WIFI
    file.write_bytes(before)


def test_a_wifi_password_is_taken_out(finished: Lab, wifi: str, tmp_path: Path) -> None:
    """It is in no file of the record, and the record says that something was taken out."""
    made = record.make(finished, notes="with Wi-Fi", to=tmp_path)
    assert made.redacted
    assert not [path for path, raw in inside(made.path).items() if wifi.encode() in raw]
    assert record.verify(made.path, record.public_keys(finished.workspace.root))


def test_a_wifi_password_in_the_notes_stops_the_record(
    finished: Lab, wifi: str, tmp_path: Path
) -> None:
    """What a person types is searched, too; nothing is written."""
    with pytest.raises(SecretError, match=r"record\.json") as caught:
        record.make(finished, notes=f"the password is {wifi}", to=tmp_path)
    assert wifi not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_private_key_stops_the_record(finished: Lab, tmp_path: Path) -> None:
    """A key left in the device's folder is named by file and kind; a public key may be there."""
    left = finished.workspace.device / "notes.txt"
    left.write_text(device_key().pem)
    assert record.make(finished, to=tmp_path / "a.eln").path.exists()
    left.write_bytes(private_pem(ec_key("left")))
    with pytest.raises(SecretError, match=r"device/notes\.txt.*private key") as caught:
        record.make(finished, to=tmp_path / "b.eln")
    left.unlink()
    assert "BEGIN" not in str(caught.value)
    assert not (tmp_path / "b.eln").exists()


# Where it goes


def test_a_record_is_never_overwritten(finished: Lab, made: Made) -> None:
    """The second one of a name is refused, and the first is as it was."""
    before = made.path.read_bytes()
    with pytest.raises(RecordError, match="exists already"):
        record.make(finished, to=made.path)
    assert made.path.read_bytes() == before


def test_two_records_of_one_moment_have_two_names(finished: Lab, tmp_path: Path) -> None:
    """The second one in a folder is numbered; both verify."""
    one, two = (record.make(finished, to=tmp_path, now=WHEN).path for _ in range(2))
    assert two.name == f"{one.stem}-2.eln"
    keys = record.public_keys(finished.workspace.root)
    assert all(record.verify(each, keys).holds for each in (one, two))


def test_a_name_that_no_record_can_have_is_refused(finished: Lab, tmp_path: Path) -> None:
    """The inner folder has the name, and not every system can hold every name."""
    with pytest.raises(RecordError, match=r"my-record\.eln"):
        record.make(finished, to=tmp_path / "my record.eln")
    assert record.make(finished, to=tmp_path / "my-record.eln").path.exists()


def test_a_folder_that_cannot_be_made_is_refused(finished: Lab, tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot be written"):
        record.make(finished, to=tmp_path / "file" / "records")


def test_the_same_run_at_the_same_time_is_the_same_record(finished: Lab, tmp_path: Path) -> None:
    """Two records differ in nothing: same files, same time, same key."""
    one, two = (record.make(finished, to=tmp_path / n / "r.eln", now=WHEN) for n in "ab")
    assert one.path.read_bytes() == two.path.read_bytes()


# Read


def test_a_record_is_shown_without_being_verified(made: Made, tmp_path: Path) -> None:
    """It says so; something else is refused with what it is."""
    shown = repr(record.show(made.path))
    assert "NOT VERIFIED" in shown
    assert "accepted" in shown
    assert "shelf 3" in shown
    (tmp_path / "a.eln").write_bytes(b"no record")
    with pytest.raises(RecordError):
        record.show(tmp_path / "a.eln")
    with pytest.raises(RecordError, match="cannot be read"):
        record.show(tmp_path / "none.eln")


def test_the_report_is_self_contained_and_escaped(made: Made) -> None:
    """Nothing is loaded from elsewhere, and an operator's name is text."""
    html = inside(made.path)["run/report.html"].decode()
    assert "Jane &lt;b&gt;" in html
    assert "SIMULATED" in html
    assert "<script" not in html
    assert not [word for word in ("src=", "@import", "url(") if word in html]


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        (b"{}", "a format and a version"),
        (b"[" * 100_000, "a format and a version"),
        (b'{"format": "another", "version": 1}', "another"),
        (b'{"format": "labkit-record", "version": 2}', "newer"),
        (
            b'{"format": "labkit-record", "version": true}',
            "version True|are missing",
        ),
        (b'{"format": "labkit-record", "version": 1}', "account_id, .* are missing"),
    ],
)
def test_facts_of_another_form_are_refused(raw: bytes, match: str) -> None:
    """No facts, another program's, a newer version's, or some that are not there."""
    with pytest.raises(RecordError, match=match):
        read_facts(raw)
