"""The route: the whole procedure as a map, and where one is on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.errors import LabError
from labkit.lab.procedure import Stage, stages
from labkit.manual.progress import PageProgress, open_page, read_progress, when_noted
from labkit.manual.widgets.panel import Panel, button
from labkit.workspace import ROUTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.lab.lab import Lab
    from labkit.manual.widgets.press import Press

_KINDS = {"done": "good", "finished": "good", "failed": "bad", "next": "next"}
"""The colour of each state; its word is there too."""


@dataclass(frozen=True, slots=True)
class _Stop:
    """A page on the map.

    Attributes:
        page: how far it is.
        stages: its steps on this device's route.
        is_here: whether it is the page that is open.
    """

    page: PageProgress
    stages: tuple[Stage, ...]
    is_here: bool

    @property
    def number(self) -> str:
        """The page's number, two digits."""
        return self.page.name[:2]

    @property
    def state(self) -> str:
        """What matters most: a failed step, the next one, all done, or how far the page is."""
        states = {stage.state for stage in self.stages}
        for state in ("failed", "next"):
            if state in states:
                return state
        if states == {"done"}:
            return "done"
        return "" if self.page.state == "not begun" else self.page.state

    @property
    def told(self) -> str:
        """Where it is, how many steps are done, and how far the page is, in words."""
        done = sum(stage.state == "done" for stage in self.stages)
        steps = f"{done} of {len(self.stages)} steps done" if self.stages else ""
        return ", ".join(filter(None, ["here" if self.is_here else "", steps, self.page.told]))


class RoutePanel(Panel):
    """The procedure as a map: the front to `lab.procedure`, the journal and the progress.

    It looks anew whenever it is drawn, and in JupyterLab after each cell of its page.

    Args:
        lab: the lab.
        page: the file name of the page where one is; the page that is open when not given.
    """

    title = "Route"

    def __init__(self, lab: Lab, page: str | None = None) -> None:
        super().__init__()
        self._workspace = lab.workspace
        self._page = page or open_page()
        when_noted(self.repaint)

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """Look again: what is pressed is drawn anew."""
        return {"again": lambda _press: None}

    def text(self) -> str:
        """Return the map as lines: the sum, then each page with its steps."""
        try:
            stops = self._stops()
        except LabError as error:
            return str(error)
        lines = [self._sum(stops), *_ahead(stops)]
        width = max(len(stop.page.title) for stop in stops)
        for stop in stops:
            lines.append(f"{stop.page.title:<{width}}  {stop.told}")
            for stage in stop.stages:
                made = ", ".join(stage.made)
                lines.append(f"     {stage.state:6} lab.{stage.step.name}()  {made}".rstrip())
        return "\n".join(lines)

    def draw(self, *, live: bool) -> Markup:
        """Draw a strip of the pages, and under it all steps, folded."""
        try:
            stops = self._stops()
        except LabError as error:
            return Markup('<p class="bad">{}</p>').format(str(error))
        tab = next((stop.number for stop in stops if stop.is_here), stops[0].number)
        chips = Markup("").join(
            _chip(stop, live=live, is_tab_stop=stop.number == tab) for stop in stops
        )
        ahead = Markup("").join(Markup("<p>{}</p>").format(line) for line in _ahead(stops))
        pages = Markup("").join(map(_page, stops))
        return Markup(
            '<ol class="lk-strip"{}>{}</ol>{}<details data-key="steps"><summary>{}</summary>'
            '<ol class="lk-route">{}</ol>{}</details>'
        ).format(
            Markup(' data-walk="{}"').format(len(stops)) if live else "",
            chips,
            ahead,
            self._sum(stops),
            pages,
            button("again", "look again") if live else "",
        )

    def _stops(self) -> list[_Stop]:
        root, reached = self._workspace.root, stages(self._workspace)
        pages = list(read_progress(root).pages)
        known = {page.name for page in pages}
        pages += [
            PageProgress(name, f"{name[:2]} · {section}", 0, 0, 0, 0)
            for name, section in {
                f"{each.step.page}.ipynb": each.step.section for each in reached
            }.items()
            if name not in known
        ]
        return [
            _Stop(
                page,
                tuple(each for each in reached if f"{each.step.page}.ipynb" == page.name),
                page.name == self._page,
            )
            for page in sorted(pages, key=lambda page: page.name)
        ]

    def _sum(self, stops: list[_Stop]) -> str:
        reached = [stage for stop in stops for stage in stop.stages]
        done = sum(stage.state == "done" for stage in reached)
        finished = sum(stop.page.state == "finished" for stop in stops)
        route = self._workspace.settings.route
        return (
            f"{route}, {ROUTES[route]}: {done} of {len(reached)} steps done, "
            f"{finished} of {len(stops)} pages finished"
        )


def _ahead(stops: list[_Stop]) -> list[str]:
    """Return a line for each step that failed and for the next one."""
    lines = []
    for stop in stops:
        for stage in stop.stages:
            call = f"{stop.number} lab.{stage.step.name}()"
            if stage.state == "failed":
                lines.append(f"failed: {call} said {stage.error}")
            elif stage.state == "next":
                lines.append(f"next: {call}, {stage.step.does}")
    return lines


def _chip(stop: _Stop, *, live: bool, is_tab_stop: bool) -> Markup:
    return Markup(
        '<li><a data-page="{}" href="{}" data-key="{}"{}{} title="{}"><b>{}</b> '
        '<span class="{}">{}</span><span>{}</span></a></li>'
    ).format(
        stop.page.name,
        stop.page.name,
        stop.page.name,
        Markup(' tabindex="{}"').format(0 if is_tab_stop else -1) if live else "",
        Markup(' aria-current="page"') if stop.is_here else "",
        f"{stop.page.title}: {stop.told}",
        stop.number,
        _KINDS.get(stop.state, "quiet"),
        stop.state,
        " here" if stop.is_here else "",
    )


def _page(stop: _Stop) -> Markup:
    steps = Markup("").join(map(_step, stop.stages))
    return Markup(
        '<li><a data-page="{}" href="{}">{}</a> <span class="quiet">{}</span>{}</li>'
    ).format(
        stop.page.name,
        stop.page.name,
        stop.page.title,
        stop.told,
        Markup("<ul>{}</ul>").format(steps) if steps else "",
    )


def _step(stage: Stage) -> Markup:
    made = Markup('<br><span class="mono quiet">{}</span>').format(", ".join(stage.made))
    said = Markup('<br><span class="bad">{}</span>').format(stage.error)
    return Markup('<li><span class="{}">{}</span> <code>lab.{}()</code> {}{}{}</li>').format(
        _KINDS.get(stage.state, "quiet"),
        stage.state,
        stage.step.name,
        stage.step.does,
        made if stage.made else "",
        said if stage.error else "",
    )
