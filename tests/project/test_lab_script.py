"""The `lab` script: what it says where it cannot run, and what it sets up, once."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
import urllib.error
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fresh_clone import Clone, Manual

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "lab"


def on_python(version: tuple[int, ...], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script on a Python that says it is of another version."""
    code = (
        f"import runpy, sys; sys.version_info = {(*version, 0, 'final', 0)}; "
        f"sys.argv = {['lab', *arguments]}; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def assert_one_sentence(done: subprocess.CompletedProcess[str], *texts: str) -> None:
    """Assert exit code 1 and one line on standard error that names what to install."""
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("lab: ")
    for text in texts:
        assert text in done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with the script and a small lock and project."""
    shutil.copy2(SCRIPT, tmp_path / "lab")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "requirements.lock").write_text(
        "first==1 \\\n    --hash=sha256:aa\nuv==2 \\\n    --hash=sha256:bb\n"
        "uv-build==3 \\\n    --hash=sha256:cc\n"
    )
    return tmp_path


def loaded(checkout: Path) -> ModuleType:
    """Load the script as a module."""
    loader = importlib.machinery.SourceFileLoader("lab_script", str(checkout / "lab"))
    spec = importlib.util.spec_from_loader("lab_script", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class Installer:
    """A stub of the set-up commands: makes what they make, and counts them."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.calls: list[tuple[str, ...]] = []
        self.trouble: dict[str, str] = {}
        module.call = self

    def __call__(self, *command: str) -> str | None:
        """Do as the command does; fail where a word of it is in trouble."""
        self.calls.append(command)
        for word, answer in self.trouble.items():
            if word in " ".join(command):
                return answer
        if command[1:3] == ("-m", "venv"):
            python = Path(self.module.venv_program("python"))
            shutil.rmtree(self.module.VENV, ignore_errors=True)
            python.parent.mkdir(parents=True)
            python.write_text('#!/bin/sh\necho "$@"\nexit 7\n')
            python.chmod(0o755)
        return None

    def set_up(self) -> int:
        """Set up and return how many commands that took."""
        before = len(self.calls)
        self.module.set_up()
        return len(self.calls) - before


@pytest.fixture
def installer(checkout: Path) -> Iterator[Installer]:
    """Return an installer for the small checkout."""
    yield Installer(loaded(checkout))
    sys.modules.pop("lab_script", None)


# What it says


@pytest.mark.parametrize("version", [(2, 7), (3, 6), (3, 8), (3, 10)])
@pytest.mark.parametrize("command", ["run", "open", "test", "stop"])
def test_a_python_that_is_too_old_gets_one_sentence(version: tuple[int, int], command: str) -> None:
    """It says which Python this is, and which package to install."""
    have = "Python {}.{}".format(*version)
    assert_one_sentence(on_python(version, command), have, "3.11 or newer", "package python3.11")


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13), (4, 0)])
def test_a_python_that_is_new_enough_goes_on(version: tuple[int, int], checkout: Path) -> None:
    """From 3.11 on nothing is refused."""
    module = loaded(checkout)
    module.sys = type("sys", (), {"version_info": version, "executable": "python"})
    assert module.check_version() is None


def test_the_script_is_readable_to_old_pythons() -> None:
    """It has the syntax of 3.6, and no byte beyond ASCII, which Python 2 would stumble over."""
    ast.parse(SCRIPT.read_bytes(), feature_version=(3, 6))
    assert SCRIPT.read_bytes().isascii()
    with pytest.raises(SyntaxError):
        ast.parse("if (n := 1): pass", feature_version=(3, 6))


def test_old_pythons_at_hand_say_so_themselves() -> None:
    """Every old Python that is installed here gives its one sentence."""
    for minor in range(6, 11):
        name = f"python3.{minor}"
        if shutil.which(name) and not subprocess.run([name, "-c", ""], check=False).returncode:
            done = subprocess.run(
                [name, SCRIPT, "run"], capture_output=True, text=True, check=False
            )
            assert_one_sentence(done, f"Python 3.{minor}", "python3.11")


