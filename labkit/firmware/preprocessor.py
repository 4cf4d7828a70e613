"""Find the definitions of a C source that may be compiled, and their conditions.

A single pass tracks `#if` and `#define` as the preprocessor does (C11, 6.10). If the text
does not settle a condition, the definitions in all its branches may be compiled.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from labkit.errors import FirmwareError
from labkit.firmware.conditions import UNDEFINED, evaluate
from labkit.firmware.source import Definition, Path, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labkit.firmware.conditions import Lookup

_BLANK = " \t\f\v\r\ufeff"
_DIRECTIVE = re.compile(r"[ \t\f\v\r\ufeff]*#[ \t\f\v]*(\w*)")
_DEFINE = re.compile(r"[ \t\f\v]*([^\W\d]\w*)")
_CHAR = re.compile(
    r"\bchar\b(?P<qualifiers>[\s*]*+(?:(?:const|volatile|PROGMEM)\b[\s*]*+)*+)"
    r"(?P<name>[^\W\d]\w*+)\s*+(?:\[(?P<size>[^\]\n;={}]{0,80})\]\s*+)?="
)
_DEEPEST = 200
_LONGEST_LOOK_BACK = 64
_MOST_DEFINITIONS = 64


def parse(text: str, defines: Mapping[str, str | None] | None = None) -> Source:
    """Find every definition in a C text.

    Args:
        text: a C source or header, as `literals.decode` returns it.
        defines: macros from outside (`-D`, another header); None: known not to be defined.

    Returns:
        The parsed text.

    Raises:
        FirmwareError: a comment or a conditional is not closed, or is closed twice.
    """
    source = Source(text)
    _Walk(source, defines or {}).run()
    return source


@dataclass
class _Conditional:
    """An `#if` up to its `#endif`, and the branch that is being read."""

    number: int
    line: int
    outer: Path
    compiled: bool  # whether the surrounding code may be compiled
    words: str = ""
    guarded: str = ""  # the name in `#ifndef NAME`
    branch: int = 0
    taken: bool = False  # an earlier branch is certainly compiled
    undecided: bool = False  # an earlier branch may be compiled
    has_else: bool = False
    live: bool = True  # this branch may be compiled
    certain: bool = True  # this branch is compiled if the surrounding code is
    path: Path = ()

    def enter(self, value: int | None) -> None:
        """Begin a branch with the value of its condition, None for undecided.

        The value is 0 after a branch that is certainly taken.
        """
        self.live = self.compiled and value != 0
        self.certain = bool(value) and not self.undecided
        self.taken = self.taken or bool(value)
        self.undecided = self.undecided or value is None
        self.path = self.outer if self.certain else (*self.outer, (self.number, self.branch))


class _Walk:
    """A single pass that tracks conditionals and definitions line by line."""

    def __init__(self, source: Source, defines: Mapping[str, str | None]) -> None:
        self._source = source
        self._defines = defines
        self._open: list[_Conditional] = []
        self._count = 0
        self._known: dict[str, list[tuple[Path, str]]] = {}
        self._plain: list[str] = []  # the masked copy without directives and dead lines
        self._starts: list[int] = []
        self._states: list[tuple[bool, Path, str]] = []
        self._directives: list[int] = []

    def run(self) -> None:
        for start, line in self._lines():
            match = _DIRECTIVE.match(line)
            if match is not None:
                self._directives.append(start)
                self._directive(match[1], start, match.end(), line)
            live = self._live
            self._starts.append(start)
            self._states.append((live, self._path, self._condition()))
            show = live and match is None
            self._plain.append(
                self._source.masked[start : start + len(line)] if show else " " * len(line)
            )
        if self._open:
            raise FirmwareError(
                f"line {self._open[-1].line}: this conditional has no #endif. Add one."
            )
        self._source.plain = "\n".join(self._plain)
        self._declarations(self._source.plain)

    def _lines(self) -> Iterator[tuple[int, str]]:
        start = 0
        for line in self._source.code.split("\n"):
            yield start, line
            start += len(line) + 1

    @property
    def _live(self) -> bool:
        return self._open[-1].live if self._open else True

    @property
    def _path(self) -> Path:
        return self._open[-1].path if self._open else ()

    def _condition(self) -> str:
        return self._open[-1].words if self._path else ""

    def _directive(self, keyword: str, start: int, after: int, line: str) -> None:
        rest = line[after:].strip(_BLANK)
        if keyword in ("if", "ifdef", "ifndef"):
            self._begin(keyword, rest, start)
        elif keyword in ("elif", "elifdef", "elifndef", "else", "endif"):
            self._go_on(keyword, rest, start)
        elif keyword == "define":
            self._define(start, after, line)
        elif keyword == "undef" and self._live:
            self._undefine(_first_word(rest), self._source.line(start))

    def _begin(self, keyword: str, rest: str, start: int) -> None:
        if len(self._open) >= _DEEPEST:
            raise FirmwareError(
                f"line {self._source.line(start)}: conditionals are nested deeper than {_DEEPEST}. "
                "Check that this is a header of the demos."
            )
        if keyword != "if":
            rest = _first_word(rest)
        self._count += 1
        conditional = _Conditional(
            self._count, self._source.line(start), self._path, compiled=self._live
        )
        conditional.guarded = rest if keyword == "ifndef" else ""
        self._enter(conditional, keyword, rest)
        self._open.append(conditional)

    def _go_on(self, keyword: str, rest: str, start: int) -> None:
        line = self._source.line(start)
        if not self._open:
            raise FirmwareError(
                f"line {line}: #{keyword} without an #if before it. Remove it, or add the #if."
            )
        if keyword == "endif":
            self._open.pop()
            return
        conditional = self._open[-1]
        if conditional.has_else:
            raise FirmwareError(
                f"line {line}: #{keyword} after the #else of the #if on line {conditional.line}. "
                "Remove one of them."
            )
        conditional.has_else = keyword == "else"
        conditional.guarded = ""
        conditional.branch += 1
        self._enter(conditional, keyword.removeprefix("el"), rest)

    def _enter(self, conditional: _Conditional, keyword: str, rest: str) -> None:
        """Begin a branch: keyword is if, ifdef, ifndef, or "se" for else."""
        words = f"#{keyword} {rest}"[:60]
        if conditional.branch:
            words = f"#else of line {conditional.line}" if keyword == "se" else f"#el{words[1:]}"
        conditional.words = words
        if not conditional.compiled or conditional.taken:
            conditional.enter(0)
            return
        expression = {
            "ifdef": f"defined({rest})", "ifndef": f"!defined({rest})", "se": "1",
        }.get(keyword, rest)  # fmt: skip
        conditional.enter(evaluate(expression, self._lookup(conditional.outer)))

    def _lookup(self, path: Path) -> Lookup:
        def lookup(name: str) -> str | None:
            for at, text in self._known.get(name, [])[: -_LONGEST_LOOK_BACK - 1 : -1]:
                if path[: len(at)] == at:
                    return text
                if not _exclude(at, path):
                    return None
            if name in self._known and len(self._known[name]) > _LONGEST_LOOK_BACK:
                return None
            if name in self._defines:
                text_or_none = self._defines[name]
                return UNDEFINED if text_or_none is None else text_or_none
            return None

        return lookup

    def _define(self, start: int, after: int, line: str) -> None:
        match = _DEFINE.match(line, after)
        if match is None:
            return
        name = match[1]
        if not self._live:
            self._source.disabled.setdefault(name, self._source.line(start))
            return
        function_like = line.startswith("(", match.end())
        text = "\0function" if function_like else line[match.end() :].strip(_BLANK)
        self._known.setdefault(name, []).append((self._path, text))
        guarded = bool(self._open) and self._open[-1].guarded == name
        self._add(
            Definition(
                name=name,
                form="ifndef" if guarded else "define",
                start=start + match.end(),
                stop=start + len(line),
                line=self._source.line(start + match.start(1)),
                path=self._path,
                condition=self._condition(),
                function_like=function_like,
            )
        )

    def _undefine(self, name: str, line: int) -> None:
        self._known.setdefault(name, []).append((self._path, UNDEFINED))
        kept = []
        for definition in self._source.definitions.pop(name, []):
            if definition.path[: len(self._path)] == self._path:
                continue
            exclusive = _exclude(definition.path, self._path)
            kept.append(definition if exclusive else replace(definition, undone=line))
        if kept:
            self._source.definitions[name] = kept

    def _add(self, definition: Definition) -> None:
        others = self._source.definitions.setdefault(definition.name, [])
        if len(others) >= _MOST_DEFINITIONS:
            raise FirmwareError(
                f"line {definition.line}: {definition.name} is defined more than "
                f"{_MOST_DEFINITIONS} times. Check that this is a header of the demos."
            )
        others.append(definition)

    def _declarations(self, plain: str) -> None:
        ends = [match.start() for match in re.finditer(";", plain)]
        for match in _CHAR.finditer(plain):
            index = bisect_left(ends, match.end())
            if index == len(ends):
                return
            self._declare(match, ends[index])

    def _declare(self, match: re.Match[str], stop: int) -> None:
        array = match["size"] is not None
        if not array and "*" not in match["qualifiers"]:
            return
        directive = bisect_left(self._directives, match.start())
        split = directive < len(self._directives) and self._directives[directive] < stop
        _, path, condition = self._states[bisect_right(self._starts, match.start("name")) - 1]
        self._add(
            Definition(
                name=match["name"],
                form="array" if array else "pointer",
                start=match.end(),
                stop=stop,
                line=self._source.line(match.start("name")),
                path=path,
                condition=condition,
                split=split,
                size=(match["size"] or "").strip(),
            )
        )


def _first_word(rest: str) -> str:
    """Return the name of a directive; gcc ignores the text after it, with a warning."""
    return (rest.split(maxsplit=1) or [""])[0]


def _exclude(first: Path, second: Path) -> bool:
    """Return whether two positions are in different branches of one conditional."""
    for a, b in zip(first, second, strict=False):
        if a != b:
            return a[0] == b[0]
    return False
