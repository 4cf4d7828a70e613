"""Evaluate a preprocessor condition as far as one file settles it.

A value that the file does not settle is None (unknown), and so is every operation that depends on
it. A value that is returned is the compiler's value too.
"""

from __future__ import annotations

import ast
import operator
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Lookup = Callable[[str], str | None]
    """From a macro's name to its text, `UNDEFINED`, or None if it is unknown."""

UNDEFINED = "\0undefined"
"""What a lookup returns for a macro that is known not to be defined."""

_TOKEN = re.compile(r"\s*(?:(\d\w*)|([^\W\d]\w*)|(&&|\|\||[=!<>]=|[-+*!()<>])|(\S))")
_NAME = re.compile(r"[^\W\d]\w*")
_INTEGER = re.compile(r"(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)[uUlL]*")
# C's operators as Python's: the same precedence, and `~` binds as tightly as `!`.
_IN_PYTHON = {"&&": "and", "||": "or", "!": "~"}
_OPERATORS: dict[type[ast.AST], Callable[[int, int], int]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.Gt: operator.gt,
    ast.LtE: operator.le, ast.GtE: operator.ge, ast.Add: operator.add, ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}  # fmt: skip
_MOST_TOKENS = 500
_LONGEST_CHAIN = 8
_LARGEST = 2**31 - 1


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
    """Evaluate the expression of an `#if` without its comments.

    Args:
        expression: integers, names, `defined`, parentheses, ``! && || == != < > <= >= + - *``.
        lookup: returns a macro's text.

    Returns:
        The value; None if it depends on something unknown, on any other operator, or on a number
        below 0 or above 2**31 - 1, where signedness and width begin to matter.
    """
    try:
        return _value(ast.parse(_in_python(expression), mode="eval").body, lookup)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _in_python(expression: str) -> str:
    """Return the expression with each name as a call: `macro("NAME")`, or `defined("NAME")`.

    Raises:
        ValueError: it has a part that is not evaluated.
    """
    tokens: list[str] = []
    for number, name, symbol, other in _TOKEN.findall(expression):
        value = integer(number) if number else 0
        if other or value is None or len(tokens) >= _MOST_TOKENS:
            raise ValueError
        if name and tokens[-1:] == ["defined"]:
            tokens[-1] = f'defined("{name}")'
        elif name and tokens[-2:] == ["defined", "("]:
            tokens[-2:] = [f'defined("{name}"']
        else:
            tokens.append(
                str(value) if number
                else _IN_PYTHON.get(symbol, symbol) if symbol
                else name if name == "defined"
                else f'macro("{name}")'
            )  # fmt: skip
    return " ".join(tokens)


def _value(node: ast.expr, lookup: Lookup) -> int | None:
    """Return the value of a part of the expression.

    Raises:
        ValueError: the part is not evaluated.
    """
    result: int | None
    match node:
        case ast.Constant(value=int(number)):
            result = number
        case ast.Call(func=ast.Name(id="defined"), args=[ast.Constant(value=str(name))]):
            text = lookup(name)
            result = None if text is None else int(text != UNDEFINED)
        case ast.Call(func=ast.Name(id="macro"), args=[ast.Constant(value=str(name))]):
            result = _macro(name, lookup)
        case ast.UnaryOp(op=ast.Invert(), operand=operand):
            value = _value(operand, lookup)
            result = None if value is None else int(not value)
        case ast.BoolOp(op=op, values=parts):
            values = [_value(part, lookup) for part in parts]
            decisive = isinstance(op, ast.Or)
            if any(value is not None and bool(value) is decisive for value in values):
                result = int(decisive)
            else:
                result = None if None in values else int(not decisive)
        case (
            ast.Compare(left=left, ops=[op], comparators=[right])
            | ast.BinOp(left=left, op=op, right=right)
        ) if type(op) in _OPERATORS:
            first, second = _value(left, lookup), _value(right, lookup)
            if first is None or second is None:
                result = None
            else:
                result = int(_OPERATORS[type(op)](first, second))
        case _:
            raise ValueError
    return _in_range(result)


def _macro(name: str, lookup: Lookup) -> int | None:
    """Return the value of a name, followed through macros that name other macros."""
    for _ in range(_LONGEST_CHAIN):
        text = lookup(name)
        if text is None:
            return None
        if text == UNDEFINED:
            return 0  # C11, 6.10.1, clause 4: a name that is not a macro counts as 0
        text = text.strip(" \t()")
        if not _NAME.fullmatch(text):
            return integer(text)
        name = text
    return None


def _in_range(number: int | None) -> int | None:
    return number if number is not None and 0 <= number <= _LARGEST else None
