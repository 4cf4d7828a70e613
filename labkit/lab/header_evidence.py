"""A firmware tree's macros, read for a diagnosis."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from labkit import firmware
from labkit.diagnosis import Headers
from labkit.errors import DeviceError
from labkit.firmware.tree import find_sources

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = {
    "credentials": "aws_clientcredential.h",
    "keys": "aws_clientcredential_keys.h",
    "provisioning": "aws_dev_mode_key_provisioning.c",
}


def read_headers(tree: Path) -> Headers:
    """Read the macros that a diagnosis uses from a firmware tree.

    Args:
        tree: the firmware tree's top folder, in the layout of any release, or a folder that holds
            some of the files, such as `demos/include`; the other files' macros are unknown then.

    Raises:
        DeviceError: the folder is missing, has none of the files, or several of one name.
    """
    hello_world = None
    try:
        sources = find_sources(tree)
    except DeviceError:
        files = {part: tree / name for part, name in _NAMES.items() if (tree / name).is_file()}
        if not files:
            raise
    else:
        files = {part: getattr(sources, part) for part in _NAMES}
        hello_world = sources.hello_world
    texts = {part: firmware.decode(file.read_bytes()) for part, file in files.items()}
    headers = Headers.read(**(dict.fromkeys(_NAMES, "") | texts))
    return replace(headers, hello_world=hello_world)
