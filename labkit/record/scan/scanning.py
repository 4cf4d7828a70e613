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
from bisect import bisect_left
from collections import defaultdict, deque
from dataclasses import dataclass, replace
from itertools import chain
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

    The time is linear in the size of the files, and bounded for what they decode to. On a line with
    something to redact nothing else is reported: search again after redacting.

    Args:
        files: content by name.
        known: the lab's own secrets.

    Returns:
        The findings, by file; each kind once per line.
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
    return clean, tuple(str(each) for each in findings if each.placeholder is not None)


def _redacted(files: Mapping[str, bytes], findings: Iterable[Finding]) -> dict[str, bytes]:
    spans: defaultdict[str, dict[tuple[int, int], str]] = defaultdict(dict)
    for each in findings:
        if each.span is not None and each.placeholder is not None:
            spans[each.file][each.span] = each.placeholder
    return {name: _replaced(data, spans.get(name, {})) for name, data in files.items()}


def _find_in(name: str, data: bytes, known: tuple[Known, ...]) -> list[Finding]:
    found = list(_search(name, data, known))
    return _by_cells(data, found, known) if found and name.endswith(".ipynb") else found


def _search(name: str, data: bytes, known: tuple[Known, ...]) -> Iterator[Finding]:
    reported: set[tuple[str, str]] = set()
    try:
        for view in views(data):
            hits: Iterator[Hit] = chain(
                keys_in(view.data),
                known_in(view.data, known),
                credentials_in(view.data) if view.readable else (),
            )
            if not view.via:
                replaceable, hits = _separated(chain(macros_in(name, data), hits), data)
                for hit in replaceable:
                    yield Finding(name, hit.kind, view.where(hit.start), hit.placeholder, hit[1:3])
                    reported.update((_ANY, line) for line in _lines(view, hit))
            for hit in hits:
                where = view.where(hit.start)
                same = (hit.kind.partition(" (")[0], where)
                if same not in reported and (_ANY, where) not in reported:
                    reported.add(same)
                    yield Finding(
                        name, hit.kind, ", ".join((where, *map("in {}".format, view.via)))
                    )
    except UnsearchableError as error:
        yield Finding(name, str(error), "in the file")


_ANY = "any"
"""Every kind, on a line that is redacted."""


def _separated(hits: Iterable[Hit], data: bytes) -> tuple[list[Hit], Iterator[Hit]]:
    """Return the hits that can be replaced, without overlaps, and those outside of them."""
    found = sorted(hits, key=lambda hit: (hit.start, -hit.stop))
    if b"\0" in data:
        return [], iter(found)
    kept: list[Hit] = []
    for hit in found:
        if hit.placeholder is None or (kept and hit.stop <= kept[-1].stop):
            continue
        overlaps = kept and hit.start < kept[-1].stop
        kept.append(hit._replace(start=kept.pop().start) if overlaps else hit)
    ends = [hit.stop for hit in kept]

    def outside(hit: Hit) -> bool:
        at = bisect_left(ends, hit.stop)
        return at == len(kept) or hit.start < kept[at].start

    return kept, (hit for hit in found if hit.placeholder is None and outside(hit))


def _lines(view: View, hit: Hit) -> Iterator[str]:
    """Yield every line that a hit touches."""
    first, more = view.line(hit.start), view.data.count(b"\n", hit.start, hit.stop)
    return (f"line {line}" for line in range(first, first + more + 1))


def _replaced(data: bytes, spans: Mapping[tuple[int, int], str]) -> bytes:
    pieces, end = [], 0
    for (start, stop), text in sorted(spans.items()):
        pieces += [data[end:start], text.encode()]
        end = stop
    return b"".join([*pieces, data[end:]])


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
