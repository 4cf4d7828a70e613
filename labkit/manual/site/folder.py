"""The folder of the site; files that are not the site's are never changed."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.errors import SiteError

if TYPE_CHECKING:
    from collections.abc import Iterator

LIST = ".lab-site"
"""Lists the files of the site, so that the next build deletes no other file."""


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield an empty working folder; its `html` then replaces the site's folder.

    If the work fails, the site's folder is not changed.

    Raises:
        SiteError: the folder cannot be written, or has files that are not the site's.
    """
    folder = folder.absolute().resolve()
    try:
        _refuse_other_files(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".lab-site-") as working:
            yield Path(working)
            _put(Path(working), folder)
    except OSError as error:
        raise SiteError(
            f"{folder}: cannot be written: {error.strerror or error}. Use another folder with -o."
        ) from None


def _refuse_other_files(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise SiteError(f"{folder}: this is not a folder. Use another one with -o.")
    ours = folder / LIST
    if ours.is_file():
        listed = ours.read_text(encoding="utf-8", errors="replace").splitlines()
        foreign = set(_files(folder)) - {*listed, LIST}
    else:
        foreign = {path.name for path in folder.iterdir()}
    if foreign:
        raise SiteError(
            f"{folder}: the folder has files that are not the site's, such as {min(foreign)}. "
            "Nothing was changed. Use a new or empty folder with -o."
        )


def _files(folder: Path) -> Iterator[str]:
    """Yield all files, and all folders that are links or empty."""
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_dir() or not any(path.iterdir()):
            yield path.relative_to(folder).as_posix()


def _put(working: Path, folder: Path) -> None:
    made = working / "html"
    (made / LIST).write_text("\n".join(sorted(_files(made))) + "\n", encoding="utf-8")
    _refuse_other_files(folder)
    if folder.exists():
        folder.rename(working / "before")
    try:
        made.rename(folder)
    except BaseException:
        if (working / "before").exists():
            shutil.move(working / "before", folder)
        raise
