"""The widget behind every panel: HTML to the browser, presses back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from labkit.manual.widgets.press import Press

if TYPE_CHECKING:
    from collections.abc import Callable

_FOLDER = Path(__file__).parent


class Front(anywidget.AnyWidget):
    """The view of a panel.

    Attributes:
        html: the panel, as it is drawn now.
        message: the result of the last press; screen readers read it out.
    """

    _esm = (_FOLDER / "front.js").read_text(encoding="utf-8")
    _css = (_FOLDER / "front.css").read_text(encoding="utf-8")
    html = traitlets.Unicode().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)

    def __init__(self, on_press: Callable[[str, Press], None], **traits: Any) -> None:  # noqa: ANN401 traits are checked by traitlets
        super().__init__(**traits)
        self._on_press = on_press
        self.on_msg(self._on_message)

    def _on_message(self, _widget: object, content: object, buffers: list[Any]) -> None:
        """Report a press; other messages are ignored."""
        if not isinstance(content, dict) or not isinstance(content.get("press"), str):
            return
        fields = {str(key): str(value) for key, value in dict(content.get("fields") or {}).items()}
        file = bytes(buffers[0]) if buffers else None
        self._on_press(content["press"], Press(str(content.get("value", "")), fields, file))
