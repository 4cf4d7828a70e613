"""Finds what a package uses of the inside of other packages, as its source says it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEAMS = "support/seams.py"
BORROWED = {
    *("SESSION_VARIABLES", "botocore.loaders", "botocore.model", "load_service_model"),
    *("_context", "_verify_callback", "OpenSSL._util"),
    *("_getMsg", "_sendMsg", "_sigHashesToList"),
    "_cleanup_kernel",
}
"""What `labkit.support.seams` borrows."""


NAMEDTUPLES = {"_asdict", "_fields", "_make", "_replace"}
"""Public, for all their underscore (Python's collections.namedtuple)."""


def private_uses(package: Path) -> list[str]:
    """Return where a package uses, outside its seams, what is private to other packages.

    That is a module whose name begins with an underscore; an attribute that begins with one and is
    not defined in the same file; and every name that the seams borrow.
    """
    found = []
    for path in sorted(package.rglob("*.py")):
        file = path.relative_to(package).as_posix()
        if file == SEAMS:
            continue
        tree = ast.parse(path.read_text())
        own = set(_defined(tree))
        found += [f"{file}:{line} {name}" for line, name in _used(tree) if _is_foreign(name, own)]
    return found


def _is_foreign(name: str, own: set[str]) -> bool:
    if name in BORROWED:
        return True
    if name in NAMEDTUPLES:
        return False
    last = name.rpartition(".")[2]
    return last.startswith("_") and not last.endswith("__") and last not in own


def _defined(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a file defines: functions, classes, variables, attributes of self."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif _is_of_self(node) and isinstance(node.ctx, ast.Store):
            yield node.attr


def _used(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the modules, attributes and methods that a file names, except for types alone."""
    own = set(_defined(tree))
    left_out = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in left_out:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Attribute) and not (_is_of_self(node) and node.attr in own):
            yield node.lineno, node.attr
        elif isinstance(node, ast.FunctionDef):
            yield node.lineno, node.name


def _is_of_self(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )
