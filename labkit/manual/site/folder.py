"""The folder that the manual is put into: nothing in it that is not ours is touched."""

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
"""Lists the files that we put there, so that the next time nobody else's file is taken away."""


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to work in; what is in its `html` afterwards takes the place.

    Where the work fails, the folder stays as it was.

    Raises:
        SiteError: the folder cannot be written, or holds what we did not put there.
    """
    folder = folder.absolute().resolve()
    try:
        _refuse_what_is_not_ours(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".lab-site-") as working:
            yield Path(working)
            _put(Path(working), folder)
    except OSError as error:
        raise SiteError(
            f"{folder} cannot be written: {error.strerror or error}. Name another folder with -o."
        ) from None


def _refuse_what_is_not_ours(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise SiteError(f"{folder} is no folder. Name another with -o.")
    ours = folder / LIST
    if ours.is_file():
        listed = ours.read_text(encoding="utf-8", errors="replace").splitlines()
        foreign = set(_files(folder)) - {*listed, LIST}
    else:
        foreign = {path.name for path in folder.iterdir()}
    if foreign:
        raise SiteError(
            f"{folder} holds what is not the manual's, such as {min(foreign)}, and nothing in it "
            "was changed. Name a new or an empty folder with -o."
        )


def _files(folder: Path) -> Iterator[str]:
    """Yield all that is no folder, and each folder that is a link or empty."""
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_dir() or not any(path.iterdir()):
            yield path.relative_to(folder).as_posix()


def _put(working: Path, folder: Path) -> None:
    made = working / "html"
    (made / LIST).write_text("\n".join(sorted(_files(made))) + "\n", encoding="utf-8")
    _refuse_what_is_not_ours(folder)
    if folder.exists():
        folder.rename(working / "before")
    try:
        made.rename(folder)
    except BaseException:
        if (working / "before").exists():
            shutil.move(working / "before", folder)
        raise
