"""Provably no secret: find what must not be in a record, redact what can be, refuse the rest.

::

    findings = find(files, known)          # every file, and what it comes to when it is decoded
    files = redact(files, findings)        # a macro, a token, a header: a fixed text instead
    refuse(find(files, known))             # whatever is left: nothing is written

What it knows of: the lab's own secrets (`Known`), in whatever form; private keys by their shape;
credentials by the words before them. What it cannot see: 32 bytes that nobody says are a key, what
is inside more than two encodings, and what is encrypted; an encrypted archive is refused.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict, deque
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from labkit.errors import SecretError
from labkit.record.scan.decoding import TooMuchError, View, views
from labkit.record.scan.known import Known, known_in
from labkit.record.scan.shapes import Hit, keys_in
from labkit.record.scan.words import credentials_in, macros_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_MOST_SHOWN = 20
_WHAT_TO_DO = (
    "Take it out where it came from (clear that output, delete that line, start the console log "
    "anew) and make the record again. If others have seen it, change it."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A secret in a file; it holds none of it.

    Attributes:
        file: the file's name.
        kind: what it is, such as "private key (PEM)".
        where: such as "line 12", "line 12, in base64", "cell 4, output 1" or "byte 80".
        placeholder: what may stand in its place; None where nothing may.
        span: what that replaces, first byte and one past the last; None where nothing does.
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
    """Search files for secrets, as they stand and decoded.

    Time is linear in the files, and bounded for what they are decoded to. Of a line that has
    something to redact only that is told; search once more after it is redacted.

    Args:
        files: content by name.
        known: the lab's own secrets.

    Returns:
        The findings, by file, each kind of a line once.
    """
    secrets = tuple(known)
    return [each for name in sorted(files) for each in _find_in(name, files[name], secrets)]


def redact(files: Mapping[str, bytes], findings: Iterable[Finding]) -> dict[str, bytes]:
    """Return the files with fixed texts in the place of what has a place-holder.

    Such a text is fit for where it stands: JSON stays JSON, and a macro's literal a literal.

    Args:
        files: those that were searched.
        findings: what `find` returned for them.
    """
    spans: defaultdict[str, dict[tuple[int, int], str]] = defaultdict(dict)
    for each in findings:
        if each.span is not None and each.placeholder is not None:
            spans[each.file][each.span] = each.placeholder
    return {name: _replaced(data, spans.get(name, {})) for name, data in files.items()}


def refuse(findings: Iterable[Finding]) -> None:
    """Refuse to go on where there is any finding.

    Raises:
        SecretError: there is one; each is told by file, place and kind, without its content.
    """
    lines = [f"  {each}" for each in findings]
    if not lines:
        return
    more = [f"  and {len(lines) - _MOST_SHOWN} more"] if len(lines) > _MOST_SHOWN else []
    raise SecretError(
        "\n".join(
            [
                "A secret would be in the record, so nothing was written. Found:",
                *lines[:_MOST_SHOWN],
                *more,
                _WHAT_TO_DO,
            ]
        )
    )


def without_secrets(
    files: Mapping[str, bytes], known: Iterable[Known] = ()
) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Return the files with what can be redacted redacted, and what that was, in words.

    Raises:
        SecretError: something is left that has no place-holder.
    """
    secrets = tuple(known)
    findings = find(files, secrets)
    clean = redact(files, findings)
    changed = {each.file for each in findings if each.placeholder is not None}
    refuse(
        [each for each in findings if each.file not in changed]
        + find({name: clean[name] for name in changed}, secrets)
    )
    return clean, tuple(str(each) for each in findings if each.placeholder is not None)


def refuse_secrets(files: Mapping[str, bytes], known: Iterable[Known] = ()) -> None:
    """Search files and refuse any secret in them.

    Raises:
        SecretError: as `refuse`.
    """
    refuse(find(files, known))


def _find_in(name: str, data: bytes, known: tuple[Known, ...]) -> list[Finding]:
    found = list(_search(name, data, known))
    return _by_cells(data, found, known) if found and name.endswith(".ipynb") else found


def _search(name: str, data: bytes, known: tuple[Known, ...]) -> Iterator[Finding]:
    told: set[tuple[str, str]] = set()
    try:
        for view in views(data):
            hits: Iterator[Hit] = chain(
                keys_in(view.data),
                known_in(view.data, known),
                credentials_in(view.data) if view.readable else (),
            )
            if not view.via:
                replaceable, hits = _sorted_out(chain(macros_in(name, data), hits), data)
                for hit in replaceable:
                    yield Finding(name, hit.kind, view.where(hit.start), hit.placeholder, hit[1:3])
                    told.update((_ANY, line) for line in _lines(view, hit))
            for hit in hits:
                where = view.where(hit.start)
                same = (hit.kind.partition(" (")[0], where)
                if same not in told and (_ANY, where) not in told:
                    told.add(same)
                    yield Finding(name, hit.kind, ", ".join((where, *map(_VIA.format, view.via))))
    except TooMuchError as error:
        yield Finding(name, str(error), "in it")


_ANY = "any"
"""Stands for every kind on a line that is to be redacted."""

_VIA = "in {}"


def _sorted_out(hits: Iterable[Hit], data: bytes) -> tuple[list[Hit], Iterator[Hit]]:
    """Return the hits that can be replaced, no two overlapping, and those outside of them."""
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
    """Yield every line on which some of a hit stands."""
    first, more = view.line(hit.start), view.data.count(b"\n", hit.start, hit.stop)
    return (f"line {line}" for line in range(first, first + more + 1))


def _replaced(data: bytes, spans: Mapping[tuple[int, int], str]) -> bytes:
    pieces, end = [], 0
    for (start, stop), text in sorted(spans.items()):
        pieces += [data[end:start], text.encode()]
        end = stop
    return b"".join([*pieces, data[end:]])


def _by_cells(data: bytes, found: list[Finding], known: tuple[Known, ...]) -> list[Finding]:
    """Say of findings in a page in which cell they stand, where that can be told."""
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
