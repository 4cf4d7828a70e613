"""What every panel does: long work is shown as it goes on, and each press gets its answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.manual.widgets.panel import Panel, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.manual.widgets.press import Press

LAST = 5
PATIENCE_S = 10


class Counting(Panel):
    """A panel that shows how far its work has counted."""

    title = "Counting"

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def text(self) -> str:
        """Return the count."""
        return f"counted to {self.count}"

    def draw(self, *, live: bool) -> Markup:
        """Draw the same."""
        del live
        return Markup("<p>{}</p>").format(self.text())

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """Say the count."""
        return {"say": self._say}

    def _say(self, _press: Press) -> None:
        self.said = self.text()

    def count_and_wait(self, work: Work) -> None:
        """Count faster than anybody paints, then wait to be stopped."""
        for self.count in range(1, LAST + 1):
            work.progress("counting")
        work.stopped.wait(PATIENCE_S)


def test_what_came_right_after_a_painting_is_painted_all_the_same() -> None:
    """The last count is shown while the work still goes on, and nothing else happens."""
    panel = Counting()
    assert "counted to 0" in panel.front.html
    panel.start("counting", panel.count_and_wait)
    try:
        until = time.monotonic() + PATIENCE_S / 2
        while f"counted to {LAST}" not in panel.front.html and time.monotonic() < until:
            time.sleep(0.01)
        assert f"counted to {LAST}" in panel.front.html
        assert panel.work
    finally:
        panel.stop()
        panel.wait()


def test_a_panel_that_nobody_shows_is_not_painted() -> None:
    """Without a front end there is nothing to paint, and work goes on the same."""
    panel = Counting()
    panel.start("counting", panel.count_and_wait)
    panel.stop()
    panel.wait()
    assert panel.text() == f"counted to {LAST}"
    assert "front" not in panel.__dict__


def test_the_same_answer_is_told_again() -> None:
    """Who presses twice sees and hears twice that something was done."""
    panel = Counting()
    told: list[str] = []
    panel.front.observe(lambda change: told.append(change["new"]), "said")
    panel.press("say")
    panel.press("say")
    assert told == ["counted to 0", "", "counted to 0"]
