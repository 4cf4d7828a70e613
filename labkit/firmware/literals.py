r"""Convert between content and C string literals.

The literals are plain ASCII: quotes and backslashes are escaped, `??` is split (older compilers
read trigraphs), and control and non-ASCII bytes become octal escapes of exactly three digits, which
unlike `\x…` never include a following digit.
"""

from __future__ import annotations

import re

from labkit.encodings import utf16_encoding
from labkit.errors import FirmwareError

_LITERAL = r'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"'
LITERALS = re.compile(rf"(?:{_LITERAL}\s*+)++")
"""One string literal, or several adjacent ones, which C joins."""

_ONE_LITERAL = re.compile(_LITERAL)
_TRIGRAPH = re.compile(r"\?\?[=/'()!<>-]")
_ESCAPE = re.compile(
    r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]+)|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL
)
_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "e": "\x1b",
}  # fmt: skip
_ESCAPED = {ord('"'): '\\"', ord("\\"): "\\\\", 10: "\\n", 13: "\\r", 9: "\\t"}
_BYTE = 0xFF


def decode(source: bytes) -> str:
    """Return a source file's bytes as text; `encode` returns the same bytes again.

    The text is UTF-8; other bytes (an old comment in Latin-1) become surrogates.

    Raises:
        FirmwareError: the file is UTF-16, which no compiler reads.
    """
    if utf16_encoding(source):
        raise FirmwareError(
            "the file is UTF-16, which the compiler does not read. Save it as UTF-8: "
            "iconv -f UTF-16 -t UTF-8."
        )
    return source.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """Return the bytes of a text from `decode`, or of any text, as UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def escape(content: str) -> str:
    """Return content as one C string literal, quotes included, in ASCII."""
    out = []
    before = 0
    for byte in encode(content):
        if byte == ord("?") == before:
            out.append("\\?")
        elif byte in _ESCAPED:
            out.append(_ESCAPED[byte])
        elif 0x20 <= byte < 0x7F:  # noqa: PLR2004 the printable part of ASCII
            out.append(chr(byte))
        else:
            out.append(f"\\{byte:03o}")
        before = byte
    return f'"{"".join(out)}"'


def pem_literals(pem: str) -> list[str]:
    r"""Return a PEM text as one literal for each line, with `\n` at its end."""
    return [escape(line + "\n") for line in pem.removesuffix("\n").split("\n")]


def has_trigraph(code: str) -> bool:
    """Return whether an ISO C compiler would read part of the code as a trigraph."""
    return _TRIGRAPH.search(code) is not None


def unescape(code: str, *, line: int) -> str:
    """Return the content of one or more adjacent literals, as the compiler joins them.

    Args:
        code: the literals, without comments, line continuations already joined.
        line: their line, for the message.

    Returns:
        The content; bytes that are not UTF-8 as surrogates, as in `decode`.

    Raises:
        FirmwareError: an escape does not fit into a char.
    """
    parts = []
    for literal in _ONE_LITERAL.finditer(code):
        inner = literal[0][1:-1]
        # Each literal is unescaped before they are joined (C11, 5.1.1.2): "\x1" "2" is 2 chars.
        parts.append(_unescape_one(inner, line) if "\\" in inner else encode(inner))
    return b"".join(parts).decode("utf-8", "surrogateescape")


def _unescape_one(inner: str, line: int) -> bytes:
    out = []
    position = 0
    for match in _ESCAPE.finditer(inner):
        out += [encode(inner[position : match.start()]), _escaped_bytes(match, line)]
        position = match.end()
    out.append(encode(inner[position:]))
    return b"".join(out)


def _escaped_bytes(match: re.Match[str], line: int) -> bytes:
    octal, hexadecimal, short, long, simple = match.groups()
    if simple is not None:
        # gcc reads an unknown escape, such as \d, as the character itself.
        return encode(_SIMPLE.get(simple, simple))
    code = int(octal, 8) if octal else int(hexadecimal or short or long, 16)
    if short or long:
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:  # noqa: PLR2004 the bounds of Unicode
            raise FirmwareError(
                f"line {line}: a string has an escape that is not a character. Correct it."
            )
        return chr(code).encode()
    if code > _BYTE:
        raise FirmwareError(
            f"line {line}: a string has an octal or hex escape above 255, which does not fit into "
            'a char. If a digit follows the escape, end the literal before it: "\\x41" "1".'
        )
    return bytes([code])
