"""Other notebooks' .eln files, honest and hostile, for the tests that open them."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
import zlib
from typing import Any

from labkit.record.seal.archive import METADATA
from labkit.record.seal.foreign import open_foreign
from labkit.record.seal.zip_form import CENTRAL, END, LOCAL


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


def lines(data: bytes) -> list[str]:
    """Return what is shown of a file, each line as one text."""
    return [f"{name}: {value}" for name, value in open_foreign(data).lines()]


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
