"""Panels: an optional front end for calls that a page makes anyway.

Each panel is a plain class that draws itself as HTML and describes itself as text; its buttons call
the lab. A panel holds no information of its own: without a front end its text and the calls are
enough. A panel is loaded when it is first used: `widgets.route(lab)`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__: list[str] = []

_PANELS: dict[str, str] = {
    "account": "AccountPanel",
    "bench": "BenchPanel",
    "certificate": "CertificatePanel",
    "console": "ConsolePanel",
    "handshake": "HandshakePanel",
    "header": "HeaderPanel",
    "hex_lens": "HexLensPanel",
    "policy_tester": "PolicyTesterPanel",
    "ports": "PortsPanel",
    "route": "RoutePanel",
}
"""The class of each panel by the name that pages use; `NAME_panel.py` has it."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 the class of a panel
    """Load a panel's class on first use (PEP 562)."""
    if name not in _PANELS:
        raise AttributeError(
            f"labkit.manual.widgets has no panel {name!r}. The panels are {', '.join(_PANELS)}."
        )
    return getattr(import_module(f"{__name__}.{name}_panel"), _PANELS[name])


def __dir__() -> list[str]:
    """Name the panels, for completion."""
    return [*globals(), *_PANELS]
