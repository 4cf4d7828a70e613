"""What an account has for a device, drawn: boxes, the lines between them, and the gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from labkit.manual.pictures import svg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from labkit.lab.account_graph import AccountGraph, Box, Line, Tone

_WIDTH, _HEIGHT = 460, 366
_PLACES: Final[dict[str, tuple[int, int, int, int]]] = {
    "CA certificate": (4, 4, 220, 78),
    "provisioning template": (236, 4, 220, 78),
    "certificate": (84, 136, 292, 78),
    "thing": (4, 284, 220, 78),
    "policy": (236, 284, 220, 78),
}
"""Left edge, upper edge, width and height."""

_ENDS: Final[dict[tuple[str, str], tuple[int, int, int, int]]] = {
    ("CA certificate", "provisioning template"): (224, 43, 236, 43),
    ("CA certificate", "certificate"): (154, 82, 154, 136),
    ("certificate", "thing"): (114, 214, 114, 284),
    ("policy", "certificate"): (346, 284, 346, 214),
}
_COLOURS: Final[dict[Tone, str]] = {
    "good": svg.GOOD,
    "bad": svg.BAD,
    "gap": svg.BAD,
    "unknown": svg.WARN,
}
_DASHES: Final[dict[Tone, str]] = {"good": "", "bad": "", "gap": "7 5", "unknown": "2 4"}
_SMALL = "9.8"


def draw_account(graph: AccountGraph) -> Markup:
    """Draw an account's graph as SVG; missing parts are dashed, unknown parts dotted."""
    missing = len(graph.gaps)
    label = f"{missing} not as it should be" if missing else "nothing is missing"
    title = f"The device in the account: {label}. {'. '.join(str(graph).splitlines())}"
    parts = (*map(_line, graph.lines), *_calls(graph.lines), *map(_box, graph.boxes))
    return svg.picture(_WIDTH, _HEIGHT, title, parts, f"width:{_WIDTH}px;min-width:400px")


def _box(box: Box) -> Markup:
    left, top, width, height = _PLACES[box.kind]
    x, colour = left + 10, _COLOURS[box.tone]
    return Markup().join(
        [
            svg.box((left, top), (width, height), colour, _DASHES[box.tone]),
            svg.text(f"{box.kind} {box.name}".strip(), x, top + 18, "bold"),
            svg.text(box.status, x, top + 35, "bold", colour=colour),
            svg.text(box.detail, x, top + 52),
            svg.text(box.call, x, top + 69, "mono", size=_SMALL),
        ]
    )


def _line(line: Line) -> Markup:
    x1, y1, x2, y2 = _ENDS[line.start, line.end]
    colour = _COLOURS[line.tone]
    drawn = svg.path(f"M{x1} {y1}L{x2} {y2}", colour, _DASHES[line.tone], width="2")
    if y1 == y2:  # the boxes are too close for a text; the second box has it
        return drawn
    x, anchor = (x1 - 8, "end") if x1 > _WIDTH / 2 else (x1 + 8, "start")
    y = min(y1, y2) + 22
    return drawn + svg.text(line.status, x, y, "bold", colour=colour, anchor=anchor)


def _calls(lines: Iterable[Line]) -> Iterator[Markup]:
    """Write the call that closes the gaps below the certificate once, between its two lines."""
    below = [line.call for line in lines if line.call and line.start != "CA certificate"]
    for number, call in enumerate(dict.fromkeys(below)):
        y = 258 + 14 * number
        yield svg.text(call, _WIDTH // 2, y, "mono", anchor="middle", size=_SMALL)
