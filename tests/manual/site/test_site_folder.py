"""The folder of the manual as HTML: an older manual is replaced, other files are not touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from site_pages import contents

from labkit.errors import SiteError
from labkit.manual.site.folder import LIST, replacing

if TYPE_CHECKING:
    from pathlib import Path


def put(folder: Path, *names: str) -> None:
    """Put files in the manual's way."""
    with replacing(folder) as working:
        (working / "html").mkdir()
        for name in names:
            (working / "html" / name).write_text(name)


def test_an_older_manual_is_replaced(tmp_path: Path) -> None:
    """Removed pages are deleted, and nothing is left next to the folder."""
    folder = tmp_path / "site"
    put(folder, "one.html", "two.html")
    put(folder, "two.html", "three.html")
    assert {path.name for path in folder.iterdir()} == {"two.html", "three.html", LIST}
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("name", ["notes.txt", "deep/notes.txt"])
def test_a_folder_with_other_files_is_refused(tmp_path: Path, name: str) -> None:
    """Somebody's file is named and stays, in a folder of theirs and in one of ours."""
    put(tmp_path / "ours", "one.html")
    for folder in (tmp_path / "ours", tmp_path / "theirs"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
        before = contents(folder)
        with pytest.raises(SiteError, match=rf"not the site's.* {name[:4]}.* with -o"):
            put(folder, "two.html")
        assert contents(folder) == before


def test_a_link_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    """It is refused, and its target is not changed."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").write_text("mine")
    put(tmp_path / "site", "one.html")
    (tmp_path / "site/link").symlink_to(tmp_path / "precious")
    with pytest.raises(SiteError, match=r"such as link\."):
        put(tmp_path / "site", "two.html")
    assert (tmp_path / "precious/file").read_text() == "mine"


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    """Also one that is a link to an empty folder: the link stays."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    put(tmp_path / "link", "one.html")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "empty/one.html").is_file()


@pytest.mark.parametrize(
    ("where", "why"), [("file", "is not a folder"), ("file/site", "File exists")]
)
def test_what_cannot_be_a_folder_is_named(tmp_path: Path, where: str, why: str) -> None:
    """A file in its place, or in its way."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SiteError, match=rf"{why}.*-o"):
        put(tmp_path / where, "one.html")
    assert (tmp_path / "file").read_text() == "mine"


def test_work_that_fails_changes_nothing(tmp_path: Path) -> None:
    """The older manual stays as it was."""
    put(tmp_path / "site", "one.html")
    before = contents(tmp_path / "site")
    for error in (SiteError("no"), KeyboardInterrupt()):
        with pytest.raises(type(error)), replacing(tmp_path / "site"):
            raise error
    assert contents(tmp_path / "site") == before
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
