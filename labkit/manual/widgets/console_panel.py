"""The console panel: what the board prints, while it prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from markupsafe import Markup

from labkit.console import Kind
from labkit.console.view import ABOUT_KEYS, Filter, LogView
from labkit.manual.widgets.console_lines import draw_lines, text_lines
from labkit.manual.widgets.html import NOTHING, button, joined, paragraph, select
from labkit.manual.widgets.panel import Panel
from labkit.manual.widgets.shown_log import ShownLog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.device.capture import Capture
    from labkit.lab.lab import Lab
    from labkit.manual.widgets.panel import Work
    from labkit.manual.widgets.press import Press

_FOLLOW_S = 0.1
_BLOCK = 1 << 18
_TONES = {"whole": "good", "damaged": "bad", "no dump": "warn"}
_KINDS = {"": "everything", ABOUT_KEYS: ABOUT_KEYS} | {str(kind): str(kind) for kind in Kind}
_RESETS = (
    "Listening resets the board. While keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR is 1 in its "
    "image, each reset makes another key pair."
)


class ConsolePanel(Panel):
    """The lab's console log, or another log to inspect.

    `listen` is `lab.board.boot()`, `take` is `lab.paste_console()`.

    Args:
        lab: the lab whose console.log it is.
        run: a capture that is shown first, instead of the whole log.

    Attributes:
        shown: the log, and the position in it.
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
            "listen": lambda _: self._watch("the board boots", self._listen, self._after_boot),
            "follow": lambda _: self._watch("following console.log", self._follow),
            "ask": self._ask,
            "hit": lambda press: self.shown.move_by_hits(int(press.value or 1)),
            "page": lambda press: self.shown.move_by_windows(int(press.value)),
            "end": lambda _: self.shown.move_to_end(),
            "inspect": self._inspect,
            "take": self._take,
            "back": lambda _: self.shown.show_log_of_lab(),
        }

    def _watch(self, what: str, do: Callable[[Work], object], *done: Callable[[Any], None]) -> None:
        """Start work that adds to the log, or waits for what is added."""
        if not self.work and not self.shown.is_log_of_lab:
            self.shown.show_log_of_lab()
        self.start(what, do, *done)

    def _listen(self, work: Work) -> Capture:
        def show(line: str) -> None:
            work.progress(line.removeprefix("... ") if line.startswith("... ") else work.what)

        return self.lab.board.boot(show=show, stop=work.stopped.is_set)

    def _after_boot(self, capture: Capture) -> None:
        self.message = f"The capture has ended: {capture.end - capture.start:,} bytes of this boot."

    def _follow(self, work: Work) -> None:
        while not work.stopped.wait(_FOLLOW_S):
            if self.shown.catch_up():
                work.progress(work.what)

    def _ask(self, press: Press) -> None:
        self.shown.apply(Filter(**{name: press.fields.get(name, "") for name in Filter.__slots__}))

    def _inspect(self, press: Press) -> None:
        raw = press.fields.get("pasted", "").encode() if press.file is None else press.file
        if not raw.strip():
            self.message = "The text is empty. Paste the console from the board's reset on."
            return
        self.start("reading the log", lambda work: _read(raw, work), self._show_other)

    def _show_other(self, result: tuple[bytes, LogView]) -> None:
        self.shown.show_other(*result)
        self.message = f"{len(result[0]):,} bytes are shown. They are not in console.log."

    def _take(self, _press: Press) -> None:
        if (raw := self.shown.other) is not None:
            self.lab.paste_console(raw)
            self.message = f"{len(raw):,} bytes were added to console.log."
            self.shown.show_log_of_lab()

    def text(self) -> str:
        """Return the last lines, or the lines around the hit, and the verdict on the key."""
        self.shown.catch_up()
        lines = text_lines(self.shown.window(stored=True))
        verdict = self.shown.verdict()
        return "\n".join([self.shown.summary(), *lines, f"dump: {verdict.word}: {verdict.text}"])

    def draw(self, *, live: bool) -> Markup:
        """Draw the lines; if the panel is live, also the fields that filter and search them."""
        shown = self.shown
        shown.catch_up()
        window, verdict = shown.window(stored=not live), shown.verdict()
        lines = draw_lines(
            window, shown.filter.search, shown.current(window), shown.time_of if live else None
        )
        dump = Markup('<span class="{}">dump: {}</span>: {}').format(
            _TONES[verdict.word], verdict.word, verdict.text
        )
        parts = [paragraph(shown.summary()), lines, paragraph(dump)]
        if live:
            parts[1:1] = [_MOVES]
            parts = [self._fields(), *parts, self._other_logs()]
        return joined(parts)

    def _fields(self) -> Markup:
        """Return the buttons that add to the log, and the fields that filter and search it."""
        idle = self.work is None
        return Markup(
            '<p>{}{}</p><p class="quiet">{}</p><form data-press="hit" data-value="1">{}'
            '<label>search <input name="search" type="search" data-key="search" data-press="ask" '
            'data-press-on="input" autocomplete="off"></label>'
            '<button type="submit" data-key="next hit">next hit</button>{}</form>'
        ).format(
            button("listen", "reset the board and listen", able=idle),
            button("follow", "follow console.log", able=idle),
            _RESETS,
            select("kind", _KINDS, self.shown.filter.kind, press="ask"),
            button("hit", "previous hit", "-1"),
        )

    def _other_logs(self) -> Markup:
        """Return where a log is pasted, chosen or dropped, and what can be done with it."""
        take = button("take", "take it into the lab") if self.shown.other is not None else NOTHING
        back = NOTHING if self.shown.is_log_of_lab else button("back", "show all of console.log")
        return paragraph(take + back) + _PASTE


_MOVES = paragraph(
    button("page", "older lines", "-1")
    + button("page", "newer lines", "1")
    + button("end", "last lines")
)
_PASTE = Markup(
    '<details data-key="paste"><summary>Paste, choose or drop a log</summary>'
    '<form data-press="inspect" data-drop><p><label>console text <textarea name="pasted" '
    'data-key="pasted" rows="4" cols="60"></textarea></label></p>'
    '<p><button type="submit" data-key="inspect">show it</button> '
    '<label>or a log file <input type="file" data-key="file" data-press="inspect"></label>, '
    "or drop one here</p></form></details>"
)


def _read(raw: bytes, work: Work) -> tuple[bytes, LogView]:
    """Read a log that is not in the lab, until the work is stopped."""
    view = LogView()
    for at in range(0, len(raw), _BLOCK):
        if work.stopped.is_set():
            return raw[:at], view
        view.feed(raw[at : at + _BLOCK])
        work.progress(work.what, at / len(raw))
    view.feed(b"" if raw.endswith((b"\n", b"\r")) else b"\n")
    return raw, view
