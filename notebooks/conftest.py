"""`pytest --nbval notebooks`: the seeded bench, and no page that would go unchecked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = "manual"
NOT_RUN = {"nbval-skip", "skip-execution"}


def pytest_configure() -> None:
    """Give every kernel the seed, and a workspace of this run alone."""
    for name in [name for name in os.environ if name.startswith("LABKIT_")]:
        del os.environ[name]
    os.environ["LABKIT_SEED"] = SEED
    os.environ["LABKIT_WORKSPACE"] = tempfile.mkdtemp(prefix="labkit-pages-")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse stripped pages, which nbval would skip; skip cells whose program is missing."""
    for path in sorted({item.path for item in items if item.path.suffix == ".ipynb"}):
        _refuse_stripped(path)
    for item in items:
        cell = getattr(item, "cell", None)
        for tag in cell.metadata.get("tags", ()) if cell else ():
            program = tag.removeprefix("needs-")
            if program != tag and shutil.which(program) is None:
                item.add_marker(pytest.mark.skip(reason=f"{program} is not installed"))


def pytest_sessionfinish() -> None:
    """End the bench and remove its workspace."""
    workspace = Path(os.environ["LABKIT_WORKSPACE"])
    if (workspace / "bench").exists():
        subprocess.run([sys.executable, "-m", "labkit", "stop"], check=False, capture_output=True)
    shutil.rmtree(workspace, ignore_errors=True)


def _refuse_stripped(path: Path) -> None:
    """Refuse a page that has a code cell which was never run: nbval would not compare it."""
    for number, cell in enumerate(_code_cells(path), 1):
        if cell.execution_count is None and not NOT_RUN & set(cell.metadata.get("tags", ())):
            raise pytest.UsageError(
                f"{path.name}: code cell {number} is stored without having been run, so nothing "
                "would be compared. Render the page: python tests/render_pages.py"
            )


def _code_cells(path: Path) -> Iterator[nbformat.NotebookNode]:
    return (cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code")
