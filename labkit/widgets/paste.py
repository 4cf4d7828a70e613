"""The panel for a console that did not come through a port: pasted, or dropped as a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import ipywidgets

from labkit.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.lab import Lab

__all__ = ["PastePanel"]


@dataclass
class PastePanel:
    """A place for a console text; `take` does what the button does.

    Attributes:
        lab: the lab whose next run of the demo the text stands for.
        said: what came of the last text.
    """

    lab: Lab
    said: str = field(default="No console text was taken yet.", init=False)

    def take(self, text: str | bytes) -> None:
        """Take a console text, as `lab.paste_console` does; an error is what there is to say."""
        try:
            self.said = repr(self.lab.paste_console(text))
        except LabError as error:
            self.said = str(error)

    def __repr__(self) -> str:
        """Return what came of the last text, and the call that does the same."""
        return f"{self.said}\nThe call is lab.paste_console(text), or its path in place of text."

    @cached_property
    def view(self) -> View:
        """The widgets, made when they are first asked for."""
        return View(self)

    def _repr_mimebundle_(self, **_options: object) -> Mapping[str, Any]:
        """Return the widgets for a front end that has them, and the text for any other."""
        bundle = self.view.box._repr_mimebundle_() or {}
        return {**bundle, "text/plain": repr(self)}


class View:
    """The widgets of a panel; a file that was dropped comes before what was pasted."""

    def __init__(self, panel: PastePanel) -> None:
        self._panel = panel
        self.text = ipywidgets.Textarea(
            placeholder="the board's console, from its reset on",
            layout=ipywidgets.Layout(width="100%", height="10em"),
        )
        self.file = ipywidgets.FileUpload(description="or a log file", multiple=False)
        self.take = ipywidgets.Button(description="take it")
        self.said = ipywidgets.HTML()
        self.take.on_click(lambda _button: self._take())
        self.box = ipywidgets.VBox([self.text, ipywidgets.HBox([self.file, self.take]), self.said])

    def _take(self) -> None:
        dropped = [bytes(each["content"]) for each in self.file.value]
        self._panel.take(dropped[0] if dropped else self.text.value)
        escaped = self._panel.said.replace("&", "&amp;").replace("<", "&lt;")
        self.said.value = f"<pre>{escaped}</pre>"
        self.file.value = ()
