"""The steps of environment.yml, as Binder and conda do them: a page in a plain JupyterLab."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fresh_clone import Clone, constraints

UV = Path(sys.executable).with_name("uv")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Return a fresh checkout, with a virtual environment as environment.yml describes it."""
    folder = tmp_path_factory.mktemp("binder")
    clone = Clone(folder / "clone", folder / "home", sys.executable)
    *_, section = yaml.safe_load((clone.folder / "environment.yml").read_text())["dependencies"]
    options = [word for line in section["pip"] for word in line.split()]
    install = ("pip", "install", "--python", "../venv", "-c", constraints(folder), *options)
    for command in (("venv", "--python", sys.executable, "../venv"), install):
        done = subprocess.run(
            [UV, *command], cwd=clone.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    return clone


def program(clone: Clone, *command: str) -> str:
    """Run a program of the virtual environment in notebooks/ and return its output."""
    path = clone.folder.parent / "venv/bin" / command[0]
    done = subprocess.run(
        [path, *command[1:]],
        cwd=clone.folder / "notebooks",
        env=clone.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def contents(folder: Path) -> dict[str, bytes]:
    """Return the content of all files in a folder."""
    files = filter(Path.is_file, folder.rglob("*"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_jupyter_finds_the_kernel(clone: Clone) -> None:
    """The pages name the kernel python3, and a plain Jupyter has it."""
    known = json.loads(program(clone, "jupyter", "kernelspec", "list", "--json"))
    assert "python3" in known["kernelspecs"]


def test_a_page_starts_the_bench(clone: Clone, tmp_path: Path) -> None:
    """A page runs to its end; its workspace is beside notebooks/, in which nothing changes.

    Nothing follows the page's progress there, and the page needs nothing of it.
    """
    before = contents(clone.folder / "notebooks")
    page = "03-initial-configuration.ipynb"
    to = ("--to", "notebook", "--output-dir", str(tmp_path))
    try:
        program(clone, "jupyter", "nbconvert", "--execute", *to, page)
    finally:
        stopped = program(clone, "labkit", "stop")
    assert stopped == "the bench has ended\n"
    assert (clone.folder / "workspace/lab.toml").is_file()
    assert contents(clone.folder / "notebooks") == before
    assert not (clone.folder / "workspace/progress.jsonl").exists()
