"""What an account holds of a device, drawn: boxes, the lines between them, and the gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["AccountGraph", "Box", "Kind", "Line", "Tone", "draw_account"]

Tone = Literal["good", "bad", "gap", "unknown"]
"""How a part is: as it should be, there and not right, not there, or not told."""

Kind = Literal["CA certificate", "provisioning template", "certificate", "thing", "policy"]


@dataclass(frozen=True, slots=True)
class Box:
    """One thing that the account should hold.

    Attributes:
        kind: what it is.
        name: its name or short id; empty where it has none yet.
        tone: how it is.
        says: how it is, in words, such as "ACTIVE" or "missing".
        more: what else there is to say of it, in words.
        call: the call that mends it, or empty.
    """

    kind: Kind
    name: str
    tone: Tone
    says: str
    more: str = ""
    call: str = ""

    def __str__(self) -> str:
        """Return one line: kind, name, how it is, and the call that mends it."""
        said = "; ".join(filter(None, [self.says, self.more]))
        return f"{' '.join(filter(None, [self.kind, self.name]))}: {said}{_closed_by(self.call)}"


@dataclass(frozen=True, slots=True)
class Line:
    """What should hold two boxes together.

    Attributes:
        start: where it begins.
        end: where it ends.
        tone: how it is.
        says: how it is, in words, such as "attached".
        call: the call that mends it, or empty.
    """

    start: Kind
    end: Kind
    tone: Tone
    says: str
    call: str = ""

    def __str__(self) -> str:
        """Return one line: from where to where, how it is, and the call that mends it."""
        return f"{self.start} to {self.end}: {self.says}{_closed_by(self.call)}"


@dataclass(frozen=True, slots=True)
class AccountGraph:
    """What an account holds of one device.

    Attributes:
        boxes: in the order in which they are needed.
        lines: what holds them together.
    """

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]

    @property
    def parts(self) -> tuple[Box | Line, ...]:
        """Boxes and lines."""
        return (*self.boxes, *self.lines)

    @property
    def gaps(self) -> tuple[Box | Line, ...]:
        """What is missing for a connection, or not right, in the order in which it is needed."""
        return tuple(each for each in self.parts if each.tone in ("gap", "bad"))

    @property
    def is_told(self) -> bool:
        """Whether all of it was told."""
        return all(each.tone != "unknown" for each in self.parts)

    def __str__(self) -> str:
        """Return a line for each part."""
        return "\n".join(map(str, self.parts))


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


def _closed_by(call: str) -> str:
    return f"  ->  {call}" if call else ""
