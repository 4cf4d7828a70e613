"""Panels: optional fronts to calls that stand on the pages already.

Each is a plain class that draws itself as HTML and says the same as text; what is pressed calls the
lab. Nothing is only in a panel: without a front end its text says the same, and its calls do the
same. A panel is loaded when it is first asked for: `widgets.route(lab)`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__all__: list[str] = []

_PANELS: dict[str, tuple[str, str]] = {
    "bench": ("bench", "BenchPanel"),
    "certificate": ("certificate", "CertificatePanel"),
    "console": ("console", "ConsolePanel"),
    "account": ("account", "AccountPanel"),
    "policy_tester": ("policy_tester", "PolicyTesterPanel"),
    "header": ("header", "HeaderPanel"),
    "handshake": ("handshake", "HandshakePanel"),
    "hex_lens": ("hex_lens", "HexLensPanel"),
    "ports": ("ports", "PortsPanel"),
    "route": ("route", "RoutePanel"),
}
"""Each panel by the name that a page calls it by: its module, and its class."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 a panel's class, or a module beside this one
    """Load a panel on first use (PEP 562)."""
    if name in _PANELS:
        module, panel = _PANELS[name]
        found = getattr(import_module(f"{__name__}.{module}"), panel)
        # Importing the module has put it here under its own name, which may be the panel's.
        globals()[name] = found
        return found
    raise AttributeError(
        f"labkit.manual.widgets has no panel {name!r}; there are {', '.join(_PANELS)}"
    )


def __dir__() -> list[str]:
    """Name the panels, for completion."""
    return [*globals(), *_PANELS]


class _Widgets(ModuleType):
    """This package; loading a module beside it does not put the module in place of its panel."""

    def __setattr__(self, name: str, value: object) -> None:
        """Keep a panel's name for the panel: Python sets each loaded module on its package."""
        if name not in _PANELS:
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Widgets
