"""Reading an `ro-crate-metadata.json` of anybody's, in bounded time and memory.

Source: RO-Crate 1.1, "Root Data Entity"; JSON-LD 1.1, 9.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.errors import RecordError
from labkit.record.seal.archive import METADATA

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LARGEST", "MOST_NESTED", "Metadata", "is_a", "read_metadata", "references"]

LARGEST = 4 << 20
"""Bytes of a metadata file, at most."""

MOST_NESTED = 64
"""Brackets inside of brackets, at most; a crate is flat and has some five."""

_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]+|\\.?)*+"?|[\[\]{}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a metadata file tells.

    Attributes:
        entities: by `@id`, in the file's order.
        root: the root dataset.
        conforms_to: what the crate says it conforms to, such as https://w3id.org/ro/crate/1.1.
        twice: the `@id`s that more than one entity has, though it should not be; the first counts.
    """

    entities: Mapping[str, Mapping[str, Any]]
    root: Mapping[str, Any]
    conforms_to: tuple[str, ...]
    twice: tuple[str, ...]


def read_metadata(raw: bytes) -> Metadata:
    """Read a metadata file.

    Raises:
        RecordError: it is too large, too deep, no JSON, or no RO-Crate's.
    """
    told = _json(raw)
    graph = told.get("@graph") if isinstance(told, dict) else None
    if not isinstance(graph, list):
        raise RecordError(f"{METADATA}: expected an object with an @graph, the list of entities.")
    entities: dict[str, Mapping[str, Any]] = {}
    twice = []
    for number, entity in enumerate(graph, 1):
        name = entity.get("@id") if isinstance(entity, dict) else None
        if not isinstance(name, str):
            raise RecordError(f"{METADATA}: expected an object with an @id as entity {number}.")
        if name in entities:
            twice.append(name)
        entities.setdefault(name, entity)
    return _metadata(entities, tuple(twice))


def _metadata(entities: Mapping[str, Mapping[str, Any]], twice: tuple[str, ...]) -> Metadata:
    described = entities.get(METADATA) or entities.get(f"./{METADATA}")
    if described is None:
        raise RecordError(f"{METADATA}: expected an entity that describes the file itself.")
    about = references(described.get("about"))
    root = entities.get(about[0] if about else "./")
    if root is None:
        raise RecordError(f"{METADATA}: expected the root dataset, which the file is about.")
    return Metadata(entities, root, tuple(references(described.get("conformsTo"))), twice)


def references(value: object) -> list[str]:
    """Return the `@id`s that a property's value refers to: one, a list of them, or none."""
    found = [each.get("@id") for each in _listed(value) if isinstance(each, dict)]
    return [each for each in found if isinstance(each, str)]


def is_a(entity: Mapping[str, Any], kind: str) -> bool:
    """Return whether an entity is of a type, among others perhaps."""
    return kind in _listed(entity.get("@type"))


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _json(raw: bytes) -> object:
    if len(raw) > LARGEST:
        raise RecordError(f"{METADATA}: expected at most {LARGEST} bytes, got {len(raw)}.")
    try:
        text = raw.decode("utf-8-sig")
        _refuse_deep(text)
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise RecordError(f"{METADATA}: expected JSON in UTF-8; it is none{where}.") from None


def _refuse_deep(text: str) -> None:
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        if found[0] in ("[", "{"):
            depth += 1
        elif found[0] in ("]", "}"):
            depth -= 1
        if depth > MOST_NESTED:
            raise RecordError(
                f"{METADATA}: expected at most {MOST_NESTED} brackets inside of each other, got "
                f"more at character {found.start()}."
            )
