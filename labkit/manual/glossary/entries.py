"""The entries of the glossary, as tables on a page and as text in a terminal, and the look-up."""

from __future__ import annotations

import difflib
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from labkit.diagnosis import CAUSES, CODES, PLACES, Code, causes_of
from labkit.errors import ManualError
from labkit.manual.glossary.terms import TERMS

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE: Final = "12-glossary.ipynb"
_WIDTH = 92
_CAUSES: Final = "causes"
"""The heading of a paragraph that lists causes."""
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    Attributes:
        name: the term, code or cause; its heading on the page.
        paragraphs: the heading and the Markdown text of each paragraph.
    """

    name: str
    paragraphs: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        """Return the entry as text."""
        lines = [self.name]
        for head, text in self.paragraphs:
            lines.append(
                textwrap.fill(
                    f"{head}: {text}",
                    _WIDTH,
                    initial_indent="    ",
                    subsequent_indent="    ",
                    break_on_hyphens=False,
                    break_long_words=False,
                )
            )
        return "\n".join(lines)

    def _repr_markdown_(self) -> str:
        """Return the entry with a heading that other pages can link to."""
        lines = [f"### {self.name}", ""]
        lines += [f"**{head}:** {_linked(head, text)}\n" for head, text in self.paragraphs]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Entries:
    """Several entries.

    Attributes:
        entries: the entries, in the order of the page.
        have_headings: whether each has a heading of its own, instead of one table.
    """

    entries: tuple[Entry, ...]
    have_headings: bool = False

    def __repr__(self) -> str:
        """Return the entries as text."""
        return "\n\n".join(map(repr, self.entries))

    def _repr_markdown_(self) -> str:
        """Return a table, or the entries with headings that other pages can link to."""
        if self.have_headings:
            return "\n".join(each._repr_markdown_() for each in self.entries)
        heads = list(dict.fromkeys(head for each in self.entries for head, _ in each.paragraphs))
        rows = [
            f"| {' | '.join(['name', *heads])} |",
            f"| {' | '.join(['---'] * (len(heads) + 1))} |",
        ]
        for each in self.entries:
            found = dict(each.paragraphs)
            cells = [_cell(_linked(head, found.get(head, ""))) for head in heads]
            rows.append(f"| {' | '.join([f'**{_cell(each.name)}**', *cells])} |")
        return "\n".join(rows)


def causes(place: str) -> Entries:
    """Return the causes that are fixed in one place.

    Args:
        place: a name in `labkit.diagnosis.PLACES`, such as "the account".

    Raises:
        ManualError: there is no such place.
    """
    return Entries(tuple(map(_cause, _known(PLACES, place))), have_headings=True)


def codes(of: str) -> Entries:
    """Return the codes of "TLS", "provisioning", "MQTT" or "the network".

    Raises:
        ManualError: there are no codes of that name.
    """
    owners = {each.of: each for each in CODES}
    _known(owners, of)
    return Entries(tuple(_code(each) for each in CODES if each.of == of))


def terms(field: str) -> Entries:
    """Return the terms of one field, such as "the device".

    Raises:
        ManualError: there is no such field.
    """
    return Entries(tuple(_term(name, text) for name, text in _known(TERMS, field).items()))


def look_up(what: str) -> Entry:
    """Return the entry of a cause, a code in any notation, or a term.

    Args:
        what: for example "no-policy", "0x7780", "-30848" or "SNI".

    Raises:
        ManualError: the glossary has no such entry; the message names similar ones.
    """
    entries = {name.lower(): entry for name, entry in _all().items()}
    wanted = what.strip().lower()
    if wanted in entries:
        return entries[wanted]
    near = difflib.get_close_matches(wanted, entries, 3)
    hint = f"Similar entries: {', '.join(near)}." if near else f"{PAGE} lists all entries."
    raise ManualError(f"the glossary does not hold {what[:60]!r}. {hint}")


def link(cause: str) -> str:
    """Return the link from another page to the explanation of a cause, code or term.

    Raises:
        ManualError: the glossary has no such entry.
    """
    heading = _heading_of(look_up(cause).name)
    return f"{PAGE}#{heading.replace(' ', '-')}"


def _heading_of(name: str) -> str:
    """Return the heading of an entry on the page; each cause has its own."""
    if name in CAUSES:
        return name
    for each in CODES:
        if name == each.name:
            return f"Codes of {each.of}"
    return next(f"Terms of {field}" for field, words in TERMS.items() if name in words)


def _all() -> dict[str, Entry]:
    entries = {name: _term(name, text) for words in TERMS.values() for name, text in words.items()}
    for code in CODES:
        entries |= dict.fromkeys((code.name, *code.others), _code(code))
    return entries | {cause: _cause(cause) for cause in CAUSES}


def _cause(cause: str) -> Entry:
    text = CAUSES[cause]
    seen = [code.name for code in CODES if cause in causes_of(*code.signs)]
    paragraphs = [("what it means", text.meaning), ("what to do", text.action)]
    paragraphs += [("how to recognise it", text.distinguish)] if text.distinguish else []
    paragraphs += [("codes", ", ".join(f"`{name}`" for name in seen))] if seen else []
    paragraphs += [("source", text.source)] if text.source else []
    return Entry(cause, tuple(paragraphs))


def _code(code: Code) -> Entry:
    paragraphs = [("what it means", code.meaning)]
    paragraphs += [("also written", ", ".join(code.others))] if code.others else []
    found = causes_of(*code.signs)
    paragraphs += [(_CAUSES, ", ".join(found))] if found else []
    return Entry(code.name, tuple(paragraphs))


def _term(name: str, text: str) -> Entry:
    return Entry(name, (("what it means", text),))


def _known(table: Mapping[str, _Value], name: str) -> _Value:
    if name in table:
        return table[name]
    raise ManualError(f"the glossary has no part {name!r}. Its parts are {', '.join(table)}.")


def _linked(head: str, text: str) -> str:
    """Return a paragraph with its causes as links."""
    if head != _CAUSES or not text:
        return text
    return ", ".join(f"[{cause}]({link(cause)})" for cause in text.split(", "))


def _cell(text: str) -> str:
    """Return text as a cell of a Markdown table."""
    return text.replace("|", "\\|")
