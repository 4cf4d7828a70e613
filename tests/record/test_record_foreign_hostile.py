"""Hostile and broken .eln files are refused, and cost little."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from foreign_files import (
    ONE,
    TINY,
    TWO,
    crate,
    damaged,
    into_the_directory,
    lines,
    lying,
    nested_overlap,
    overlapping,
    packed,
    patched,
)
from hypothesis import given
from hypothesis import strategies as st

from labkit.errors import RecordError
from labkit.record.seal.archive import METADATA
from labkit.record.seal.foreign import open_foreign
from labkit.record.seal.foreign_zip import LARGEST_UNPACKED, MOST_ENTRIES, unpack
from labkit.record.seal.metadata import LARGEST

if TYPE_CHECKING:
    from collections.abc import Callable

BOMB = packed({f"r/{n}": b"\0" * (LARGEST_UNPACKED // 4) for n in range(5)})
"""A ZIP of 320 MiB of zeros, which says so."""

HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("expected a ZIP", lambda: b""),
    "no ZIP": ("expected a ZIP", lambda: b"%PDF-1.7" * 100),
    "cut": ("expected a ZIP", lambda: ONE[:-1]),
    "tail": ("expected a ZIP", lambda: ONE + b"tail"),
    "in front": ("whose directory ends here", lambda: b"front" + ONE),
    "no crate": ("without it", lambda: packed({"r/a": b""})),
    "empty": ("a ZIP of 0 files", lambda: packed({})),
    "too deep": ("without it", lambda: packed({f"r/s/{METADATA}": crate()})),
    "two crates": ("got 2: 'r', 's'", lambda: TWO),
    "no JSON": ("it is none at line 1", lambda: packed({f"r/{METADATA}": b"{"})),
    "climbs": ("climb out", lambda: packed({"r/../../x": b""})),
    "climbs at last": ("climb out", lambda: packed({"r/..": b""})),
    "absolute": ("climb out", lambda: packed({"/etc/passwd": b""})),
    "drive": ("climb out", lambda: packed({"C:/x": b""})),
    "backslash": ("climb out", lambda: TINY.replace(b"r/a", b"r\\a")),
    "control": ("climb out", lambda: TINY.replace(b"r/a", b"r\x1ba")),
    "long path": ("1 to 1000 characters", lambda: packed({"r/" + "x" * 2000: b""})),
    "many folders": ("at most 64 folders", lambda: packed({"r/" * 80 + "x": b""})),
    "twice": ("twice", lambda: TINY.replace(b"r/b", b"r/a")),
    "other name": ("do not agree", lambda: patched(TINY, b"PK\3\4", 30, b"r/c")),
    "other size": ("do not agree", lambda: patched(TINY, b"PK\3\4", 22, b"\2")),
    "other method": ("do not agree", lambda: patched(TINY, b"PK\3\4", 8, b"\x08")),
    "CRC": ("expected the CRC-32", lambda: patched(TINY, b"PK\1\2", 16, b"\0")),
    "encrypted": ("is encrypted", lambda: patched(TINY, b"PK\1\2", 8, b"\1")),
    "bzip2": ("got packing method 12", lambda: packed({"r/a": b"a"}, zipfile.ZIP_BZIP2)),
    "not deflated": ("cannot be inflated", damaged),
    "longer than told": ("expected 10 bytes, as the ZIP says, got more", lambda: lying(10)),
    "shorter than told": ("expected 2000 bytes", lambda: lying(2000)),
    "larger than may be": ("together, got 4294967294", lambda: lying(0xFFFFFFFE)),
    "header elsewhere": ("expected its header", lambda: patched(TINY, b"PK\1\2", 42, b"\1")),
    "header far": ("expected its header", lambda: patched(TINY, b"PK\1\2", 42, b"\xff" * 3)),
    "entries of one": ("do not agree", overlapping),
    "file in a file": ("over 'r/b' at offset 33", nested_overlap),
    "into the directory": ("over 'the directory'", into_the_directory),
    "ZIP64": ("got a ZIP64", lambda: patched(TINY, b"PK\5\6", 10, b"\xff\xff")),
    "other disk": ("in one piece", lambda: patched(TINY, b"PK\5\6", 4, b"\1")),
    "more told": ("entry 3 of 3", lambda: patched(TINY, b"PK\5\6", 8, b"\3\0\3")),
    "fewer told": ("end of the ZIP's directory", lambda: patched(TINY, b"PK\5\6", 8, b"\1\0\1")),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_or_broken_file_is_refused(what: str) -> None:
    """With what it is; whole ones of the same shape open."""
    said, data = HOSTILE[what]
    with pytest.raises(RecordError, match=re.escape(said)):
        open_foreign(data())
    assert open_foreign(ONE).files["a"] == b"a" * 1000
    assert unpack(TINY) == {"r/a": b"a", "r/b": b"b"}


def peak(data: bytes) -> int:
    """Return how many bytes refusing a file takes at most."""
    tracemalloc.start()
    try:
        with pytest.raises(RecordError):
            open_foreign(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_zip_bomb_is_refused_before_it_is_inflated() -> None:
    """A file that tells its size, one that lies about it, and many that share their bytes."""
    assert len(BOMB) < 2 << 20
    assert peak(BOMB) < 1 << 20
    assert peak(lying(1000, b"\0" * (64 << 20))) < 1 << 20


def test_many_entries_are_refused_before_they_are_read() -> None:
    """Ten thousand; as many as may be are read, if they are the right ones."""
    many = packed({f"r/{n:05}": b"" for n in range(10_000)}, 0)
    with pytest.raises(RecordError, match=f"at most {MOST_ENTRIES} entries, got 10000"):
        open_foreign(many)
    assert peak(many) < 1 << 20
    allowed = {f"r/{n:05}": b"" for n in range(MOST_ENTRIES - 1)} | {f"r/{METADATA}": crate()}
    assert len(open_foreign(packed(allowed, 0)).files) == MOST_ENTRIES


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 1_000_000,
        b'{"a":' * 500_000,
        b'"' + b'\\"' * 1_000_000,
        pytest.param(b'{"@graph": [' + b"[]," * 1_000_000 + b"[]]}", marks=pytest.mark.slow),
        pytest.param(b'{"@graph": [' + b'{"@id":"a"},' * 200_000 + b"{}]}", marks=pytest.mark.slow),
        b"9" * 4_000_000,
        b" " * (LARGEST + 1),
    ],
    ids=["lists", "objects", "string", "empty lists", "entities", "number", "blanks"],
)
def test_giant_metadata_costs_bounded_memory(raw: bytes) -> None:
    """However it is made, reading it takes less than 200 MB, and ends in an error."""
    assert peak(packed({f"r/{METADATA}": raw})) < 200 << 20


BOUNDED = """
import resource, sys
from pathlib import Path
from labkit.errors import RecordError
from labkit.record.seal.foreign import open_foreign
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (150 << 20),) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
try:
    open_foreign(sys.stdin.buffer.read())
