"""A lab manual's helper package: developer-mode key provisioning for Amazon FreeRTOS devices.

The lab itself is loaded when it is first used, so that `import labkit` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.check import check
from labkit.errors import LabError
from labkit.support.lazy import lazy

if TYPE_CHECKING:
    from labkit.lab import Lab, open_lab

__version__ = "0.1.0"
__all__ = ["Lab", "LabError", "__version__", "check", "open_lab"]


__getattr__ = lazy(__name__, {"Lab": "lab", "open_lab": "lab"})
