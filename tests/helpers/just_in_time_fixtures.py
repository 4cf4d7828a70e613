"""Fixtures: devices on the route just-in-time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from lab_bench import do_everything

from labkit import open_lab
from labkit.lab.procedure.steps import provisioning

if TYPE_CHECKING:
    from labkit.lab.lab import Lab


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the account once: the simulated one has provisioned before it closes."""
    monkeypatch.setattr(provisioning, "_WAITS_S", (0.0,))


@pytest.fixture
def bare(lab: Lab, request: pytest.FixtureRequest) -> Lab:
    """A device of its own, in which nothing is done."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name)[-40:]  # a common name has at most 64
    return open_lab(lab.workspace.root, route="just-in-time", thing_name=name)


@pytest.fixture(scope="module")
def accepted(lab: Lab) -> Lab:
    """A device whose second connection was accepted; each test leaves it so."""
    device = open_lab(lab.workspace.root, route="just-in-time", thing_name="accepted")
    do_everything(device)
    return device
