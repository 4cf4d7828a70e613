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

CORE = {
    "errors",
    "check",
    "pem",
    "keys",
    "firmware",
    "policy",
    "console",
    "certificates",
} | {
    "bench.handshake",
    "diagnosis",
    "encodings",
    "endpoint",
}
"""The pure rooms: no clock, no randomness, no network, and no file."""

HEIGHTS = {
    **dict.fromkeys(("errors", "encodings"), 0),
    **dict.fromkeys(("check", "endpoint", "pem", "policy", "support"), 1),
    **dict.fromkeys(("firmware", "keys"), 2),
    **dict.fromkeys(("console", "certificates", "bench.handshake"), 3),
    "diagnosis": 4,
    "workspace": 5,
    **dict.fromkeys(("device", "cloud", "bench.client", "bench.image"), 6),
    "lab": 7,
    **dict.fromkeys(("approval", "manual"), 8),
    "record": 9,
    "cli": 10,
    "__main__": 11,
}
"""The height of each room: an import goes down, never up or sideways.

`bench.simulator` stands apart. It is a program of its own that uses the core and `support`, and is
imported by nobody.
"""

IMPURE = {
    "serial", "boto3", "botocore", "ipywidgets", "time", "random", "secrets", "os", "pathlib",
    "io", "shutil", "socket", "subprocess", "tempfile", "threading", "asyncio", "urllib",
}  # fmt: skip
IMPURE_CALLS = {"open", "input", "print"}
IMPURE_METHODS = {"now", "utcnow", "today", "read_text", "read_bytes", "write_text", "write_bytes"}
ALLOWED = {
    ("firmware/tree.py", what) for what in ("os", "pathlib", "read_bytes", "read_text", "open")
}
"""Finding a firmware tree reads files; what is found there is judged as text."""


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
        """The room that imports."""
        return _room(self.file.removesuffix(".py").split("/"))

    @property
    def imported(self) -> str:
        """The imported room, empty where it is another package or the whole of this one."""
        first, *rest = self.module.split(".")
        return _room(rest) if first == "labkit" and rest else ""


def _room(path: list[str]) -> str:
    """Return the room that a path leads into: the bench has three, everything else is one."""
    return ".".join(path[:2]) if path[0] == "bench" else path[0]


def imports(package: Path) -> Iterator[Import]:
    """Yield every import of a package's files, wherever in the file it is."""
    modules = {_module(path.relative_to(package).as_posix()) for path in package.rglob("*.py")}
    for path in sorted(package.rglob("*.py")):
        file = path.relative_to(package).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            for module in _modules(node, file, modules):
                yield Import(file, module, node.lineno)


def _module(file: str) -> str:
    return f"labkit.{file.removesuffix('.py').replace('/', '.')}".removesuffix(".__init__")


def _modules(node: ast.AST, file: str, modules: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute(node, file)
        for name in (f"{base}.{alias.name}" for alias in node.names):
            yield name if name in modules else base
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
    if each.importer == "bench.simulator":
        return each.imported in CORE | {"support"}
    if each.importer == "__init__":
        return each.imported in {"check", "errors", "lab", "support"}
    return HEIGHTS.get(each.imported, 99) < HEIGHTS.get(each.importer, -1)


def cycles(package: Path) -> list[list[str]]:
    """Return each circle of files that import one another, as a list of their modules."""
    arrows: dict[str, set[str]] = {}
    for each in imports(package):
        arrows.setdefault(_module(each.file), set()).add(each.module)
    reached = {module: _reached(module, arrows) for module in arrows}
    circles = {
        tuple(sorted(m for m in reached[module] if module in reached.get(m, ())))
        for module in arrows
        if module in reached[module]
    }
    return [list(circle) for circle in sorted(circles)]


def _reached(start: str, arrows: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [each for each in arrows[start] if each != start]
    while ahead:
        module = ahead.pop()
        if module not in found:
            found.add(module)
            ahead += arrows.get(module, ())
    return found


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
