"""Other notebooks' .eln files open as far as they are RO-Crates; hostile ones cost little."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_samples import FILES, NAME, new_key, sealed

from labkit.errors import RecordError
from labkit.record.archive import METADATA, SIGNATURE
from labkit.record.foreign import open_foreign
from labkit.record.foreign_zip import LARGEST_UNPACKED, MOST_ENTRIES, unpack
from labkit.record.metadata import LARGEST
from labkit.record.zip_form import CENTRAL, END, LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable

PICTURE = bytes(range(256)) * 40
CSV = b"t,U\n0,1\n"


def crate(version: str = "1.1", *more: dict[str, Any], **root: object) -> bytes:
    """Return metadata as electronic lab notebooks write it."""
    about = {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": f"https://w3id.org/ro/crate/{version}"},
        "sdPublisher": {"@id": "#publisher"},
    }
    told = {"@id": "./", "@type": "Dataset", "hasPart": [{"@id": "./Ein Versuch/"}]} | root
    run = {"@id": "./Ein Versuch/", "@type": "Dataset", "name": "Ein Versuch"}
    return json.dumps({"@context": "", "@graph": [about, told, run, *more]}).encode()


def listed(path: str, raw: bytes, **other: object) -> dict[str, Any]:
    """Return the entity of a file."""
    size, digest = len(raw), hashlib.sha256(raw).hexdigest()
    return {"@id": path, "@type": "File", "contentSize": size, "sha256": digest} | other


def packed(
    files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b""
) -> bytes:
    """Return a ZIP by Python's own module."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as opened:
        for path, raw in files.items():
            opened.writestr(path, raw)
        opened.comment = comment
    return made.getvalue()


