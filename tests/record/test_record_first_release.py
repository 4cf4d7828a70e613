"""A record that the first released version made stays verifiable and readable.

`tests/records/first-release.eln` is stored and never made again: a change that cannot verify it
breaks every record that is out there.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_runner import assert_refused, labkit
from lab_bench import THREADS_OF_PYSERIAL

from labkit import record

pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

STORED = Path(__file__).resolve().parents[1] / "records" / "first-release.eln"
KEY = STORED.with_suffix(".pub").read_text()


def test_it_verifies() -> None:
    """With its public key and nothing else; everything in it agrees."""
    verified = record.verify(STORED, [KEY])
    assert verified.holds
    assert len(verified.checks) == 9
    facts = verified.record.facts
    assert (facts["operator"], facts["board"]) == ("Jane", "shelf 3, left")
    assert facts["outcome"] == "accepted"


@pytest.mark.parametrize("at", [0, 4, 200, 5000, -1])
def test_one_bit_of_it_changed_does_not(tmp_path: Path, at: int) -> None:
    """The twin."""
    data = bytearray(STORED.read_bytes())
    data[at] ^= 1
    (tmp_path / "first-release.eln").write_bytes(data)
    command = ("record", "verify", tmp_path / "first-release.eln", "-p", KEY.splitlines()[1])
    assert_refused(labkit(*command))


def test_it_is_shown_and_listed(tmp_path: Path) -> None:
    """By the command and in a folder's list."""
    assert "shelf 3, left" in labkit("record", "show", STORED).out
    (tmp_path / STORED.name).write_bytes(STORED.read_bytes())
    assert STORED.name in labkit("record", "list", tmp_path, "--operator", "jane").out
    assert labkit("record", "list", tmp_path, "--operator", "john").code == 1
