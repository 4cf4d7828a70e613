"""The procedure as data: a route is a table of steps, and each step is defined once.

All that follows the procedure derives from the device's route: the calls on the pages
(`lab.<step name>()`), `labkit run`, resuming, opening any page first, `labkit status` and the
journal. To add a step is a row in `option_2` or a module beside it, its function in `steps`, its
test and its cells. To add a route is a module with its rows, a line in `routes` and one in
`labkit.workspace.routes`; a row that another route has is taken from there.
"""

from labkit.lab.procedure.failures import failed
from labkit.lab.procedure.pasting import paste_console
from labkit.lab.procedure.performing import Performed, not_ready, perform
from labkit.lab.procedure.routes import ROUTES, route_of
from labkit.lab.procedure.status import Stage, Status, stages
from labkit.lab.procedure.step import Route, Step

STEPS = ROUTES["option-2"].steps
"""The steps of Option 2, the route that this manual is about."""

__all__ = [
    "ROUTES",
    "STEPS",
    "Performed",
    "Route",
    "Stage",
    "Status",
    "Step",
    "failed",
    "not_ready",
    "paste_console",
    "perform",
    "route_of",
    "stages",
]
