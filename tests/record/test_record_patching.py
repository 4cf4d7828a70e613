"""Applying a record's differences to its originals, strictly."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from labkit.errors import RecordError
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
    """Whatever the texts, line ends and last lines."""
    assert patched(old.encode(), difference(old, new), "x.h") == new.encode()


def test_difference_without_context_is_applied() -> None:
    """A hunk of no lines tells the line before it, as diff -U0 writes it."""
    raw = b"--- a/x.h\n+++ b/x.h\n@@ -1,0 +2 @@\n+x\n"
    assert patched(b"1\n2\n", raw, "x.h") == b"1\nx\n2\n"


@pytest.mark.needs("patch")
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
@given(TEXTS.filter(bool), TEXTS.filter(bool))
def test_patch_makes_the_same(tmp_path: Path, old: str, new: str) -> None:
    """The real `patch` command takes the same difference and gives the same file."""
    file = tmp_path / "x.h"
    file.write_bytes(old.encode())
    if raw := difference(old, new):
        command = ["patch", "--binary", "--fuzz=0", "-s", str(file)]
        subprocess.run(command, input=raw, check=True, capture_output=True)
    assert file.read_bytes() == new.encode() == patched(old.encode(), raw, "x.h")


OLD = "".join(f"{n}\n" for n in range(9))
GOOD = difference(OLD, OLD.replace("5\n", "five\n"))
BAD: dict[str, tuple[str, bytes]] = {
    "other file": ("expected the head", GOOD.replace(b"x.h", b"y.h")),
    "no hunk": ("expected the head", GOOD.replace(b"@@", b"@")),
    "cut off": ("its head says 7 lines before", GOOD[:-3]),
    "other count": ("its head says 8 lines before", GOOD.replace(b"-3,7", b"-3,8")),
    "other place": ("expected line 4 of the original to be '2", GOOD.replace(b"-3,7", b"-4,7")),
    "behind the end": ("got the end of the file", GOOD.replace(b"-3,7", b"-300,7")),
    "other context": ("expected line 3 of the original to be 'two", GOOD.replace(b" 2", b" two")),
    "other line": ("expected line 6 of the original to be 'six", GOOD.replace(b"-5\n", b"-six\n")),
    "no mark": ("expected a line that begins with", GOOD.replace(b" 2\n", b"2\n")),
    "two hunks": ("expected a line that begins with", GOOD + b"@@ -9 +9 @@\n 8\n"),
    "no line end in the middle": (
        "stands before others",
        GOOD.replace(b" 2\n", b" 2\n\\ No newline at end of file\n"),
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_difference_that_does_not_fit_is_refused(what: str) -> None:
    """It is said at which line, what was expected, and what is there; the whole one fits."""
    said, raw = BAD[what]
    assert patched(OLD.encode(), GOOD, "x.h") == OLD.replace("5\n", "five\n").encode()
    with pytest.raises(RecordError, match=said):
        patched(OLD.encode(), raw, "x.h")


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, len(GOOD)), st.integers(0, len(GOOD)))
def test_any_difference_is_applied_or_refused(raw: bytes, start: int, stop: int) -> None:
    """No other error comes of bytes that are none."""
    for bad in (raw, GOOD[:start] + raw + GOOD[stop:]):
        try:
            patched(OLD.encode(), bad, "x.h")
        except RecordError:
            continue
