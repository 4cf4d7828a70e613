"""The widget behind every panel: HTML to the browser, presses back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from labkit.manual.widgets.press import Press

if TYPE_CHECKING:
    from collections.abc import Callable

_HERE = Path(__file__).parent


class Front(anywidget.AnyWidget):
    """A view of a panel.

    Attributes:
        html: the panel, as it is drawn now.
        said: what came of the last press; it is read out where somebody listens.
    """

    _esm = (_HERE / "front.js").read_text(encoding="utf-8")
    _css = (_HERE / "front.css").read_text(encoding="utf-8")
    html = traitlets.Unicode().tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)

    def __init__(self, heard: Callable[[str, Press], None], **traits: Any) -> None:  # noqa: ANN401 traits are checked by traitlets
        super().__init__(**traits)
        self._heard = heard
        self.on_msg(self._on_message)

    def _on_message(self, _widget: object, content: object, buffers: list[Any]) -> None:
        """Hand a press on; what is no press, is passed over."""
        if not isinstance(content, dict) or not isinstance(content.get("press"), str):
            return
        fields = {str(key): str(value) for key, value in dict(content.get("fields") or {}).items()}
        file = bytes(buffers[0]) if buffers else None
        self._heard(content["press"], Press(str(content.get("value", "")), fields, file))
