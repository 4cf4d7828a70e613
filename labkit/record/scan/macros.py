"""Private keys and Wi-Fi passwords in a header's macros, which a literal can take the place of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.errors import FirmwareError
from labkit.firmware import literals
from labkit.firmware.kinds import Kind, kind_of
from labkit.firmware.macros import secret_definitions, written
from labkit.firmware.preprocessor import parse
from labkit.record.scan.shapes import Hit
from labkit.record.scan.words import WIFI_PASSWORD, is_no_secret, placeholder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.firmware.source import Definition, Source

__all__ = ["macros_in"]

_SOURCES = (".h", ".c")


def macros_in(name: str, data: bytes) -> Iterator[Hit]:
    """Yield the whole values of macros that hold a secret, in a C header or source.

    Every definition counts, whatever the conditions round it. What is no C is left to the other
    searches, which see keys and passwords in it too.
    """
    if not name.endswith(_SOURCES):
        return
    text = literals.decode(data)
    try:
        source = parse(text)
    except FirmwareError:
        return
    for definition in secret_definitions(source):
        if hit := _hit(source, definition):
            yield hit


def _hit(source: Source, definition: Definition) -> Hit | None:
    how = written(source, definition)
    if definition.split or how.what not in ("string", "expression"):
        return None
    if how.what == "string" and _says_nothing(how.code, definition.line):
        return None
    kind = "private key" if kind_of(definition.name) is Kind.PEM else WIFI_PASSWORD
    start, stop = source.place(how.start), source.place(how.stop - 1) + 1
    before = len(literals.encode(source.text[:start]))
    size = len(literals.encode(source.text[start:stop]))
    return Hit(kind, before, before + size, literals.escape(placeholder(kind)))


def _says_nothing(code: str, line: int) -> bool:
    try:
        return is_no_secret(literals.unescape(code, line=line))
    except FirmwareError:
        return False
