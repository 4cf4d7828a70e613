"""A record of a run is made, verified and shown; each is refused where it must be."""

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
    """Make the record of a finished run."""
    to = tmp_path_factory.mktemp("records")
    return record.make(finished, operator="Jane <b>", board="shelf 3", to=to, now=WHEN)


@pytest.fixture(scope="module")
def keys(finished: Lab, made: Made) -> list[str]:
    """Return the public keys that verify it."""
    assert made.path.exists()
    return record.public_keys(finished.workspace.root)


@pytest.fixture
def verified(made: Made, keys: list[str]) -> Verified:
    """Return the record, verified."""
    return record.verify(made.path, keys)


def inside(path: Path) -> dict[str, bytes]:
    """Return the content of a record, as Python's zipfile reads it."""
    with zipfile.ZipFile(path) as opened:
        return {name.partition("/")[2]: opened.read(name) for name in opened.namelist()}


def facts(path: Path) -> dict[str, object]:
    """Return a record's facts."""
    return read_facts(inside(path)["run/record.json"])


# Made and verified


def test_finished_run_is_recorded_and_verified(made: Made, verified: Verified) -> None:
    """The record has outcome, operator, board, time, place and steps, and its files agree."""
    assert made.outcome == "accepted"
    assert all(made.checks)
    assert verified.holds
    known = verified.record.facts
    assert (known["operator"], known["board"]) == ("Jane <b>", "shelf 3")
    assert known["made_at"] == "2026-11-25T12:00:00Z"
    assert "SIMULATED" in repr(verified)
    assert f"signed by the key {made.key_id}" in repr(verified)
    where = known["where"]
    assert where["host"]
    assert where["os"]
    assert "cryptography" in where["packages"]
    assert where["firmware"]["release"] == "202203.00"
    assert all(step["done"] and step["at"] for step in known["steps"])
    assert len(known["steps"]) == 17


def test_record_has_all_files_of_the_run(made: Made) -> None:
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


def test_changed_file_does_not_verify(made: Made, keys: list[str], tmp_path: Path) -> None:
    """One changed letter in a ZIP with correct check sums is found."""
    changed = tmp_path / made.path.name
    with zipfile.ZipFile(changed, "w") as out, zipfile.ZipFile(made.path) as opened:
        for entry in opened.infolist():
            raw = opened.read(entry).replace(b'"accepted"', b'"Accepted"')
            out.writestr(entry, raw)
    with pytest.raises(RecordError, match="was changed after it was signed"):
        record.verify(changed, keys)


def test_ro_crate_validator_accepts_it_offline(made: Made, tmp_path: Path) -> None:
    """No requirement of RO-Crate 1.1 is violated; without the publication date one is."""
    for path, raw in inside(made.path).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(raw)
    assert violations(tmp_path) == []
    metadata = tmp_path / "ro-crate-metadata.json"
    metadata.write_bytes(metadata.read_bytes().replace(b'"datePublished"', b'"dateUnknown"'))
    assert violations(tmp_path)


def test_every_file_is_listed_as_the_eln_format_requires(made: Made) -> None:
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


# Runs that are not accepted


def test_new_device_has_an_unfinished_record(finished: Lab, tmp_path: Path) -> None:
    """Another device of the workspace has no key yet, and the account has no thing for it."""
    made = record.make(open_lab(finished.workspace.root, thing_name="another"), to=tmp_path)
    assert made.outcome == "unfinished"
    assert facts(made.path)["fingerprint"] is facts(made.path)["certificate"] is None
    assert all(made.checks)
    answer = json.loads(inside(made.path)["run/account/thing.json"])
    assert answer == {"no answer": "ResourceNotFoundException"}


def test_refused_step_makes_a_failed_record(finished: Lab, tmp_path: Path) -> None:
    """It has the step and its error; once the step is done, the next record is accepted."""
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


def test_caller_can_report_a_failure_or_an_early_end(finished: Lab, tmp_path: Path) -> None:
    """A failed run has a diagnosis; a run that was cut off is unfinished, even if accepted."""
    made = record.make(finished, failed="DeviceError: no answer", to=tmp_path)
    known = facts(made.path)
    assert (known["outcome"], known["failed"]) == ("failed", {"run": "DeviceError: no answer"})
    assert known["diagnosis"]["causes"][0]["id"] == "ok"
    assert record.make(finished, cut_off=True, to=tmp_path).outcome == "unfinished"
    assert record.make(finished, to=tmp_path).outcome == "accepted"


