"""What turns a page red, and what does not: a changed output, a stripped page, a broken cell."""

from __future__ import annotations

import ast
import base64
import copy
import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
import render_pages
from cryptography.hazmat.primitives.serialization import load_der_private_key
from secret_traces import traces, where
from solutions import SOLUTIONS

from labkit import certificates, check, firmware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "notebooks").glob("*.ipynb"))
CHEAPEST = ROOT / "notebooks/00-start-here.ipynb"


def nbval(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `pytest --nbval` on a folder's pages, as `./lab test` does."""
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("LABKIT_", "PYTEST_"))}
    options = ["-c", ROOT / "pyproject.toml", "--rootdir", folder, "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-q", "--nbval", folder],
        cwd=folder,
        env=outside,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with one page and the pages' conftest."""
    copied = tmp_path / "notebooks"
    copied.mkdir()
    for path in (CHEAPEST, ROOT / "notebooks/conftest.py"):
        shutil.copy2(path, copied)
    return copied


def change(folder: Path, edit: Callable[[nbformat.NotebookNode], None]) -> str:
    """Change the folder's page and return how its test run ends: its output, exit code last."""
    page = folder / CHEAPEST.name
    notebook = nbformat.read(page, 4)
    before = copy.deepcopy(notebook)
    edit(notebook)
    assert notebook != before
    nbformat.write(notebook, page)
    done = nbval(folder)
    return f"{done.stdout}{done.stderr}\nexit code {done.returncode}"


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return a page's code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def one_character(notebook: nbformat.NotebookNode) -> None:
    """Change the last character of the page's last stored value."""
    output = [o for cell in code_cells(notebook) for o in cell.outputs if "data" in o][-1]
    text = output.data["text/plain"]
    output.data["text/plain"] = text[:-1] + chr(ord(text[-1]) ^ 1)


def stripped(notebook: nbformat.NotebookNode) -> None:
    """Take away every output and execution count, as nbstripout does."""
    for cell in code_cells(notebook):
        cell.execution_count, cell.outputs = None, []


def one_cell_stripped(notebook: nbformat.NotebookNode) -> None:
    """Take them away from one cell alone."""
    cell = code_cells(notebook)[2]
    cell.execution_count, cell.outputs = None, []


def outputs_stripped(notebook: nbformat.NotebookNode) -> None:
    """Take away the outputs, and leave the execution counts."""
    for cell in code_cells(notebook):
        cell.outputs = []


def broken_callback(notebook: nbformat.NotebookNode) -> None:
    """Let a widget's callback raise when it is pressed, as a page's test would press it."""
    cell = next(cell for cell in code_cells(notebook) if not cell.outputs)
    cell.source += (
        "\nimport ipywidgets\nbutton = ipywidgets.Button()"
        "\nbutton.on_click(lambda _: 1 / 0)\nbutton.click()"
    )


def test_one_changed_character_is_red(folder: Path) -> None:
    """One character of one stored output turns the page red, and the cell is named."""
    output = change(folder, one_character)
    assert output.endswith("exit code 1")
    assert "1 failed" in output
    assert CHEAPEST.name in output


@pytest.mark.parametrize("edit", [stripped, one_cell_stripped])
def test_a_stripped_page_is_red(
    folder: Path, edit: Callable[[nbformat.NotebookNode], None]
) -> None:
    """A page stored without having been run is refused by name, with what to do."""
    output = change(folder, edit)
    assert not output.endswith("exit code 0")
    assert f"{CHEAPEST.name}: code cell" in output
    assert "python tests/render_pages.py" in output


@pytest.mark.slow
@pytest.mark.parametrize("edit", [outputs_stripped, broken_callback])
def test_a_broken_page_is_red(folder: Path, edit: Callable[[nbformat.NotebookNode], None]) -> None:
    """Missing outputs and a callback that raises are red."""
    output = change(folder, edit)
    assert output.endswith("exit code 1")
    assert "failed" in output


@pytest.mark.slow
def test_an_untouched_page_is_green(folder: Path) -> None:
    """The same run on the page as it is stored passes, with every code cell compared."""
    done = nbval(folder)
    assert done.returncode == 0, done.stdout
    cells = code_cells(nbformat.read(CHEAPEST, 4))
    assert f"{len(cells)} passed" in done.stdout


