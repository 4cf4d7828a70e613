"""The reader's copies of the pages; an update never overwrites a page that the reader changed."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.errors import WorkspaceError
from labkit.workspace import checkout, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.workspace import Workspace

FIRST_PAGE = "00-start-here.ipynb"
_KINDS = {".ipynb", ".png", ".svg"}


def tracked_pages() -> Path:
    """Return the folder of the pages as released: `notebooks/` of the checkout, or `pages/`.

    `setup.py` copies the first to the second when it builds a wheel. Use never changes them.
    """
    root = checkout()
    return root / "notebooks" if root else Path(__file__).with_name("pages")


def copy_pages(workspace: Workspace) -> list[str]:
    """Copy the pages into the workspace, except those that the reader has changed.

    If the manual no longer has a page, its unchanged copy is deleted.

    Returns:
        The names of the pages that have an update and were not overwritten.

    Raises:
        WorkspaceError: this installation has no pages.
    """
    source = tracked_pages()
    if not (source / FIRST_PAGE).is_file():
        raise WorkspaceError(
            f"{source}: the manual's pages are missing. Clone or install the project again."
        )
    target = workspace.root / "pages"
    known = _as_copied(target)
    kept, tracked = [], dict(_tracked(source))
    for name in known.keys() - tracked.keys():
        own = target / name
        if own.is_file() and _editions(own) & set(known[name].split()):
            own.unlink()
        del known[name]
    for name, page in tracked.items():
        own, before, now = target / name, set(known.get(name, "").split()), _editions(page)
        if not own.exists():
            write(own, page.read_bytes())
        elif not _editions(own) & (before | now):
            if not now & before:
                kept.append(name)
            continue
        elif _is_outdated(own, before, now):
            write(own, page.read_bytes())
        known[name] = " ".join(sorted(now))
    write(target / _KNOWN, json.dumps(known, indent=1))
    return kept


def unchanged(workspace: Workspace) -> Iterator[Path]:
    """Yield the pages in the workspace that equal the manual's, byte for byte."""
    for name, page in _tracked(tracked_pages()):
        own = workspace.root / "pages" / name
        if page.suffix == ".ipynb" and own.is_file() and own.read_bytes() == page.read_bytes():
            yield own


_KNOWN = ".as-copied.json"


def _is_outdated(own: Path, before: set[str], now: set[str]) -> bool:
    """Return whether a copy with unchanged cells needs the update.

    The outputs of a page that was run stay as long as its cells are the manual's.
    """
    return _sha256(own.read_bytes()) in before or not _editions(own) & now


def _editions(path: Path) -> set[str]:
    """Return the digests of a file and of its cells.

    JupyterLab changes outputs and metadata of a page that was only opened or run; the reader
    changes cells.
    """
    raw = path.read_bytes()
    with suppress(ValueError, LookupError, TypeError, RecursionError):
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(raw)["cells"]]
        return {_sha256(raw), _sha256(json.dumps(cells).encode())}
    return {_sha256(raw)}


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _tracked(source: Path) -> Iterator[tuple[str, Path]]:
    for page in sorted(source.rglob("*")):
        name = page.relative_to(source).as_posix()
        if page.suffix in _KINDS and ".ipynb_checkpoints" not in name:
            yield name, page


def _as_copied(folder: Path) -> dict[str, str]:
    """Return the digests of the pages when they were copied; none if the list is damaged."""
    try:
        return {
            str(name): str(as_copied)
            for name, as_copied in json.loads((folder / _KNOWN).read_text()).items()
        }
    except (OSError, ValueError, AttributeError):
        return {}
