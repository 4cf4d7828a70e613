"""A C source with its lines joined and its comments blanked, and the way back to the text.

The text is never changed. Line continuations are joined and comments blanked in a copy, as C's
translation phases 2 and 3 do (C11, 5.1.1.2), and each place in the copy can be led back to its
place in the text. Every pass is linear in the text.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import accumulate

from labkit.errors import FirmwareError

# gcc joins lines even where blanks follow the backslash.
_SPLICE = re.compile(r"\\[ \t\f\v]*+\r?\n")
# An unclosed quote takes the rest of its line, as in gcc.
_COMMENT_OR_LITERAL = re.compile(
    r"""/\*|//|"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"?|'[^'\\\n]*+(?:\\[^\n][^'\\\n]*+)*+'?"""
)
_LITERAL_CONTENT = re.compile(r'[^"\n]')

Path = tuple[tuple[int, int], ...]
"""The branches that may or may not be compiled, outermost first: (conditional, branch)."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One place where a macro, or an older `char` constant, gets its value.

    Attributes:
        name: the macro's name.
        form: "define", "ifndef" (a define inside its own `#ifndef`), "array" or "pointer".
        start: where the name or `=` before the value ends, in the joined copy.
        stop: where the value's part of the text ends, in the joined copy.
        line: the line of the name, counted from 1.
        path: under which undecided conditions it stands.
        condition: those conditions in words, empty when there are none.
        function_like: whether it takes arguments.
        split: whether a directive stands within the value.
        undone: the line of an `#undef` that may take it back, 0 when there is none.
        size: an array's size as written.
    """

    name: str
    form: str
    start: int
    stop: int
    line: int
    path: Path = ()
    condition: str = ""
    function_like: bool = False
    split: bool = False
    undone: int = 0
    size: str = ""


@dataclass(repr=False)
class Source:
    """A parsed text; its repr shows none of it, since it may hold a private key.

    Attributes:
        text: the text as it came.
        code: the copy with lines joined and comments blanked.
        masked: the same with the content of string literals hidden, too.
        definitions: what may be compiled, in order, by name.
        disabled: lines of definitions that are never compiled, by name.
    """

    text: str
    code: str = ""
    definitions: dict[str, list[Definition]] = field(default_factory=dict)
    disabled: dict[str, int] = field(default_factory=dict)
    masked: str = ""
    _cuts: list[int] = field(default_factory=list)
    _removed: list[int] = field(default_factory=list)
    _line_ends: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        joined = self._join_lines()
        self.code, self.masked = self._blank_comments(joined)

    def place(self, position: int) -> int:
        """Return the place in the text of a place in the copy."""
        index = bisect_right(self._cuts, position)
        return position + (self._removed[index - 1] if index else 0)

    def line(self, position: int) -> int:
        """Return the line in the text, from 1, of a place in the copy."""
        return bisect_left(self._line_ends, self.place(position)) + 1

    def _join_lines(self) -> str:
        pieces, lengths, end = [], [], 0
        for match in _SPLICE.finditer(self.text):
            pieces.append(self.text[end : match.start()])
            lengths.append(match.end() - match.start())
            end = match.end()
        self._cuts = list(accumulate(map(len, pieces)))
        self._removed = list(accumulate(lengths))
        self._line_ends = [m.start() for m in re.finditer("\n", self.text)]
        return "".join(pieces) + self.text[end:]

    def _blank_comments(self, joined: str) -> tuple[str, str]:
        """Return the copy with blanks for comments, and one with literals' content hidden, too."""
        code: list[str] = []
        masked: list[str] = []
        end = 0
        while match := _COMMENT_OR_LITERAL.search(joined, end):
            before, opener = joined[end : match.start()], match[0]
            end = match.end()
            if opener == "/*":
                end = joined.find("*/", match.end()) + 2
                if end == 1:
                    raise FirmwareError(
                        f"line {self.line(match.start())}: the comment that begins here is never "
                        "closed. Close it with */."
                    )
            elif opener == "//":
                end = joined.find("\n", match.end())
                end = len(joined) if end < 0 else end
            is_comment = opener in ("/*", "//")
            blank = " " * (end - match.start())
            code += [before, blank if is_comment else opener]
            masked += [before, blank if is_comment else _LITERAL_CONTENT.sub("_", opener)]
        return "".join(code) + joined[end:], "".join(masked) + joined[end:]
