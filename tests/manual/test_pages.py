"""The pages' form: what makes them readable and what makes nbval compare every cell."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest

from labkit.lab import procedure

PAGES = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
TAGS = {
    "parameters",
    "raises-exception",
    "nbval-ignore-output",
    "nbval-skip",
    "skip-execution",
    "exercise",
}
PROGRAMS = {"needs-xxd", "needs-openssl", "needs-aws"}
MEANT_TO_FAIL = "FAIL a P-256 public key is 90 bytes: 91"

pytestmark = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem[:2])


def cells(page: Path, kind: str = "") -> list[nbformat.NotebookNode]:
    """Return a page's cells, of one kind if it is given."""
    return [cell for cell in nbformat.read(page, 4).cells if kind in ("", cell.cell_type)]


def texts(cell: nbformat.NotebookNode) -> str:
    """Return all text that a code cell has stored."""
    return "\n".join(
        output.get("text") or output.get("evalue") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
    )


def test_size(page: Path) -> None:
    """A page has 20 to 50 cells, code cells of at most 12 lines, two in a row, under 100 KB.

    Page 10 is no chapter but a set of drills, three cells each, of which one does one at a time.
    """
    kinds = "".join(cell.cell_type[0] for cell in cells(page))
    assert 20 <= len(kinds) <= (56 if page.stem == "10-troubleshooting-drills" else 50)
    assert "ccc" not in kinds
    assert max(len(cell.source.splitlines()) for cell in cells(page, "code")) <= 12
    assert page.stat().st_size < 100_000


def test_anatomy(page: Path) -> None:
    """A page opens with goals and the mode banner, breaks something, and closes with the goals."""
    prose = [cell.source for cell in cells(page, "markdown")]
    assert re.match(rf"# {page.name[:2]} · \w", prose[0])
    assert "https://docs.aws.amazon.com/" in prose[0]
    assert "You will be able to" in prose[0]
    assert re.search(r"\d+ minutes", prose[0])
    opening = cells(page, "code")[0].source.splitlines()
    assert re.fullmatch(r"lab = open_lab\((route=\"[a-z0-9-]+\")?\)", opening[-2])
    assert opening[-1] == "lab"
    assert sum(line.startswith(("import", "from")) for line in opening) <= 4
    for heading in ("## Break it", "## What can go wrong", "## Record and clean up"):
        assert any(heading in text for text in prose), heading
    assert prose[-1].startswith("## You can now")
    assert any(
        "raises-exception" in cell.metadata.get("tags", ()) for cell in cells(page, "code")
    ) or ("INACTIVE" in "".join(cell.source for cell in cells(page, "code")))


def test_no_logic_in_cells(page: Path) -> None:
    """No cell has an if statement, a loop or a def: logic belongs into labkit, with a test."""
    for cell in cells(page, "code"):
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, ast.If | ast.For | ast.While | ast.FunctionDef | ast.With)


def test_every_code_cell_is_stored_as_run(page: Path) -> None:
    """Every code cell has an execution count, in order, so that nbval compares it."""
    code = cells(page, "code")
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


def test_tags_are_known(page: Path) -> None:
    """Only the tags of the style are used; a program that a cell needs has a tag."""
    for cell in cells(page, "code"):
        assert set(cell.metadata.get("tags", ())) <= TAGS | PROGRAMS
        needs_program = "shell_commands.compare(" in cell.source
        assert needs_program == bool(PROGRAMS & set(cell.metadata.get("tags", ())))


def test_errors_happen_where_they_are_meant_to(page: Path) -> None:
    """A cell tagged raises-exception did raise, in one line, and no other cell did."""
    for cell in cells(page, "code"):
        errors = [output for output in cell.outputs if output.output_type == "error"]
        assert bool(errors) == ("raises-exception" in cell.metadata.get("tags", ()))
        assert all(len(error.traceback) == 1 for error in errors)


def test_checks_pass(page: Path) -> None:
    """Every check on a page is ok, but for the one that shows how a failed one reads."""
    for cell in cells(page, "code"):
        for line in texts(cell).splitlines():
            assert not line.startswith("FAIL ") or line == MEANT_TO_FAIL


def test_exercises_wait_for_an_answer(page: Path) -> None:
    """Each page has an exercise whose check says that it is not answered yet."""
    exercises = [
        cell
        for cell in cells(page, "code")
        if "exercise" in cell.metadata.get("tags", ())
        and not cell.source.startswith("cause = None")  # a drill is answer and verdict in one
    ]
    assert exercises
    for answer, verdict in zip(exercises[::2], exercises[1::2], strict=True):
        assert answer.source == "answer = None  # your turn"
        assert texts(verdict).startswith("...  ")
        assert texts(verdict).endswith("not answered yet")


def test_metadata_is_the_kernelspec_alone(page: Path) -> None:
    """No widget state, no timings, no machine's details are stored."""
    notebook = nbformat.read(page, 4)
    assert set(notebook.metadata) == {"kernelspec"}
    assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)


def test_mirrors_the_procedure(page: Path) -> None:
    """A page calls exactly the steps that the procedure gives to it, each at least once."""
    source = "\n".join(cell.source for cell in cells(page, "code"))
    called = set(re.findall(r"lab\.(\w+)\(\)", source))
    steps = [step for route in procedure.ROUTES.values() for step in route.steps]
    own = {step.name for step in steps if step.page == page.stem}
    assert own <= called
