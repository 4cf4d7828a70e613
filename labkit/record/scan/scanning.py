"""Find secrets in the files of a record; redact them where a text can replace them, or refuse.

::

    files, redacted = without_secrets(files, known)    # SecretError if something cannot be redacted
    refuse(find(files, known))

Found are: the secrets that the lab knows (`known`), private keys by their shape (`shapes`), and
credentials by the words before them (`words`), in every view of a file (`decoding`). Not found are:
32 bytes that nothing marks as a key, anything inside more than two encodings, and anything that is
encrypted. Archives are refused.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from labkit.errors import SecretError
from labkit.record.scan.decoding import UnsearchableError, View, views
from labkit.record.scan.known import Known, known_in
from labkit.record.scan.shapes import Hit, keys_in
from labkit.record.scan.words import credentials_in, macros_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_MOST_SHOWN = 20
_NEXT_STEP = (
    "Remove each one at its source: clear the cell's output, delete the line, move the archive, or "
    "start a new console log. Then make the record again. If others have seen a secret, change it."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A secret in a file. The secret itself is not in it.

    Attributes:
        file: the file's name.
        kind: what it is, such as "private key (PEM)".
        where: such as "line 12", "line 12, in base64", "cell 4, output 1" or "byte 80".
        placeholder: the text that can replace it; None if it cannot be redacted.
        span: the bytes that the text replaces, start and stop; None if it cannot be redacted.
    """

    file: str
    kind: str
    where: str
    placeholder: str | None = None
    span: tuple[int, int] | None = None

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.file}, {self.where}: {self.kind}"


def find(files: Mapping[str, bytes], known: Iterable[Known] = ()) -> list[Finding]:
    """Search files for secrets, as they are and decoded.

    The time is linear in the size of the files, and bounded for what they decode to.

    Args:
        files: content by name.
        known: the lab's own secrets.

    Returns:
        The findings, by file; of those that cannot be redacted, each kind once per line.
    """
    secrets = tuple(known)
    return [each for name in sorted(files) for each in _find_in(name, files[name], secrets)]


def refuse(findings: Iterable[Finding]) -> None:
    """Refuse files with secrets.

    Raises:
        SecretError: there is a finding. Each is listed with file, place and kind, never its value.
    """
    lines = [f"  {each}" for each in findings]
    if not lines:
        return
    more = [f"  and {len(lines) - _MOST_SHOWN} more"] if len(lines) > _MOST_SHOWN else []
    head = "The record would contain secrets, so it was not written:"
    raise SecretError("\n".join([head, *lines[:_MOST_SHOWN], *more, _NEXT_STEP]))


def without_secrets(
    files: Mapping[str, bytes], known: Iterable[Known] = ()
) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Redact files.

    A redacted file keeps its format: JSON stays JSON, and a macro's value stays a literal.

    Args:
        files: content by name.
        known: the lab's own secrets.

    Returns:
        The files, and a line for each secret that was redacted.

    Raises:
        SecretError: a secret cannot be redacted.
    """
    secrets = tuple(known)
    findings = find(files, secrets)
    clean = _redacted(files, findings)
    changed = {each.file for each in findings if each.placeholder is not None}
    refuse(
        [each for each in findings if each.file not in changed]
        + find({name: clean[name] for name in changed}, secrets)
    )
    redacted = dict.fromkeys(str(each) for each in findings if each.placeholder is not None)
    return clean, tuple(redacted)


def _redacted(files: Mapping[str, bytes], findings: Iterable[Finding]) -> dict[str, bytes]:
    spans: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for each in findings:
        if each.span is not None and each.placeholder is not None:
            spans[each.file].append((*each.span, each.placeholder))
    return {name: _replaced(data, spans[name]) for name, data in files.items()}


def _replaced(data: bytes, spans: list[tuple[int, int, str]]) -> bytes:
    """Replace each span; of spans that overlap, the first one's text replaces them all."""
    pieces, end = [], 0
    for start, stop, text in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= end:
            pieces += [data[end:start], text.encode()]
        end = max(end, stop)
    return b"".join([*pieces, data[end:]])


def _find_in(name: str, data: bytes, known: tuple[Known, ...]) -> list[Finding]:
    found = list(_search(name, data, known))
    return _by_cells(data, found, known) if found and name.endswith(".ipynb") else found


def _search(name: str, data: bytes, known: tuple[Known, ...]) -> Iterator[Finding]:
    reported: set[tuple[str, str]] = set()
    try:
        for view in views(data):
            for hit in _hits(name, view, known):
                where = view.where(hit.start)
                if hit.placeholder and not view.via and b"\0" not in data:
                    yield Finding(name, hit.kind, where, hit.placeholder, (hit.start, hit.stop))
                elif (hit.kind.partition(" (")[0], where) not in reported:
                    yield Finding(
                        name, hit.kind, ", ".join((where, *map("in {}".format, view.via)))
                    )
                reported.add((hit.kind.partition(" (")[0], where))
    except UnsearchableError as error:
        yield Finding(name, str(error), "in the file")


def _hits(name: str, view: View, known: tuple[Known, ...]) -> Iterator[Hit]:
    if not view.via:
        yield from macros_in(name, view.data)
    yield from keys_in(view.data)
    yield from known_in(view.data, known)
    if view.readable:
        yield from credentials_in(view.data)


def _by_cells(data: bytes, found: list[Finding], known: tuple[Known, ...]) -> list[Finding]:
    """Replace the lines of findings in a page by its cells, where the cell is known."""
    cells: defaultdict[str, deque[str]] = defaultdict(deque)
    for where, part in _cells(data):
        for each in _search("", part, known):
            cells[each.kind].append(where)
    return [
        replace(each, where=cells[each.kind].popleft()) if cells[each.kind] else each
        for each in found
    ]


def _cells(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the source and each output of a page's cells, counted from 1."""
    try:
        cells = json.loads(data)["cells"]
        for number, cell in enumerate(cells, start=1):
            yield f"cell {number}, source", _part(cell.get("source"))
            for count, output in enumerate(cell.get("outputs", ()), start=1):
                yield f"cell {number}, output {count}", _part(output)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return


def _part(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode("utf-8", "surrogateescape")
