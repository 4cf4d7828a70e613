r"""Set a macro: the new text, a diff to show before it is written, and the text before."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.errors import FirmwareError
from labkit.firmware import literals
from labkit.firmware.diffs import unified_diff
from labkit.firmware.kinds import Kind, check_value, kind_of
from labkit.firmware.macros import find, get, read, written
from labkit.firmware.preprocessor import parse
from labkit.firmware.values import is_placeholder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.firmware.macros import Written
    from labkit.firmware.source import Definition, Source

_INDENT = "    "
_PRIVATE_KEY_MACRO = "keyCLIENT_PRIVATE_KEY_PEM"
_KEY_MARKER = re.compile(r"-----BEGIN [A-Z ]*PRIVATE" + r" KEY-----")


@dataclass(frozen=True, slots=True, repr=False)
class Edit:
    """One macro set in one text; nothing is written.

    Attributes:
        old: the text before.
        new: the text after.
        name: the macro's name in the text.
    """

    old: str
    new: str
    name: str

    @property
    def changed(self) -> bool:
        """Whether the new text differs."""
        return self.old != self.new

    def undo(self) -> Edit:
        """Return the reverse edit."""
        return Edit(self.new, self.old, self.name)

    def diff(self, path: str) -> str:
        """Return the unified diff, empty when nothing changes.

        The values of private keys and passwords are replaced by "(not shown)", so the diff cannot
        be applied; write `new` instead.

        Args:
            path: the file's name for the diff's head.
        """
        return unified_diff(self.old, self.new, path) if self.changed else ""

    def __repr__(self) -> str:
        """Return one line without any value."""
        return f"Edit({self.name}, {'changed' if self.changed else 'unchanged'})"


def set_macro(
    text: str, name: str, value: str | None, *, defines: Mapping[str, str | None] | None = None
) -> str:
    """Return the text with a macro set: `edit(…).new`."""
    return edit(text, name, value, defines=defines).new


def edit(
    text: str, name: str, value: str | None, *, defines: Mapping[str, str | None] | None = None
) -> Edit:
    r"""Set a macro.

    The macro's kind decides how the value is written: a string is quoted and escaped, a number or
    name is a bare token, PEM is one literal for each line with `\n` at its end. An unknown macro
    keeps the kind of its old value; if that is NULL or empty, the kind is PEM for a PEM value and
    string otherwise. Everything around the value stays byte for byte: comments, blanks, line ends,
    `#ifndef`, and the parentheses of numbers, names and NULL. A string has no parentheses, so that
    it can be joined to another. If the macro has the value already, nothing changes.

    Args:
        text: the header or source, as `decode` returns it.
        name: the macro, as for `get`.
        value: the value as text, unquoted; None for NULL (``""`` for an array, which cannot be
            NULL).
        defines: as for `get`.

    Returns:
        The edit; nothing is written.

    Raises:
        MacroNotFoundError: the compiled text does not define the macro.
        FirmwareError: the macro cannot have this value, or cannot be changed safely.
    """
    source = parse(text, defines)
    definition = find(source, name)
    how = written(source, definition)
    kind = _kind_to_write(definition, how, value)
    checked = check_value(definition.name, kind, value)
    if definition.form == "array":
        checked = checked or ""
        _check_size(definition, checked)
    if _has_value(source, definition, how, kind, checked):
        return Edit(text, text, definition.name)
    return Edit(text, _replace(source, definition, how, kind, checked), definition.name)


def _kind_to_write(definition: Definition, how: Written, value: str | None) -> Kind:
    name, line = definition.name, definition.line
    if definition.form in ("array", "pointer") and how.what == "name":
        raise FirmwareError(
            f"line {line}: {name} gets its value from {how.code}. Set {how.code} instead."
        )
    if definition.split:
        raise FirmwareError(
            f"line {line}: the value of {name} contains an #if. Edit the line by hand."
        )
    known = kind_of(name)
    if known is not None:
        return known
    if how.what == "expression":
        raise FirmwareError(
            f"line {line}: the value of {name} is an expression of several tokens. "
            "Edit the line by hand."
        )
    if how.what in ("number", "name"):
        return Kind(how.what)
    return Kind.PEM if value is not None and value.startswith("-----BEGIN ") else Kind.STRING


def _check_size(definition: Definition, content: str) -> None:
    size = int(definition.size) if re.fullmatch(r"[1-9]\d{0,6}", definition.size) else None
    if size is not None and len(literals.encode(content)) >= size:
        raise FirmwareError(
            f"line {definition.line}: {definition.name} has room for {size - 1} bytes, the value "
            f"has {len(literals.encode(content))}. Remove the number from the brackets."
        )


_WRITTEN_AS = {
    Kind.STRING: "string", Kind.PEM: "string", Kind.NUMBER: "number", Kind.NAME: "name",
}  # fmt: skip


def _has_value(
    source: Source, definition: Definition, how: Written, kind: Kind, value: str | None
) -> bool:
    """Return whether the macro has the value already, in any spelling."""
    if how.what != ("null" if value is None else _WRITTEN_AS[kind]):
        return False
    # A trigraph, which only an ISO compiler reads, is rewritten even if the value is equal.
    if literals.has_trigraph(how.code):
        return False
    try:
        return read(source, definition).value == value
    except FirmwareError:
        return False


def _replace(
    source: Source, definition: Definition, how: Written, kind: Kind, value: str | None
) -> str:
    rows = _rows(kind, value)
    bare = how.what in ("null", "number", "name") and (value is None or kind in _BARE)
    inside = bare or how.what == "string" == _as(kind, value)
    start, stop = how.core if inside else (how.start, how.stop)
    text = source.text
    name_end = _place_before(source, definition.start)
    first = source.place(start) if how.what != "empty" else name_end
    last = _place_before(source, stop) if how.what != "empty" else name_end
    before = text[:first]
    if first == source.place(how.start) or how.what == "empty":
        gap = _gap(source, definition, text[name_end:first], len(rows))
        before = text[:name_end] + gap
    break_ = _line_break(text, name_end)
    indent = before[before.rfind("\n") + 1 :] if len(rows) > 1 else ""
    indent = indent if not indent.strip() else _INDENT
    joint = f"{break_}{indent}" if definition.form in _DECLARED else f" \\{break_}{indent}"
    return before + joint.join(rows) + text[last:]


_BARE = (Kind.NUMBER, Kind.NAME)
_DECLARED = ("array", "pointer")


def _as(kind: Kind, value: str | None) -> str:
    return "null" if value is None else _WRITTEN_AS[kind]


def _place_before(source: Source, position: int) -> int:
    """Return the position in the text after the character before a position in the copy."""
    return source.place(position - 1) + 1


def _rows(kind: Kind, value: str | None) -> list[str]:
    if value is None:
        return ["NULL"]
    if kind in _BARE:
        return [value]
    if kind is Kind.PEM and value:
        return literals.pem_literals(value)
    return [literals.escape(value)]


def _gap(source: Source, definition: Definition, gap: str, rows: int) -> str:
    """Return the text between the name, or `=`, and the value.

    A value of several lines begins on a new line, and a value of one line on the name's, so that
    setting PEM and then NULL again restores the text. A gap with a comment is kept.
    """
    declared = definition.form in _DECLARED
    broken = re.fullmatch(r"([ \t]*)(\\?)[ \t]*\r?\n[ \t]*", gap)
    if rows == 1:
        return (broken[1] or " ") if broken else gap or ("" if declared else " ")
    if gap.strip(" \t") or broken:
        return gap
    break_ = _line_break(source.text, source.place(definition.start))
    if declared:
        return f"{break_}{_INDENT}"
    line_start = source.text.rfind("\n", 0, source.place(definition.start)) + 1
    margin = re.match(r"[ \t]*", source.text[line_start:])
    return f"{gap or ' '}\\{break_}{margin[0] if margin else ''}{_INDENT}"


def _line_break(text: str, position: int) -> str:
    """Return the line end at a position: that of its line, or of the text's first line."""
    end = text.find("\n", position)
    end = text.find("\n") if end < 0 else end
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


