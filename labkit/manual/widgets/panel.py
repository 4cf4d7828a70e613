"""What every panel is: a state, two ways to say it, and calls that presses make.

A panel draws itself as HTML with Python's values; the browser shows it and tells what was pressed
(`front.js`). So a panel can be read and pressed without a browser, which is how it is tested.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from threading import Event, Lock, Thread, Timer
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from markupsafe import Markup

from labkit.errors import LabError
from labkit.manual.widgets.press import Press

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.manual.widgets.front import Front

_DISABLED = Markup(" disabled")

_BETWEEN_PAINTS_S = 0.1
"""A thread's work repaints a panel at most ten times a second."""


class Work:
    """Work that takes long: it runs beside the page, tells how far it is, and can be stopped.

    Attributes:
        what: what is done, in words.
        share: how much of it is done, 0 to 1; None where nobody knows.
        stopped: set when it is asked to end; the work looks at it.
    """

    def __init__(self, what: str, tell: Callable[[], None]) -> None:
        self.what = what
        self.share: float | None = None
        self.stopped = Event()
        self._tell = tell
        self._thread: Thread | None = None

    def progress(self, what: str, share: float | None = None) -> None:
        """Tell what is done now, and how far the work is."""
        self.what, self.share = what, share
        self._tell()

    def start(self, do: Callable[[Work], object], finish: Callable[[object], None]) -> None:
        """Do the work in a thread of its own, and hand what came of it, or its error, on."""

        def run() -> None:
            try:
                came: object = do(self)
            except Exception as error:  # noqa: BLE001 a thread has nobody else to tell
                came = error
            finish(came)

        self._thread = Thread(target=run, name=self.what, daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float | None = None) -> None:
        """Return when it has ended."""
        if self._thread:
            self._thread.join(timeout_s)


class Panel(ABC):
    """An optional front to calls that stand on the page already.

    A subclass gives `title`, `text()` and `draw()`, and names in `presses` what each press does.

    Attributes:
        title: what it is, for eyes and screen readers.
        said: what came of the last press, or what is being done.
        work: work that is going on, or None.
    """

    title: ClassVar[str]

    def __init__(self) -> None:
        self.said = ""
        self.work: Work | None = None
        self._painted = 0.0
        self._painting = Lock()
        self._late: Timer | None = None

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """What each press does, by its name."""
        return {}

    @abstractmethod
    def text(self) -> str:
        """Return the panel as text: all that it says, for where there is no front end."""

    @abstractmethod
    def draw(self, *, live: bool) -> Markup:
        """Return the panel as HTML.

        Args:
            live: whether somebody can press; what is stored on a page has no buttons.
        """

    def press(
        self, name: str, value: str = "", /, *, file: bytes | None = None, **fields: str
    ) -> None:
        """Press: do what a button does. What the lab refuses is said on the panel.

        Raises:
            KeyError: nothing of this name can be pressed.
        """
        act = self.presses[name]
        self.said = ""
        if "front" in self.__dict__:
            self.front.said = ""  # so that the same answer is told, and read aloud, once more
        try:
            act(Press(value, fields, file))
        except LabError as error:
            self.said = str(error)
        self.repaint()

    def start(
        self, what: str, do: Callable[[Work], object], done: Callable[[Any], None] | None = None
    ) -> None:
        """Do something that takes long beside the page; `press("stop")` ends it.

        Args:
            what: what is done, in words.
            do: the work. It is given its `Work`, tells its progress and looks at `stopped`.
            done: takes what came of it; an error is said on the panel.
        """
        if self.work:
            self.said = f"{self.work.what}: still at it. Stop it first."
            return
        work = Work(what, self._repaint_now_and_then)

        def finish(came: object) -> None:
            self.work = None
            if isinstance(came, Exception):
                self.said = _told(came)
            elif done:
                done(came)
            self.repaint()

        self.work = work
        work.start(do, finish)

    def stop(self) -> None:
        """Ask the work that is going on to end."""
        if self.work:
            self.work.stopped.set()

    def wait(self, timeout_s: float | None = None) -> None:
        """Return when the work that is going on has ended."""
        if work := self.work:
            work.wait(timeout_s)

    def html(self, *, live: bool) -> str:
        """Return the panel as one labelled region."""
        return str(
            Markup('<section class="labkit" aria-label="{}"><h3>{}</h3>{}{}</section>').format(
                self.title, self.title, self.draw(live=live), self._progress() if live else ""
            )
        )

    def repaint(self) -> None:
        """Show the panel as it is now, where it is shown."""
        with self._painting:
            self._painted = monotonic()
            if self._late:
                self._late.cancel()
                self._late = None
            if "front" in self.__dict__:
                self.front.html = self.html(live=True)
                self.front.said = self.said

    @cached_property
    def front(self) -> Front:
        """The widget, made when a front end first asks for it."""
        from labkit.manual.widgets.front import Front  # noqa: PLC0415 costs 0.4 s

        return Front(self._heard, html=self.html(live=True), said=self.said)

    def _repaint_now_and_then(self) -> None:
        """Repaint, now or when it is time again: nothing that came stays unseen."""
        left = _BETWEEN_PAINTS_S - (monotonic() - self._painted)
        if left <= 0:
            self.repaint()
        elif self._late is None:
            self._late = Timer(left, self.repaint)
            self._late.daemon = True
            self._late.start()

    def _heard(self, name: str, press: Press) -> None:
        """Do what the browser says was pressed; there is no cell in which an error could stand."""
        try:
            if name == "stop":
                self.stop()
            else:
                self.press(name, press.value, file=press.file, **press.fields)
        except Exception as error:  # noqa: BLE001 see above
            self.said = _told(error)
            self.repaint()

    def _progress(self) -> Markup:
        if not self.work:
            return Markup()
        value = "" if self.work.share is None else Markup('value="{}"').format(self.work.share)
        return Markup('<p><progress aria-label="{}" {}></progress> {} {}</p>').format(
            self.work.what, value, self.work.what, button("stop", "stop")
        )

    def __repr__(self) -> str:
        """Return the panel as text, and what came of the last press."""
        return "\n".join(filter(None, [self.text(), self.said]))

    def _repr_mimebundle_(self, **_options: object) -> Mapping[str, Any]:
        """Return the widget, and its twins in HTML and text for where there is none."""
        bundle: Any = self.front._repr_mimebundle_()
        return {**bundle[0], "text/html": self.html(live=False), "text/plain": repr(self)}


def button(name: str, label: str, value: str = "", *, able: bool = True) -> Markup:
    """Return a button that presses `name`; its key is its name and value: it keeps the focus."""
    return Markup(
        '<button type="button" data-key="{}" data-press="{}" data-value="{}"{}>{}</button>'
    ).format(f"{name} {value}", name, value, "" if able else _DISABLED, label)


def _told(error: Exception) -> str:
    """Return what to say of an error: the lab's own in its words, any other with its kind."""
    if isinstance(error, LabError):
        return str(error)
    return f"{type(error).__name__}: {error}. The lab did not expect this; run the cell again."
