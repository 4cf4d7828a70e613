"""The manual in JupyterLab: copies of the pages for the reader, and the server that shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.support.lazy import lazy

if TYPE_CHECKING:
    from labkit.manual import drills, glossary, widgets
    from labkit.manual.copies import FIRST_PAGE, copy_pages
    from labkit.manual.progress import read_progress
    from labkit.manual.serving import serve
    from labkit.manual.starting_over import begin_anew

__all__ = [
    "FIRST_PAGE",
    "begin_anew",
    "copy_pages",
    "drills",
    "glossary",
    "read_progress",
    "serve",
    "widgets",
]

__getattr__ = lazy(
    __name__,
    {
        "FIRST_PAGE": "copies",
        "begin_anew": "starting_over",
        "copy_pages": "copies",
        "drills": "drills",
        "glossary": "glossary",
        "read_progress": "progress",
        "serve": "serving",
        "widgets": "widgets",
    },
)