def refuse_private_key(keys_header_text: str) -> str:
    """Refuse a keys header that contains a private key, which Option 2 does not allow.

    With onboard key generation the private key never leaves the device. The board would import a
    private key from the header instead. Code that is not compiled is checked too; comments are
    not, because they contain sample PEM lines.

    Args:
        keys_header_text: `aws_clientcredential_keys.h`, as `decode` returns it.

    Returns:
        One line that describes the value of the private key's macro.

    Raises:
        FirmwareError: the header contains a private key, or a text that may be one. The message
            does not show it.
    """
    source = parse(keys_header_text)
    marker = _KEY_MARKER.search(source.code)
    if marker is not None:
        raise FirmwareError(
            f"line {source.line(marker.start())}: the header contains a private key. For onboard "
            f"key generation (Option 2) set {_PRIVATE_KEY_MACRO} to NULL. If the key was ever "
            "used, revoke its certificate."
        )
    macro = get(keys_header_text, _PRIVATE_KEY_MACRO)
    where = f"{macro.name} on line {macro.line}"
    if macro.value is None:
        return f"{where} is NULL: no private key."
    if macro.written == "string" and not macro.value:
        return f"{where} is empty: no private key."
    if macro.written == "string" and is_placeholder(macro.value):
        return f"{where} is still the header's placeholder text: no private key. Set it to NULL."
    raise FirmwareError(
        f"line {macro.line}: expected NULL in {macro.name} for onboard key generation (Option 2), "
        "got a text that may be a private key. Set the macro to NULL."
    )
