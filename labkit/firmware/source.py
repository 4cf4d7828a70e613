"""A C source with joined lines and blanked comments, and its positions in the text.

Line continuations are joined and comments blanked in a copy, as in C's translation phases 2 and 3
(C11, 5.1.1.2). Each position in the copy can be converted to a position in the text. Every pass is
linear in the text.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import accumulate

from labkit.errors import FirmwareError

# gcc joins lines even if blanks follow the backslash.
_SPLICE = re.compile(r"\\[ \t\f\v]*+\r?\n")
# An unclosed quote includes the rest of its line, as in gcc.
_COMMENT_OR_LITERAL = re.compile(
    r"""/\*|//|"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"?|'[^'\\\n]*+(?:\\[^\n][^'\\\n]*+)*+'?"""
)
_CLOSED = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
_LITERAL_CONTENT = re.compile(r'[^"\n]')

Path = tuple[tuple[int, int], ...]
"""The branches that may or may not be compiled, outermost first: (conditional, branch)."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition of a macro, or of an older `char` constant.

    Attributes:
        name: the macro's name.
        form: "define", "ifndef" (a define inside its own `#ifndef`), "array" or "pointer".
        start: the end of the name, or of the `=` before the value, in the joined copy.
        stop: the end of the value's part of the text, in the joined copy.
        line: the line of the name, counted from 1.
        path: the undecided conditions around it.
        condition: the innermost of these conditions as text; empty if there are none.
        function_like: whether it takes arguments.
        split: whether the value contains a directive.
        undone: the line of an `#undef` that may remove it; 0 if there is none.
        size: the text of an array's size.
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
    """A parsed text; its repr shows none of it, because it may contain a private key.

    Attributes:
        text: the original text.
        code: the copy with lines joined and comments blanked.
        masked: the same copy, with the content of string literals masked.
        plain: the masked copy without directives and without code that is never compiled.
        open_quotes: the positions of the double quotes that are not closed on their line.
        definitions: the definitions that may be compiled, in order, by name.
        disabled: the lines of definitions that are never compiled, by name.
    """

    text: str
    code: str = ""
    definitions: dict[str, list[Definition]] = field(default_factory=dict)
    disabled: dict[str, int] = field(default_factory=dict)
    masked: str = ""
    plain: str = ""
    open_quotes: list[int] = field(default_factory=list)
    _cuts: list[int] = field(default_factory=list)
    _removed: list[int] = field(default_factory=list)
    _line_ends: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        joined = self._join_lines()
        self.code, self.masked = self._blank_comments(joined)

    def place(self, position: int) -> int:
        """Return the position in the text of a position in the copy."""
        index = bisect_right(self._cuts, position)
        return position + (self._removed[index - 1] if index else 0)

    def line(self, position: int) -> int:
        """Return the line in the text, from 1, of a position in the copy."""
        return bisect_left(self._line_ends, self.place(position)) + 1

    def has_open_quote(self, start: int, stop: int) -> bool:
        """Return whether a quote between two positions in the copy is not closed on its line."""
        index = bisect_left(self.open_quotes, start)
        return index < len(self.open_quotes) and self.open_quotes[index] < stop

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
        """Return the copy with blanks for comments, and one with masked literals as well."""
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
                        f"line {self.line(match.start())}: the comment that begins here is not "
                        "closed. Close it with */."
                    )
            elif opener == "//":
                end = joined.find("\n", match.end())
                end = len(joined) if end < 0 else end
            elif opener[0] == '"' and not _CLOSED.fullmatch(opener):
                self.open_quotes.append(match.start())
            is_comment = opener in ("/*", "//")
            blank = " " * (end - match.start())
            code += [before, blank if is_comment else opener]
            masked += [before, blank if is_comment else _LITERAL_CONTENT.sub("_", opener)]
        return "".join(code) + joined[end:], "".join(masked) + joined[end:]
