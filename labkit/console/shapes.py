"""The patterns of console lines, and a fast search for lines about keys.

Source: `aws_dev_mode_key_provisioning.c` and `iot_logging_task_dynamic_buffers.c` of the public
releases 201910.00 to 202203.00; consoles of real boards.
"""

from __future__ import annotations

import re
from enum import StrEnum

_FLAGS = re.IGNORECASE | re.ASCII


class Kind(StrEnum):
    """The type of a piece of console text."""

    HEADER = "header"
    ROW = "row"
    PRINTING = "printing"
    WAITING = "waiting"
    WARNING = "warning"
    SUBJECT = "subject"
    NO_PRIVATE_KEY = "no private key"
    PROVISIONED = "provisioned"
    TEXT = "text"


PREFIX = re.compile(
    r"(?P<number>\d{1,10}) (?P<tick>\d{1,10}) \[(?P<task>[ -Z\\^-~]{0,32})\] ?", re.ASCII
)
"""`<message number> <tick> [<task>] `, the log task's prefix of a message."""

HEADER = re.compile(r"(?:device )?public key, *(?P<declared>\d{1,20}) *bytes:?|, 91 bytes:", _FLAGS)
"""A dump's header line, also with garbled first words."""

ANOTHER_OWNER = re.compile(
    r"\b(?:(?:sign|verif|boot|trust|attest|manufactur|provider)\w*|ca|cas|code|root|server|broker|peer|"
    r"ota|update|firmware|image|ephemeral|session|ecdhe?|claim|gateway|aws|amazon|cloud|service|"
    r"remote|issuer|authority|intermediate|vendor|factory|host|cluster)\b",
    _FLAGS,
)
"""Words in the title of a dump of another key than the device's."""

LONGEST_TITLE = 60

OFFSET = re.compile(r"\b[0-9a-f]{6,16}: +$", _FLAGS)
"""The offset that `xxd` prints before a row."""

CONTINUOUS_START = "30593013"
BARE_START = re.compile(
    rf"3059 3013 0607 2a86 48ce 3d02|(?<![0-9a-z])(?P<continuous>{CONTINUOUS_START}[0-9a-f]+) *$",
    _FLAGS,
)
"""The first bytes of every P-256 key, in rows or as `xxd -ps` writes them."""

START_WORDS = ("3059 3013 0607", CONTINUOUS_START)
"""Every line that BARE_START matches has one of these."""

LOOSE_ROW = re.compile(
    r"(?<![0-9a-f])(?:(?:[0-9a-f]{4} ){7}[0-9a-f]{4}|(?:[0-9a-f]{4} ){5}[0-9a-f]{2})(?![0-9a-f])",
    _FLAGS,
)
"""A row, full or last, anywhere in a line."""

_KINDS = (
    (Kind.WAITING, r"waiting for (?P<seconds>\d{1,6}) seconds before generating"),
    (Kind.PRINTING, r"printing device public key"),
    (Kind.WARNING, r"client certificate should be\b"),
    (Kind.SUBJECT, r"certificate subject name: CN=(?P<subject>\S+)"),
    (Kind.NO_PRIVATE_KEY, r"private key not found|failed to provision device private key"),
    (
        Kind.PROVISIONED,
        r"tls_connect fail|(?:tls|the) handshake failed|tls connection",
    ),
)
_KIND_PATTERNS = tuple((kind, re.compile(pattern, _FLAGS)) for kind, pattern in _KINDS)

_KIND_WORDS = (" key", "certificate s", "tls", "handshake")

# Every line that HEADER, BARE_START, LOOSE_ROW or one of _KINDS can match has one of these in lower
# case, or the shape of a row. Plain searches run at 1 GB/s.
_NEEDLES = (b" key", b"91 bytes", b"30593013", b"certificate s", b"tls", b"handshake")

# Hex digits become one byte that no text has, so a plain search finds the shape of a row.
_ANY = b"\1"
_HEX_TO_ANY = bytes.maketrans(b"0123456789abcdefABCDEF", _ANY * 22)
_DIGITS_TO_ANY = bytes.maketrans(b"0123456789", _ANY * 10)
_ROW_SHAPE = b" ".join([4 * _ANY] * 5 + [2 * _ANY])
_PREFIX_SHAPE = _ANY + b" ["

_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\^_]|[()][0-9A-Z])"
)
_LEADING_NUMBERS = re.compile(rb"\n(\d{1,10}) (\d{1,10}) \[[ -Z\\^-~]{0,32}\]")
_NUMBERS = re.compile(rb"(\d{1,10}) (\d{1,10}) \[[ -Z\\^-~]{0,32}\]")


def clean(block: bytes) -> bytes:
    """Remove a terminal's colours and NULs; replace tabs and no-break spaces by blanks."""
    if b"\x1b" in block:
        block = _ESCAPES.sub(b"", block)
    if b"\0" in block:
        block = block.replace(b"\0", b"")
    if b"\t" in block:
        block = block.replace(b"\t", b" ")
    if b"\xc2\xa0" in block:
        block = block.replace(b"\xc2\xa0", b" ")
    return block


def kind_of(text: str) -> tuple[Kind, re.Match[str] | None]:
    """Return the kind of a message that is neither a header nor a row, and the match."""
    lower = text.lower()
    if any(words in lower for words in _KIND_WORDS):
        for kind, pattern in _KIND_PATTERNS:
            if match := pattern.search(text):
                return kind, match
    return Kind.TEXT, None


def lines_about_keys(block: bytes) -> list[int]:
    """Return the start of each line that may be about keys, in order."""
    lower = block.lower()
    starts: set[int] = set()
    for needle in _NEEDLES:
        _add_lines_with(needle, lower, starts)
    _add_lines_with(_ROW_SHAPE, block.translate(_HEX_TO_ANY), starts)
    return sorted(starts)


def _add_lines_with(needle: bytes, block: bytes, starts: set[int]) -> None:
    at = block.find(needle)
    while at >= 0:
        starts.add(block.rfind(b"\n", 0, at) + 1)
        end = block.find(b"\n", at)
        at = block.find(needle, end) if end >= 0 else -1


def leading_numbers(span: bytes) -> list[tuple[bytes, bytes]]:
    """Return message number and tick of every prefix in whole lines, in order."""
    found: list[tuple[bytes, bytes]] = _LEADING_NUMBERS.findall(b"\n" + span)
    # Each prefix has a digit, a blank and a bracket once. If there are as many of these as prefixes
    # at line starts, no prefix is glued to other text, and the slow search is not needed.
    if span.translate(_DIGITS_TO_ANY).count(_PREFIX_SHAPE) != len(found):
        found = _NUMBERS.findall(span)
    return found
