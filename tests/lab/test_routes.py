"""The routes: their tables, and what keeps the devices of one lab apart on each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lab_bench import THREADS_OF_PYSERIAL, end

from labkit import open_lab
from labkit.errors import WorkspaceError
from labkit.lab.procedure import ROUTES, Route
from labkit.workspace import DEFAULT_ROUTE, Workspace
from labkit.workspace import ROUTES as NAMES
from labkit.workspace.routes import thing_name_on

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

EVERY_ROUTE = pytest.mark.parametrize("route", list(ROUTES.values()), ids=list(ROUTES))


def on(root: Path, route: str, **chosen: str) -> Workspace:
    """Return a workspace as the device on a route sees it."""
    return Workspace.open(root, {}, route=route, **chosen)


# The tables


def test_every_route_that_can_be_chosen_has_its_steps() -> None:
    """The names that lab.toml takes are those of the tables, and the default comes first."""
    assert list(ROUTES) == list(NAMES)
    assert next(iter(ROUTES)) == DEFAULT_ROUTE
    assert {name: route.name for name, route in ROUTES.items()} == {name: name for name in NAMES}


@EVERY_ROUTE
def test_a_table_is_in_order(route: Route) -> None:
    """What a step needs is made by an earlier one, no item is made twice, no name stands twice."""
    made: list[str] = []
    for step in route.steps:
        assert set(step.needs) <= set(made), step.name
        made += step.makes
    assert len(made) == len(set(made))
    names = [step.name for step in route.steps]
    assert len(names) == len(set(names))
    assert [route.number(name) for name in names] == list(range(len(names)))


@EVERY_ROUTE
def test_a_route_ends_with_the_hello_world(route: Route) -> None:
    """Whatever the route, it ends where the device is accepted, and needs all of it."""
    last = route.steps[-1]
    assert last.name == "run_hello_world"
    assert "account: ACTIVE" in last.needs
    left_out = {step.name for step in route.steps[:-1]} - {each.name for each in route.before(last)}
    assert left_out == set()


def test_a_step_of_two_routes_is_the_same_step() -> None:
    """A route takes the row that another one has: what is done there is done by one function."""
    one, two = ROUTES["option-1"], ROUTES["option-2"]
    shared = {step.name for step in one.steps if step.name in two}
    assert shared == {
        *("set_endpoint_and_thing", "create_thing", "create_policy"),
        *("attach_thing_and_policy", "activate_certificate", "run_hello_world"),
    }
    for name in shared - {"run_hello_world"}:  # which builds on one route, and resets on the other
        assert one.find(name).do is two.find(name).do
        assert one.find(name).makes == two.find(name).makes
    assert {step.page for step in one.steps} == {"02-option-1-private-key-import"}


def test_a_step_that_there_is_not() -> None:
    """A route knows its own steps, and no others."""
    assert "create_ca" in ROUTES["option-2"]
    assert "create_ca" not in ROUTES["option-1"]
    with pytest.raises(KeyError, match="create_ca"):
        ROUTES["option-1"].find("create_ca")
    assert ROUTES["option-1"].maker("rootCA.pem") is None


# A device on each route


def test_a_device_has_a_name_on_each_route(tmp_path: Path) -> None:
    """Thing, folder and journal are the route's own; the CA is the lab's."""
    two, one = on(tmp_path, "option-2"), on(tmp_path, "option-1")
    assert two.settings.thing_name == "lab-device"
    assert one.settings.thing_name == "lab-device-option-1"
    assert two.device != one.device
    assert two.path("rootCA.pem") == one.path("rootCA.pem")
    assert one.settings.variables()["LABKIT_THING"] == "lab-device"
    again = Workspace.open(tmp_path, one.settings.variables())
    assert again.settings == one.settings


@pytest.mark.parametrize("route", list(ROUTES))
@pytest.mark.parametrize("other", [name for name in ROUTES if name != DEFAULT_ROUTE])
def test_a_name_of_another_route_is_refused(tmp_path: Path, route: str, other: str) -> None:
    """A name that is a device's on another route would be two devices in one folder."""
    name = thing_name_on(other, "mine")
    with pytest.raises(WorkspaceError, match=rf"thing_name is '{name}'; expected another ending"):
        on(tmp_path / "new", route, thing_name=name)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("route", "most"), [("option-2", 64), ("option-1", 119), ("just-in-time", 51)]
)
def test_a_name_that_gets_too_long(tmp_path: Path, route: str, most: int) -> None:
    """With its route's ending, too, it fits AWS IoT, and a common name where our CA certifies."""
    name = on(tmp_path / "a", route, thing_name="x" * most).settings.thing_name
    assert len(name) == (128 if route == "option-1" else 64)
    with pytest.raises(WorkspaceError, match=rf"at most on the route {route}"):
        on(tmp_path / "b", route, thing_name="x" * (most + 1))
    assert not (tmp_path / "b").exists()


def test_a_page_chooses_its_route_for_itself(tmp_path: Path) -> None:
    """A route that was named in the call that made the workspace is not kept in lab.toml."""
    assert on(tmp_path, "option-1").settings.route == "option-1"
    assert Workspace.open(tmp_path, {}).settings.route == DEFAULT_ROUTE
    file = tmp_path / "lab.toml"
    file.write_text(file.read_text().replace('route = "option-2"', 'route = "option-1"'))
    assert Workspace.open(tmp_path, {}).settings.route == "option-1"


def test_a_simulated_board_has_a_tree_on_each_route(tmp_path: Path) -> None:
    """The lab's own tree is copied for each other route; it is the release's, untouched."""
    two, one = on(tmp_path, "option-2"), on(tmp_path, "option-1")
    assert two.firmware == tmp_path / "firmware"
    assert one.firmware == one.device / "firmware"
    header = "demos/include/aws_clientcredential_keys.h"
    (two.firmware / header).write_text("changed")
    assert (one.firmware / header).read_text() != "changed"


@pytest.mark.parametrize(
    "chosen", [{"firmware": "mine"}, {"url": "loop://"}], ids=["a named tree", "a real board"]
)
def test_a_tree_of_the_users_is_one_for_all_routes(tmp_path: Path, chosen: dict[str, str]) -> None:
    """A tree that lab.toml names, or that is a real board's, is built from on every route."""
    lines = "".join(f'{name} = "{value}"\n' for name, value in chosen.items())
    (tmp_path / "lab.toml").write_text(f"[device]\n{lines}")
    assert on(tmp_path, "option-1").firmware == on(tmp_path, "option-2").firmware


# The lab


def test_the_lab_on_a_route(tmp_path: Path, clean_environment: pytest.MonkeyPatch) -> None:
    """The banner names the route; its steps are the calls, and those of another say where."""
    del clean_environment
    lab = open_lab(tmp_path, route="option-1")
    assert "device   thing lab-device-option-1\nroute    option-1, private key import" in repr(lab)
    with pytest.raises(WorkspaceError, match=r'create_ca is a step of option-2.*route="option-2"'):
        lab.create_ca()
    other = open_lab(tmp_path)
    assert "route" not in repr(other)
    assert other.board.url != lab.board.url
    end(lab)
