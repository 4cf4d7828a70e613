r"""Read and set one macro of a firmware header or source, as text.

Source: the documentation's "Demo project configuration" and "Certificate import".
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.errors import FirmwareError, MacroNotFoundError
from labkit.firmware import literals
from labkit.firmware.kinds import ALIASES, Kind, is_secret, kind_of
from labkit.firmware.preprocessor import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labkit.firmware.source import Definition, Source

_TOKEN = re.compile(r"[-+]?\s*[0-9]\w*|[^\W\d]\w*")
_NULL_CAST = re.compile(r"\(\s*(?:const\s+)?(?:void|char)\s*\*\s*\)\s*(?:0|NULL)")
_MOST_NAMES = 2000
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, repr=False)
class Macro:
    """A macro in a text.

    Attributes:
        name: the name in the text, which may be an older name of the requested macro.
        kind: the macro's kind.
        value: a string's content, or the token of a number or name without parentheses; None for
            NULL.
        form: "define", "ifndef" (a define inside its own `#ifndef`), "array" or "pointer" (the
            older `static const char x[] = …;` and `static const char *x = …;`).
        line: the line number, counted from 1.
        written: the form of the value: "string", "number", "name", "null" or "expression". The
            value of a string macro can be the name of another macro.
    """

    name: str
    kind: Kind
    value: str | None
    form: str
    line: int
    written: str

    def __repr__(self) -> str:
        """Return one line, without the value of a private key or password."""
        value = "(not shown)" if is_secret(self.name) and self.value else repr(self.value)
        return f"Macro({self.name}, {self.kind}, {value}, {self.form}, line {self.line})"


@dataclass(frozen=True, slots=True, repr=False)
class Written:
    """The form of a value, and its position in the joined copy.

    Attributes:
        what: "string", "number", "name", "null", "expression" or "empty".
        code: the value's code without its parentheses.
        start: the start of the value, including its parentheses.
        stop: the end of the value.
        core: start and end of the value within its parentheses.
    """

    what: str
    code: str
    start: int
    stop: int
    core: tuple[int, int]


def get(text: str, name: str, *, defines: Mapping[str, str | None] | None = None) -> Macro:
    r"""Read a macro.

    Accepted, for example: ``#define X NULL``, ``(NULL)``, ``""``, ``(8883)``,
    ``#ifndef X`` / ``    #define X    "…"`` / ``#endif``, literals over several lines joined by
    ``\``, ``static const char X[] = "…";``, ``static const char *X = NULL;``. Definitions in
    comments, strings and `#if 0` are ignored. If the only definition is under a condition that the
    text does not settle, the condition is taken as true.

    Args:
        text: the header or source, as `decode` returns it.
        name: the macro; a PEM macro is also found under its older name (`clientcredential…_PEM`).
        defines: macros that are defined outside this text: name to text, None for a name that is
            known not to be defined. All other names are unknown.

    Returns:
        The macro, with its value as the compiler reads it.

    Raises:
        MacroNotFoundError: the compiled text does not define the macro.
        FirmwareError: the text does not settle which of several definitions counts, the definition
            has no value, or the text is not C.
    """
    source = parse(text, defines)
    return read(source, find(source, name))


def names(text: str) -> tuple[str, ...]:
    """Return the names of all macros and `char` constants with a value, in order."""
    found = (d for group in parse(text).definitions.values() for d in group if not d.function_like)
    return tuple(dict.fromkeys(d.name for d in sorted(found, key=lambda d: d.start)))


def read(source: Source, definition: Definition) -> Macro:
    """Read the macro that a definition defines."""
    how = written(source, definition)
    name, line = definition.name, definition.line
    if how.what == "empty":
        raise FirmwareError(
            f"line {line}: {name} is defined without a value. Give the macro a value."
        )
    value: str | None = how.code
    if how.what == "null":
        value = None
    elif how.what == "string":
        value = literals.unescape(how.code, line=line)
        if "\0" in value:
            raise FirmwareError(
                f"line {line}: the string of {name} has a NUL character, and the firmware reads "
                "only the text before it. Set the macro again."
            )
    return Macro(name, _kind(name, how, value), value, definition.form, line, how.what)


def _kind(name: str, how: Written, value: str | None) -> Kind:
    """Return a macro's kind: by its name, or by its value if the name is unknown."""
    known = kind_of(name)
    if known is not None:
        return known
    if how.what == "string" and value is not None and value.startswith("-----BEGIN "):
        return Kind.PEM
    return Kind.STRING if how.what == "null" else Kind(how.what)


def secret_definitions(source: Source) -> Iterator[Definition]:
    """Yield every definition of a macro for a secret, under any condition."""
    for name in sorted(filter(is_secret, source.definitions)):
        yield from source.definitions[name]


def written(source: Source, definition: Definition) -> Written:
    """Return form and position of a definition's value."""
    code = source.code[definition.start : definition.stop]
    start = definition.start + len(code) - len(code.lstrip(" \t\f\v\r\n"))
    code = code.strip(" \t\f\v\r\n")
    stop = start + len(code)
    if not code:
        return Written("empty", "", definition.start, definition.start, (definition.start,) * 2)
    core_start, core_stop = _within_parentheses(source.code, start, stop)
    core = source.code[core_start:core_stop]
    what = "expression" if definition.split else _what(core)
    return Written(what, core, start, stop, (core_start, core_stop))


