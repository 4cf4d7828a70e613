"""The audit log has complete lines only, each chained to the line before."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.approval import AuditLog, Decision
from labkit.approval.audit import line, parse
from labkit.errors import ApprovalError

if TYPE_CHECKING:
    from pathlib import Path

NUL = "0" * 64


def decision(name: str) -> Decision:
    """Return a decision."""
    return Decision("2026-01-01T09:00:00+00:00", "ada", NUL, NUL, name, NUL, "refused", "test")


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    """Return a log of four decisions."""
    made = AuditLog(tmp_path / "audit.jsonl")
    for number in range(4):
        made.decide(lambda _, number=number: decision(f"pump-{number}"))  # type: ignore[misc]  # a default binds
    return made


def test_a_log_reads_as_it_was_written(log: AuditLog) -> None:
    """Four lines are four decisions in its repr; an empty log has its own repr."""
    assert [each.name for each in log.decisions()] == [f"pump-{n}" for n in range(4)]
    assert log.verify() == log.verify(log.head) == log.verify(NUL) == 4
    assert len(repr(log).splitlines()) == 4
    empty = AuditLog(log.path.with_name("none.jsonl"))
    assert (repr(empty), empty.verify(), empty.head) == ("no decision yet", 0, NUL)


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[0], *lines[2:]], 2),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 1),
        (lambda lines: [*lines[:3], lines[3].replace("pump-3", "pump-9")], 4),
        (lambda lines: [lines[0], lines[0], *lines[1:]], 2),
        (lambda lines: [lines[0].replace(": ", ":"), *lines[1:]], 1),
        (lambda lines: [*lines, "{}"], 5),
        (lambda lines: [*lines, "[1]"], 5),
        (lambda lines: ["", *lines], 1),
    ],
    ids=["first gone", "second gone", "swapped", "changed", "doubled", "spaced", "{}", "[]", "''"],
)
def test_a_changed_log_is_found(log: AuditLog, change, number: int) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 a lambda of the table
    """The message has the line, and no further decision is made."""
    changed = "\n".join(change(log.path.read_text().splitlines())) + "\n"
    log.path.write_text(changed)
    for ask in (log.verify, log.decisions, lambda: log.decide(lambda _: decision("more"))):
        with pytest.raises(ApprovalError, match=rf"line {number}: the line does not"):
            ask()
    assert log.path.read_text() == changed


def test_a_cut_end_is_found_by_a_noted_head(log: AuditLog) -> None:
    """Without the head it is not found."""
    head = log.head
    log.path.write_text("".join(log.path.read_text().splitlines(keepends=True)[:3]))
    assert log.verify() == 3
    with pytest.raises(ApprovalError, match="Lines were cut off"):
        log.verify(head)


def test_a_torn_line_was_never_decided(log: AuditLog) -> None:
    """A log that is cut in its last line has three decisions and can be continued."""
    whole = log.path.read_bytes()
    begin = whole[:-1].rindex(b"\n") + 1
    for end in range(begin, len(whole), 7):
        log.path.write_bytes(whole[:end])
        assert log.verify() == 3
        log.decide(lambda before: decision(f"pump-{len(before)}"))
        assert log.path.read_bytes() == whole


def test_two_at_once_see_each_other(tmp_path: Path) -> None:
    """Each decision can depend on all earlier ones."""
    path = tmp_path / "audit.jsonl"
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda _: AuditLog(path).decide(lambda before: decision(str(len(before)))),
                range(20),
            )
        )
    assert [each.name for each in AuditLog(path).decisions()] == [str(n) for n in range(20)]


@given(st.binary() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps).map(str.encode))
def test_any_file(content: bytes) -> None:
    """Any other content is an ApprovalError or an empty log."""
    try:
        decisions, _ = parse(content + b"\n", "audit.jsonl")
    except ApprovalError:
        return
    assert not decisions


@given(st.data())
def test_one_changed_byte(data: st.DataObject) -> None:
    """Any changed byte is found."""
    whole = _LOG
    at = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[at]))
    changed = whole[:at] + bytes([byte]) + whole[at + 1 :]
    with pytest.raises(ApprovalError):
        parse(changed + b"\n", "audit.jsonl")


def _two_lines() -> bytes:
    first = line(decision("pump-1"), NUL)
    return (first + line(decision("pump-2"), json.loads(first)["chain"])).rstrip(b"\n")


_LOG = _two_lines()
