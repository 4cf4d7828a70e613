"""Run pages unattended: parameters, what ends a run, and the executed pages."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab_bench import environment
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from labkit.errors import RecordError
from labkit.manual import running
from labkit.manual.parameters import inject, read_parameters
from labkit.manual.running import PagesRun, pages_of, run_pages
from labkit.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode

pytestmark = pytest.mark.slow

VALUES: dict[str, object] = {
    "7": 7, "-0.5": -0.5, "1e3": 1000.0, "true": True, "False": False, "null": None, "None": None,
    '"7"': "7", "007": "007", "1_000": "1_000", "0x10": "0x10", "NaN": "NaN", "1e999": "1e999",
    "-Infinity": "-Infinity", "[1]": "[1]", '{"a": 1}': '{"a": 1}', "": "", "a=b": "a=b",
    "shelf 3, left": "shelf 3, left", "9" * 5000: "9" * 5000, "[" * 10**5: "[" * 10**5,
}  # fmt: skip


@pytest.mark.parametrize("text", VALUES, ids=lambda text: text[:20])
def test_value_is_read(text: str) -> None:
    """JSON's numbers, truth values, null and quoted texts; anything else is text."""
    value = read_parameters([f"n={text}"])["n"]
    assert (value, type(value)) == (VALUES[text], type(VALUES[text]))


def test_operator_and_board_are_text() -> None:
    """A board's number keeps its zeros, and None is a name."""
    parameters = read_parameters(["board=007", "operator=None", "n=7"])
    assert parameters == {"board": "007", "operator": "None", "n": 7}


@pytest.mark.parametrize(
    "name", ["password", "wifi_password", "API_KEY", "apikey", "token", "secrets", "key_id", "PWD"]
)
def test_secrets_name_is_refused(name: str) -> None:
    """Parameters are stored as plain text, so a secret's name is refused, a similar name is not."""
    with pytest.raises(RecordError, match=f"{name}: its name looks like a secret") as caught:
        read_parameters([f"{name}=hunter2"])
    assert "hunter2" not in str(caught.value)
    assert read_parameters(["keyboard=x", "tokens_seen=1"])


@pytest.mark.parametrize("text", ["", "=1", "a", "a b=1", "1a=1", "class=1", "None=1", "a.b=1"])
def test_invalid_name_is_refused(text: str) -> None:
    """The message has the format and an example."""
    with pytest.raises(RecordError, match="expected name=value"):
        read_parameters([text])


def test_name_set_twice_is_refused() -> None:
    """A parameter has one value."""
    with pytest.raises(RecordError, match="parameter a: it is set twice"):
        read_parameters(["a=1", "a=1"])


@settings(deadline=None)
@given(st.text())
def test_any_value_comes_back_from_the_page(text: str) -> None:
    """The injected cell is Python that gives the value."""
    parameters = read_parameters([f"n={text}"])
    page = new_notebook()
    inject(page, parameters)
    given_there: dict[str, Any] = {}
    exec(page.cells[0].source, given_there)  # noqa: S102 it is what a kernel does with it
    assert given_there["n"] == parameters["n"]


def test_injected_cell_follows_the_defaults() -> None:
    """As with papermill: after the cell tagged parameters, otherwise at the top, and only once."""
    page = new_notebook(cells=[new_markdown_cell("# x"), code("n = 1", "parameters")])
    inject(page, {"n": 2})
    inject(page, {"n": 3})
    tags = [cell.metadata.get("tags") for cell in page.cells]
    assert tags == [None, ["parameters"], ["injected-parameters"]]
    assert page.cells[2].source == "# Parameters\nn = 3"
    bare = new_notebook(cells=[new_markdown_cell("# x")])
    inject(bare, {"n": 2})
    assert [cell.cell_type for cell in bare.cells] == ["code", "markdown"]
    inject(bare, {})
    assert [cell.cell_type for cell in bare.cells] == ["markdown"]


def code(source: str, *tags: str, shows: str = "") -> NotebookNode:
    """Return a code cell, perhaps with tags and a result from an earlier run."""
    cell = new_code_cell(source, metadata={"tags": list(tags)} if tags else {})
    if shows:
        cell.execution_count = 1
        result = new_output("execute_result", {"text/plain": shows}, execution_count=1)
        cell.outputs = [result]
    return cell


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace without a bench."""
    return Workspace.open(tmp_path / "lab", {"LABKIT_THING": "shelf-1"})


def page(folder: Path, name: str, *cells: NotebookNode) -> Path:
    """Write a page."""
    path = folder / name
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A page"), *cells]), path)
    return path


def run(
    workspace: Workspace, *pages: Path, **parameters: str | int
) -> tuple[PagesRun, dict[str, list[str]]]:
    """Run pages; return the run and the outputs of each page's code cells, as text."""
    done = run_pages(workspace, pages, parameters, lambda *_: None)
    return done, {name: shown(raw) for name, raw in done.executed.items()}


def shown(raw: bytes) -> list[str]:
    """Return what each code cell of an executed page shows, as text."""
    cells = [cell for cell in json.loads(raw)["cells"] if cell["cell_type"] == "code"]
    return [
        "".join(
            "".join(output.get("text", output.get("data", {}).get("text/plain", "")))
            or f"{output['ename']}: {output['evalue']}"
            for output in cell["outputs"]
        )
        for cell in cells
    ]


FAIL = 'check("a promise", False, 1)'
SHOWN_FAIL = "FAIL a promise: 1"


