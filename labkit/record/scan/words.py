r"""Credentials, found by the words before them: cloud keys, tokens, headers, passwords.

In a pattern the group "secret" is replaced; the group "first" decides whether it is a secret.

Source: AWS's IAM User Guide, "IAM identifiers" (AKIA and ASIA) and "Managing access keys"; RFC 7519
(JWT); RFC 9110, section 11.6.2 (Authorization); RFC 3986, section 3.2.1 (userinfo); RFC 7512
(PKCS #11 URIs); Jupyter Server's documentation, "Security in the Jupyter Server".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.errors import FirmwareError
from labkit.firmware import literals
from labkit.firmware.key_blocks import NOT_SHOWN
from labkit.firmware.kinds import Kind, kind_of
from labkit.firmware.macros import secret_definitions, written
from labkit.firmware.preprocessor import parse
from labkit.firmware.values import is_placeholder
from labkit.record.scan.shapes import Hit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.firmware.source import Definition, Source

WIFI_PASSWORD = "Wi-Fi password"  # noqa: S105 the kind's name
_PLACEHOLDER = re.compile(r"<redacted: [^<>]{1,60}>")


def placeholder(kind: str) -> str:
    """Return the text that replaces a secret; valid in a C literal, JSON and HTML."""
    return f"<redacted: {kind}>"


def is_no_secret(value: str) -> bool:
    """Return whether a literal is blank or a placeholder."""
    return not value.strip() or _PLACEHOLDER.fullmatch(value) is not None or is_placeholder(value)


def _is_not_a_value(text: str) -> bool:
    """Return whether a text is not a secret: a placeholder, a macro's name, a list's comma."""
    return (
        is_no_secret(text)
        or text == NOT_SHOWN
        or kind_of(text) is not None
        or _BETWEEN.fullmatch(text) is not None
    )


def credentials_in(data: bytes) -> Iterator[Hit]:
    """Yield the credentials in some bytes. Linear in the bytes."""
    small = data.lower()
    for each in _PATTERNS:
        if not any(word in small for word in each.words):
            continue
        for match in each.pattern.finditer(small if each.any_case else data):
            first = match.span("first" if "first" in each.pattern.groupindex else "secret")
            if not _is_not_a_value(data[slice(*first)].decode("utf-8", "replace")):
                yield Hit(each.kind, *match.span("secret"), placeholder(each.kind))


_BETWEEN = re.compile(r"[\s,:\[\]{}()]*")
"""Between two strings of a JSON list, where the quotes look like those of one string."""

_QUOTE = rb"(?:\\{0,7}[\"'])"
_IS = rb"%b?\s{0,8}(?:[:=,]|=>)\s{0,8}[bfru]{0,2}%b?" % (_QUOTE, _QUOTE)
_IS_QUOTED = rb"%b?\s{0,8}(?:[:=,]|=>)\s{0,8}[bfru]{0,2}%b" % (_QUOTE, _QUOTE)
"""Between a name and its value in Python, JSON, TOML, a shell or a header."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    kind: str
    words: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    any_case: bool


def _pattern(kind: str, words: str, pattern: bytes, *, any_case: bool = True) -> _Pattern:
    """Return a pattern. Every match contains one of the words, in lower case."""
    return _Pattern(kind, tuple(words.encode().split()), re.compile(pattern), any_case)


_GAP = rb"(?:[\s(,:=+]|\\(?:[nr]|(?=\s))|-(?!\w)|\[\w{0,8}\]|/\*[^*]{0,200}\*/){1,200}"
"""Between a macro's name and its literal: `[] =`, a continued line, a comment, a sign."""

_MACRO = rb"clientcredentialwifi_password" + _QUOTE + rb"?" + _GAP
_INSIDE = rb"(?:\\[^\n]|(?!(?P=quote))[^\\\n]){0,400}"
_NEIGHBOUR = rb"(?P=quote)[\s\\]{0,80}(?P=quote)"

