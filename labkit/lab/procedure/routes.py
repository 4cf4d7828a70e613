"""Every route by its name, as a workspace chooses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.lab.procedure import just_in_time, option_1, option_2
from labkit.lab.procedure.step import Route
from labkit.workspace import DEFAULT_ROUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.workspace import Workspace

ROUTES: Mapping[str, Route] = {
    name: Route(name, steps)
    for name, steps in {
        DEFAULT_ROUTE: option_2.STEPS,
        "option-1": option_1.STEPS,
        "just-in-time": just_in_time.STEPS,
        "drills": option_2.STEPS,
    }.items()
}
"""The routes that `labkit.workspace.ROUTES` names, with their steps."""


def route_of(workspace: Workspace) -> Route:
    """Return the route that a workspace's device is on."""
    return ROUTES[workspace.settings.route]
