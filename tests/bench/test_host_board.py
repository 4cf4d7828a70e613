"""A board of the user's own on this computer, a program, completes every route at the bench.

Only documented settings are used: lab.toml, `labkit simulate` and `labkit status`.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import host_board
import pytest
from lab_bench import environment, labkit

from labkit import open_lab
from labkit.workspace.settings import TREES

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(host_board.__file__)
BUTTON = "Press the board's reset button now"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("gcc"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals"),
    pytest.mark.usefixtures("clean_environment"),
]
pytest_plugins = ("bench_fixtures",)


@dataclass(frozen=True)
class Desk:
    """A workspace whose board is the program.

    Attributes:
        root: the workspace.
        flash: the board's flash.
    """

    root: Path
    flash: Path

    def labkit_run(self, *arguments: str) -> tuple[int, str]:
        """Run `labkit run`, pressing the reset button when asked; return exit code and output."""
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "labkit", "run", *arguments],
            env=environment(self.root),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines = []
        with process:
            for line in process.stdout or ():
                lines.append(line)
                if BUTTON in line:
                    host_board.reset(self.flash)
        return process.returncode, "".join(lines)


@pytest.fixture(params=["option-2", "option-1", "just-in-time"])
def route(request: pytest.FixtureRequest) -> str:
    """The route."""
    return str(request.param)


@pytest.fixture
def desk(tmp_path: Path, route: str) -> Iterator[Desk]:
    """The program runs, and so does the bench, on the addresses that `labkit status` printed."""
    root, flash, tree = (tmp_path / name for name in ("lab", "flash", "tree"))
    flash.mkdir()
    shutil.copytree(TREES / "202203.00", tree)
    settings = root / "lab.toml"
    root.mkdir()
    python = [sys.executable, str(PROGRAM)]
    written = f"""
        [device]
        url = "/dev/null"
        route = "{route}"
        reaches_bench = true
        firmware = "{tree}"
        build = {json.dumps([*python, "build", str(tree), str(flash)])}
        flash = {json.dumps([*python, "flash", str(flash)])}
    """
    settings.write_text(written)
    with running([sys.executable, "-m", "labkit", "simulate"], root) as _:
        status = labkit(root, "status").stdout
        address, port = re.search(r"(\S+), port (\d+): its address", status).groups()
        root_ca = re.search(r"(\S+): the root CA", status).group(1)
        assert int(port)
        with running([*python, "run", str(flash), address, root_ca], root) as url:
            settings.write_text(written.replace("/dev/null", url))
            yield Desk(root, flash)


@contextlib.contextmanager
def running(command: list[str], root: Path) -> Iterator[str]:
    """Run a program of the desk, and return its first line."""
    process = subprocess.Popen(
        command, env=environment(root), stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate()


def test_it_completes_the_route(desk: Desk, route: str) -> None:
    """Every step is done, and the hello world is accepted; then nothing is left to do."""
    code, output = desk.labkit_run()
    assert code == 0, output
    assert "The device was accepted" in output
    lab = open_lab(desk.root, route=route)
    assert all(is_done for _, is_done in lab.route())
    assert "CertificateVerify" in repr(lab.last_handshake())
