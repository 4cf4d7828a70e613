"""A lab manual's helper package: developer-mode key provisioning for Amazon FreeRTOS devices.

The lab itself is loaded when it is first used, so that `import labkit` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from labkit.check import check
from labkit.errors import LabError

if TYPE_CHECKING:
    from labkit.lab.lab import Lab, open_lab

__version__ = "0.1.0"
__all__ = ["Lab", "LabError", "__version__", "check", "open_lab"]


def __getattr__(name: str) -> object:
    """Load the lab on first use (PEP 562)."""
    if name in {"Lab", "open_lab"}:
        return getattr(import_module("labkit.lab.lab"), name)
    raise AttributeError(f"module 'labkit' has no attribute {name!r}")
