"""What a compiler refuses in a header, and what a macro's value is not.

Source: C11, 5.1.1.2, 6.4.4.4, 6.4.5, 6.10; mbedTLS 2.16, `mbedtls_pem_read_buffer`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labkit.firmware.kinds import Kind, is_private_key, is_secret
from labkit.firmware.macros import find, read, written
from labkit.firmware.preprocessor import parse
from labkit.firmware.values import doubt_of, fault_of, is_placeholder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labkit.firmware.macros import Macro
    from labkit.firmware.source import Source

_PEM_LINE = re.compile(r"-----(?:BEGIN|END) ")
_BEGIN_WITHOUT_LINE_END = re.compile(r"-----BEGIN [A-Z0-9 ]{1,40}-----(?! ?\r?\n)")
_SWALLOWED = re.compile(r"#[ \t]*(?:define|undef|if|ifdef|ifndef|else|elif|endif|include)\b")
_ESCAPES = re.compile(r"\\(?:(?P<known>[abfnrtve0-7\\'\"?x\n])|(?P<unknown>.))", re.DOTALL)
_MACRO_NAME = re.compile(r"(?!e)[a-z]+[A-Z][A-Z0-9_]+")
"""A macro's name in the style of the demos, such as clientcredentialIOT_THING_NAME."""

_ORPHAN_AFTER = ("", ";", "}")
_CONTINUE = "End every line of the macro but the last with a backslash, or set the macro again."


def faults(text: str) -> tuple[str, ...]:
    """Return what a compiler refuses in a header, each as `line N: …`, in order.

    Only mistakes with string literals and line continuations are looked for: literals outside a
    macro, PEM text outside a literal, a quote that is not closed on its line, and a directive that
    a backslash joins to the macro before it. Code that is not compiled does not count.
    """
    source = parse(text)
    found = sorted({*_outside_faults(source), *_macro_faults(source)})
    return tuple(f"line {line}: {words}" for line, words in found)


def _outside_faults(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the faults of the live code outside directives."""
    before, position = "", 0
    for row in source.plain.split("\n"):
        code = row.strip()
        line = source.line(position)
        if source.has_open_quote(position, position + len(row)):
            yield line, "a quote is not closed on its line. Close it, or set the macro again."
        elif _PEM_LINE.search(code):
            yield line, "raw PEM text outside a string literal. Set the macro again."
        elif code.startswith('"') and before in _ORPHAN_AFTER:
            yield (
                line,
                (
                    "a string literal outside the macro: the line before lacks its backslash. "
                    + _CONTINUE
                ),
            )
        before = code[-1:] or before
        position += len(row) + 1


def _macro_faults(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the faults of the definitions that may be compiled."""
    for group in source.definitions.values():
        for each in group:
            if source.has_open_quote(each.start, each.stop):
                yield (
                    each.line,
                    (
                        f"a quote in the value of {each.name} is not closed: a literal cannot "
                        "contain a line break. Set the macro again."
                    ),
                )
            elif each.form in ("define", "ifndef") and _SWALLOWED.search(
                source.masked, each.start, each.stop
            ):
                yield (
                    each.line,
                    (
                        f"a backslash at the end of the last line of {each.name} joins the next "
                        "directive to it. Remove this backslash."
                    ),
                )


def remarks(
    text: str, name: str, *, defines: Mapping[str, str | None] | None = None
) -> tuple[str, ...]:
    """Return what to know about the value of a macro, without the value: one sentence each.

    Raises:
        FirmwareError: as `get`.
    """
    source = parse(text, defines)
    definition = find(source, name)
    macro = read(source, definition)
    code = written(source, definition).code
    words = [*_form_remarks(macro, code), *_content_remarks(macro)]
    return tuple(f"line {macro.line}: {macro.name}: {each}" for each in words)


def _form_remarks(macro: Macro, code: str) -> Iterator[str]:
    """Yield the remarks on how a value is written."""
    if macro.written == "name" and _MACRO_NAME.fullmatch(code):
        yield f"the value is another macro, {code}, and not a text"
    elif macro.written == "expression" and code.rstrip().endswith(";"):
        yield "a semicolon follows the value and is part of the macro. Remove the semicolon."
    elif macro.written == "expression" and '"' in code:
        yield "the value is not one string but C code with several tokens"
    if macro.written == "string" and not is_secret(macro.name):
        unknown = [each["unknown"] for each in _ESCAPES.finditer(code) if each["unknown"]]
        if unknown:
            yield (
                f"the string has the escape \\{unknown[0]}, which C does not know. Write a "
                "backslash as \\\\."
            )


def _content_remarks(macro: Macro) -> Iterator[str]:
    """Yield the remarks on what a string contains."""
    value = macro.value or ""
    if macro.written != "string":
        return
    if is_placeholder(value):
        yield "the value is still the header's placeholder"
    elif fault := fault_of(macro.name, value) or doubt_of(macro.name, value):
        yield fault
    elif macro.kind is Kind.PEM and value.strip() and "-----BEGIN " not in value:
        yield f"the value is not PEM: no {'key' if is_private_key(macro.name) else 'certificate'}"
    elif _BEGIN_WITHOUT_LINE_END.search(value):
        yield "no line end (\\n) follows the BEGIN line, so mbedTLS cannot read it"
