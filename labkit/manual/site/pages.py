"""Prepare a stored page for Sphinx: links to HTML, and tables and headings of outputs as prose."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from labkit.errors import SiteError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINK = re.compile(r' data-page="[^"]*"| data-key="[^"]*"|href="([\w-]+)\.ipynb(#[^"]*)?"')
_BLOCK_END = re.compile(r"</(?:caption|h3|li|p|pre|summary|td|text|th|tspan)>")
_CELL = {"markdown": {"id", "metadata", "source"}}
_CELL["code"] = _CELL["markdown"] | {"execution_count", "outputs"}
_CHECK = re.compile(r"^check\(", re.MULTILINE)

INTRODUCTION = """\
# Lab manual: developer-mode key provisioning

How to provision an Amazon FreeRTOS device in the lab with a trusted X.509 client certificate. These
are the pages to read, search and print. The outputs and panels are from a run on the simulated
bench.

To run the pages yourself, call `./lab open` in the project's folder. An exercise has a line at its
side. Its check is folded, because it contains the answer.
"""


_REFERENCE = """\
**[API reference](reference)**
: The calls of the pages, and other functions for your own scripts.

"""


def prepared(text: str | bytes, name: str) -> str:
    """Return a page prepared for Sphinx.

    Args:
        text: the page, as JSON.
        name: its file name, for messages.

    Raises:
        SiteError: it is not a notebook, or is stored without its outputs.
    """
    page = _read(text, name)
    cells = [part for cell in page["cells"] for part in _parts(cell, name)]
    metadata = {**page["metadata"], "language_info": {"name": "python", "pygments_lexer": "python"}}
    return json.dumps({**page, "cells": cells, "metadata": metadata})


def front_page(pages: Mapping[str, str | bytes]) -> str:
    """Return the first page of the site: an introduction, and the title and goals of each page.

    Args:
        pages: the text of each page by its file name, in order.
    """
    entries = [_entry(name, _read(text, name)) for name, text in pages.items()]
    names = "\n".join(name.removesuffix(".ipynb") for name in pages)
    contents = f"```{{toctree}}\n:hidden:\n\n{names}\nreference\n```\n"
    return f"{INTRODUCTION}\n{''.join(entries)}{_REFERENCE}\n{contents}"


def _read(text: str | bytes, name: str) -> dict[str, Any]:
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        page: dict[str, Any] = json.loads(text)
        if _is_page(page):
            return page
    raise SiteError(
        f"{name}: this is not a notebook. Restore it with: git checkout notebooks/{name}"
    )


def _is_page(page: dict[str, Any]) -> bool:
    """Return whether it has the parts of a page; join its texts to one string each."""
    for cell in page["cells"]:
        for part in (cell, *cell.get("outputs", ()), *_data(cell)):
            _join_lines(part)
    whole = all(_CELL[cell["cell_type"]] <= cell.keys() for cell in page["cells"])
    return whole and bool(page["cells"]) and isinstance(page["metadata"], dict)


def _data(cell: dict[str, Any]) -> list[dict[str, Any]]:
    return [output.get("data", {}) for output in cell.get("outputs", ())]


def _join_lines(part: dict[str, Any]) -> None:
    """Make each text one string; a notebook may have a list of lines."""
    for key in ("source", "text", *(key for key in part if key.startswith("text/"))):
        if isinstance(part.get(key), list):
            part[key] = "".join(part[key])


def _parts(cell: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the cells that show a cell.

    An output in Markdown becomes a cell of its own, so that its headings can be linked to and
    searched.
    """
    if cell["cell_type"] != "code":
        return [cell]
    if cell["execution_count"] is None:
        raise SiteError(
            f"{name}: a cell was never run. Store its outputs with: "
            f"python tests/render_pages.py notebooks/{name}"
        )
    shown = [output for output in cell["outputs"] if "text/markdown" not in output.get("data", {})]
    for data in _data(cell):
        if "text/html" in data:
            data["text/html"] = _shown(data["text/html"], name.removesuffix(".ipynb"))
            data.pop("text/plain", None)
    written = [data["text/markdown"] for data in _data(cell) if "text/markdown" in data]
    return [
        {**cell, "outputs": shown, "metadata": {"tags": _tags(cell)}},
        *(_prose(each, f"{cell['id']}-{number}") for number, each in enumerate(written)),
    ]


def _prose(source: str, name: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}


def _shown(panel: str, here: str) -> str:
    """Return a panel's HTML with links to HTML pages; the link to this page is marked.

    Line breaks after cells and blocks keep the search from joining their words. The title of a
    picture is left out of Sphinx's marking of hits, which fails for an element without a position.
    """
    panel = _LINK.sub(_led_to_html, panel)
    panel = _BLOCK_END.sub("\\g<0>\n", panel)
    panel = panel.replace(f' href="{here}.html"', f' href="{here}.html" aria-current="page"')
    return panel.replace("<title>", '<title class="nohighlight">')


def _tags(cell: dict[str, Any]) -> list[str]:
    tags = list(cell["metadata"].get("tags", ()))
    if "exercise" in tags and _CHECK.search(cell["source"]):
        tags.append("hide-input")
    return tags


def _led_to_html(found: re.Match[str]) -> str:
    return f'href="{found[1]}.html{found[2] or ""}"' if found[1] else ""


def _entry(name: str, page: dict[str, Any]) -> str:
    """Return a page's entry on the front page: its title and its goals."""
    opening = page["cells"][0]["source"]
    title = opening.partition("\n")[0].removeprefix("# ")
    goals = re.search(r"^You will be able to .*", opening, re.MULTILINE)
    return f"**[{title}]({name})**\n: {goals[0] if goals else title}\n\n"
