"""What an account holds of a device, drawn: boxes, the lines between them, and the gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    "good": "var(--lk-good,#0b6b2e)",
    "bad": "var(--lk-bad,#b3161b)",
    "gap": "var(--lk-bad,#b3161b)",
    "unknown": "var(--lk-warn,#7a4b00)",
}
_DASHES: Final[dict[Tone, str]] = {"good": "", "bad": "", "gap": "7 5", "unknown": "2 4"}


def draw_account(graph: AccountGraph) -> Markup:
    """Draw an account's graph as SVG; what is missing is dashed, what was not told is dotted."""
    missing = len(graph.gaps)
    label = "nothing is missing" if not missing else f"{missing} not as it should be"
    return Markup(
        '<svg role="img" viewBox="0 0 {w} {h}" style="width:{w}px;min-width:400px" '
        'font-family="sans-serif" font-size="12" fill="currentColor">'
        "<title>The device in the account: {label}. {text}</title>{lines}{boxes}</svg>"
    ).format(
        w=_WIDTH,
        h=_HEIGHT,
        label=label,
        text=". ".join(str(graph).splitlines()),
        lines=_joined(_line(each) for each in graph.lines) + _calls(graph.lines),
        boxes=_joined(map(_box, graph.boxes)),
    )


def _box(box: Box) -> Markup:
    left, top, width, height = _PLACES[box.kind]
    rows = [
        _text(left + 10, top + 18, f"{box.kind} {box.name}".strip(), bold=True),
        _text(left + 10, top + 35, box.says, colour=_COLOURS[box.tone], bold=True),
        _text(left + 10, top + 52, box.more),
        _text(left + 10, top + 69, box.call, mono=True),
    ]
    return Markup(
        '<g data-part="{}"><rect x="{}" y="{}" width="{}" height="{}" rx="5" fill="none" '
        'stroke="{}" stroke-width="2" stroke-dasharray="{}"/>{}</g>'
    ).format(
        box.kind, left, top, width, height, _COLOURS[box.tone], _DASHES[box.tone], _joined(rows)
    )


def _line(line: Line) -> Markup:
    x1, y1, x2, y2 = _ENDS[line.start, line.end]
    colour = _COLOURS[line.tone]
    drawn = Markup(
        '<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="{}" stroke-width="2" stroke-dasharray="{}"/>'
    ).format(x1, y1, x2, y2, colour, _DASHES[line.tone])
    if y1 == y2:  # the two boxes touch nearly; the second one says it
        return drawn
    at_the_right = x1 > _WIDTH / 2
    x, anchor = (x1 - 8, "end") if at_the_right else (x1 + 8, "start")
    y = min(y1, y2) + 22
    return drawn + _text(x, y, line.says, colour=colour, bold=True, anchor=anchor)


def _calls(lines: Iterable[Line]) -> Markup:
    """Write the call that closes the gaps below the certificate once, between its two lines."""
    below = [line.call for line in lines if line.call and line.start != "CA certificate"]
    middle = _WIDTH // 2
    return _joined(
        _text(middle, 258 + 14 * number, call, mono=True, anchor="middle")
        for number, call in enumerate(dict.fromkeys(below))
    )


def _text(
    x: int,
    y: int,
    text: str,
    *,
    colour: str = "currentColor",
    bold: bool = False,
    mono: bool = False,
    anchor: str = "start",
) -> Markup:
    if not text:
        return Markup()
    font = Markup(' font-family="monospace" font-size="9.8"') if mono else ""
    weight = Markup(' font-weight="600"') if bold else ""
    return Markup('<text x="{}" y="{}" fill="{}" text-anchor="{}"{}{}>{}</text>').format(
        x, y, colour, anchor, font, weight, text
    )


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup().join(parts)
