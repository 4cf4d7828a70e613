"""The SVG that pictures are made of; texts are escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable

GOOD: Final = "var(--lk-good,#0b6b2e)"
BAD: Final = "var(--lk-bad,#b3161b)"
WARN: Final = "var(--lk-warn,#7a4b00)"
QUIET: Final = "var(--lk-quiet,#555)"

_LOOKS = {
    "bold": Markup(' font-weight="600"'),
    "mono": Markup(' font-family="monospace"'),
}


def picture(width: int, height: int, title: str, parts: Iterable[str], style: str = "") -> Markup:
    """Return a picture; its title describes in words all that it shows."""
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{w}" viewBox="0 0 {w} {h}" '
        'font-family="sans-serif" font-size="12" fill="currentColor"{style}>'
        "<title>{title}</title>{parts}</svg>"
    ).format(
        w=width,
        h=height,
        style=Markup(' style="{}"').format(style) if style else "",
        title=title,
        parts=Markup().join(parts),
    )


def text(
    content: str, x: int, y: int, *looks: str, colour: str = "", anchor: str = "", size: str = ""
) -> Markup:
    """Return a text; `looks` are "bold" and "mono". An empty text is left out."""
    values = {"fill": colour, "text-anchor": anchor, "font-size": size}
    attributes = [Markup(' {}="{}"').format(name, value) for name, value in values.items() if value]
    attributes += [_LOOKS[look] for look in looks]
    return (
        Markup('<text x="{}" y="{}"{}>{}</text>').format(x, y, Markup().join(attributes), content)
        if content
        else Markup()
    )


def box(
    corner: tuple[int, int], size: tuple[int, int], colour: str = "currentColor", dashes: str = ""
) -> Markup:
    """Return an empty box with round corners; the corner is its left upper one."""
    return Markup(
        '<rect x="{}" y="{}" width="{}" height="{}" rx="5" fill="none" stroke="{}"{}/>'
    ).format(*corner, *size, colour, dashed(dashes))


def path(d: str, colour: str = "currentColor", dashes: str = "", width: str = "1.5") -> Markup:
    """Return the stroke of a path."""
    return Markup('<path d="{}" stroke="{}" stroke-width="{}"{}/>').format(
        d, colour, width, dashed(dashes)
    )


def head(d: str, colour: str) -> Markup:
    """Return the filled head of an arrow."""
    return Markup('<path d="{}" fill="{}"/>').format(d, colour)


def dashed(dashes: str) -> Markup:
    """Return the attribute that dashes a stroke; nothing for a whole one."""
    return Markup(' stroke-dasharray="{}"').format(dashes) if dashes else Markup()
