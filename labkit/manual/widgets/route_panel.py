"""The route: the whole procedure as a map, and the position on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.errors import LabError
from labkit.lab.procedure import Stage, stages
from labkit.manual.progress import PageProgress, open_page, read_progress, when_noted
from labkit.manual.widgets.html import attributes, button, joined, paragraph
from labkit.manual.widgets.panel import Panel
from labkit.workspace import ROUTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.lab.lab import Lab
    from labkit.manual.widgets.press import Press

_KINDS = {"done": "good", "finished": "good", "failed": "bad", "next": "next"}
"""The colour of each state, which is also shown as a word."""


@dataclass(frozen=True, slots=True)
class _Stop:
    """A page on the map.

    Attributes:
        page: the progress of the page.
        stages: its steps on this device's route.
        is_here: whether it is the open page.
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
        """The first that applies: a failed step, the next one, all done, the page's progress."""
        states = {stage.state for stage in self.stages}
        for state in ("failed", "next"):
            if state in states:
                return state
        if states == {"done"}:
            return "done"
        return "" if self.page.state == "not begun" else self.page.state

    @property
    def summary(self) -> str:
        """Whether it is open, how many steps are done, and the page's progress."""
        done = sum(stage.state == "done" for stage in self.stages)
        steps = f"{done} of {len(self.stages)} steps done" if self.stages else ""
        return ", ".join(filter(None, ["here" if self.is_here else "", steps, self.page.summary]))


class RoutePanel(Panel):
    """The procedure as a map: a front end for `lab.procedure`, the journal and the progress.

    It is read again whenever it is drawn, and in JupyterLab after each cell of its page.

    Args:
        lab: the lab.
        page: the file name of the open page; by default the page of this kernel.
    """

    title = "Route"

    def __init__(self, lab: Lab, page: str | None = None) -> None:
        super().__init__()
        self._workspace = lab.workspace
        self._page = page or open_page()
        when_noted(self.repaint)

    @property
    def presses(self) -> Mapping[str, Callable[[Press], None]]:
        """Refresh: every press draws the map again."""
        return {"refresh": lambda _press: None}

    def text(self) -> str:
        """Return the map as lines: the total, then each page with its steps."""
        try:
            stops = self._stops()
        except LabError as error:
            return str(error)
        lines = [self._total(stops), *_ahead(stops)]
        width = max(len(stop.page.title) for stop in stops)
        for stop in stops:
            lines.append(f"{stop.page.title:<{width}}  {stop.summary}")
            for stage in stop.stages:
                made = ", ".join(stage.made)
                lines.append(f"     {stage.state:6} lab.{stage.step.name}()  {made}".rstrip())
        return "\n".join(lines)

    def draw(self, *, live: bool) -> Markup:
        """Draw a strip of the pages, and under it all steps, folded."""
        try:
            stops = self._stops()
        except LabError as error:
            return paragraph(str(error), "bad")
        tab = next((stop.number for stop in stops if stop.is_here), stops[0].number)
        chips = (_chip(stop, live=live, is_tab_stop=stop.number == tab) for stop in stops)
        return Markup(
            '<ol class="lk-strip"{}>{}</ol>{}<details data-key="steps"><summary>{}</summary>'
            '<ol class="lk-route">{}</ol>{}</details>'
        ).format(
            attributes(data_walk=len(stops) if live else None),
            joined(chips),
            joined(map(paragraph, _ahead(stops))),
            self._total(stops),
            joined(map(_page, stops)),
            button("refresh", "refresh") if live else "",
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

    def _total(self, stops: list[_Stop]) -> str:
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
                lines.append(f"failed: {call}: {stage.error}")
            elif stage.state == "next":
                lines.append(f"next: {call}, {stage.step.does}")
    return lines


def _chip(stop: _Stop, *, live: bool, is_tab_stop: bool) -> Markup:
    return Markup('<li><a{}><b>{}</b> <span class="{}">{}</span><span>{}</span></a></li>').format(
        attributes(
            data_page=stop.page.name,
            href=stop.page.name,
            data_key=stop.page.name,
            tabindex=(0 if is_tab_stop else -1) if live else None,
            aria_current="page" if stop.is_here else None,
            title=f"{stop.page.title}: {stop.summary}",
        ),
        stop.number,
        _KINDS.get(stop.state, "quiet"),
        stop.state,
        " here" if stop.is_here else "",
    )


def _page(stop: _Stop) -> Markup:
    steps = joined(map(_step, stop.stages))
    return Markup('<li><a{}>{}</a> <span class="quiet">{}</span>{}</li>').format(
        attributes(data_page=stop.page.name, href=stop.page.name),
        stop.page.title,
        stop.summary,
        Markup("<ul>{}</ul>").format(steps) if steps else "",
    )


def _step(stage: Stage) -> Markup:
    made = Markup('<br><span class="mono quiet">{}</span>').format(", ".join(stage.made))
    error = Markup('<br><span class="bad">{}</span>').format(stage.error)
    return Markup('<li><span class="{}">{}</span> <code>lab.{}()</code> {}{}{}</li>').format(
        _KINDS.get(stage.state, "quiet"),
        stage.state,
        stage.step.name,
        stage.step.does,
        made if stage.made else "",
        error if stage.error else "",
    )