def test_page_is_run_and_kept(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old outputs are removed, parameters are set, an expected error does not end the run."""
    monkeypatch.setenv("LABKIT_RECORD_PASSPHRASE", "hunter2")
    monkeypatch.setenv("LABKIT_THING", "another")
    monkeypatch.setenv("JPY_SESSION_NAME", "x.ipynb")
    name = "01-a.ipynb"
    variables = ("LABKIT_RECORD_PASSPHRASE", "LABKIT_THING", "JPY_SESSION_NAME")
    path = page(
        tmp_path,
        name,
        code("n = 1", "parameters"),
        code("n + 1", shows="old"),
        code("from labkit import check\n1 / 0", "raises-exception"),
        code(FAIL, shows=SHOWN_FAIL),
        code("'run'", "needs-no-such-program", shows="old"),
        code(f"import os\n[os.environ.get(name) for name in {variables}]"),
        code("import ipykernel\nipykernel.kernelapp.IPKernelApp.instance().ip"),
        code("print('FAIL is what a board may print')"),
    )
    before = path.read_bytes()
    done, texts = run(workspace, path, n=2)
    assert (done.failed, done.signal) == (None, 0)
    assert texts[name] == [
        "", "", "3", "ZeroDivisionError: division by zero", SHOWN_FAIL, "",
        "[None, 'shelf-1', None]", "'127.0.0.1'", "FAIL is what a board may print\n",
    ]  # fmt: skip
    assert path.read_bytes() == before


ENDS = {
    "error": ("raise ValueError('first\\nsecond')", "ValueError: first"),
    "check": (FAIL, SHOWN_FAIL),
    "kernel": ("import os\nos._exit(1)", "the page's kernel ended: Kernel died"),
}


@pytest.mark.parametrize("what", ENDS)
def test_failure_ends_the_run(workspace: Workspace, tmp_path: Path, what: str) -> None:
    """The cell's number is that of the executed page; no later cell runs."""
    source, message = ENDS[what]
    first = page(
        tmp_path, "01-a.ipynb", code("from labkit import check"), code(source), code("1", shows="1")
    )
    done, texts = run(workspace, first, page(tmp_path, "02-b.ipynb", code("1")), n=1)
    assert done.failed == ("01-a.ipynb", 3, message)
    assert str(done.failed) == f"01-a.ipynb, code cell 3: {message}"
    assert list(texts) == ["01-a.ipynb"]
    assert texts["01-a.ipynb"][3] == ""


def test_pages_run_in_order(workspace: Workspace, tmp_path: Path) -> None:
    """Each has its own kernel and is reported when it has ended."""
    seen: list[str] = []
    pages = [page(tmp_path, "01-a.ipynb", code("a = 1")),
             page(tmp_path, "02-b.ipynb", code("'a' in dir()"))]  # fmt: skip
    done = run_pages(workspace, pages, {}, lambda name, _: seen.append(name))
    assert (seen, done.failed) == (["01-a.ipynb", "02-b.ipynb"], None)
    assert shown(done.executed["02-b.ipynb"]) == ["False"]


SCRIPT = """\
import sys
from pathlib import Path
from labkit.manual.running import run_pages
from labkit.workspace import Workspace

done = run_pages(Workspace.open(Path(sys.argv[1]), {}), [Path(sys.argv[2])], {}, print)
print(done.failed, done.signal, done.executed[Path(sys.argv[2]).name].decode())
"""


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_signal_stops_the_kernel(tmp_path: Path, number: signal.Signals) -> None:
    """The cell is interrupted and cleans up, the page is kept, and the kernel is stopped."""
    mark = tmp_path / "kernel"
    slow = f"from pathlib import Path\nimport os, time\nPath({str(mark)!r}).write_text(str(os.getpid()))\ntry:\n    time.sleep(100)\nfinally:\n    print('cleaned up')"  # noqa: E501 one cell
    path = page(tmp_path, "01-a.ipynb", code(slow, "raises-exception"), code("'later'"))
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "lab"), str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(tmp_path / "lab"),
    )
    while not (mark.exists() and mark.read_text()):
        time.sleep(0.05)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert out.startswith(f"None {number} ")
    stopped, later = shown(out.removeprefix(f"None {number} ").encode())
    assert stopped.startswith("cleaned up")
    assert later == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


def test_kernel_that_does_not_start_is_a_failure(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is reported, and no atexit handler is left."""
    left: list[object] = []
    register, unregister = atexit.register, atexit.unregister
    monkeypatch.setattr(atexit, "register", lambda do: left.append(do) or register(do))
    monkeypatch.setattr(atexit, "unregister", lambda do: left.remove(do) or unregister(do))
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    done, texts = run(workspace, page(tmp_path, "01-a.ipynb", code("1", shows="1")))
    assert done.failed
    assert done.failed.message.startswith("the page's kernel ended: ")
    assert texts["01-a.ipynb"] == [""]
    assert left == []


def test_pages_with_steps_are_run(workspace: Workspace) -> None:
    """In the route's order, without page 13, which deletes what was made."""
    numbers = [path.name[:2] for path in pages_of(workspace)]
    assert numbers == ["03", "04", "05", "06", "07", "08"]
    one = Workspace.open(workspace.root, {"LABKIT_ROUTE": "option-1"})
    assert "13" not in [path.name[:2] for path in pages_of(one)]


def test_missing_pages_are_reported(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the missing page and what to do."""
    monkeypatch.setattr(running, "tracked_pages", lambda: tmp_path)
    with pytest.raises(
        RecordError, match=r"03-initial-configuration.ipynb: the page is missing.*labkit r"
    ):
        pages_of(workspace)
