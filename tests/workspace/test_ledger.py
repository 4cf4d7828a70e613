"""The notes about what a run makes in the account, through kills and other runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from labkit.errors import WorkspaceError
from labkit.workspace import Entry, Journal, Ledger, Made

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 1, 9, tzinfo=UTC)


def ledger(path: Path, *others: Journal) -> Ledger:
    """Return the ledger of a journal."""
    return Ledger(Journal(path), others, lambda: NOW)


def test_begun_and_made_are_there_until_deleted(tmp_path: Path) -> None:
    """What was begun may be there; what was made is; what was deleted is not."""
    notes = ledger(tmp_path / "journal.jsonl")
    notes.begin("thing", "led")
    assert notes.there() == (Made("thing", "led", "", is_certain=False),)
    notes.made("thing", "led", "id-1")
    assert notes.there() == (Made("thing", "led", "id-1", is_certain=True),)
    notes.begin("policy", "hello")
    notes.deleted("thing", "led")
    assert [made.name for made in notes.there()] == ["hello"]
    assert not notes.is_this_runs("thing", "led")


def test_beginning_again_forgets_no_proof(tmp_path: Path) -> None:
    """A resumed run that begins again what it has made keeps what it knew."""
    notes = ledger(tmp_path / "journal.jsonl")
    notes.made("thing", "led", "id-1")
    notes.begin("thing", "led")
    assert notes.there() == (Made("thing", "led", "id-1", is_certain=True),)


def test_what_is_named_by_its_maker_is_noted_in_one_line(tmp_path: Path) -> None:
    """The answer's name takes the place of the one it was begun as; no kill comes between."""
    notes = ledger(tmp_path / "journal.jsonl")
    notes.begin("certificate", "(id not known yet) 1")
    notes.begin("certificate", "(id not known yet) 2")
    notes.made("certificate", "abc", begun_as="(id not known yet) 1")
    assert [made.name for made in notes.there()] == ["(id not known yet) 2", "abc"]
    assert len((tmp_path / "journal.jsonl").read_text().splitlines()) == 3


def test_notes_and_steps_share_a_journal(tmp_path: Path) -> None:
    """Steps skip notes and notes skip steps; both are on the disk at once."""
    journal, notes = Journal(tmp_path / "journal.jsonl"), ledger(tmp_path / "journal.jsonl")
    notes.begin("thing", "led")
    journal.add(Entry("create_thing", NOW.isoformat()))
    notes.made("thing", "led")
    assert [entry.step for entry in journal] == ["create_thing"]
    assert [note.event for note in journal.notes] == ["begun", "made"]


def test_note_cut_off_by_a_kill_is_passed_over(tmp_path: Path) -> None:
    """Half a line at the end says nothing, and the next note does not stick to it."""
    path = tmp_path / "journal.jsonl"
    notes = ledger(path)
    notes.begin("thing", "led")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    assert len(notes.there()) == 1
    notes.begin("policy", "hello")
    assert [made.name for made in notes.there()] == ["led", "hello"]


def test_note_of_another_type_is_an_error(tmp_path: Path) -> None:
    """A journal that was changed by hand is named with its line."""
    path = tmp_path / "journal.jsonl"
    path.write_text('{"resource": "thing", "event": "made", "name": 1, "at": ""}\n')
    with pytest.raises(WorkspaceError, match="line 1: expected a journal entry"):
        ledger(path).there()


def test_other_runs_of_the_lab_are_no_strangers(tmp_path: Path) -> None:
    """What another run of the workspace made is the lab's, but not this run's."""
    other = ledger(tmp_path / "other.jsonl")
    other.made("certificate", "abc")
    mine = ledger(tmp_path / "mine.jsonl", Journal(tmp_path / "other.jsonl"))
    assert mine.is_this_labs("certificate", "abc")
    assert not mine.is_this_runs("certificate", "abc")
    assert not mine.is_this_labs("certificate", "def")
    assert mine.there() == ()
