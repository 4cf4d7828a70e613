"""What a preprocessor condition comes to, where that can be told from one file alone.

A value that the file does not settle is None, "cannot be told", and stays None through every
operation that depends on it. So an answer that is given is the compiler's answer too.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

UNDEFINED = "\0undefined"
"""What a lookup answers for a macro that is known not to be defined."""

if TYPE_CHECKING:
    Lookup = Callable[[str], str | None]
    """From a macro's name to its text, `UNDEFINED`, or None where that cannot be told."""

_TOKEN = re.compile(r"\s*(?:(\d\w*)|([^\W\d]\w*)|(&&|\|\||[=!<>]=|[-+*!()<>?:])|(\S))")
_INTEGER = re.compile(r"(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)[uUlL]*")
_PRECEDENCE = {
    "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, ">": 4, "<=": 4, ">=": 4, "+": 5, "-": 5, "*": 6,
}  # fmt: skip
_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le,
    ">=": operator.ge, "+": operator.add, "-": operator.sub, "*": operator.mul,
}  # fmt: skip
_MOST_TOKENS = 500
_DEEPEST = 40
_LONGEST_CHAIN = 8
_LARGEST = 2**31 - 1


class _UnreadableError(Exception):
    """The expression has a part that this evaluation does not know."""


def integer(token: str) -> int | None:
    """Return the value of a C integer constant such as `180`, `0x1F` or `1U`, else None."""
    match = _INTEGER.fullmatch(token.strip())
    if match is None:
        return None
    digits = match[1]
    if digits[:2] in ("0x", "0X"):
        return int(digits, 16)
    # int() has a limit of 4,300 digits; no constant of C comes near it.
    return int(digits, 8 if digits[0] == "0" else 10) if len(digits) < 30 else None  # noqa: PLR2004 as above


def evaluate(expression: str, lookup: Lookup) -> int | None:
    """Evaluate the expression of an `#if`, comments already taken out.

    Args:
        expression: integers, names, `defined`, parentheses, ``! && || == != < > <= >= + - *``.
        lookup: tells a macro's text.

    Returns:
        The value; None where it hangs on what cannot be told, on any other operator, or on a
        number below 0 or above 2**31 - 1, where signedness and width begin to matter.
    """
    try:
        return _Parser(expression, lookup).value()
    except _UnreadableError:
        return None


class _Parser:
    """Precedence climbing over the expression's tokens."""

    def __init__(self, expression: str, lookup: Lookup) -> None:
        self._tokens = self._split(expression)
        self._lookup = lookup
        self._next = 0
        self._depth = 0

    @staticmethod
    def _split(expression: str) -> list[str]:
        tokens: list[str] = []
        for match in _TOKEN.finditer(expression):
            if match[4] or len(tokens) >= _MOST_TOKENS:
                raise _UnreadableError
            tokens.append(match[0].strip())
        return tokens

    def value(self) -> int | None:
        result = self._expression(1)
        if self._next != len(self._tokens):
            raise _UnreadableError
        return result

    def _take(self) -> str:
        if self._next >= len(self._tokens):
            raise _UnreadableError
        self._next += 1
        return self._tokens[self._next - 1]

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _expression(self, lowest: int) -> int | None:
        left = self._unary()
        while (level := _PRECEDENCE.get(self._peek(), 0)) >= lowest:
            sign = self._take()
            left = _combine(sign, left, self._expression(level + 1))
        return left

    def _unary(self) -> int | None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _UnreadableError
        part = self._take()
        if part == "!":
            operand = self._unary()
            result = None if operand is None else int(not operand)
        elif part == "(":
            result = self._expression(1)
            if self._take() != ")":
                raise _UnreadableError
        elif part == "defined":
            result = self._defined()
        elif part[0].isdigit():
            result = _in_range(integer(part))
        elif part in _PRECEDENCE or part in ")?:":
            raise _UnreadableError
        else:
            result = self._name(part)
        self._depth -= 1
        return result

    def _defined(self) -> int | None:
        name = self._take()
        if name == "(":
            name = self._take()
            if self._take() != ")":
                raise _UnreadableError
        text = self._lookup(name)
        return None if text is None else int(text != UNDEFINED)

    def _name(self, name: str) -> int | None:
        for _ in range(_LONGEST_CHAIN):
            text = self._lookup(name)
            if text is None:
                return None
            if text == UNDEFINED:
                return 0  # C11, 6.10.1, clause 4: a name that is no macro counts as 0
            text = text.strip(" \t()")
            if not re.fullmatch(r"[^\W\d]\w*", text):
                return _in_range(integer(text))
            name = text
        return None


def _combine(sign: str, left: int | None, right: int | None) -> int | None:
    if sign == "&&":
        if 0 in (left, right):
            return 0
        return None if left is None or right is None else 1
    if sign == "||":
        if left or right:
            return 1
        return None if left is None or right is None else 0
    if left is None or right is None:
        return None
    return _in_range(int(_OPERATORS[sign](left, right)))


def _in_range(number: int | None) -> int | None:
    return number if number is not None and 0 <= number <= _LARGEST else None
