"""Every message of labkit's errors and checks, as a table: `python tests/helpers/messages.py`.

A message is the text given to an error class of `labkit.errors` or to click's. A part that is
computed is shown as its expression in braces.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).resolve().parents[2] / "labkit"
CLICK = {"BadParameter", "ClickException", "UsageError"}


class Message(NamedTuple):
    """One message: where it is, the error's class, and its text."""

    file: str
    line: int
    error: str
    text: str


def messages(package: Path = PACKAGE) -> Iterator[Message]:
    """Yield every message of the package, by file and line."""
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and node.args and _is_error(name := _name(node.func)):
                file = path.relative_to(package.parent).as_posix()
                yield Message(file, node.lineno, name, _text(node.args[0]))


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_error(name: str) -> bool:
    return name in CLICK or (name.endswith("Error") and name != "Error")


def _text(value: ast.expr) -> str:
    if isinstance(value, ast.Constant):
        return str(value.value)
    if isinstance(value, ast.JoinedStr):
        return "".join(map(_text, value.values))
    return "{" + ast.unparse(getattr(value, "value", value)) + "}"


if __name__ == "__main__":
    for file, line, error, text in messages():
        sys.stdout.write(f"{file}:{line} | {error} | {text}\n")
