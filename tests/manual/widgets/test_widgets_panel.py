"""What every panel does: it shows the progress of long work, and a message for each press."""

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
        """Report the count."""
        return {"report": self._report}

    def _report(self, _press: Press) -> None:
        self.message = self.text()

    def count_and_wait(self, work: Work) -> None:
        """Count faster than the panel is painted, then wait for stop."""
        for self.count in range(1, LAST + 1):
            work.progress("counting")
        work.stopped.wait(PATIENCE_S)


def test_the_last_progress_is_painted() -> None:
    """The last count is shown while the work is still running."""
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


def test_the_same_message_is_reported_again() -> None:
    """Two presses with the same result report it twice, so a screen reader reads it twice."""
    panel = Counting()
    messages: list[str] = []
    panel.front.observe(lambda change: messages.append(change["new"]), "message")
    panel.press("report")
    panel.press("report")
    assert messages == ["counted to 0", "", "counted to 0"]
