"""The reader's own copies of the pages: an update never overwrites what a reader has touched."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from labkit.errors import WorkspaceError
from labkit.manual.tracked import tracked_pages
from labkit.workspace import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labkit.workspace import Workspace

FIRST_PAGE = "00-start-here.ipynb"
_KINDS = {".ipynb", ".png", ".svg"}


def copy_pages(workspace: Workspace) -> list[str]:
    """Copy the pages into the workspace, leaving alone every page that its reader has touched.

    An untouched copy of a page that the manual has no more goes; one that was touched stays.

    Returns:
        The names of pages that have been updated since, and were left alone.
    """
    source = tracked_pages()
    if not (source / FIRST_PAGE).is_file():
        raise WorkspaceError(
            f"{source}: the manual's pages are not there. Clone or install the project again."
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


def untouched(workspace: Workspace) -> Iterator[tuple[Path, str]]:
    """Yield the pages that are as the manual has them, to the byte, each with its SHA-256."""
    for name, page in _tracked(tracked_pages()):
        own = workspace.root / "pages" / name
        if page.suffix == ".ipynb" and own.is_file() and own.read_bytes() == page.read_bytes():
            yield own, _sha256(own.read_bytes())


_KNOWN = ".as-copied.json"


def _is_outdated(own: Path, before: set[str], now: set[str]) -> bool:
    """Return whether an update has something new for a copy whose text no reader has changed.

    One that was run has outputs of its own: they stay as long as its text is the manual's.
    """
    return _sha256(own.read_bytes()) in before or not _editions(own) & now


def _editions(path: Path) -> set[str]:
    """Return the digests of a file, and of a page's cells alone.

    JupyterLab writes outputs and metadata into a page that was only opened or run; what a reader
    writes is cells.
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
    """Return the digests of the pages as they were copied; without them every page is kept."""
    try:
        return {
            str(name): str(as_copied)
            for name, as_copied in json.loads((folder / _KNOWN).read_text()).items()
        }
    except (OSError, ValueError, AttributeError):
        return {}