class Pipe(io.RawIOBase):
    """A file that cannot be wound back, so that sizes come behind the contents (flag 3)."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, raw: Any) -> int:  # noqa: ANN401 a buffer
        """Take what is written."""
        self.written += raw
        return len(raw)


def lines(data: bytes) -> list[str]:
    """Return what is shown of a file, each line as one text."""
    return [f"{name}: {value}" for name, value in open_foreign(data).lines()]


def test_export_in_the_shape_of_elabftw_opens() -> None:
    """Deflated, names in UTF-8 with blanks and a double slash, sizes behind, a preview page.

    Source: TheELNConsortium/TheELNFileFormat, examples/elabftw/export.eln.
    """
    metadata = crate(
        "1.2",
        listed("./Ein Versuch/Bild ü.png", PICTURE),
        {"@id": "#lizenz", "name": "CC BY 4.0"},
        {"@id": "#jane", "@type": "Person", "name": "Jane"},
        name="eLabFTW export",
        datePublished="2025-09-16T10:37:31+02:00",
        license={"@id": "#lizenz"},
        author=[{"@id": "#jane"}, {"@id": "https://orcid.org/0"}],
    )
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("2025-export/Ein Versuch//Bild ü.png", PICTURE)
        opened.writestr("2025-export/ro-crate-preview.html", b"<html>")
        opened.writestr(f"2025-export/{METADATA}", metadata)
    found = open_foreign(bytes(pipe.written))
    assert (found.name, found.conforms_to) == ("2025-export", ("https://w3id.org/ro/crate/1.2",))
    assert found.files == {
        "Ein Versuch/Bild ü.png": PICTURE, "ro-crate-preview.html": b"<html>", METADATA: metadata,
    }  # fmt: skip
    assert list(found.lines()) == [
        ("crate", "2025-export"),
        ("NOT VERIFIED", "nothing says that it is as its maker left it"),
        ("conforms to", "https://w3id.org/ro/crate/1.2"),
        ("title", "eLabFTW export"),
        ("published", "2025-09-16T10:37:31+02:00"),
        ("licence", "CC BY 4.0"),
        ("author", "Jane, https://orcid.org/0"),
        ("signature", "none"),
        ("entities", "6"),
        ("file", "Ein Versuch/Bild ü.png, 10240 bytes, hash ok"),
        ("file", "ro-crate-preview.html, 6 bytes, not listed"),
    ]


def test_export_in_the_shape_of_sampledb_opens() -> None:
    """Stored, deep, with a comment, and signed with a URL as the trusted comment.

    Source: TheELNConsortium/TheELNFileFormat, examples/SampleDB/sampledb_export.eln.
    """
    signature = b"untrusted comment: x\nRU\ntrusted comment: http://localhost/keys.json\nAA=="
    deep = "objects/7/versions/0/data.json"
    metadata = crate("1.2", listed(f"./{deep}", b"{}"))
    files = {deep: b"{}", SIGNATURE: signature, METADATA: metadata}
    data = packed({f"export/{path}": raw for path, raw in files.items()}, 0, b"a comment")
    assert open_foreign(data).files == files
    assert "signature: is there, is not checked, and says http://localhost/keys.json" in lines(data)
    assert f"file: {deep}, 2 bytes, hash ok" in lines(data)


def test_what_does_not_agree_is_told() -> None:
    """Files that differ, are missing, unlisted, elsewhere on the web or outside, and doubles."""
    metadata = crate(
        "1.1",
        listed("./a%20b.csv", CSV),
        listed("changed.csv", CSV),
        listed("./md5.csv", CSV, sha256="d41d8cd98f00b204e9800998ecf8427e"),
        listed("./none.csv", CSV, sha256=None),
        listed("./gone.csv", CSV),
        listed("https://example.org/x.csv", CSV),
        {"@id": "#x"}, {"@id": "#x"}, {"@id": "#x"},
    )  # fmt: skip
    files = {
        "a b.csv": CSV,
        "changed.csv": b"",
        "md5.csv": CSV,
        "none.csv": CSV,
        METADATA: metadata,
    }
    data = packed({f"r/{path}": raw for path, raw in files.items()} | {"__MACOSX/x": b""})
    assert lines(data)[5:] == [
        "file: a b.csv, 8 bytes, hash ok",
        "file: changed.csv, 0 bytes, HASH DIFFERS",
        "file: md5.csv, 8 bytes, listed with a sha256 that is none",
        "file: none.csv, 8 bytes, listed without a hash",
        "missing: gone.csv: is listed, and not there",
        "twice: #x: more than one entity has this @id; the first counts",
        "outside: __MACOSX/x: is not in the root folder",
    ]


def test_crate_without_a_root_folder_opens() -> None:
    """It is an RO-Crate, if no .eln file."""
    found = open_foreign(packed({METADATA: crate(), "a.csv": CSV}))
    assert (found.name, found.files["a.csv"]) == ("", CSV)


def test_record_of_ours_opens_too() -> None:
    """`show` needs no key."""
    found = open_foreign(sealed(new_key()[0]))
    assert found.name == NAME
    assert {path: found.files[path] for path in FILES} == FILES
    assert [value for name, value in found.lines() if name == "file"] == [
        "run/device/console.log, 13 bytes, hash ok", "run/record.json, 3 bytes, hash ok",
    ]  # fmt: skip


def test_hostile_text_does_not_reach_a_terminal() -> None:
    """Control characters and long texts are shown as one short, plain line."""
    data = packed({f"r\u202e/{METADATA}": crate("1.1\x1b]0;x\x07", name="a\x1b[2J\nb" * 1000)})
    shown = "\n".join(lines(data))
    assert "title: a [2J ba [2J b" in shown
    assert not [c for c in shown.replace("\n", "") if not c.isprintable()]
    assert max(map(len, lines(data))) < 250
    many = packed({f"r/{n}": b"" for n in range(500)} | {f"r/{METADATA}": crate()})
    assert len(lines(many)) < 120
    assert lines(many)[-1] == ": and 400 more"


def patched(data: bytes, mark: bytes, offset: int, raw: bytes) -> bytes:
    """Return a ZIP with other bytes behind the last of its marks."""
    at = data.rindex(mark) + offset
    return data[:at] + raw + data[at + len(raw) :]


ONE = packed({f"r/{METADATA}": crate(), "r/a": b"a" * 1000})
TWO = packed({f"r/{METADATA}": crate(), f"s/{METADATA}": crate()})
TINY = packed({"r/a": b"a", "r/b": b"b"}, 0)


def lying(size: int, content: bytes = b"\0" * 1000) -> bytes:
    """Return a ZIP whose file is told to have another size than it has, in both places."""
    data = packed({"r/a": content})
    told = struct.pack("<I", size)
    return patched(patched(data, b"PK\1\2", 24, told), b"PK\3\4", 22, told)


def overlapping() -> bytes:
    """Return a ZIP of which two entries share the same bytes."""
    one = packed({"r/a": b"\0" * 100_000})
    begin = one.rindex(b"PK\1\2")
    entry, name = bytearray(one[begin : begin + CENTRAL.size]), one[begin + CENTRAL.size :][:3]
    entries = bytes(entry) + name + bytes(entry) + b"r/b"
    end = END.pack(b"PK\5\6", 0, 0, 2, 2, len(entries), begin, 0)
    return one[:begin].replace(b"r/a", b"r/a") + entries + end


def nested_overlap() -> bytes:
    """Return a ZIP whose first file's bytes hold the second file, as the best bombs have it."""
    inner = LOCAL.pack(b"PK\3\4", 20, 0, 0, 0, 0, zlib.crc32(b"b"), 1, 1, 3, 0) + b"r/bb"
    head = LOCAL.pack(b"PK\3\4", 20, 0, 0, 0, 0, zlib.crc32(inner), len(inner), len(inner), 3, 0)
    body = head + b"r/a" + inner
    first = (0, 20, 20, 0, 0, 0, 0, zlib.crc32(inner), len(inner), len(inner), 3)
    second = (0, 20, 20, 0, 0, 0, 0, zlib.crc32(b"b"), 1, 1, 3)
    entries = b""
    for fields, name, at in ((first, b"r/a", 0), (second, b"r/b", LOCAL.size + 3)):
        entries += CENTRAL.pack(b"PK\1\2", *fields[1:], 0, 0, 0, 0, 0, at) + name
    return body + entries + END.pack(b"PK\5\6", 0, 0, 2, 2, len(entries), len(body), 0)


