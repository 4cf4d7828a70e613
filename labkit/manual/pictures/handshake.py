"""A handshake as a picture: an arrow for each message from side to side, and where it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.bench.handshake import Outcome
from labkit.manual.pictures import svg

if TYPE_CHECKING:
    from labkit.bench.handshake import Handshake, Step

_WIDTH = 340
_LEFT, _RIGHT = 40, 300
_GAP = 28
"""Half the gap in a broken arrow, which has the cross."""
_TOP = 34
_ROW = 27


def draw_handshake(handshake: Handshake) -> Markup:
    """Draw who sent what to whom, as SVG, with the device on the left.

    An accepted message is an arrow; a message whose result is unknown is a dashed arrow. The
    message at which the handshake failed stops at a cross, with a word. A message that was not
    reached has a name and no arrow.

    Args:
        handshake: the handshake; one without steps is an empty picture.
    """
    if not handshake.steps:
        return Markup()
    height = _TOP + _ROW * len(handshake.steps) + 10
    line = f"V{height - 6}"
    sides = svg.path(f"M{_LEFT} {_TOP - 10}{line}M{_RIGHT} {_TOP - 10}{line}", width="1")
    heads = (
        svg.text(name, x, 16, "bold", anchor="middle")
        for name, x in (("device", _LEFT), ("AWS IoT", _RIGHT))
    )
    rows = (_row(step, _TOP + _ROW * number) for number, step in enumerate(handshake.steps, 1))
    steps = "; ".join(f"{it.sender}: {it.message}, {it.outcome}" for it in handshake.steps)
    return svg.picture(_WIDTH, height, f"{steps}. {handshake.verdict}", (*heads, sides, *rows))


def _row(step: Step, y: int) -> Markup:
    """Draw a message: its name, and below it its arrow as far as it got."""
    start, end = (_LEFT, _RIGHT) if step.sender == "device" else (_RIGHT, _LEFT)
    if step.outcome is Outcome.NOT_REACHED:
        return _name(step.message, y, svg.QUIET)
    if step.outcome is Outcome.BROKE:
        return _name(f"{step.message}: broke here", y, svg.BAD) + _broken(start, end, y)
    if step.outcome is Outcome.OK:
        return _name(step.message, y) + _arrow(start, end, y, svg.GOOD)
    name = _name(f"{step.message}: {step.outcome}", y)
    return name + _arrow(start, end, y, svg.QUIET, dashes="4 4")


def _arrow(start: int, end: int, y: int, colour: str, dashes: str = "") -> Markup:
    way = 1 if end > start else -1
    line = svg.path(f"M{start} {y}H{end - 8 * way}", colour, dashes)
    return line + svg.head(f"M{end} {y}l{-9 * way} -4v8z", colour)


def _broken(start: int, end: int, y: int) -> Markup:
    """Draw an arrow that stops half-way at a cross, and a gap in place of the rest."""
    middle, way = (start + end) // 2, 1 if end > start else -1
    return svg.path(
        f"M{start} {y}H{middle - _GAP * way}M{middle - 5} {y - 4}l10 10m0-10l-10 10"
        f"M{end - 14 * way} {y}H{end}",
        svg.BAD,
        width="2",
    )


def _name(name: str, y: int, colour: str = "") -> Markup:
    return svg.text(name, (_LEFT + _RIGHT) // 2, y - 8, colour=colour, anchor="middle")
