"""A firmware tree's macros, read for a diagnosis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit import firmware
from labkit.device.image import find_sources
from labkit.diagnosis import Headers

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_headers"]


def read_headers(tree: Path) -> Headers:
    """Read what a diagnosis looks at in a firmware tree.

    Args:
        tree: the firmware tree's top folder, in the layout of any release.

    Raises:
        DeviceError: the tree or one of the three files is missing, or there are several of it.
    """
    sources = find_sources(tree)
    texts = (sources.credentials, sources.keys, sources.provisioning)
    credentials, keys, provisioning = (firmware.decode(file.read_bytes()) for file in texts)
    return Headers.read(credentials=credentials, keys=keys, provisioning=provisioning)
