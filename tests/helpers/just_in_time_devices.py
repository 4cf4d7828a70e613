"""What a hand does with a device on the route just-in-time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit import firmware
from labkit.firmware.tree import find_sources
from labkit.lab.procedure.steps.headers import CA_PEM

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

CLOSED = "-30848"
"""What a board prints when its connection was closed in good order."""


def set_ca_macro(lab: Lab, pem: str | None) -> None:
    """Set the JITR macro of the keys header with a text editor."""
    file = find_sources(lab.workspace.firmware).keys
    text = firmware.decode(file.read_bytes())
    file.write_bytes(firmware.encode(firmware.edit(text, CA_PEM, pem).new))


def build_flash_boot(lab: Lab) -> str:
    """Do by hand what a step does with a board."""
    lab.board.build()
    lab.board.flash()
    return lab.board.boot().text
