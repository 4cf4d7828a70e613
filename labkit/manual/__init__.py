"""The manual in JupyterLab: copies of the pages for the reader, and the server that shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.support.lazy import lazy

if TYPE_CHECKING:
    from labkit.manual import drills, glossary, widgets
    from labkit.manual.copies import FIRST_PAGE, copy_pages
    from labkit.manual.fresh_workspace import start_over
    from labkit.manual.progress import read_progress
    from labkit.manual.serving import serve

__all__ = [
    "FIRST_PAGE",
    "copy_pages",
    "drills",
    "glossary",
    "read_progress",
    "serve",
    "start_over",
    "widgets",
]

__getattr__ = lazy(
    __name__,
    {
        "FIRST_PAGE": "copies",
        "copy_pages": "copies",
        "drills": "drills",
        "glossary": "glossary",
        "read_progress": "progress",
        "serve": "serving",
        "start_over": "fresh_workspace",
        "widgets": "widgets",
    },
)