def test_account_without_an_answer_does_not_prevent_a_record(
    finished: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record states that the account could not be queried."""
    monkeypatch.setattr(type(finished), "account", property(_no_account))
    made = record.make(finished, to=tmp_path)
    assert b"no credentials" in inside(made.path)["run/account/no-answer.txt"]
    assert facts(made.path)["account_id"] == ""


def _no_account(_lab: Lab) -> None:
    raise CloudError("no credentials")


# Secrets


@pytest.fixture
def wifi(finished: Lab) -> Iterator[str]:
    """Write a Wi-Fi password into the firmware's header."""
    file = find_sources(finished.workspace.firmware).credentials
    before = file.read_bytes()
    file.write_bytes(before + f'\n#define clientcredentialWIFI_PASSWORD "{WIFI}"\n'.encode())
    yield WIFI
    file.write_bytes(before)


def test_wifi_password_is_redacted(finished: Lab, wifi: str, tmp_path: Path) -> None:
    """No file of the record has it. In the notes it cannot be redacted: nothing is written."""
    made = record.make(finished, notes="with Wi-Fi", to=tmp_path / "a")
    assert made.redacted
    assert not [path for path, raw in inside(made.path).items() if wifi.encode() in raw]
    assert record.verify(made.path, record.public_keys(finished.workspace.root))
    with pytest.raises(SecretError, match=r"record\.json") as caught:
        record.make(finished, notes=f"the password is {wifi}", to=tmp_path / "b")
    assert wifi not in str(caught.value)
    assert not (tmp_path / "b").exists()


def test_private_key_prevents_a_record(finished: Lab, tmp_path: Path) -> None:
    """A key in the device's folder is reported with file and kind; a public key is allowed."""
    left = finished.workspace.device / "notes.txt"
    left.write_text(device_key().pem)
    assert record.make(finished, to=tmp_path / "a.eln").path.exists()
    left.write_bytes(private_pem(ec_key("left")))
    with pytest.raises(SecretError, match=r"device/notes\.txt.*private key") as caught:
        record.make(finished, to=tmp_path / "b.eln")
    left.unlink()
    assert "BEGIN" not in str(caught.value)
    assert not (tmp_path / "b.eln").exists()


# The file


def test_file_that_cannot_be_written_is_refused(finished: Lab, made: Made, tmp_path: Path) -> None:
    """An existing file, a name that not every system has, a file in place of the folder."""
    before = made.path.read_bytes()
    (tmp_path / "file").write_text("")
    for to, message in (
        (made.path, "exists already"),
        (tmp_path / "my record.eln", r"Choose for example my-record\.eln"),
        (tmp_path / "file" / "records", "cannot be written"),
    ):
        with pytest.raises(RecordError, match=message):
            record.make(finished, to=to)
    assert made.path.read_bytes() == before
    assert record.make(finished, to=tmp_path / "my-record.eln").path.exists()


def test_two_records_of_one_second_have_two_names(finished: Lab, tmp_path: Path) -> None:
    """The second one in a folder is numbered; both verify."""
    one, two = (record.make(finished, to=tmp_path, now=WHEN).path for _ in range(2))
    assert two.name == f"{one.stem}-2.eln"
    keys = record.public_keys(finished.workspace.root)
    assert all(record.verify(each, keys).holds for each in (one, two))


def test_same_run_at_the_same_time_is_the_same_record(finished: Lab, tmp_path: Path) -> None:
    """With the same name, time and key, two records are equal byte for byte."""
    one, two = (record.make(finished, to=tmp_path / n / "r.eln", now=WHEN) for n in "ab")
    assert one.path.read_bytes() == two.path.read_bytes()


# Read


def test_record_is_shown_without_being_verified(made: Made, tmp_path: Path) -> None:
    """The output states it; another file is refused."""
    shown = repr(record.show(made.path))
    for text in ("NOT VERIFIED", "accepted", "shelf 3"):
        assert text in shown
    (tmp_path / "a.eln").write_bytes(b"no record")
    with pytest.raises(RecordError, match=r"a\.eln: expected a ZIP"):
        record.show(tmp_path / "a.eln")
    with pytest.raises(RecordError, match="cannot be read"):
        record.show(tmp_path / "none.eln")


def test_report_is_self_contained_and_escaped(made: Made) -> None:
    """It loads nothing, and an operator's name is text."""
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
        (b'{"format": "labkit-record", "version": 1}', "account_id, .* are missing"),
    ],
)
def test_other_facts_are_refused(raw: bytes, match: str) -> None:
    """Not JSON, another program's, a newer version's, or incomplete."""
    with pytest.raises(RecordError, match=match):
        read_facts(raw)
