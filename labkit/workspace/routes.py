"""The routes to a trusted certificate, and the name that a device has on each.

One lab device is tried on every route, and each try is a device of its own: with its own thing,
folder and journal, and on a simulated bench its own board and firmware tree. So the pages of one
route never disturb those of another. To add a route is a line here and its steps in
`labkit.lab.procedure`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_ROUTE = "option-2"

ROUTES: Mapping[str, str] = {
    DEFAULT_ROUTE: "onboard private key generation",
    "option-1": "private key import from AWS IoT",
    "just-in-time": "provisioning at the first connection",
    "drills": "onboard private key generation, with faults to find and fix",
}
"""Every route by its name, with the documentation's heading."""

_WITH_CA = ("just-in-time", "drills")
"""The routes whose devices have another CA than the lab's: it registers devices automatically, or
a drill breaks it."""

_CERTIFIED_BY_AWS = "option-1"
_THING_NAME_MAX = 128
_COMMON_NAME_MAX = 64


def thing_name_on(route: str, chosen: str) -> str:
    """Return the thing name that the lab device of a chosen name has on a route."""
    return chosen if route == DEFAULT_ROUTE else f"{chosen}-{route}"


def has_ca_of_its_own(route: str) -> bool:
    """Return whether another CA than the lab's certifies the devices on a route."""
    return route in _WITH_CA


def refuse_name(route: str, chosen: str, where: str) -> None:
    """Refuse a name that is a device's on another route, or gets too long on this one.

    Args:
        route: the route's name.
        chosen: the name that was chosen for the lab device.
        where: where it was chosen, for the message.

    Raises:
        WorkspaceError: the name is not possible.
    """
    for each in ROUTES:
        if each != DEFAULT_ROUTE and chosen.endswith(ending := thing_name_on(each, "")):
            raise WorkspaceError(
                f"{where} is {chosen!r}; expected another ending than {ending}, which a device is "
                f"given on the route {each}. Choose the name without it, and set the route."
            )
    name, most = thing_name_on(route, chosen), _name_length_max(route)
    if len(name) > most:
        added = f" (the route adds -{route})" if name != chosen else ""
        raise WorkspaceError(
            f"{where} makes the device's name {len(name)} characters long{added}; expected {most} "
            f"at most on the route {route}. Choose a shorter name."
        )


def _name_length_max(route: str) -> int:
    """Return how long a device's name can be: where our CA certifies it, it is a common name.

    Source: botocore's `iot` model, ThingName; RFC 5280, appendix A.1, ub-common-name.
    """
    return _THING_NAME_MAX if route == _CERTIFIED_BY_AWS else _COMMON_NAME_MAX
