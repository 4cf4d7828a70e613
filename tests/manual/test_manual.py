"""The reader's copies of the pages, and JupyterLab's own files in the workspace."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from jupyterlab_server.workspaces_handler import WorkspacesManager
from nbformat.sign import NotebookNotary

from labkit import manual
from labkit.errors import WorkspaceError
from labkit.manual import copies, jupyterlab
from labkit.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
PAGE = manual.FIRST_PAGE
ANOTHER = "03-initial-configuration.ipynb"


@pytest.fixture
def tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a checkout's pages, which can be updated."""
    pages = tmp_path / "checkout/notebooks"
    (pages / "pictures").mkdir(parents=True)
    (pages / ".ipynb_checkpoints").mkdir()
    for name in (PAGE, ANOTHER, "pictures/board.svg", ".ipynb_checkpoints/x.ipynb", "conftest.py"):
        (pages / name).write_text(f"{name}, first edition")
    monkeypatch.setattr(copies, "tracked_pages", lambda: pages)
    return pages


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace."""
    return Workspace.open(tmp_path / "lab", {})


@pytest.fixture
def own(workspace: Workspace, tracked: Path) -> Path:
    """Return the reader's pages, copied once."""
    assert tracked.is_dir()
    assert manual.copy_pages(workspace) == []
    return workspace.root / "pages"


def test_pages_and_pictures_are_copied(own: Path) -> None:
    """All pages and pictures come, and nothing else."""
    names = {p.relative_to(own).as_posix() for p in own.rglob("*") if p.is_file()}
    assert names == {PAGE, ANOTHER, "pictures/board.svg", ".as-copied.json"}


def test_an_edited_page_is_never_overwritten(
    workspace: Workspace, tracked: Path, own: Path
) -> None:
    """An update leaves it alone and names it; the unchanged page is updated."""
    (own / PAGE).write_text("my notes")
    assert manual.copy_pages(workspace) == []
    for edition in ("second", "third"):
        for name in (PAGE, ANOTHER):
            (tracked / name).write_text(f"{edition} edition")
        assert manual.copy_pages(workspace) == [PAGE]
        assert (own / PAGE).read_text() == "my notes"
        assert (own / ANOTHER).read_text() == f"{edition} edition"


def test_a_page_that_was_made_like_the_new_one_is_followed(
    workspace: Workspace, tracked: Path, own: Path
) -> None:
    """A changed page that equals the update counts as unchanged, and is updated from then on."""
    for name in (tracked / PAGE, own / PAGE):
        name.write_text("second edition")
    assert manual.copy_pages(workspace) == []
    (tracked / PAGE).write_text("third edition")
    assert manual.copy_pages(workspace) == []
    assert (own / PAGE).read_text() == "third edition"


def test_a_page_that_was_deleted_comes_again(workspace: Workspace, own: Path) -> None:
    """Deleting a page and opening the manual again starts it over."""
    (own / PAGE).unlink()
    assert manual.copy_pages(workspace) == []
    assert (own / PAGE).read_text() == f"{PAGE}, first edition"


@pytest.mark.parametrize("damage", ["", "[", "[1]", '"x"', "null"])
def test_without_its_memory_every_page_that_differs_is_kept(
    workspace: Workspace, tracked: Path, own: Path, damage: str
) -> None:
    """A lost or damaged list of what was copied costs updates, never a reader's page."""
    (own / ".as-copied.json").write_text(damage)
    (own / PAGE).write_text("my notes")
    (tracked / ANOTHER).write_text("second edition")
    assert manual.copy_pages(workspace) == [PAGE, ANOTHER]
    assert (own / PAGE).read_text() == "my notes"
    assert (own / ANOTHER).read_text() == f"{ANOTHER}, first edition"