# The exercises


MODULES = {
    name: import_module(f"labkit.{name}")
    for name in ("certificates", "console", "firmware", "keys", "policy")
}
"""The modules that an exercise's check may use, in addition to `check` and the answer."""


def exercises(page: Path) -> list[str]:
    """Return the check cells of a page's exercises, each the one after an `answer = None`."""
    cells = code_cells(nbformat.read(page, 4))
    answers = [n for n, cell in enumerate(cells) if cell.source.startswith("answer = None")]
    return [cells[at + 1].source for at in answers]


def verdict(source: str, answer: object) -> str:
    """Return what a check cell shows of an answer."""
    *statements, shown = ast.parse(source).body
    assert isinstance(shown, ast.Expr)
    names = {**MODULES, "check": check, "answer": answer}
    exec(compile(ast.Module(statements, []), "exercise", "exec"), names)  # noqa: S102 the page's own cell
    return repr(eval(compile(ast.Expression(shown.value), "exercise", "eval"), names))  # noqa: S307 as above


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem[:2])
def test_a_right_answer_is_ok_and_a_wrong_one_is_not(page: Path) -> None:
    """Each exercise's check distinguishes the solution, a wrong answer and no answer."""
    for source, (right, wrong) in zip(exercises(page), SOLUTIONS[page.stem], strict=True):
        assert verdict(source, right).startswith("ok   ")
        assert verdict(source, wrong).startswith("FAIL ")
        assert verdict(source, None).endswith("not answered yet")


def test_every_page_has_solutions() -> None:
    """No page is without an exercise, and none of the solutions is for a page that is not there."""
    assert sorted(SOLUTIONS) == [path.stem for path in PAGES]
    assert all(SOLUTIONS.values())


# Any order, any workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    """Return a workspace for several pages, whose bench is ended afterwards."""
    yield tmp_path / "lab"
    render_pages.stop_bench(tmp_path / "lab")


@pytest.mark.slow
def test_pages_in_any_order_in_one_workspace(workspace: Path) -> None:
    """Backwards, then forwards again, in one workspace: each page's outputs are as stored.

    No page has a private key in its outputs or in the state of its widgets.
    """
    rendered = {}
    for page in (*reversed(PAGES), *PAGES):
        rendered[page.name] = render_pages.render(page, workspace)
        assert compared(rendered[page.name]) == compared(page.read_text()), page.name
    keys = list(private_keys(workspace))
    assert len(keys) > 5
    texts = {name: text.encode() for name, text in rendered.items()}
    assert [where(traces(key), texts) for key in keys] == [set()] * len(keys)
    shown = {"a page": json.dumps({"text": to_pem(keys[0])}).encode()}
    assert where(traces(keys[0]), shown) == {"a page"}


def compared(page: str) -> list[tuple[str, list[object]]]:
    """Return each cell of a page with its outputs, without those that say how far one is."""
    cells = nbformat.reads(page, 4).cells
    ignored = [cell for cell in cells if "nbval-ignore-output" in cell.metadata.get("tags", ())]
    assert len(ignored) < len(cells) / 4
    return [(c.source, [] if c in ignored else c.get("outputs", [])) for c in cells]


def private_keys(workspace: Path) -> Iterator[certificates.SigningKey]:
    """Yield every private key of a workspace: the CAs', those on the boards, the imported one."""
    for file in workspace.glob("ca*/rootCA.key"):
        yield certificates.load_private_key(file.read_bytes())
    for file in workspace.glob("bench/boards/*/flash.json"):
        raw = json.loads(file.read_text())["private_key"]
        if raw:
            yield load_der_private_key(base64.b64decode(raw), None)
    for file in workspace.glob("devices/*option-1/firmware/**/aws_clientcredential_keys.h"):
        imported = firmware.get(file.read_text(), "keyCLIENT_PRIVATE_KEY_PEM").value
        yield certificates.load_private_key(imported or "")


def to_pem(key: certificates.SigningKey) -> str:
    """Return a private key as PEM."""
    return certificates.private_key_to_pem(key).decode()


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem[:2])
def test_each_page_first(page: Path) -> None:
    """Each page, opened first in a fresh workspace, renders to what is stored."""
    assert render_pages.main(["--check", str(page)]) == 0
