"""A glance at any file tells a record's facts, or why it is none; and nothing stops a list."""

from __future__ import annotations

import json
import os
import zipfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab_bench import THREADS_OF_PYSERIAL
from record_folders import NOON, TEN, facts, listed, record

from labkit.errors import RecordError
from labkit.record.listing import glance
from labkit.record.listing.glance import PLACE
from labkit.record.listing.index import records
from labkit.record.listing.overview import to_html
from labkit.record.making import make

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures", "record_fixtures")
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)


def test_a_run_s_record_is_listed(finished: Lab, tmp_path: Path) -> None:
    """What `record.make` writes is where a glance looks, in the form that it knows."""
    made = make(finished, operator="Jane", board="shelf 3", to=tmp_path, now=NOON)
    (listed,) = records(tmp_path, device="Shelf 3", operator="jane", until="2026-11-25")
    assert listed.file == made.path.name
    told = listed.facts
    assert (told.outcome, told.bench, told.made_at) == (
        "accepted",
        "SIMULATED",
        "2026-11-25T12:00:00Z",
    )
    assert len(told.fingerprint) == len(told.certificate_id) == 64


def _zip(told: bytes, **how: Any) -> bytes:  # noqa: ANN401 what ZipFile takes
    raw = BytesIO()
    with zipfile.ZipFile(raw, "w", **how) as file:
        file.writestr(f"r/{PLACE}", told)
    return raw.getvalue()


FINE = json.dumps(facts()).encode()
NO_RECORDS = {
    "empty": (b"", "expected 22 to"),
    "half written": (record(facts())[:-30], "directory"),
    "text": (b"This is no ZIP, but a text that is long enough.", "directory"),
    "without facts": (record(facts(), place="run/other.json"), "run/record.json"),
    "packed": (_zip(FINE, compression=zipfile.ZIP_DEFLATED), "packed"),
    "a bomb": (_zip(b" " * (3 << 20)), "at most 2097152 bytes"),
    "flipped": (record(facts()).replace(b"shelf 0", b"shelf 1"), "CRC-32"),
    "no JSON": (record(b"{"), "the facts of a record"),
    "another's": (record({"format": "lab", "version": 1}), "expected labkit-record"),
    "newer": (record(facts(version=2)), "newer"),
    "deep": (record(b"[" * 100_000), "the facts of a record"),
    "a long number": (record(b'{"format": ' + b"9" * 10_000 + b"}"), "the facts of a record"),
    "no outcome": (record(facts(outcome="fine")), "not as labkit writes it"),
    "no text": (record(facts(operator={"a": 1})), "not as labkit writes it"),
    "no digits": (record(facts(fingerprint="DROP TABLE")), "not as labkit writes it"),
    "no time": (record(facts(made_at="soon")), "not as labkit writes it"),
    "no zone": (record(facts(made_at="2026-11-25T12:00:00")), "not as labkit writes it"),
    "no year": (record(facts(made_at="0001-01-01T00:00:00+01:00")), "not as labkit writes it"),
    "a list": (record(facts(mode=["board", "account"])), "not as labkit writes it"),
}


@pytest.mark.parametrize("what", NO_RECORDS)
def test_what_is_no_record_is_named_and_stops_nothing(ten: Path, what: str) -> None:
    """The others are listed; it is named, with why, in a list of all, and counted in others."""
    raw, why = NO_RECORDS[what]
    (ten / "odd.eln").write_bytes(raw)
    found = records(ten)
    assert [each.file for each in found] == TEN
    assert [each.file for each in found.others] == ["odd.eln"]
    assert why in found.others[0].why
    assert f"not a record: odd.eln: {found.others[0].why}" in repr(found)
    assert "1 more file" in repr(records(ten, thing="device-3"))


def test_what_is_no_file_is_named(ten: Path) -> None:
    """Nor does a folder, a pipe that nobody writes to or a link to nothing stop a list."""
    (ten / "folder.eln").mkdir()
    os.mkfifo(ten / "pipe.eln")
    (ten / "link.eln").symlink_to(ten / "none")
    found = records(ten)
    assert [each.file for each in found] == TEN
    assert [each.file for each in found.others] == ["folder.eln", "link.eln", "pipe.eln"]


def test_names_and_values_of_any_characters(ten: Path) -> None:
    """What could move a cursor is escaped; half a character and a name that is no UTF-8 go."""
    odd = "\x1b[2J\u202e\n"
    (ten / "odd\x1b[2J.eln").write_bytes(record(facts(30, operator=odd + "\ud800")))
    Path(os.fsdecode(os.fsencode(ten) + b"/\xff.eln")).write_bytes(record(facts(31, board=odd)))
    found = records(ten)
    assert [each.file for each in found][-2:] == ["odd\x1b[2J.eln", "\udcff.eln"]
    assert len(str(found).splitlines()) == 16
    assert all(line.isprintable() for line in str(found).splitlines())
    for text in (found.csv(), to_html(found)):
        text.encode()
        assert "\x1b" not in text
    assert listed(ten, operator=odd + "\ud800") == ["odd\x1b[2J.eln"]


@given(raw=st.binary(max_size=60), at=st.integers(0, 3000), told=st.none() | st.binary(max_size=40))
@settings(max_examples=150, deadline=None)
def test_a_glance_at_anything_tells_facts_or_why_not(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, at: int, told: bytes | None
) -> None:
    """Whatever bytes stand in a record's file, or in its facts, no other error comes of it."""
    path = tmp_path_factory.getbasetemp() / "any.eln"
    whole = bytearray(record(facts() if told is None else told))
    whole[at % len(whole) : at % len(whole) + len(raw)] = raw
    path.write_bytes(whole)
    with suppress(RecordError):
        assert all(isinstance(value, str) for value in glance.glance(path))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(member=st.sampled_from(sorted(facts())), value=JSON)
@settings(max_examples=150, deadline=None)
def test_facts_of_any_kind_tell_text_or_why_not(
    tmp_path_factory: pytest.TempPathFactory, member: str, value: object
) -> None:
    """Any value in place of any fact is listed as text, or refused as none of labkit's."""
    path = tmp_path_factory.getbasetemp() / "any.eln"
    path.write_bytes(record(facts(**{member: value})))
    with suppress(RecordError):
        assert all(isinstance(each, str) for each in glance.glance(path))
