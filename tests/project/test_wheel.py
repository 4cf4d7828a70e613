"""The wheel in a fresh virtual environment, an empty folder and an empty home directory."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from console_shapes import boot_202107, key, text
from fresh_clone import Clone, Manual, constraints

ROOT = Path(__file__).resolve().parents[2]
PAGES = {page.name for page in (ROOT / "notebooks").glob("*.ipynb")}
UV = Path(sys.executable).with_name("uv")

pytestmark = pytest.mark.slow


def uv(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run uv to its end."""
    command = [str(UV), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def build(clone: Clone) -> subprocess.CompletedProcess[str]:
    """Run `uv build` with the build tool that is installed here, so that no network is needed."""
    build = ("build", "--offline", "--no-build-isolation", "--python", sys.executable)
    return uv(*build, "-o", "dist", cwd=clone.folder)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of a fresh checkout."""
    folder = tmp_path_factory.mktemp("checkout")
    clone = Clone(folder / "clone", folder / "home", sys.executable)
    done = build(clone)
    assert done.returncode == 0, done.stderr
    return next((clone.folder / "dist").glob("labkit-*.whl"))


@dataclass
class Installed:
    """A wheel, installed in a virtual environment in a folder of its own.

    Attributes:
        folder: the folder, with the empty home directory and the empty current folder.
        environment: the variables for its programs.
    """

    folder: Path
    environment: dict[str, str]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `labkit` in the empty folder."""
        return subprocess.Popen(
            [str(self.folder / "venv/bin/labkit"), *arguments],
            cwd=self.folder / "empty",
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def labkit(self, *arguments: str, code: int = 0) -> str:
        """Run `labkit` to its end, expect an exit code, and return all that it wrote."""
        process = self.start(*arguments)
        out, err = process.communicate()
        assert process.returncode == code, f"{out}\n{err}"
        return out + err

    @property
    def packages(self) -> set[str]:
        """The names of the packages in the virtual environment."""
        listed = uv("pip", "freeze", "--python", "venv", cwd=self.folder).stdout
        return {re.split(r"==| @ ", line)[0] for line in listed.splitlines()}

    @property
    def pages(self) -> Path:
        """Where the installed package has its pages."""
        return next(self.folder.glob("venv/lib/*/*/labkit/manual/pages"))


def install(wheel: Path, folder: Path, extras: str = "") -> Installed:
    """Install a wheel with the locked versions of what it needs."""
    for name in ("empty", "home"):
        (folder / name).mkdir()
    for command in (
        ("venv", "--python", sys.executable, "venv"),
        ("pip", "install", "--python", "venv", "-c", constraints(folder), f"{wheel}{extras}"),
    ):
        done = uv(*command, cwd=folder)
        assert done.returncode == 0, done.stderr
    return Installed(folder, Clone.variables(folder / "home"))


@pytest.fixture(scope="module")
def manual(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Return the wheel, installed with everything."""
    return install(wheel, tmp_path_factory.mktemp("manual"), "[all]")


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Return the wheel, installed without any extra."""
    return install(wheel, tmp_path_factory.mktemp("bare"))


# What is in it


def pages_in(wheel: Path) -> set[str]:
    """Return the names of the pages in a wheel."""
    names = map(Path, zipfile.ZipFile(wheel).namelist())
    return {each.name for each in names if each.parent == Path("labkit/manual/pages")}


def test_the_pages_are_in_the_wheel(wheel: Path) -> None:
    """All of them, and nothing else of notebooks/."""
    assert pages_in(wheel) == PAGES
    assert len(PAGES) == 14


def test_a_wheel_without_pages_is_not_built(tmp_path: Path) -> None:
    """The twin: where the pages are missing, `uv build` fails and says so."""
    clone = Clone(tmp_path / "clone", tmp_path / "home", sys.executable)
    for page in (clone.folder / "notebooks").glob("*.ipynb"):
        page.unlink()
    done = build(clone)
    assert done.returncode != 0
    assert "notebooks: the manual's pages are missing" in done.stderr


# The manual, installed


def test_open(manual: Installed) -> None:
    """`labkit open` serves the 14 pages, from a workspace in the current folder."""
    served = Manual(manual.start("open", "--no-browser", "--port", "18800"))
    for page in PAGES:
        assert served.get(f"/api/contents/{page}?content=0")
    assert b'"python3"' in served.get("/api/kernelspecs")
    served.end(signal.SIGINT)
    assert (manual.folder / "empty/workspace/pages").is_dir()


def test_run(manual: Installed) -> None:
    """`labkit run` provisions a device."""
    assert "The device was accepted" in manual.labkit("run")
    assert (manual.folder / "empty/workspace/devices/lab-device/deviceCert.pem").is_file()
    manual.labkit("stop")


def test_run_with_a_record(manual: Installed) -> None:
    """`labkit run --record` runs the pages of the package."""
    output = manual.labkit("run", "--workspace", "recorded", "--record", "records")
    assert "outcome accepted" in output
    assert len(list((manual.folder / "empty/records").glob("*.eln"))) == 1
    manual.labkit("stop", "--workspace", "recorded")


def test_site(manual: Installed) -> None:
    """`labkit site` writes the pages as HTML into build/site of the current folder."""
    index = manual.folder / "empty/build/site/index.html"
    assert manual.labkit("site") == f"open {index}\n"
    html = {f"{Path(page).stem}.html" for page in PAGES}
    assert html <= {page.name for page in index.parent.glob("*.html")}


def test_status(manual: Installed) -> None:
    """`labkit status` counts 14 pages."""
    assert "finished: 0 of 14" in manual.labkit("status")


def test_pages_that_are_missing_are_noticed(manual: Installed) -> None:
    """The twin: without the pages in the package, each of these commands fails or counts none."""
    away = manual.pages.rename(manual.pages.with_name("away"))
    try:
        for command in ("site", "run --workspace none --record none", "open --workspace none"):
            assert "Clone or install the project again" in manual.labkit(*command.split(), code=1)
        manual.labkit("stop", "--workspace", "none")
        assert "finished: 0 of 0" in manual.labkit("status", "--workspace", "none")
    finally:
        away.rename(away.with_name("pages"))


# Without any extra


def test_reading_a_console_log_needs_few_packages(bare: Installed) -> None:
    """Click, cryptography and tomlkit with what these need, and labkit itself."""
    (bare.folder / "empty/console.log").write_text(text(boot_202107(key(), makes_pair=True)))
    assert "BEGIN PUBLIC KEY" in bare.labkit("key", "console.log", "--format", "pem")
    assert "key-changed" in bare.labkit("diagnose", "console.log")
    header = "labkit/bench/trees/202203.00/demos/include/aws_clientcredential.h"
    value = ("get", str(ROOT / header), "clientcredentialMQTT_BROKER_PORT")
    assert bare.labkit("firmware", *value) == "8883\n"
    bare.labkit("certificate", "new-ca", "--ca-key", "rootCA.key", "-o", "rootCA.pem")
    assert "CA" in bare.labkit("certificate", "show", "rootCA.pem")
    asked_for = {"click", "cryptography", "labkit", "tomlkit"}
    assert bare.packages == asked_for | {"cffi", "pycparser"}


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("run", "lab"),
        ("ports", "lab"),
        ("simulate", "lab"),
        ("record keys", "records"),
        ("run --record records", "manual"),
        ("open --no-browser", "manual"),
        ("site", "site"),
    ],
)
def test_a_missing_extra_is_named(bare: Installed, command: str, extra: str) -> None:
    """One line says which extra the command needs; no traceback."""
    output = bare.labkit(*command.split(), code=1)
    assert output.startswith("labkit: this needs the package ")
    assert output.endswith(f"Install it with: pip install 'labkit[{extra}]'\n")
    assert output.count("\n") == 1


def test_a_missing_extra_is_named_in_python(bare: Installed) -> None:
    """`import labkit` works, and open_lab() raises the same error."""
    code = "import labkit\ntry: labkit.open_lab()\nexcept labkit.LabError as error: print(error)\n"
    python = bare.folder / "venv/bin/python"
    done = subprocess.run(
        [python, "-c", code],
        env=bare.environment,
        cwd=bare.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pip install 'labkit[lab]'" in done.stdout
