"""Applying a record's differences to its originals."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from labkit.firmware.diffs import unified_diff
from labkit.record.contents.firmware_sources import patched

if TYPE_CHECKING:
    from pathlib import Path

LINES = st.text("ab \t\r\f\v\x85\u2028#\\-+@", max_size=6).map(lambda line: f"{line}\n")
TEXTS = st.tuples(st.lists(LINES, max_size=12), st.text("ab-", max_size=3)).map(
    lambda parts: "".join(parts[0]) + parts[1]
)


def difference(old: str, new: str) -> bytes:
    """Return the difference as a record has it."""
    return unified_diff(old, new, "x.h", secrets_are_out=True).encode() if old != new else b""


@settings(deadline=None)
@given(TEXTS, TEXTS)
@example("", "a")
@example("a", "")
@example("a\n" * 9, "a\n" * 8)
@example("a", "a\n")
def test_difference_makes_the_new_file(old: str, new: str) -> None:
    """Whatever the texts, line ends and last lines; without it the file is the old one."""
    assert patched(old.encode(), difference(old, new)) == new.encode()
    assert patched(old.encode(), b"") == old.encode()


def test_difference_without_context_is_applied() -> None:
    """A hunk of no lines has the number of the line before it, as diff -U0 writes it."""
    raw = b"--- a/x.h\n+++ b/x.h\n@@ -1,0 +2 @@\n+x\n"
    assert patched(b"1\n2\n", raw) == b"1\nx\n2\n"


@pytest.mark.needs("patch")
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
@given(TEXTS.filter(bool), TEXTS.filter(bool))
def test_patch_makes_the_same(tmp_path: Path, old: str, new: str) -> None:
    """The real `patch` command makes the same file from the same difference."""
    file = tmp_path / "x.h"
    file.write_bytes(old.encode())
    if raw := difference(old, new):
        command = ["patch", "--binary", "--fuzz=0", "-s", str(file)]
        subprocess.run(command, input=raw, check=True, capture_output=True)
    assert file.read_bytes() == new.encode() == patched(old.encode(), raw)


OLD = b"".join(b"%d\n" % number for number in range(9))
GOOD = difference(OLD.decode(), OLD.decode().replace("5\n", "five\n"))


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, len(GOOD)), st.integers(0, len(GOOD)))
def test_any_bytes_are_no_error(raw: bytes, start: int, stop: int) -> None:
    """A difference that does not fit gives another file, whose hash differs, and no error."""
    assert isinstance(patched(OLD, raw), bytes)
    assert isinstance(patched(OLD, GOOD[:start] + raw + GOOD[stop:]), bytes)
