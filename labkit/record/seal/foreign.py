"""Opening an .eln file of anybody's, as far as it is an RO-Crate; nothing is verified.

Source: The ELN Consortium, Specification for the ELN file format; RO-Crate 1.1 and 1.2, "Root Data
Entity", "Data Entities".
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from labkit.errors import RecordError
from labkit.record.seal.archive import LARGEST, METADATA, SIGNATURE
from labkit.record.seal.foreign_zip import unpack
from labkit.record.seal.metadata import Metadata, is_a, read_metadata, references
from labkit.record.seal.zip_form import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Foreign", "open_foreign"]

_LONGEST_VALUE = 200
_MOST_LINES = 100
"""Files and entities that are told one by one."""

_FACTS = {
    "name": "title",
    "identifier": "identifier",
    "datePublished": "published",
    "dateModified": "modified",
    "description": "description",
    "license": "licence",
    "author": "author",
    "creator": "creator",
}
"""What the root dataset may tell, and what a line calls it."""


@dataclass(frozen=True, slots=True, repr=False)
class Foreign:
    """What an .eln file holds.

    Attributes:
        name: its root folder's name, empty where the crate lies in the ZIP itself.
        files: contents by path inside of the root folder, metadata and signature among them.
        metadata: what `ro-crate-metadata.json` tells.
        outside: the paths outside of the root folder, where nothing should be.
    """

    name: str
    files: Mapping[str, bytes]
    metadata: Metadata
    outside: tuple[str, ...]

    @property
    def conforms_to(self) -> tuple[str, ...]:
        """What it says it conforms to, such as https://w3id.org/ro/crate/1.1."""
        return self.metadata.conforms_to

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield name and value of what there is to show, safe for a terminal."""
        yield "crate", _plain(self.name) or "lies in the ZIP itself, without a root folder"
        yield "NOT VERIFIED", "nothing says that it is as its maker left it"
        yield "conforms to", ", ".join(map(_plain, self.conforms_to)) or "not told"
        for told, name in _FACTS.items():
            if value := self._value(self.metadata.root.get(told)):
                yield name, value
        yield "signature", self._signature()
        yield "entities", str(len(self.metadata.entities))
        yield from _first(list(self._file_lines()))

    def _signature(self) -> str:
        """Return whether there is one; its trusted comment should tell where the keys are."""
        if SIGNATURE not in self.files:
            return "none"
        comment = re.search(rb"^trusted comment: (.*)$", self.files[SIGNATURE], re.MULTILINE)
        told = f", and says {_plain(comment[1].decode(errors='replace'))}" if comment else ""
        return f"is there, is not checked{told}"

    def _file_lines(self) -> Iterator[tuple[str, str]]:
        listed = self._listed()
        for path, raw in sorted(self.files.items()):
            if path not in (METADATA, SIGNATURE):
                hashed = _hashed(listed.get(path), raw)
                yield "file", f"{_plain(path)}, {len(raw)} bytes, {hashed}"
        for path in sorted(listed.keys() - self.files.keys()):
            if not re.match(r"[a-z][a-z0-9+.-]*://", path):
                yield "missing", f"{_plain(path)}: is listed, and not there"
        for name in dict.fromkeys(self.metadata.twice):
            yield "twice", f"{_plain(name)}: more than one entity has this @id; the first counts"
        for path in self.outside:
            yield "outside", f"{_plain(path)}: is not in the root folder"

    def _listed(self) -> dict[str, Mapping[str, object]]:
        """Return the files that the metadata lists, by the paths that they are found at."""
        listed = {}
        for name, told in self.metadata.entities.items():
            if is_a(told, "File"):
                path = _path(name)
                listed[path if path in self.files else _path(unquote(name))] = told
        return listed

    def _value(self, value: object) -> str:
        """Return a property's value in words: text, or the names of those it refers to."""
        entities = self.metadata.entities
        names = [entities.get(each, {}).get("name", each) for each in references(value)]
        texts = [value] if isinstance(value, str | int | float) else names
        return _plain(", ".join(str(each) for each in texts))


def open_foreign(data: bytes) -> Foreign:
    """Open an .eln file, in bounded time and memory.

    Args:
        data: the whole file.

    Raises:
        RecordError: it is no ZIP with an RO-Crate, hostile, or larger than it may be.
    """
    if len(data) > LARGEST:
        raise RecordError(f"expected an .eln file of at most {LARGEST} bytes, got {len(data)}.")
    files = {_path(path): raw for path, raw in unpack(data).items()}
    name = _root(files)
    start = f"{name}/" if name else ""
    inside = {path[len(start) :]: raw for path, raw in files.items() if path.startswith(start)}
    outside = tuple(sorted(path for path in files if not path.startswith(start)))
    return Foreign(name, inside, read_metadata(inside[METADATA]), outside)


def _root(files: Mapping[str, bytes]) -> str:
    """Return the folder that is a crate."""
    folders = [path.split("/")[0] for path in files if path.partition("/")[2] == METADATA]
    if len(folders) > 1:
        raise RecordError(
            f"expected one crate in an .eln file, got {len(folders)}: "
            f"{', '.join(map(shown, sorted(folders)[:3]))}. Pack each by itself."
        )
    if not folders and METADATA not in files:
        raise RecordError(
            f"expected an .eln file: a ZIP with one folder that holds {METADATA}, got a ZIP "
            f"of {len(files)} files without it."
        )
    return folders[0] if folders else ""


def _path(name: str) -> str:
    """Return a path or an `@id` in one form: some exports have `./` or `//` in it."""
    return name if "://" in name else re.sub("/+", "/", name).removeprefix("./")


def _hashed(told: Mapping[str, object] | None, raw: bytes) -> str:
    if told is None:
        return "not listed"
    listed = str(told.get("sha256") or "").lower()
    if not re.fullmatch("[0-9a-f]{64}", listed):
        return "listed with a sha256 that is none" if listed else "listed without a hash"
    return "hash ok" if listed == hashlib.sha256(raw).hexdigest() else "HASH DIFFERS"


def _plain(text: str) -> str:
    """Return text on one line, shortened, without what moves a terminal's cursor."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST_VALUE else f"{line[:_LONGEST_VALUE]}..."


def _first(lines: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield "", f"and {len(lines) - _MOST_LINES} more"
