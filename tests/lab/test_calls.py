"""The steps as calls of a lab: documented, typed, and the same as in the routes' tables."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import typing
from typing import TYPE_CHECKING

import pytest
from lab_bench import THREADS_OF_PYSERIAL

from labkit import certificates, keys
from labkit.cloud import resources, templates
from labkit.device import board
from labkit.errors import WorkspaceError
from labkit.lab.calls import StepCalls
from labkit.lab.procedure import ROUTES
from labkit.lab.procedure.steps import headers, imported_key

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

STEPS = {step.name: step for route in ROUTES.values() for step in route.steps}
CALLS = {name: each for name, each in vars(StepCalls).items() if inspect.isfunction(each)}
MODULES = (
    board, certificates, headers, imported_key, keys, templates, resources,
)  # fmt: skip
NAMES = {name: each for module in MODULES for name, each in vars(module).items()} | {
    "CertificateSigningRequest": certificates.load_request.__annotations__["return"]
}


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
        assert typing.get_args(tuple[str, ...]) == (str, ...)
        assert all(isinstance(each, str) for each in value)
    else:
        assert stated in {each.__name__ for each in type(value).__mro__}


@pytest.mark.parametrize(
    ("line", "is_accepted"),
    [
        ("open_lab().issue_certificate().subject", True),
        ("open_lab().isue_certificate()", False),
        ("open_lab().issue_certificate().subjekt", False),
    ],
)
def test_mypy_knows_the_calls(tmp_path: Path, line: str, *, is_accepted: bool) -> None:
    """A call that is spelled wrong, or a value that is used wrongly, is found before it runs."""
    file = tmp_path / "page.py"
    file.write_text(f"from labkit import open_lab\n\nprint({line})\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is is_accepted, done.stdout
    assert is_accepted or "has no attribute" in done.stdout


def test_a_step_of_another_route_names_the_route(lab: Lab) -> None:
    """It says which route has the step, and how to open a lab on it."""
    with pytest.raises(WorkspaceError, match=r'open_lab\(route="option-1"\)'):
        lab.create_keys_and_certificate()
    with pytest.raises(WorkspaceError, match="'no_step' is not a step"):
        lab.perform("no_step")
