"""What one presses on the console's panel: to listen, filter, search, move and hand over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.console import Kind
from labkit.console.view import ABOUT_KEYS, LEVELS
from labkit.manual.widgets.panel import button

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labkit.console.view import Asked

_RESETS = (
    "Listening resets the board. While keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR is 1 in its "
    "image, each reset makes another key pair."
)


def draw_asking(asked: Asked, tasks: Iterable[str], *, idle: bool) -> Markup:
    """Return what makes the log grow, and the fields that filter and search it."""
    kinds = [("", "everything"), (ABOUT_KEYS, ABOUT_KEYS), *((kind, kind) for kind in Kind)]
    return Markup(
        "<p>{}{}</p><p class='quiet'>{}</p><form data-press='hit' data-value='1'>{}{}{}"
        "<label>search <input name='search' type='search' data-key='search' data-press='ask' "
        "data-press-on='input' autocomplete='off'></label>"
        "<button type='submit' data-key='next hit'>next hit</button>{}</form>"
    ).format(
        button("listen", "reset the board and listen", able=idle),
        button("follow", "follow console.log", able=idle),
        _RESETS,
        _choice("kind", kinds, asked.kind),
        _choice("task", [("", "every task"), *((task, task) for task in tasks)], asked.task),
        _choice("level", [("", "every level"), *((word, word) for word in LEVELS)], asked.level),
        button("hit", "hit before", "-1"),
    )


def draw_moves(*, is_held: bool) -> Markup:
    """Return what holds the view, and moves it."""
    return Markup("<p>{}{}{}{}</p>").format(
        button("pause", "go on" if is_held else "pause"),
        button("page", "older lines", "-1"),
        button("page", "newer lines", "1"),
        button("end", "last lines"),
    )


def draw_handing_over(*, can_take: bool, can_go_back: bool) -> Markup:
    """Return where a log is pasted, chosen or dropped, and what is done with it then."""
    take = button("take", "take it into the lab") if can_take else ""
    back = button("back", "show all of console.log") if can_go_back else ""
    return Markup(
        "{}<details data-key='paste'><summary>Paste, choose or drop a log</summary>"
        "<form data-press='look' data-drop><p><label>console text <textarea name='pasted' "
        "data-key='pasted' rows='4' cols='60'></textarea></label></p>"
        "<p><button type='submit' data-key='look'>look at it</button> "
        "<label>or a log file <input type='file' data-key='file' data-press='look'></label>, "
        "or drop one here</p></form></details>"
    ).format(Markup("<p>{}{}</p>").format(take, back) if back else "")


def _choice(name: str, options: Iterable[tuple[str, str]], chosen: str) -> Markup:
    option = Markup("<option value='{}'{}>{}</option>")
    selected = Markup(" selected")
    return Markup(
        "<label>{} <select name='{}' data-key='{}' data-press='ask'>{}</select></label>"
    ).format(
        name,
        name,
        name,
        Markup().join(option.format(v, selected if v == chosen else "", w) for v, w in options),
    )
