"""The base of all panels: a state, the panel as text and as HTML, and what its buttons do.

A panel draws itself as HTML with Python's values; the browser shows it and reports what was pressed
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
from labkit.manual.widgets.html import NOTHING, attributes, button
from labkit.manual.widgets.press import Press

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.manual.widgets.front import Front

_BETWEEN_PAINTS_S = 0.1
"""The work of a thread repaints a panel at most ten times a second."""


class Work:
    """Work that runs in a thread of its own, reports its progress, and can be stopped.

    Attributes:
        what: a description of the work.
        share: how much of it is done, 0 to 1; None if that is not known.
        stopped: set when the work is to stop; the work checks it.
    """

    def __init__(self, what: str, report: Callable[[], None]) -> None:
        self.what = what
        self.share: float | None = None
        self.stopped = Event()
        self._report = report
        self._thread: Thread | None = None

    def progress(self, what: str, share: float | None = None) -> None:
        """Report what is done now, and how much of the work is done."""
        self.what, self.share = what, share
        self._report()

    def start(self, do: Callable[[Work], object], finish: Callable[[object], None]) -> None:
        """Do the work in a thread; `finish` gets its result, or its error."""

        def run() -> None:
            try:
                result: object = do(self)
            except Exception as error:  # noqa: BLE001 a thread has no caller that could catch it
                result = error
            finish(result)

        self._thread = Thread(target=run, name=self.what, daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float | None = None) -> None:
        """Return when the work has ended."""
        if self._thread:
            self._thread.join(timeout_s)


class Panel(ABC):
    """An optional front end for calls that a page makes anyway.

    A subclass defines `title`, `text()` and `draw()`, and lists in `presses` what each button does.

    Attributes:
        title: the heading, also for screen readers.
        message: the result of the last press.
        work: the work in progress, or None.
    """

    title: ClassVar[str]

    def __init__(self) -> None:
        self.message = ""
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
        """Return the panel as text, with all of its information."""

    @abstractmethod
    def draw(self, *, live: bool) -> Markup:
        """Return the panel as HTML.

        Args:
            live: whether it can be pressed; a stored page has no buttons.
        """

    def press(
        self, name: str, value: str = "", /, *, file: bytes | None = None, **fields: str
    ) -> None:
        """Do what a button does. An error of the lab becomes the panel's message.

        Raises:
            KeyError: the panel has no press of this name.
        """
        act = self.presses[name]
        self.message = ""
        if "front" in self.__dict__:
            self.front.message = ""  # so that a screen reader reads the same message once more
        try:
            act(Press(value, fields, file))
        except LabError as error:
            self.message = str(error)
        self.repaint()

    def start(
        self, what: str, do: Callable[[Work], object], done: Callable[[Any], None] | None = None
    ) -> None:
        """Start work that takes long, in a thread; `press("stop")` stops it.

        Args:
            what: a description of the work.
            do: the work. It gets its `Work`, reports its progress and checks `stopped`.
            done: gets the result; an error becomes the panel's message.
        """
        if self.work:
            self.message = f"{self.work.what}: still running. Stop it first."
            return
        work = Work(what, self._repaint_now_and_then)

        def finish(result: object) -> None:
            self.work = None
            if isinstance(result, Exception):
                self.message = _error_text(result)
            elif done:
                done(result)
            self.repaint()

        self.work = work
        work.start(do, finish)

    def stop(self) -> None:
        """Ask the work in progress to stop."""
        if self.work:
            self.work.stopped.set()

    def wait(self, timeout_s: float | None = None) -> None:
        """Return when the work in progress has ended."""
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
        """Draw the panel again in its front end, if it has one."""
        with self._painting:
            self._painted = monotonic()
            if self._late:
                self._late.cancel()
                self._late = None
            if "front" in self.__dict__:
                self.front.html = self.html(live=True)
                self.front.message = self.message

    @cached_property
    def front(self) -> Front:
        """The widget, made when a front end first asks for it."""
        from labkit.manual.widgets.front import Front  # noqa: PLC0415 costs 0.4 s

        return Front(self._on_press, html=self.html(live=True), message=self.message)

    def _repaint_now_and_then(self) -> None:
        """Repaint now, or a little later, so that the last progress is always shown."""
        left = _BETWEEN_PAINTS_S - (monotonic() - self._painted)
        if left <= 0:
            self.repaint()
        elif self._late is None:
            self._late = Timer(left, self.repaint)
            self._late.daemon = True
            self._late.start()

    def _on_press(self, name: str, press: Press) -> None:
        """Do what was pressed in the browser; there is no cell that could show an error."""
        try:
            if name == "stop":
                self.stop()
            else:
                self.press(name, press.value, file=press.file, **press.fields)
        except Exception as error:  # noqa: BLE001 see above
            self.message = _error_text(error)
            self.repaint()

    def _progress(self) -> Markup:
        if not self.work:
            return NOTHING
        share = None if self.work.share is None else str(self.work.share)
        return Markup("<p><progress{}></progress> {} {}</p>").format(
            attributes(aria_label=self.work.what, value=share),
            self.work.what,
            button("stop", "stop"),
        )

    def __repr__(self) -> str:
        """Return the panel as text, and the message of the last press."""
        return "\n".join(filter(None, [self.text(), self.message]))

    def _repr_mimebundle_(self, **_options: object) -> Mapping[str, Any]:
        """Return the widget, and HTML and text for where there is no front end."""
        bundle: Any = self.front._repr_mimebundle_()
        return {**bundle[0], "text/html": self.html(live=False), "text/plain": repr(self)}


def _error_text(error: Exception) -> str:
    """Return the message of an error of the lab; of any other error also its type."""
    if isinstance(error, LabError):
        return str(error)
    return f"{type(error).__name__}: {error}. This is a bug in labkit. Run the cell again."
