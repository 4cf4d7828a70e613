"""The panel of the console: what the board prints, while it prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from markupsafe import Markup

from labkit.console.view import Asked, LogView
from labkit.manual.widgets.console_controls import draw_asking, draw_handing_over, draw_moves
from labkit.manual.widgets.console_lines import draw_lines, text_lines
from labkit.manual.widgets.console_shown import ShownLog
from labkit.manual.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.device.capture import Capture
    from labkit.lab.lab import Lab
    from labkit.manual.widgets.panel import Work
    from labkit.manual.widgets.press import Press

_FOLLOW_S = 0.1
_BLOCK = 1 << 18
_WORDS = {"whole": "good", "damaged": "bad", "no dump": "warn"}


class ConsolePanel(Panel):
    """The lab's console log, or another that is looked at; its calls are those of the page.

    `listen` is `lab.board.boot()`, `take` is `lab.paste_console()`.

    Args:
        lab: the lab whose console.log it is.
        run: a capture that is shown first, in place of the whole log.

    Attributes:
        shown: the log, and where one is in it.
    """

    title: ClassVar[str] = "Console"

    def __init__(self, lab: Lab, run: Capture | None = None) -> None:
        super().__init__()
        self.lab = lab
        self.shown = ShownLog(lab.board.console_log, run)

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """What each press does."""
        return {
            "listen": lambda _: self._watch("the board boots", self._listen, self._heard_boot),
            "follow": lambda _: self._watch("console.log is followed", self._follow),
            "pause": lambda _: self.shown.hold(),
            "ask": self._ask,
            "hit": lambda press: self.shown.go_on_by_hits(int(press.value or 1)),
            "page": lambda press: self.shown.go_on_by_windows(int(press.value)),
            "end": lambda _: self.shown.go_to_end(),
            "look": self._look,
            "take": self._take,
            "back": lambda _: self.shown.show_log_of_lab(),
        }

    def _watch(self, what: str, do: Callable[[Work], object], *done: Callable[[Any], None]) -> None:
        """Do something beside the page that makes the log grow, or waits for it."""
        if not self.work and not self.shown.is_log_of_lab:
            self.shown.show_log_of_lab()
        self.start(what, do, *done)

    def _listen(self, work: Work) -> Capture:
        def show(line: str) -> None:
            work.progress(line.removeprefix("... ") if line.startswith("... ") else work.what)

        return self.lab.board.boot(show=show, stop=work.stopped.is_set)

    def _heard_boot(self, capture: Capture) -> None:
        self.said = f"The capture has ended: {capture.end - capture.start:,} bytes of this boot."

    def _follow(self, work: Work) -> None:
        while not work.stopped.wait(_FOLLOW_S):
            if self.shown.catch_up():
                work.progress(work.what)

    def _ask(self, press: Press) -> None:
        self.shown.ask(Asked(**{name: press.fields.get(name, "") for name in Asked.__slots__}))

    def _look(self, press: Press) -> None:
        raw = press.fields.get("pasted", "").encode() if press.file is None else press.file
        if not raw.strip():
            self.said = "Nothing is in it. Paste the console from the board's reset on."
            return
        self.start("the log is read", lambda work: _read(raw, work), self._show_other)

    def _show_other(self, came: tuple[bytes, LogView]) -> None:
        self.shown.show_other(*came)
        self.said = f"{len(came[0]):,} bytes are looked at. They are not in the lab."

    def _take(self, _press: Press) -> None:
        if (raw := self.shown.other) is not None:
            self.lab.paste_console(raw)
            self.said = f"Taken: {len(raw):,} bytes were added to console.log."
            self.shown.show_log_of_lab()

    def text(self) -> str:
        """Return the last lines, or those around the hit, and what they say of the key."""
        self.shown.catch_up()
        lines = text_lines(self.shown.window(stored=True))
        verdict = self.shown.verdict()
        return "\n".join([self.shown.what(), *lines, f"dump: {verdict.word}: {verdict.said}"])

    def draw(self, *, live: bool) -> Markup:
        """Return the lines, with what filters and searches them where somebody can press."""
        shown = self.shown
        shown.catch_up()
        window, verdict = shown.window(stored=not live), shown.verdict()
        lines = draw_lines(
            window, shown.asked.search, shown.here(window), shown.time_of if live else None
        )
        return Markup("{}<p>{}</p>{}{}<p><span class='{}'>{}</span>: {}</p>{}").format(
            draw_asking(shown.asked, shown.tasks, idle=self.work is None) if live else "",
            shown.what(),
            draw_moves(is_held=shown.is_held) if live else "",
            lines,
            _WORDS[verdict.word],
            f"dump: {verdict.word}",
            verdict.said,
            self._handing_over() if live else "",
        )

    def _handing_over(self) -> Markup:
        return draw_handing_over(
            can_take=self.shown.other is not None, can_go_back=not self.shown.is_log_of_lab
        )


def _read(raw: bytes, work: Work) -> tuple[bytes, LogView]:
    """Read a log that is not in the lab, so far as nobody stops it."""
    view = LogView()
    for at in range(0, len(raw), _BLOCK):
        if work.stopped.is_set():
            return raw[:at], view
        view.feed(raw[at : at + _BLOCK])
        work.progress(work.what, at / len(raw))
    view.feed(b"" if raw.endswith((b"\n", b"\r")) else b"\n")
    return raw, view