def damaged() -> bytes:
    """Return a ZIP whose deflated bytes are none."""
    data = packed({"r/a": b"\0" * 1000})
    return data[:33] + b"\xff" * 4 + data[37:]


def into_the_directory() -> bytes:
    """Return a ZIP whose last file reaches into the directory."""
    size = struct.pack("<II", 40, 40)
    return patched(patched(TINY, b"PK\3\4", 18, size), b"PK\1\2", 20, size)


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
from labkit.record.foreign import open_foreign
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
def test_any_metadata_is_shown_or_refused(entities: list[Any], root: Any, about: Any) -> None:  # noqa: ANN401
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


if EXAMPLES := os.environ.get("LABKIT_ELN_EXAMPLES"):

    @pytest.mark.parametrize("example", sorted(Path(EXAMPLES).rglob("*.eln")), ids=lambda p: p.name)
    def test_published_example_opens(example: Path) -> None:
        """LABKIT_ELN_EXAMPLES names a copy of TheELNConsortium/TheELNFileFormat's examples/."""
        found = open_foreign(example.read_bytes())
        assert found.conforms_to[0].startswith("https://w3id.org/ro/crate/1.")
        with zipfile.ZipFile(example) as opened:
            contents = [opened.read(each) for each in opened.infolist() if not each.is_dir()]
        assert sorted(found.files.values()) == sorted(contents)