def test_a_python_without_ensurepip_gets_one_sentence(checkout: Path) -> None:
    """The package that brings it is named with this Python's version; nothing is made."""
    code = (
        "import runpy, sys; sys.modules['ensurepip.__main__'] = None; sys.argv = ['lab', 'run']; "
        f"runpy.run_path({str(checkout / 'lab')!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    have = "{}.{}".format(*sys.version_info)
    assert_one_sentence(done, "ensurepip", f"python{have}-venv")
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("words", [[], ["help"], ["-h"], ["--help"]], ids=["alone", *"abc"])
def test_alone_it_lists_what_it_can_do(words: list[str]) -> None:
    """`./lab`, on any Python, lists every command."""
    done = on_python((3, 6), *words)
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("open", "run", "test", "bench", "stop", "labkit"):
        assert f"./lab {command}" in done.stdout


def test_an_unknown_command_is_a_usage_error(checkout: Path) -> None:
    """It exits with 2, says what there is, and sets nothing up."""
    done = subprocess.run(
        [sys.executable, checkout / "lab", "rum"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "no command 'rum'" in done.stderr
    assert "./lab run" in done.stderr
    assert not (checkout / ".venv").exists()


def test_the_script_can_be_called() -> None:
    """It is executable, and asks for python3."""
    assert SCRIPT.stat().st_mode & stat.S_IXUSR
    assert SCRIPT.read_text().startswith("#!/usr/bin/env python3\n")


# The set-up


def test_set_up_happens_once(installer: Installer) -> None:
    """The first call makes .venv from the lock; a second one runs nothing."""
    assert installer.set_up() > 0
    assert installer.set_up() == 0
    assert any("requirements.lock" in word for call in installer.calls for word in call)
    locked = [call for call in installer.calls if "-r" in call]
    assert all("--require-hashes" in call for call in locked)


@pytest.mark.parametrize(
    "damage",
    [
        lambda checkout: (checkout / ".venv/lab-stamp").unlink(),
        lambda checkout: shutil.rmtree(checkout / ".venv/bin"),
        lambda checkout: (checkout / ".venv/lab-stamp").write_text("half a st"),
        lambda checkout: (checkout / "requirements.lock").write_text("first==2\n"),
        lambda checkout: (checkout / "pyproject.toml").write_text("[project]\nname='x'\n"),
        lambda checkout: shutil.rmtree(checkout / ".venv"),
    ],
    ids=["no stamp", "half a venv", "half a stamp", "new lock", "new project", "no venv"],
)
def test_what_is_not_whole_is_made_anew(
    installer: Installer, checkout: Path, damage: object
) -> None:
    """An interrupted or outdated set-up is repaired by the next call, and then done again."""
    installer.set_up()
    damage(checkout)
    assert installer.set_up() > 0
    assert installer.set_up() == 0


def test_uv_that_does_not_work_is_replaced_by_pip(installer: Installer) -> None:
    """Where uv cannot run, pip installs the very same lock."""
    installer.trouble = {f"{os.sep}uv": "no uv here"}
    assert installer.set_up() > 0
    last = installer.calls[-3:]
    assert any("pip" in call and call[-1] == installer.module.LOCK for call in last)
    assert installer.set_up() == 0


def test_the_installer_itself_comes_from_the_lock(installer: Installer) -> None:
    """Only uv's own lines are taken: its version and hashes, not those of a longer name."""
    assert installer.module.locked("uv") == "uv==2 \\\n    --hash=sha256:bb\n"


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ({"venv --clear": "x\nError: no space left\n"}, "could not make .venv: Error: no space"),
        ({" install ": "x\nERROR: No matching distribution\n"}, "No matching distribution. Is the"),
    ],
    ids=["venv", "install"],
)
def test_a_set_up_that_fails_says_why_and_leaves_no_stamp(
    installer: Installer, capsys: pytest.CaptureFixture[str], trouble: dict[str, str], message: str
) -> None:
    """The tool's last line is in the message; the next call tries again."""
    installer.trouble = trouble
    with pytest.raises(SystemExit) as ended:
        installer.set_up()
    assert ended.value.code == 1
    assert message in capsys.readouterr().err
    installer.trouble = {}
    assert installer.set_up() > 0


def test_two_at_the_same_moment_set_up_once(installer: Installer) -> None:
    """The second caller waits for the first, and finds the work done."""
    begun, install = threading.Event(), installer.__call__

    def slow(*command: str) -> str | None:
        begun.set()
        time.sleep(0.05)
        return install(*command)

    installer.module.call = slow
    first = threading.Thread(target=installer.module.set_up)
    first.start()
    begun.wait()
    installer.module.set_up()
    first.join()
    assert sum("venv" in call for call in installer.calls) == 1


def test_ctrl_c_in_the_set_up(installer: Installer, capsys: pytest.CaptureFixture[str]) -> None:
    """It ends with 130 and a sentence, without a traceback, and the next call starts again."""

    def interrupted(*_command: str) -> None:
        raise KeyboardInterrupt

    call, installer.module.call = installer.module.call, interrupted
    assert installer.module.main(["run"]) == 130
    assert "interrupted" in capsys.readouterr().err
    installer.module.call = call
    assert installer.set_up() > 0


def test_a_checkout_that_is_not_whole(
    installer: Installer, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without its lock the script names the file, without a traceback."""
    (checkout / "requirements.lock").unlink()
    with pytest.raises(SystemExit) as ended:
        installer.module.main(["run"])
    assert ended.value.code == 1
    assert "requirements.lock" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run", "--thing", "x"], "-m labkit run --thing x"),
        (["open", "--no-browser"], "-m labkit open --no-browser"),
        (["stop"], "-m labkit stop"),
        (["labkit", "status"], "-m labkit status"),
        (["test", "--slow"], "{}/tests/run.py --slow"),
        (["benchmark"], "{}/tests/helpers/benchmark.py"),
    ],
    ids=" ".join,
)
def test_it_becomes_the_program(
    installer: Installer, checkout: Path, words: list[str], expected: str
) -> None:
    """Arguments and exit code are those of the program in .venv that does the work."""
    installer.set_up()
    done = subprocess.run(
        [sys.executable, checkout / "lab", *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (7, expected.format(checkout) + "\n")


# The real thing


@pytest.mark.slow
@pytest.mark.needs("git", "ps")
def test_a_fresh_clone(tmp_path: Path) -> None:
    """With an empty home: open serves its page, run is accepted, and all of it ends."""
    clone = Clone(tmp_path / "clone", tmp_path / "home", os.path.realpath(sys.executable))
    manual = Manual(clone.start("open", "--no-browser", "--port", "18888"))
    try:
        page = manual.get("/lab/tree/00-start-here.ipynb")
        assert b"JupyterLab" in page
        notebook = json.loads(manual.get("/api/contents/00-start-here.ipynb"))
        tracked = json.loads((clone.folder / "notebooks/00-start-here.ipynb").read_text())
        assert len(notebook["content"]["cells"]) == len(tracked["cells"])
        with pytest.raises(urllib.error.HTTPError, match="Forbidden"):
            manual.get("/api/contents/00-start-here.ipynb", token="wrong")  # noqa: S106 refused
        manual.post("/api/kernels", {"name": "python3"})
        assert clone.runs("jupyterlab", "ipykernel", "labkit.bench.simulator")
    finally:
        code = manual.end(signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert clone.left_over() == []
    done = clone.lab("run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "The device was accepted" in done.stdout
    assert clone.lab("stop").returncode == 0
    assert clone.left_over() == []
    assert pages(clone.folder) == pages(ROOT)


def pages(checkout: Path) -> dict[str, bytes]:
    """Return the content of a checkout's pages."""
    return {path.name: path.read_bytes() for path in checkout.glob("notebooks/*.ipynb")}
