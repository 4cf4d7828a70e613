"""A handshake as a picture: an arrow for each message from side to side, and where it broke."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.bench.handshake import Outcome

if TYPE_CHECKING:
    from labkit.bench.handshake import Handshake, Step

_WIDTH = 340
_LEFT, _RIGHT = 40, 300
_GAP = 28
"""Half the gap in a broken arrow, where the cross stands."""
_TOP = 34
_ROW = 27

_GOOD = "var(--lk-good, #0b6b2e)"
_BAD = "var(--lk-bad, #b3161b)"
_QUIET = "var(--lk-quiet, #555)"


def draw_handshake(handshake: Handshake) -> Markup:
    """Draw who sent what to whom, as SVG.

    The device is on the left. A message that was taken is an arrow, one of which that is not known
    a dashed one. The one at
    which it broke stops at a cross and says so; what was not reached has a name and no arrow.

    Args:
        handshake: whose steps are drawn; nothing is drawn where nobody saw any.
    """
    if not handshake.steps:
        return Markup()
    height = _TOP + _ROW * len(handshake.steps) + 10
    lines = Markup('<path d="M{} {}V{}M{} {}V{}" stroke="currentColor"/>').format(
        _LEFT, _TOP - 10, height - 6, _RIGHT, _TOP - 10, height - 6
    )
    heads = _text("device", _LEFT, 16, bold=True) + _text("AWS IoT", _RIGHT, 16, bold=True)
    rows = Markup().join(
        _row(step, _TOP + _ROW * number) for number, step in enumerate(handshake.steps, 1)
    )
    told = "; ".join(f"{it.sender}: {it.message}, {it.outcome}" for it in handshake.steps)
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{w}" viewBox="0 0 {w} {h}" '
        'font-family="sans-serif" font-size="12" fill="currentColor" stroke-width="1.5">'
        "<title>{title}</title>{parts}</svg>"
    ).format(w=_WIDTH, h=height, title=f"{told}. {handshake.verdict}", parts=heads + lines + rows)


def _row(step: Step, y: int) -> Markup:
    """Draw a message: its name, and below it its arrow as far as it came."""
    start, end = (_LEFT, _RIGHT) if step.sender == "device" else (_RIGHT, _LEFT)
    if step.outcome is Outcome.NOT_REACHED:
        return _name(step.message, y, _QUIET)
    if step.outcome is Outcome.BROKE:
        return _name(f"{step.message}: broke here", y, _BAD) + _broken(start, end, y)
    if step.outcome is Outcome.OK:
        return _name(step.message, y) + _arrow(start, end, y, _GOOD)
    return _name(f"{step.message}: {step.outcome}", y) + _arrow(start, end, y, _QUIET, dashed=True)


def _arrow(start: int, end: int, y: int, colour: str, *, dashed: bool = False) -> Markup:
    way = 1 if end > start else -1
    return Markup('<path d="M{} {}H{}" stroke="{}"{}/>').format(
        start, y, end - 8 * way, colour, Markup(' stroke-dasharray="4 4"') if dashed else ""
    ) + Markup('<path d="M{} {}l{} -4v8z" fill="{}"/>').format(end, y, -9 * way, colour)


def _broken(start: int, end: int, y: int) -> Markup:
    """Draw an arrow that stops half-way, at a cross, and a gap in place of the rest."""
    middle, way = (start + end) // 2, 1 if end > start else -1
    return Markup(
        '<path d="M{} {}H{}M{} {}l10 10m0-10l-10 10M{} {}H{}" stroke="{}" stroke-width="2"/>'
    ).format(start, y, middle - _GAP * way, middle - 5, y - 4, end - 14 * way, y, end, _BAD)


def _name(name: str, y: int, colour: str = "") -> Markup:
    return _text(name, (_LEFT + _RIGHT) // 2, y - 8, colour=colour)


def _text(text: str, x: int, y: int, *, colour: str = "", bold: bool = False) -> Markup:
    style = Markup(' fill="{}"').format(colour) if colour else Markup()
    if bold:
        style += Markup(' font-weight="600"')
    return Markup('<text x="{}" y="{}" text-anchor="middle"{}>{}</text>').format(x, y, style, text)
