"""Puts the manual's pages into the wheel; everything else about it is in pyproject.toml."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PAGES = Path("notebooks")
KINDS = {".ipynb", ".png", ".svg"}


class BuildWithPages(build_py):
    """Copies `notebooks/` into the package; an editable installation reads the checkout's."""

    def run(self) -> None:
        """Copy the package's modules, then the pages."""
        super().run()
        if self.editable_mode:
            return
        found = (path for path in sorted(PAGES.rglob("*")) if path.suffix in KINDS)
        pages = [path for path in found if ".ipynb_checkpoints" not in path.parts]
        if not any(path.suffix == ".ipynb" for path in pages):
            raise SystemExit(f"{PAGES}: the manual's pages are missing. Clone the project again.")
        for page in pages:
            target = Path(self.build_lib, "labkit/manual/pages", page.relative_to(PAGES))
            target.parent.mkdir(parents=True, exist_ok=True)
            self.copy_file(str(page), str(target))


setup(cmdclass={"build_py": BuildWithPages})
