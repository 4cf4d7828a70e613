"""The panel of the console: what the board prints, while it prints it."""

from __future__ import annotations

import re
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

from markupsafe import Markup

from labkit.console import Kind
from labkit.console.view import ABOUT_KEYS, LEVELS, Asked, Found, LogView
from labkit.device.following import Following
from labkit.widgets.panel import Panel, Press, button

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from labkit.console.view import LogLine, Window
    from labkit.device.board import Capture
    from labkit.lab import Lab
    from labkit.widgets.panel import Work

__all__ = ["ConsolePanel"]

_LOG = "console.log"
_DRAWN = 200
_STORED = 40
_AROUND_A_HIT = 15
_LONGEST = 400
"""Lines that are drawn, stored on a page, drawn around a hit; and characters of one line."""

_FOLLOW_S = 0.1
_BLOCK = 1 << 18
_WORDS = {"whole": "good", "damaged": "bad", "no dump": "warn"}
_RESETS = (
    "Listening resets the board. While keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR is 1 in its "
    "image, each reset makes another key pair."
)


class ConsolePanel(Panel):
    """The lab's console log, or another that is looked at; its calls are those of the page.

    `listen` is `lab.board.boot()`, `take` is `lab.paste_console()`.

    Args:
        lab: the lab whose console.log it is.
        run: a capture that is shown first, in place of the whole log.
    """

    title: ClassVar[str] = "Console"
    _name: str
    _start: int | None
    _other: bytes | None
    _view: LogView
    _found: Found
    _held: int | None
    _middle: int | None

    def __init__(self, lab: Lab, run: Capture | None = None) -> None:
        super().__init__()
        self.lab = lab
        self._reading = Lock()
        self._hit = 0
        self._begin()
        if run is not None:
            self._name, self._start = "this run", run.start
            self._view.feed(run.text.encode())

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """What each press does."""
        return {
            "listen": lambda _: self._watch("the board boots", self._listen, self._heard_boot),
            "follow": lambda _: self._watch("console.log is followed", self._follow),
            "pause": self._pause,
            "ask": self._ask,
            "hit": lambda press: self._go_to_hit(self._hit + int(press.value or 1)),
            "page": self._page,
            "end": lambda _: self._go_to(None),
            "look": self._look,
            "take": self._take,
            "back": lambda _: self._show_log_of_lab(),
        }

    # What presses do

    def _watch(self, what: str, do: Callable[[Work], object], *done: Callable[[Any], None]) -> None:
        """Do something beside the page that makes the log grow, or waits for it."""
        if not self.work and self._name != _LOG:
            self._show_log_of_lab()
        self.start(what, do, *done)

    def _listen(self, work: Work) -> Capture:
        def show(line: str) -> None:
            work.progress(line.removeprefix("... ") if line.startswith("... ") else work.what)

        return self.lab.board.boot(show=show, stop=work.stopped.is_set)

    def _heard_boot(self, capture: Capture) -> None:
        self.said = f"The capture has ended: {capture.end - capture.start:,} bytes of this boot."

    def _follow(self, work: Work) -> None:
        while not work.stopped.wait(_FOLLOW_S):
            if self._catch_up():
                work.progress(work.what)

    def _pause(self, _press: Press) -> None:
        self._catch_up()
        self._held = None if self._held is not None else len(self._view.lines)

    def _ask(self, press: Press) -> None:
        asked = Asked(**{name: press.fields.get(name, "") for name in Asked.__slots__})
        if asked == self._found.asked:
            return
        with self._reading:
            self._found, self._middle = Found(self._view, asked), None
            self._found.look()
        if hits := self._found.hits(self._held):
            self._go_to_hit(hits - 1)

    def _go_to_hit(self, number: int) -> None:
        if hits := self._found.hits(self._held):
            self._hit = number % hits
            self._middle = self._found.place_of_hit(self._hit)

    def _page(self, press: Press) -> None:
        lines = self._window(self._size)
        self._go_to(lines.before + len(lines.lines) // 2 + int(press.value) * self._size)

    def _go_to(self, middle: int | None) -> None:
        at_end = middle is not None and middle >= self._found.count(self._held)
        self._middle = None if middle is None or at_end else max(middle, 0)

    def _look(self, press: Press) -> None:
        raw = press.fields.get("pasted", "").encode() if press.file is None else press.file
        if not raw.strip():
            self.said = "Nothing is in it. Paste the console from the board's reset on."
            return
        self.start("the log is read", lambda work: _read(raw, work), self._show_other)

    def _show_other(self, came: tuple[bytes, LogView]) -> None:
        with self._reading:
            self._other, self._view = came
            self._name, self._start = "a log that is not in the lab", None
            self._reset_look()
        self.said = f"{len(self._other):,} bytes are looked at. They are not in the lab."

    def _take(self, _press: Press) -> None:
        if self._other is not None:
            self.lab.paste_console(self._other)
            self.said = f"Taken: {len(self._other):,} bytes were added to console.log."
            self._show_log_of_lab()

    def _show_log_of_lab(self) -> None:
        with self._reading:
            self._begin()

    # The log

    def _begin(self) -> None:
        self._name, self._start = _LOG, 0
        self._other = None
        self._log = Following(self.lab.board.console_log)
        self._view = LogView()
        self._reset_look()

    def _reset_look(self) -> None:
        self._held = self._middle = None
        self._found = Found(self._view, Asked())

    def _catch_up(self) -> bool:
        """Read what came since; return whether anything did."""
        with self._reading:
            before = self._view.size
            if self._name == _LOG:
                if self._log.is_another:
                    self._begin()
                self._view.feed(self._log.more())
            self._found.look()
            return self._view.size != before

    @property
    def _size(self) -> int:
        return _AROUND_A_HIT if self._found.asked.search else _DRAWN

    def _window(self, size: int) -> Window:
        return self._found.window(size, middle=self._middle, held=self._held)

    # What is said

    def text(self) -> str:
        """Return the last lines, or those around the hit, and what they say of the key."""
        self._catch_up()
        window = self._window(min(self._size, _STORED))
        numbers = len(str(window.lines[-1].line)) if window.lines else 0
        lines = [
            f"{line.line:>{numbers}}  {_cut(line.text)}{f'   <- {line.note}' * bool(line.note)}"
            for line in window.lines
        ]
        return "\n".join(
            filter(
                None,
                [
                    self._what(),
                    _left_out(window.before, "before"),
                    *lines,
                    _left_out(window.after, "after"),
                    "dump: {}: {}".format(*self._verdict()),
                ],
            )
        )

    def draw(self, *, live: bool) -> Markup:
        """Return the lines, with what filters and searches them where somebody can press."""
        self._catch_up()
        size = self._size if live else min(self._size, _STORED)
        window = self._window(size)
        word, said = self._verdict()
        return Markup("{}<p>{}</p>{}{}<p><span class='{}'>{}</span>: {}</p>{}").format(
            self._controls() if live else "",
            self._what(),
            self._moves() if live else "",
            self._drawn(window, live=live),
            _WORDS[word],
            f"dump: {word}",
            said,
            self._paste() if live else "",
        )

    def _what(self) -> str:
        count = self._found.count(self._held)
        told = f"{self._name}: {count:,} line{'s' * (count != 1)}"
        if self._found.asked != Asked(search=self._found.asked.search):
            told += f" of {len(self._view.lines) if self._held is None else self._held:,}"
        if (asked := self._found.asked.search) != "":
            hits = self._found.hits(self._held)
            told += f"; {asked!r} stands in {hits:,} of them"
        if self._held is not None:
            told += f"; paused, {len(self._view.lines) - self._held:,} more have come"
        return told

    def _verdict(self) -> tuple[str, str]:
        verdict = self._view.verdict()
        return verdict.word, verdict.said

    def _drawn(self, window: Window, *, live: bool) -> Markup:
        head = Markup("<th scope='col'>{}</th>")
        columns = ["line", *(["time (UTC)"] if live else []), "console", "what it is"]
        here = self._here(window)
        return Markup(
            "<div class='lk-console' role='region' aria-label='lines of the console' tabindex='0' "
            "data-scroll data-key='lines'>{}<table><thead><tr>{}</tr></thead><tbody>{}</tbody>"
            "</table>{}</div>"
        ).format(
            _paragraph(_left_out(window.before, "before")),
            Markup().join(head.format(column) for column in columns),
            Markup().join(
                self._row(line, live=live, is_here=line is here) for line in window.lines
            ),
            _paragraph(_left_out(window.after, "after")),
        )

    def _here(self, window: Window) -> LogLine | None:
        """Return the line of the hit that one is at, where it is drawn."""
        if self._middle is None or self._hit >= self._found.hits(self._held):
            return None
        at = self._found.place_of_hit(self._hit) - window.before
        return window.lines[at] if 0 <= at < len(window.lines) else None

    def _row(self, line: LogLine, *, live: bool, is_here: bool) -> Markup:
        classes = "lk-dump" if line.kind in {Kind.HEADER, Kind.ROW} else ""
        start = self._start
        time = "" if start is None else self._log.time_of(start + self._view.offset(line.line))
        return Markup(
            "<tr class='{}'{}><td class='quiet'>{}</td>{}<td class='mono'>{}</td>"
            "<td class='{}'>{}</td></tr>"
        ).format(
            classes,
            Markup(" aria-current='true'") if is_here else "",
            line.line,
            Markup("<td class='quiet'>{}</td>").format(time) if live else "",
            _marked(_cut(line.text), self._found.asked.search),
            {None: "", True: "good", False: "bad"}[line.is_whole],
            line.note,
        )

    def _moves(self) -> Markup:
        held = "go on" if self._held is not None else "pause"
        return Markup("<p>{}{}{}{}</p>").format(
            button("pause", held),
            button("page", "older lines", "-1"),
            button("page", "newer lines", "1"),
            button("end", "last lines"),
        )

    def _controls(self) -> Markup:
        asked = self._found.asked
        idle = self.work is None
        kinds = [("", "everything"), (ABOUT_KEYS, ABOUT_KEYS), *((kind, kind) for kind in Kind)]
        return Markup(
            "<p>{}{}</p><p class='quiet'>{}</p><form data-press='hit' data-value='1'>{}{}{}"
            "<label>search <input name='search' type='search' data-key='search' data-press='ask' "
            "data-press-on='input' autocomplete='off'></label>"
            "<button type='submit' data-key='next hit'>next hit</button>{}</form>"
        ).format(
            button("listen", "reset the board and listen", able=idle),
            button("follow", "follow console.log", able=idle),
            _RESETS,
            _choice("kind", kinds, asked.kind),
            _choice("task", [("", "every task"), *((t, t) for t in self._view.tasks)], asked.task),
            _choice("level", [("", "every level"), *((w, w) for w in LEVELS)], asked.level),
            button("hit", "hit before", "-1"),
        )

    def _paste(self) -> Markup:
        take = "" if self._other is None else button("take", "take it into the lab")
        back = "" if self._name == _LOG else button("back", "show all of console.log")
        return Markup(
            "{}<details data-key='paste'><summary>Paste, choose or drop a log</summary>"
            "<form data-press='look' data-drop><p><label>console text <textarea name='pasted' "
            "data-key='pasted' rows='4' cols='60'></textarea></label></p>"
            "<p><button type='submit' data-key='look'>look at it</button> "
            "<label>or a log file <input type='file' data-key='file' data-press='look'></label>, "
            "or drop one here</p></form></details>"
        ).format(Markup("<p>{}{}</p>").format(take, back) if back else "")


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


def _choice(name: str, options: Iterable[tuple[str, str]], chosen: str) -> Markup:
    option = Markup("<option value='{}'{}>{}</option>")
    selected = Markup(" selected")
    return Markup(
        "<label>{} <select name='{}' data-key='{}' data-press='ask'>{}</select></label>"
    ).format(
        name,
        name,
        name,
        Markup().join(option.format(v, selected if v == chosen else "", w) for v, w in options),
    )


def _marked(text: str, search: str) -> Markup:
    """Return a text with each place of the searched text marked."""
    if not search:
        return Markup("{}").format(text)
    pieces = re.split(f"({re.escape(search)})", text, flags=re.IGNORECASE)
    mark = Markup("<mark>{}</mark>")
    return Markup().join(mark.format(piece) if n % 2 else piece for n, piece in enumerate(pieces))


def _cut(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… ({len(text) - _LONGEST:,} more characters)"


def _left_out(count: int, where: str) -> str:
    if not count:
        return ""
    return f"({count:,} line{'s' * (count != 1)} {where} these left out)"


def _paragraph(text: str) -> Markup:
    return Markup("<p class='quiet'>{}</p>").format(text) if text else Markup()
