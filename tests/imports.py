"""Walks the imports of a package, as its source says them, and judges their direction."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CORE = {"errors", "check", "seeding", "keys", "firmware", "policy", "console", "certificates"} | {
    "choice",
    "diagnosis",
    "handshake",
    "pictures",
}
"""The pure modules: no clock, no randomness, no file, no network."""

HEIGHTS = {
    "errors": 0,
    **dict.fromkeys(("asking", "check", "choice", "commands", "seeding"), 1),
    **dict.fromkeys(("firmware", "keys", "policy"), 1),
    **dict.fromkeys(("console", "certificates", "handshake", "seams"), 2),
    **dict.fromkeys(("diagnosis", "pictures"), 3),
    **dict.fromkeys(("device", "cloud", "workspace", "glossary"), 4),
    **dict.fromkeys(("approval", "bench", "gathering", "progress"), 5),
    **dict.fromkeys(("last_handshake", "steps"), 6),
    "procedure": 7,
    "lab": 8,
    **dict.fromkeys(("record", "by_hand", "holding", "manual", "newcomer", "drills", "site"), 9),
    **dict.fromkeys(("cli", "widgets"), 10),
    "__main__": 11,
}
"""Who stands above whom: an import goes down, never up and never sideways.

`seams`, which borrows from other packages, is as low as can be without the core's being able to
reach it. `simulator` stands apart: it is a program of its own, which uses the core and the seams
and is imported by nobody.
"""

IMPURE = {
    "serial", "boto3", "botocore", "ipywidgets", "time", "random", "secrets", "os", "pathlib",
    "io", "shutil", "socket", "subprocess", "tempfile", "threading", "asyncio", "urllib",
}  # fmt: skip
IMPURE_CALLS = {"open", "input", "print"}
IMPURE_METHODS = {"now", "utcnow", "today", "read_text", "read_bytes", "write_text", "write_bytes"}
ALLOWED = {("seeding.py", "secrets"), ("seeding.py", "now"), ("seeding.py", "import random")}
"""The seeding is the one source of the clock and of randomness, for those above the core."""


@dataclass(frozen=True)
class Import:
    """One import.

    Attributes:
        file: the importing file, from the package's folder on.
        module: what is imported, in full.
        line: where.
    """

    file: str
    module: str
    line: int

    @property
    def importer(self) -> str:
        """The importing part of the package: the first word of its path."""
        return self.file.partition("/")[0].removesuffix(".py")

    @property
    def imported(self) -> str:
        """The imported part of the package, empty where it is another package or the whole."""
        first, _, rest = self.module.partition(".")
        return rest.partition(".")[0] if first == "labkit" else ""


def imports(package: Path) -> Iterator[Import]:
    """Yield every import of a package's files, wherever in the file it stands."""
    parts = {path.stem for path in package.iterdir() if path.suffix == ".py" or path.is_dir()}
    for path in sorted(package.rglob("*.py")):
        file = path.relative_to(package).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            for module in _modules(node, file, parts):
                yield Import(file, module, node.lineno)


def _modules(node: ast.AST, file: str, parts: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute(node, file)
        if base == "labkit":
            yield from (f"labkit.{a.name}" if a.name in parts else "labkit" for a in node.names)
        else:
            yield base
    elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
        yield from (str(a.value) for a in node.args if isinstance(a, ast.Constant))


def _absolute(node: ast.ImportFrom, file: str) -> str:
    """Return the module of a from-import in full, also of a relative one."""
    above = ["labkit", *file.split("/")][: -node.level] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])


def wrong_arrows(package: Path) -> list[Import]:
    """Return the imports that go up, sideways, into the simulator, or out of it above the core."""
    return [each for each in imports(package) if each.imported and not _goes_down(each)]


def _goes_down(each: Import) -> bool:
    if each.importer == each.imported:
        return True
    if each.importer == "simulator":
        return each.imported in CORE | {"seams"}
    if each.importer == "__init__":
        return each.imported in {"check", "errors", "lab"}
    return HEIGHTS.get(each.imported, 99) < HEIGHTS.get(each.importer, -1)


def impurities(package: Path) -> list[str]:
    """Return what pure modules must not do: import the outside world, open files, ask the time."""
    found = []
    for part in sorted(CORE):
        files = [package / f"{part}.py", *(package / part).rglob("*.py")]
        for path in filter(lambda path: path.is_file(), files):
            file = path.relative_to(package).as_posix()
            found += [f"{file}: {what}" for what in _impure(path) if (file, what) not in ALLOWED]
    return found


def _impure(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        for module in _modules(node, path.name, set()):
            if module.partition(".")[0] in IMPURE:
                yield module
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
                yield node.func.id
            if isinstance(node.func, ast.Attribute) and node.func.attr in IMPURE_METHODS:
                yield node.func.attr


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules that a piece of code loads in a fresh Python."""
    code = f"{code}\nimport sys; print(*sorted({{n.partition('.')[0] for n in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())
