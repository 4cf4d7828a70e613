"""Other notebooks' .eln files open as far as they are RO-Crates; hostile ones cost little."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cli_runner import labkit
from foreign_files import crate, lines, listed, packed
from record_samples import FILES, NAME, new_key, sealed

from labkit.record.seal.archive import METADATA, SIGNATURE
from labkit.record.seal.foreign import open_foreign

PICTURE = bytes(range(256)) * 40
CSV = b"t,U\n0,1\n"


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
        "run/device/console.log, 13 bytes, hash ok",
        "run/record.json, 3 bytes, hash ok",
    ]


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


EXAMPLES = Path(
    os.environ.get("LABKIT_ELN_EXAMPLES", Path(__file__).resolve().parents[1] / "eln_examples")
)
"""Some of the ELN Consortium's published examples; the variable names a folder of all of them."""


@pytest.mark.parametrize("example", sorted(EXAMPLES.rglob("*.eln")), ids=lambda path: path.name)
def test_published_example_opens(example: Path) -> None:
    """Every file of it is shown, as Python's own zipfile reads it."""
    found = open_foreign(example.read_bytes())
    assert found.conforms_to[0].startswith("https://w3id.org/ro/crate/1.")
    with zipfile.ZipFile(example) as opened:
        contents = [opened.read(each) for each in opened.infolist() if not each.is_dir()]
    assert sorted(found.files.values()) == sorted(contents)
    shown = labkit("record", "show", example)
    assert (shown.code, shown.err) == (0, "")
    assert "NOT VERIFIED" in shown.out


def test_there_are_examples() -> None:
    """The twin: with none, nothing would be proved."""
    assert len(list(EXAMPLES.rglob("*.eln"))) >= 4