_PATTERNS = (
    _pattern(
        "AWS access key id",
        "akia asia",
        rb"(?<![A-Za-z0-9])(?P<secret>(?!\w{13}EXAMPLE)A[KS]IA[A-Z0-9]{16})(?![A-Za-z0-9])",
        any_case=False,
    ),
    _pattern(
        "AWS secret access key",
        "akia asia",
        rb"(?<![A-Za-z0-9])A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])"
        rb"(?:(?![A-Za-z0-9/+]{40})[\s\S]){1,200}?"
        rb"(?<![A-Za-z0-9/+])(?P<secret>(?=[a-z0-9/+]*[A-Z])[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        any_case=False,
    ),
    _pattern(
        "AWS secret access key",
        "secretaccesskey secret_access_key secret_key secretkey",
        rb"(?:secret_?access_?key|secret_?key)" + _IS + rb"(?P<secret>[a-z0-9/+]{40})"
        rb"(?![a-z0-9/+=])",
    ),
    _pattern(
        "AWS session token",
        "sessiontoken session_token security-token security_token",
        rb"(?:session_?token|security[-_]token)" + _IS + rb"(?P<secret>[a-z0-9/+=_%-]{20,})",
    ),
    _pattern(
        "AWS session token",
        "iqojb3jpz2lu fwogzxivyxdz fqogzxivyxdz",
        rb"(?P<secret>(?:IQoJb3JpZ2lu|F[wQ]oGZXIvYXdz)[A-Za-z0-9/+=]{60,})",
        any_case=False,
    ),
    _pattern(
        "token (JWT)",
        "eyj",
        rb"(?<![A-Za-z0-9_-])(?P<secret>eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)",
        any_case=False,
    ),
    _pattern(
        "token",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- xoxb- xoxp- pypi-age",
        rb"(?P<secret>gh[opsru]_[A-Za-z0-9]{36}|github_pat_\w{50,}|glpat-[\w-]{20,}"
        rb"|xox[bp]-[\w-]{20,}|pypi-AgE[\w-]{40,})",
        any_case=False,
    ),
    _pattern(
        "Authorization header",
        "authorization",
        rb"authorization" + _IS + rb"(?P<secret>(?:aws4-hmac-sha256|basic|bearer|digest|negotiate"
        rb"|token)\s[^\"'\\\r\n<]{8,})",
    ),
    _pattern("API key", "api-key auth-token", rb"x-(?:api-key|auth-token)" + _IS
             + rb"(?P<secret>[^\s\"'\\<]{8,})"),
    _pattern(
        "token in a URL",
        "token= signature= password=",
        rb"(?:[?&;]|u0026|%3f|%26)(?:(?:access_|id_|refresh_)?token|x-amz-signature|password)="
        rb"(?P<secret>[a-z0-9%._~+/=-]{8,})",
    ),
    _pattern(
        "token",
        "token",
        rb"(?<![a-z0-9_.-])(?:(?:access|api|auth|bearer|id|refresh)_?)?token" + _IS_QUOTED
        + rb"(?P<secret>[a-z0-9._~+/=-]{16,})",
    ),
    _pattern(
        "password in a URL",
        "://",
        rb"://[^\s/:@\"'<>\\]{0,200}:(?P<secret>[^\s/@\"'<>\\]{1,200})@[a-z0-9\[]",
    ),
    _pattern("PIN", "pin-value", rb"pin-value=(?P<secret>[^\s&;\"'<>\\]{1,200})"),
    _pattern(
        WIFI_PASSWORD,
        "clientcredentialwifi_password",
        _MACRO + rb"(?P<quote>[\"'])(?P<secret>(?P<first>" + _INSIDE + rb")(?:" + _NEIGHBOUR
        + _INSIDE + rb"){0,8})(?P=quote)",
    ),
    _pattern(
        WIFI_PASSWORD,
        "clientcredentialwifi_password",
        _MACRO + rb"(?P<quote>\\{1,15}[\"'])(?P<secret>[^\"'\\\n]{1,400})(?P=quote)",
    ),
    _pattern(
        WIFI_PASSWORD,
        "password passphrase psk",
        rb"(?:wi-?fi|wlan|wpa)[_ .-]?(?:password|passphrase|psk|key)" + _IS_QUOTED
        + rb"(?P<secret>[^\"'\\\r\n<]{8,63})" + _QUOTE,
    ),
    _pattern(
        "password",
        "password passphrase passwd",
        rb"(?:password|passphrase|passwd)" + _QUOTE + rb"?\s{0,8}(?:[:=]|=>)\s{0,8}[bfru]{0,2}"
        + _QUOTE + rb"(?P<secret>[^\"'\\\r\n<]{6,63})" + _QUOTE,
    ),
    _pattern(
        WIFI_PASSWORD,
        "psk= passphrase=",
        rb"(?:\bpsk|wpa_passphrase)=" + _QUOTE + rb"?(?P<secret>[^\s\"'\\<]{8,63})",
    ),
)  # fmt: skip


# Macros

_SOURCES = (".h", ".c")


def macros_in(name: str, data: bytes) -> Iterator[Hit]:
    """Yield the values of macros that hold a secret, in a C header or source.

    Conditions are ignored: every definition counts. Text that is not C is left to the other
    searches.
    """
    if not name.endswith(_SOURCES):
        return
    text = data.decode("utf-8", "surrogateescape")
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
    if how.what == "string" and _is_placeholder_literal(how.code, definition.line):
        return None
    kind = "private key" if kind_of(definition.name) is Kind.PEM else WIFI_PASSWORD
    start, stop = source.place(how.start), source.place(how.stop - 1) + 1
    before = len(literals.encode(source.text[:start]))
    size = len(literals.encode(source.text[start:stop]))
    return Hit(kind, before, before + size, literals.escape(placeholder(kind)))


def _is_placeholder_literal(code: str, line: int) -> bool:
    try:
        return is_no_secret(literals.unescape(code, line=line))
    except FirmwareError:
        return False
