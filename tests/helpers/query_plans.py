"""Looks at how SQLite answers what the account asks it: by an index, or by reading a whole table.

That is what keeps the 10,000th call as quick as the first, and it can be checked without a clock.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labkit.bench.simulator.account import Account

_STATEMENT = re.compile(r"(SELECT|UPDATE|DELETE FROM|(INSERT|REPLACE)( OR \w+)? INTO) [\w*]")
_READS_ALL = re.compile(r"SCAN (?!CONSTANT ROW)(?!.*VIRTUAL TABLE)|AUTOMATIC")
_LITERAL = re.compile(r"[xX]?'(?:[^']|'')*'|\b\d+\b")


def written(folder: Path) -> Iterator[str]:
    """Yield every SQL statement that stands whole in the source of a folder's modules."""
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text())
        pieces = {
            id(piece)
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr)
            for piece in node.values
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = " ".join(node.value.split())
                if _STATEMENT.match(text) and id(node) not in pieces:
                    yield text


def reads_all(account: Account, statement: str) -> bool:
    """Return whether a statement's plan reads a whole table.

    Raises:
        sqlite3.OperationalError: it is no statement that the account's database understands.
    """
    values = (None,) * statement.count("?")
    with account._store.reading() as database:  # noqa: SLF001 the tests' own look inside
        plan = database.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    return any(_READS_ALL.search(step["detail"]) for step in plan)


class Asked:
    """What an account asks its database from now on; `statements` has each shape once."""

    def __init__(self, account: Account) -> None:
        self._shapes: dict[str, str] = {}
        with account._store.reading() as database:  # noqa: SLF001 as above
            database.set_trace_callback(self._note)

    @property
    def statements(self) -> tuple[str, ...]:
        """The statements, with the values of the first time."""
        return tuple(self._shapes.values())

    def _note(self, statement: str) -> None:
        if _STATEMENT.match(statement):
            self._shapes.setdefault(_LITERAL.sub("#", statement), statement)
