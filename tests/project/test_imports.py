"""The package's imports: one way, into a pure core, and nothing heavy where a light one does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from imports import HEIGHTS, IMPURE, cycles, imports, impurities, loaded_by, wrong_arrows

PACKAGE = Path(__file__).resolve().parents[2] / "labkit"


def test_imports_go_one_way() -> None:
    """Every import of the package goes down, and there are some."""
    assert wrong_arrows(PACKAGE) == []
    assert len([each for each in imports(PACKAGE) if each.imported]) > 100


PLANTED = [
    ("keys.py", "from labkit import lab"),
    ("keys.py", "from labkit.console import parse"),
    ("certificates/der.py", "import labkit.diagnosis"),
    ("support/seams.py", "from labkit import keys"),
    ("errors.py", "import labkit.check"),
    ("console/dump.py", "import labkit.device.board"),
    ("device/board.py", "from labkit.cloud import account"),
    ("lab/procedure/__init__.py", "def f():\n    from labkit import manual"),
    ("lab/lab.py", "from ..manual import progress"),
    ("workspace/place.py", "if TYPE_CHECKING:\n    from labkit.lab.procedure import Step"),
    ("lab/lab.py", "from labkit.bench.simulator.service import Service"),
    ("cli/simulate.py", "from labkit.bench import simulator"),
    ("bench/simulator/board/board.py", "from labkit.bench.client import find"),
    ("bench/simulator/account/things.py", "from .... import cloud"),
    ("bench/client.py", "import_module('labkit.lab')"),
    ("bench/handshake/reading.py", "from labkit.bench import client"),
    ("check.py", "from labkit.new_part import anything"),
]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a package of the same modules, with nothing in them."""
    for path in PACKAGE.rglob("*.py"):
        copy = tmp_path / "labkit" / path.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.touch()
    return tmp_path / "labkit"


@pytest.mark.parametrize(("file", "line"), PLANTED, ids=[line for _, line in PLANTED])
def test_a_wrong_arrow_is_found(package: Path, file: str, line: str) -> None:
    """One planted import in the wrong direction is found, wherever and however it stands."""
    (package / "new_part.py").touch()
    with (package / file).open("a") as source:
        source.write(f"\n{line}\n")
    assert [each.file for each in wrong_arrows(package)] == [file]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("cli/simulate.py", "from labkit.lab import lab"),
        ("bench/simulator/board/board.py", "from labkit.keys import PublicKey"),
        ("bench/simulator/aws/rest_json.py", "from labkit.support import seams"),
        ("certificates/der.py", "from . import rules"),
        ("keys.py", "import labkit"),
    ],
)
def test_a_right_arrow_is_not(package: Path, file: str, line: str) -> None:
    """An import that goes down, or stays in its own part, is allowed."""
    with (package / file).open("a") as source:
        source.write(f"\n{line}\n")
    assert wrong_arrows(package) == []


def described_heights(text: str) -> dict[str, int]:
    """Return the height of each room in a Markdown table: `| 6 | `cloud/` | … |`."""
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", text, re.MULTILINE)
    rooms = [(int(height), re.findall(r"`(.+?)`", named)) for height, named in rows]
    return {
        room.removesuffix("/").removesuffix(".py").replace("/", "."): height
        for height, named in rooms
        for room in named
    }


def test_the_architecture_is_described_as_it_is() -> None:
    """CONTRIBUTING.md has each room at the height that imports are held against."""
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text()
    heights = {room: at for room, at in HEIGHTS.items() if room not in {"__main__", "bench.image"}}
    assert described_heights(text) == heights


def test_a_wrong_description_is_seen() -> None:
    """The twin: the same reading of a table with another height gives another height."""
    assert described_heights("| 5 | `cloud/`, `keys.py` | x |\n") == {"cloud": 5, "keys": 5}


def test_no_files_import_each_other() -> None:
    """There is no circle of imports between files."""
    assert cycles(PACKAGE) == []


def test_a_circle_is_found(package: Path) -> None:
    """Three files that import one another are found, and no other."""
    for file, line in (
        ("console/dump.py", "from labkit.console import rows"),
        ("console/rows.py", "if TYPE_CHECKING:\n    from labkit.console.lines import Lines"),
        ("console/lines.py", "from labkit.console.dump import find"),
        ("console/view.py", "from labkit.console import dump"),
    ):
        (package / file).write_text(line)
    assert cycles(package) == [
        ["labkit.console.dump", "labkit.console.lines", "labkit.console.rows"]
    ]


def test_the_core_is_pure() -> None:
    """It opens no file, asks no clock, draws nothing at random and reaches no network."""
    assert impurities(PACKAGE) == []


@pytest.mark.parametrize(
    "line",
    [
        *(f"import {module}" for module in sorted(IMPURE)),
        "from os import path",
        "open('x')",
        "now = datetime.now()",
        "text = file.read_text()",
        "print('x')",
    ],
)
def test_an_impurity_is_found(package: Path, line: str) -> None:
    """Each of them, planted in a module of the core, is found."""
    with (package / "policy/patterns.py").open("a") as source:
        source.write(f"\n{line}\n")
    assert len(impurities(package)) == 1


def test_ipywidgets_only_in_widgets() -> None:
    """Without a front end only convenience is lost: no other part imports it."""
    users = {each.file for each in imports(PACKAGE) if "ipywidgets" in each.module}
    assert [file for file in users if not file.startswith("manual/widgets/")] == []


HEAVY = {"boto3", "botocore", "cryptography", "OpenSSL", "serial", "tlslite", "ipywidgets"}


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import labkit", HEAVY | {"click"}),
        ("import labkit.cli", HEAVY),
        ("from labkit.record import records, show, verify", {"boto3", "rocrate", "requests"}),
    ],
)
def test_an_import_loads_nothing_heavy(code: str, heavy: set[str]) -> None:
    """`import labkit` costs next to nothing, and --help or reading a record not much more."""
    assert loaded_by(code) & heavy == set()


def test_heavy_imports_are_seen() -> None:
    """The same look finds them where they are loaded."""
    assert {"boto3", "serial"} <= loaded_by("import labkit, boto3, serial")
