"""Patterns of IoT policies: wildcards, and variables that are replaced by literal values."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from labkit.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Wildcard(NamedTuple):
    """A wildcard; a literal of the same character is a `str`."""

    symbol: str


class Variable(NamedTuple):
    """A variable such as `${iot:ClientId}`, by its name as written."""

    name: str


ANY: Final = Wildcard("*")
ONE: Final = Wildcard("?")
_WILDCARDS = {"*": ANY, "?": ONE}

Piece = str | Wildcard | Variable
Pattern = tuple[Piece, ...]
"""Literal texts, wildcards and variables, one after the other."""

_SPECIAL = ("*", "?", "$")
_VARIABLE = re.compile(r"\$\{([^{}$]+|\$)\}")
_NOTHING = re.compile(r"(?!)")


@lru_cache(maxsize=4096)
def compile_pattern(text: str, *, variables: bool = True) -> Pattern:
    """Split a pattern of a policy document into literals, wildcards and variables.

    `*` matches any number of characters, `?` exactly one; `${*}`, `${?}` and `${$}` are these
    characters themselves. `+` and `#` have no special meaning.

    Args:
        text: the pattern as written.
        variables: whether `${…}` is a variable; a document of version 2008-10-17 has none.

    Raises:
        PolicyError: a `${` is not closed, or is empty.

    Source: AWS IoT Core developer guide, AWS IoT Core policy variables.
    """
    return tuple(_pieces(text, variables=variables))


def resolve(pattern: Pattern, context: Mapping[str, str]) -> Pattern | None:
    """Replace the variables of a pattern by their values, as literal text.

    Args:
        pattern: the pattern.
        context: the variables' values, by name in lower case.

    Returns:
        A pattern without variables, or None if one of them has no value.
    """
    pieces: list[Piece] = []
    for piece in pattern:
        if not isinstance(piece, Variable):
            pieces.append(piece)
        elif piece.name.lower() in context:
            pieces.append(context[piece.name.lower()])
        else:
            return None
    return tuple(pieces)


def matches(pattern: Pattern, text: str) -> bool:
    """Return whether a resolved pattern matches a whole text.

    Each star matches as little as lets the literal after it match, without backtracking. This
    finds a match if there is one, because a shorter beginning leaves more for the rest. The time
    is bounded by the product of the lengths, whatever the pattern.
    """
    return _expression(pattern).fullmatch(text) is not None


def plain_text(pattern: Pattern) -> str:
    """Return a resolved pattern as text, wildcards as their characters."""
    return "".join(piece if isinstance(piece, str) else piece[0] for piece in pattern)


def written(pattern: Pattern) -> str:
    """Return a pattern as a document has it."""
    return "".join(
        f"${{{piece.name}}}" if isinstance(piece, Variable) else plain_text((piece,))
        for piece in pattern
    )


@lru_cache(maxsize=4096)
def _expression(pattern: Pattern) -> re.Pattern[str]:
    first, *rest = _between_stars(pattern)
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    # An atomic group never gives back what it took, so no star is tried twice.
    found = "".join(f"(?>.*?{part})" for part in middle)
    return re.compile(f"{first}{found}.*{last}", re.DOTALL)


def _between_stars(pattern: Pattern) -> list[str]:
    parts = [""]
    for piece in pattern:
        if piece is ANY:
            parts.append("")
        else:
            parts[-1] += re.escape(piece) if isinstance(piece, str) else "."
    return parts


def _pieces(text: str, *, variables: bool) -> Iterator[Piece]:
    position = 0
    while position < len(text):
        match = (_VARIABLE if variables else _NOTHING).match(text, position)
        if match:
            name = match[1]
            yield name if name in _SPECIAL else Variable(name)
            position = match.end()
            continue
        if variables and text.startswith("${", position):
            raise PolicyError(
                f'"{text}", character {position + 1}: expected a name and "}}" after "${{". '
                'Write a variable as ${iot:ClientId}, and the character itself as "${$}".'
            )
        yield _WILDCARDS.get(text[position], text[position])
        position += 1