def test_pages_that_are_not_there_are_named(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the folder and what to do."""
    monkeypatch.setattr(copies, "tracked_pages", lambda: tmp_path / "nowhere")
    with pytest.raises(WorkspaceError, match=r"nowhere: .* Clone or install the project again"):
        manual.copy_pages(workspace)


def saved(path: Path, source: str, output: str = "") -> None:
    """Save a page with one code cell, as JupyterLab does."""
    cell = {"cell_type": "code", "source": [source], "outputs": [output], "metadata": {}}
    path.write_text(json.dumps({"cells": [cell], "metadata": {"from": "JupyterLab"}}))


def test_a_page_that_was_only_run_is_updated(workspace: Workspace, tracked: Path) -> None:
    """Outputs are not an edit: they stay while the cells are the manual's, until an update."""
    own = workspace.root / "pages" / PAGE
    for output in ("old", "seeded"):
        saved(tracked / PAGE, "first", output)
        manual.copy_pages(workspace)
        assert output in own.read_text()
    saved(own, "first", "of my bench")
    assert manual.copy_pages(workspace) == []
    assert "of my bench" in own.read_text()
    saved(tracked / PAGE, "second", "seeded")
    assert manual.copy_pages(workspace) == []
    assert own.read_bytes() == (tracked / PAGE).read_bytes()


def test_an_answer_is_an_edit(workspace: Workspace, tracked: Path) -> None:
    """One changed cell makes a page the reader's, whatever else JupyterLab wrote into it."""
    saved(tracked / PAGE, "answer = None")
    manual.copy_pages(workspace)
    own = workspace.root / "pages" / PAGE
    saved(own, "answer = 2")
    saved(tracked / PAGE, "answer = None  # your turn")
    assert manual.copy_pages(workspace) == [PAGE]
    assert "answer = 2" in own.read_text()


def test_a_removed_page_is_deleted_unless_the_reader_changed_it(
    workspace: Workspace, tracked: Path, own: Path
) -> None:
    """The unchanged copy of a removed page is deleted; changed pages and the reader's own stay."""
    (own / "pictures/board.svg").write_text("my drawing")
    (own / "my-notes.ipynb").write_text("mine")
    for name in (ANOTHER, "pictures/board.svg"):
        (tracked / name).rename(tracked / f"{name}.away")
    assert manual.copy_pages(workspace) == []
    assert not (own / ANOTHER).exists()
    assert (own / "pictures/board.svg").read_text() == "my drawing"
    assert (own / "my-notes.ipynb").read_text() == "mine"


def test_a_new_page_does_not_take_the_place_of_a_readers(
    workspace: Workspace, tracked: Path, own: Path
) -> None:
    """A new page does not replace a page of the reader with the same name."""
    for name in ("04-new.ipynb", "pictures/new.svg"):
        (own / name).write_text("mine")
        (tracked / name).write_text("the manual's")
        assert name in manual.copy_pages(workspace)
        assert (own / name).read_text() == "mine"


# JupyterLab's own files


def test_jupyterlab_keeps_to_the_workspace(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No setting, layout, kernel or signature comes from the reader's home, or goes there."""
    monkeypatch.setenv("JUPYTER_PATH", "/elsewhere/kernels")
    monkeypatch.setenv("JUPYTERLAB_WORKSPACES_DIR", "/elsewhere/layouts")
    given = jupyterlab.variables(workspace)
    assert not {"JUPYTER_PATH", "JUPYTERLAB_WORKSPACES_DIR"} & set(given)
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        assert Path(given[name]).is_relative_to(workspace.root)


def test_a_layout_of_the_readers_stays(workspace: Workspace) -> None:
    """The first layout shows the table of contents; later ones are what the reader left."""
    jupyterlab.prepare(workspace)
    layouts = workspace.root / "jupyter/lab/workspaces"
    manager = WorkspacesManager(str(layouts))
    assert "toc" in manager.load("default")["data"]["layout-restorer:data"]["left"]["current"]
    mine = {"data": {}, "metadata": {"id": "default"}}
    manager.save("default", json.dumps(mine))
    jupyterlab.prepare(workspace)
    assert manager.load("default")["data"] == {}


def test_only_our_own_pages_are_signed(workspace: Workspace, tracked: Path, own: Path) -> None:
    """Pages that equal the manual's are signed; a page with another content is not."""
    assert tracked.is_dir()
    page = (ROOT / "notebooks" / PAGE).read_text()
    for folder in (tracked, own):
        (folder / PAGE).write_text(page)
        (folder / ANOTHER).write_text(page)
    (own / ANOTHER).write_text(page.replace("Start here", "Hello"))
    jupyterlab.sign(workspace)
    store = workspace.root / "jupyter/data"
    notary = NotebookNotary(data_dir=str(store))
    assert notary.check_signature(nbformat.read(own / PAGE, 4))
    assert not notary.check_signature(nbformat.read(own / ANOTHER, 4))
    notary.store.close()
