"""Build and flash the simulated board's firmware.

`labkit board build` and `labkit board flash` do this in a terminal. A lab whose lab.toml names
these commands does it in its own process: a Python for each costs a third of a second.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from labkit.bench.client import board_path, start_or_find
from labkit.bench.image import build_image, read_image, write_image
from labkit.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from labkit.workspace import Workspace


def build(place: Workspace) -> str:
    """Build an image from the macros in the firmware tree, and return a line about it.

    Raises:
        DeviceError: the tree does not build; the message names file and line.
    """
    image = build_image(place.firmware)
    write_image(_image_file(place), image)
    return f"built {image['release']} from {place.firmware.name}/"


def flash(place: Workspace) -> str:
    """Load the image onto the simulated board, and return a line about it.

    Raises:
        DeviceError: nothing is built yet.
        BenchError: the bench cannot be started, or refuses the image.
    """
    file = _image_file(place)
    if not file.exists():
        raise DeviceError(
            f"{file} is missing: nothing is built yet. Run `labkit board build` first."
        )
    bench = start_or_find(place)
    bench.post(board_path(place.settings.thing_name, "flash"), read_image(file))
    return "flashed; the board runs it at the next reset"


def own_commands(place: Workspace) -> Mapping[tuple[str, ...], Callable[[], str]]:
    """Return the commands of lab.toml that need no other process, by their words."""
    return {
        ("labkit", "board", "build"): partial(build, place),
        ("labkit", "board", "flash"): partial(flash, place),
    }


def _image_file(place: Workspace) -> Path:
    return place.firmware / "build" / "image.json"
