"""Which generation of the MQTT hello world a firmware tree has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.policy import GENERATIONS, NEWEST, generation

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.policy import HelloWorld


def demo_of_tree(tree: Path, release: str | None, *, delays: bool) -> HelloWorld:
    """Return the generation, by the first of three marks that a tree has.

    Forks name versions of their own, so what the tree holds counts more than its release.

    Args:
        tree: the firmware tree's top folder; the demo's own file is looked for in it.
        release: the version in the files' heads, or None.
        delays: whether the tree has the delay before a key pair is made, which is in 202107.00
            and later only.
    """
    if delays:
        return NEWEST
    found = (each for each in reversed(GENERATIONS) if (tree / each.program).is_file())
    return next(found, generation(release))