def _within_parentheses(code: str, start: int, stop: int) -> tuple[int, int]:
    """Return start and end of a value within the parentheses around all of it."""
    inner_start, inner_stop = start, stop
    while inner_stop - inner_start > 1 and code[inner_start] == "(" and code[inner_stop - 1] == ")":
        inner_start, inner_stop = inner_start + 1, inner_stop - 1
        while inner_start < inner_stop and code[inner_start].isspace():
            inner_start += 1
        while inner_start < inner_stop and code[inner_stop - 1].isspace():
            inner_stop -= 1
    # Parentheses that are not a pair, as in (a)+(b), leave a text that is not one token.
    if _what(code[inner_start:inner_stop]) == "expression":
        return start, stop
    return inner_start, inner_stop


def _what(core: str) -> str:
    if core == "NULL" or _NULL_CAST.fullmatch(core):
        return "null"
    if literals.LITERALS.fullmatch(core):
        return "string"
    if _TOKEN.fullmatch(core):
        return "number" if core[0] in "+-0123456789" else "name"
    return "expression"


def find(source: Source, name: str) -> Definition:
    """Return the definition of a macro.

    Raises:
        MacroNotFoundError: the text does not define it.
        FirmwareError: there are several, or an `#undef` may remove it.
    """
    found = _candidates(source, name) or _candidates_by_alias(source, name)
    if not found:
        raise _not_found(source, name)
    if len(found) > 1:
        raise FirmwareError(_ambiguous(name, found))
    definition = found[0]
    if definition.undone:
        raise FirmwareError(
            f"line {definition.line}: {name} is defined here, and an #undef on line "
            f"{definition.undone} may remove it. Delete one of the two lines."
        )
    return definition


def _candidates(source: Source, name: str) -> list[Definition]:
    """Return all definitions of a name, if one of them has a value.

    A definition with arguments counts too: it replaces an earlier definition.
    """
    group = source.definitions.get(name, [])
    return [] if all(d.function_like for d in group) else group


def _candidates_by_alias(source: Source, name: str) -> list[Definition]:
    """Return the definitions under the older or newer name, except one that uses this name.

    A source of releases 1.4.2 to 1.4.9 has `const char clientcredential…_PEM[] = key…_PEM;`.
    """
    found = _candidates(source, ALIASES[name]) if name in ALIASES else []
    return [d for d in found if written(source, d).what != "name"]


def _ambiguous(name: str, found: list[Definition]) -> str:
    where = ", ".join(
        f"line {d.line}" + (f" (under {d.condition})" if d.condition else "") for d in found[:6]
    )
    if any(d.path for d in found):
        return (
            f"{name} is defined {len(found)} times: {where}. Which one counts depends on "
            "macros outside this file. Keep one definition, or give the conditions with "
            "-D NAME[=VALUE] and -U NAME."
        )
    return f"{name} is defined {len(found)} times: {where}. Keep one definition."


def _not_found(source: Source, name: str) -> MacroNotFoundError:
    """Return the error for a missing macro, with similar names in the text."""
    group = source.definitions.get(name, [])
    if group:
        line = group[0].line
        return MacroNotFoundError(
            f"{name} was not found with a value: line {line} has {name}( without a blank before "
            "the parenthesis, which defines a macro with arguments. Insert a blank.",
            name=name,
        )
    if name in source.disabled:
        return MacroNotFoundError(
            f"{name} was not found in the compiled text: the definition on line "
            f"{source.disabled[name]} is under a condition that is false. Move it outside.",
            name=name,
        )
    similar = _similar(source, name)
    message = f"{name} was not found." + _glued(source, name)
    if similar and not _glued(source, name):
        line = source.definitions[similar[0]][0].line
        message += f" Did you mean {similar[0]}, on line {line}?"
    return MacroNotFoundError(
        f"{message}{_in_comment(source, name)} Check the name, and that this is the right file.",
        name=name,
        suggestions=similar,
    )


def _glued(source: Source, name: str) -> str:
    """Return a sentence about `#define NAME1`, which a copy from a web page leaves."""
    for other, group in source.definitions.items():
        if re.fullmatch(re.escape(name) + r"\d{1,5}", other):
            digits = other[len(name) :]
            return (
                f" Line {group[0].line} has {other}: a blank is missing before "
                f"{digits}. Write: #define {name} {digits}."
            )
    return ""


def _similar(source: Source, name: str) -> tuple[str, ...]:
    known = [n for n in source.definitions if len(n) <= _LONGEST_NAME][:_MOST_NAMES]
    glued = [n for n in known if n.startswith(name) and n[len(name) :].isdecimal()]
    near = difflib.get_close_matches(name[:_LONGEST_NAME], known, n=3, cutoff=0.8)
    return tuple(dict.fromkeys([*glued, *near]))[:3]


def _in_comment(source: Source, name: str) -> str:
    match = re.search(rf"\b{re.escape(name)}\b", source.text)
    if match is None or re.search(rf"\b{re.escape(name)}\b", source.code):
        return ""
    line = source.text.count("\n", 0, match.start()) + 1
    return f" Line {line} has the name, but only in a comment."
