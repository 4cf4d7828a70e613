"""Policies with one part left out, for each part in turn."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def narrowed(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the document with any one statement, or any one resource of a list, taken out."""
    for number, statement in enumerate(document["Statement"]):
        less = copy.deepcopy(document)
        del less["Statement"][number]
        yield statement["Sid"], less
        resources = statement["Resource"]
        if isinstance(resources, str) or len(resources) == 1:
            continue
        for place, resource in enumerate(resources):
            less = copy.deepcopy(document)
            del less["Statement"][number]["Resource"][place]
            yield f"{statement['Sid']} {resource}", less
