"""What pages import of labkit: public names only."""

from __future__ import annotations

import ast
import pkgutil
from importlib import import_module
from pathlib import Path

import nbformat
import pytest

import labkit

PAGES = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem[:2])
def test_a_page_imports_public_names_only(page: Path) -> None:
    """What a page takes from labkit is in the `__all__` of its room, or is a room."""
    code = "\n".join(c.source for c in nbformat.read(page, 4).cells if c.cell_type == "code")
    assert not_public(code) == []


def test_a_private_import_would_be_found() -> None:
    """The twin: a name from the inside of a room, and one that no room lists."""
    code = (
        "from labkit.lab.lab import Lab\nfrom labkit.keys import PublicKey\nfrom labkit import ca"
    )
    assert not_public(code) == ["labkit.lab.lab.Lab", "labkit.ca"]


def not_public(code: str) -> list[str]:
    """Return the names of labkit that code imports and that no room lists as public."""
    imports = [
        (node.module, alias.name)
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("labkit")
        for alias in node.names
    ]
    return [f"{room}.{name}" for room, name in imports if name not in public(room)]


def public(room: str) -> set[str]:
    """Return a room's public names; the rooms themselves are those of labkit."""
    names = set(getattr(import_module(room), "__all__", ()))
    if room == "labkit":
        return names | {each.name for each in pkgutil.iter_modules(labkit.__path__)}
    return names if room.count(".") == 1 else set()


def test_few_names_are_public_at_the_top() -> None:
    """`labkit` itself hands on at most eight."""
    assert len(labkit.__all__) <= 8