except RecordError as error:
    print(error)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's limits")
def test_bomb_is_refused_where_memory_is_short() -> None:
    """In a process that may take 300 MB and 20 s, 1 GB of zeros is refused, as is one that lies."""
    zeros = packed({f"r/{n}": b"\0" * (128 << 20) for n in range(8)})
    for data, said in (
        (zeros, "together, got 1073741824"),
        (lying(10, b"\0" * (64 << 20)), "more"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", BOUNDED], input=data, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert said in done.stdout.decode()


@given(st.binary(max_size=500) | st.binary(max_size=99).map(lambda raw: raw + ONE[-22:]))
def test_any_bytes_are_refused_without_another_error(raw: bytes) -> None:
    """Opening what is no .eln file gives a RecordError."""
    with pytest.raises(RecordError):
        open_foreign(raw)


@given(st.integers(0, len(ONE) - 1), st.integers(1, 255))
def test_any_damage_is_refused_or_changes_no_content(at: int, by: int) -> None:
    """One byte more or less: what opens has the same contents, since each has its check sum."""
    damaged = ONE[:at] + bytes([ONE[at] ^ by]) + ONE[at + 1 :]
    try:
        found = open_foreign(damaged)
    except RecordError:
        return
    assert sorted(found.files.values()) == sorted(open_foreign(ONE).files.values())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["@id", "@type", "about", "conformsTo", "name", "license", "sha256"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=3), JSON, JSON)
def test_any_metadata_is_shown_or_refused(entities: list[Any], root: Any, about: Any) -> None:  # noqa: ANN401 JSON of any kind
    """Whatever its properties hold: lines of text, or a RecordError."""
    graph = json.loads(crate())["@graph"]
    if isinstance(root, dict):
        graph[1] |= {key: value for key, value in root.items() if key != "@id"}
    graph[0]["conformsTo"] = about
    raw = json.dumps(
        {"@graph": graph + [{"@id": str(n), "@type": each} for n, each in enumerate(entities)]}
    )
    shown = lines(packed({f"r/{METADATA}": raw.encode()}))
    assert shown[0] == "crate: r"
    assert all(line.isprintable() for line in shown)
