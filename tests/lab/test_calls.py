"""The steps as calls of a lab: documented, typed, and the same as in the routes' tables."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lab_bench import THREADS_OF_PYSERIAL

from labkit.errors import WorkspaceError
from labkit.lab.calls import StepCalls
from labkit.lab.procedure import ROUTES

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".mypy_cache"
"""The project's own cache: with it the calls are checked in a second."""

STEPS = {step.name: step for route in ROUTES.values() for step in route.steps}
CALLS = {name: each for name, each in vars(StepCalls).items() if inspect.isfunction(each)}


def test_each_step_of_each_route_is_a_call_and_each_call_a_step() -> None:
    """Route tables and methods name the same steps."""
    assert set(CALLS) - {"perform"} == set(STEPS)


@pytest.mark.parametrize("name", STEPS)
def test_each_call_has_help(name: str) -> None:
    """Shift+Tab shows what it does, needs, returns and raises, and where it is documented."""
    help_text = inspect.getdoc(CALLS[name]) or ""
    for part in ("\nNeeds: ", "\nReturns:\n", "\nRaises:\n"):
        assert part in help_text
    where = re.search(r"^(Section|Source): (.+)\.$", help_text, re.MULTILINE)
    assert where
    sections = {step.section for route in ROUTES.values() for step in route.steps}
    assert any(section in sections for section in re.split("[;,] ", where[2]))


@pytest.mark.parametrize("name", STEPS)
def test_a_call_needs_what_its_row_needs(name: str) -> None:
    """Each step that the help names under Needs is one that a route's table demands."""
    help_text = inspect.getdoc(CALLS[name]) or ""
    needs = help_text.partition("\nNeeds: ")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", needs)) & set(STEPS)
    demanded = {
        earlier.name
        for route in ROUTES.values()
        if name in route
        for earlier in route.before(route.find(name))
    }
    assert named <= demanded
    assert bool(named) == bool(demanded)


@pytest.mark.parametrize("name", [step.name for step in ROUTES["option-2"].steps])
def test_a_call_returns_what_it_states(finished: Lab, name: str) -> None:
    """The value of a step is of the type in its signature."""
    stated = CALLS[name].__annotations__["return"]
    value = getattr(finished, name)()
    if stated == "tuple[str, ...]":
        assert all(isinstance(each, str) for each in value)
    else:
        assert stated in {each.__name__ for each in type(value).__mro__}


def test_mypy_knows_the_calls(tmp_path: Path) -> None:
    """A call that is spelled wrong, or a value that is used wrongly, is found before it runs."""
    lines = {
        "right": "open_lab().issue_certificate().subject",
        "misspelled": "open_lab().isue_certificate()",
        "misused": "open_lab().issue_certificate().subjekt",
    }
    for name, line in lines.items():
        code = f"from labkit import open_lab\n\nprint({line})\n"
        (tmp_path / f"{name}.py").write_text(code)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(CACHE), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    found = [line for line in done.stdout.splitlines() if "error:" in line]
    assert sorted(line.partition(".py")[0].rpartition("/")[2] for line in found) == [
        "misspelled",
        "misused",
    ], done.stdout
    assert all("has no attribute" in line for line in found)


def test_a_step_of_another_route_names_the_route(lab: Lab) -> None:
    """It says which route has the step, and how to open a lab on it."""
    with pytest.raises(WorkspaceError, match=r'open_lab\(route="option-1"\)'):
        lab.create_keys_and_certificate()
    with pytest.raises(WorkspaceError, match="'no_step' is not a step"):
        lab.perform("no_step")
