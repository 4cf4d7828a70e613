"""The HTML that panels are made of; texts are escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOTHING = Markup()


def joined(parts: Iterable[str]) -> Markup:
    """Return the parts in a row."""
    return NOTHING.join(parts)


def attributes(**values: str | int | bool | None) -> Markup:
    """Return attributes; `_` is a hyphen, `css` is the class; None, False and "" are left out."""
    names = {name: "class" if name == "css" else name.replace("_", "-") for name in values}
    return joined(
        Markup(" {}").format(names[name])
        if value is True
        else Markup(' {}="{}"').format(names[name], value)
        for name, value in values.items()
        if value not in (None, "") and value is not False
    )


def paragraph(content: str, css: str = "") -> Markup:
    """Return a paragraph; an empty one is left out."""
    return Markup("<p{}>{}</p>").format(attributes(css=css), content) if content else NOTHING


def cell(content: object, css: str = "") -> Markup:
    """Return a cell of a table."""
    return Markup("<td{}>{}</td>").format(attributes(css=css), content)


def heading(content: object, css: str = "") -> Markup:
    """Return the cell that is the heading of its row."""
    return Markup('<th scope="row"{}>{}</th>').format(attributes(css=css), content)


def row(*cells: str, **values: str | int | bool | None) -> Markup:
    """Return a row of cells with its attributes."""
    return Markup("<tr{}>{}</tr>").format(attributes(**values), joined(cells))


def table(
    columns: Iterable[str], rows: Iterable[str], *, caption: str = "", css: str = "", walk: str = ""
) -> Markup:
    """Return a table.

    Args:
        columns: the heading of each column.
        rows: the rows, as `row` returns them.
        caption: the caption of the table.
        css: its class.
        walk: how many steps an arrow key up or down takes, if arrow keys walk through the rows.
    """
    head = joined(Markup('<th scope="col">{}</th>').format(column) for column in columns)
    return Markup("<table{}>{}<thead><tr>{}</tr></thead><tbody{}>{}</tbody></table>").format(
        attributes(css=css),
        Markup("<caption>{}</caption>").format(caption) if caption else "",
        head,
        attributes(data_walk=walk),
        joined(rows),
    )


def button(name: str, label: str, value: str = "", *, able: bool = True) -> Markup:
    """Return a button that presses `name`; its key, name and value, keeps the focus on it."""
    return Markup('<button type="button"{}>{}</button>').format(
        attributes(
            data_key=f"{name} {value}", data_press=name, data_value=value, disabled=not able
        ),
        label,
    )


def select(
    name: str, options: Mapping[str, str], chosen: str, *, press: str = "", label: str = ""
) -> Markup:
    """Return a labelled list to choose from.

    Args:
        name: the name of the field, which is also its key.
        options: the text of each option by its value.
        chosen: the value that is chosen.
        press: what a change presses, if anything.
        label: the label, if it is not the name.
    """
    return Markup("<label>{} <select{}>{}</select></label>").format(
        label or name,
        attributes(name=name, data_key=name, data_press=press),
        joined(
            Markup('<option value="{}"{}>{}</option>').format(
                value, attributes(selected=value == chosen), text
            )
            for value, text in options.items()
        ),
    )
