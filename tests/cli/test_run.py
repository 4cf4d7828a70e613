"""`./lab test`: each part counts, and nothing that fails goes unseen."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Replace the programs: return their exit codes, by a word of their command, to be set."""
    codes: dict[str, int] = {}

    def call(command: list[str], **_: object) -> int:
        codes.setdefault(" ".join(command[2:]), 0)
        return max(code for word, code in codes.items() if word in " ".join(command))

    monkeypatch.setattr(subprocess, "call", call)
    return codes


def test_everything_passes(commands: dict[str, int], capsys: pytest.CaptureFixture[str]) -> None:
    """All five parts are run, and the summary says so."""
    assert run.main([]) == 0
    assert list(commands) == [
        "ruff check --quiet .",
        "ruff format --check --quiet .",
        "mypy",
        "codespell_lib",
        "pytest -n 3 --dist loadfile -q tests",
        "pytest -n 3 --dist loadfile -q --nbval notebooks",
    ]
    assert capsys.readouterr().out.endswith("everything passed\n")


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("ruff check", "lint"),
        ("ruff format", "format"),
        ("mypy", "types"),
        ("-q tests", "tests"),
        ("--nbval notebooks", "pages"),
    ],
)
@pytest.mark.parametrize("code", [1, 2, 5])
def test_each_part_can_fail(
    commands: dict[str, int], capsys: pytest.CaptureFixture[str], word: str, name: str, code: int
) -> None:
    """One part that fails turns the whole red, is named, and keeps no other part from running."""
    commands[word] = code
    assert run.main([]) == 1
    output = capsys.readouterr().out
    assert output.endswith(f"failed: {name}\n")
    assert output.count("\nok ") >= 4
    assert len(set(commands) - {word}) >= 4


def test_options_reach_pytest_alone(commands: dict[str, int]) -> None:
    """--slow and --no-skips go to both runs of pytest and to nothing else."""
    assert run.main(["--slow", "--no-skips"]) == 0
    for command in commands:
        assert ("--slow --no-skips" in command) == command.startswith("pytest")


def test_coverage_is_measured_around_pytest(
    commands: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    """--coverage runs both parts of pytest under coverage, then reports; nothing else changes."""
    assert run.main(["--coverage", "--slow"]) == 0
    assert "coverage run -m pytest --slow -n 3 --dist loadfile -q tests" in commands
    assert "coverage run -m pytest --slow -n 3 --dist loadfile -q --nbval notebooks" in commands
    assert [each.split()[1] for each in commands if each.startswith("coverage ")] == [
        "erase", "run", "run", "combine", "report", "html",
    ]  # fmt: skip
    assert capsys.readouterr().out.endswith("build/coverage/index.html\n")


@pytest.mark.parametrize("own", [[], ["tests/test_keys.py"]], ids=["all", "one"])
def test_a_failure_under_coverage_is_red(commands: dict[str, int], own: list[str]) -> None:
    """The exit code is that of the tests."""
    commands["coverage run"] = 1
    assert run.main(["--coverage", *own]) == 1


@pytest.mark.slow
def test_a_planted_failure_is_red(tmp_path: Path) -> None:
    """With a real pytest: a failing test gives exit code 1, its passing twin 0."""
    for claim, code in (("True", 0), ("False", 1)):
        test = tmp_path / f"test_{claim.lower()}.py"
        test.write_text(f"def test_it():\n    assert {claim}\n")
        assert run.main(["-q", str(test)]) == code


def pytest_on(test: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest with the project's settings and options on a test that stands elsewhere."""
    settings = ["-c", "pyproject.toml", "-p", "conftest", "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *settings, str(test), *options],
        cwd=run.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_kind_of_test_is_told_apart(tmp_path: Path) -> None:
    """A failure is red, a warning too; what needs a missing program is skipped by its name."""
    test = tmp_path / "test_kinds.py"
    test.write_text(KINDS)
    done = pytest_on(test)
    assert done.returncode == 1
    assert "2 failed, 1 passed, 1 skipped, 1 deselected" in done.stdout
    assert "no-such-program is not installed" in done.stdout


KINDS = """\
import warnings

import pytest


def test_passes():
    pass


def test_fails():
    raise AssertionError


def test_warns():
    warnings.warn("x")


@pytest.mark.needs("no-such-program")
def test_needs():
    raise AssertionError


@pytest.mark.slow
def test_slow():
    raise AssertionError
"""
SKIPPED = """\
import pytest


@pytest.mark.needs("no-such-program")
def test_it():
    pass
"""


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--no-skips"], 1),
        pytest.param(["--no-skips", "-n", "2"], 1, marks=pytest.mark.slow),
        pytest.param([], 0, marks=pytest.mark.slow),
    ],
    ids=["no skips", "no skips, side by side", "skips"],
)
def test_a_skip_is_red_where_none_may_be(tmp_path: Path, options: list[str], code: int) -> None:
    """With --no-skips a skipped test turns a run red, also side by side; without it does not."""
    test = tmp_path / "test_skipped.py"
    test.write_text(SKIPPED)
    assert pytest_on(test, *options).returncode == code


@pytest.mark.slow
def test_slow_tests_are_run_with_slow(tmp_path: Path) -> None:
    """What is left out otherwise is run with --slow."""
    test = tmp_path / "test_kinds.py"
    test.write_text(KINDS)
    assert "3 failed, 1 passed, 1 skipped" in pytest_on(test, "--slow").stdout


@pytest.mark.slow
def test_a_marker_that_is_not_known_is_red(tmp_path: Path) -> None:
    """A typing error in a marker is an error, and the test is not skipped."""
    test = tmp_path / "test_marker.py"
    test.write_text(KINDS.replace("mark.slow", "mark.slwo"))
    assert pytest_on(test).returncode == 2
