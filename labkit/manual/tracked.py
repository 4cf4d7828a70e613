"""The folder of the manual's tracked pages, which use never changes."""

from __future__ import annotations

from pathlib import Path

from labkit.workspace import checkout


def tracked_pages() -> Path:
    """Return `notebooks/` of the checkout, or `pages/` in an installed package.

    `setup.py` copies the pages from the one to the other when it builds a wheel.
    """
    here = checkout()
    return here / "notebooks" if here else Path(__file__).with_name("pages")
