"""Find the sign of a console line by the tables of texts and codes."""

from __future__ import annotations

import re
from typing import Final

from labkit.diagnosis.codes import signs_of_number
from labkit.diagnosis.signs import CODE, HANDSHAKE, TEXTS, Sign

_LONGEST_MESSAGE: Final = 1000
"""The log task's buffers are smaller; patterns are not run over longer noise."""

_32_BITS = 1 << 32
_FLAGS = re.IGNORECASE | re.ASCII


_PATTERNS = tuple((re.compile(pattern, re.ASCII), signs) for pattern, signs in TEXTS)

_HOSTS = (
    re.compile(rf"TLS_Connect fail(?:ed)? \({CODE}, *(?P<host>[^)\s]*)", _FLAGS),
    re.compile(r"failed to resolve (?P<host>.*?)\.?\s*$", _FLAGS),
    re.compile(r"DNS resolution failed: Server=(?P<host>.*?)\.?\s*$", _FLAGS),
    re.compile(r"(?:unable to resolve|while resolving|host name) \((?P<host>[^)]*)\)", _FLAGS),
    re.compile(r"hostNameLength must be greater than 0(?P<host>)", _FLAGS),
    re.compile(r"TLS connection (?:established )?to (?P<host>[^\s:]+)", _FLAGS),
)
_NO_HOSTS = {"null", "(null"}

_BENIGN = re.compile(
    r"could not open \S+ for reading|could not open \(null\)|failed nvs get file size"
    r"|could not save object|could not save the certificate to the PKCS"
    r"|already initialized|could not clean-up old|destroying object|MQTT SUBSCRIBE|MQTT PUBLISH"
    r"|failed to establish new MQTT connection|closed on error|MQTT connection failed with"
    r"|CONNACK recv failed|MQTT CONNECT returned error|error processing incoming data",
    _FLAGS,
)
_COMPLAINT = re.compile(r"\berrors?\b|\bfail(?:s|ed|ure)?\b|\bfault\b|\bassert", _FLAGS)


def sign_of(text: str) -> Sign | None:
    """Return the sign of a message, or None if it has no text of the table."""
    lower = text[:_LONGEST_MESSAGE].lower()
    for pattern, signs in _PATTERNS:
        if match := pattern.search(lower):
            sign = signs if isinstance(signs, Sign) else _by_code(match["code"], signs)
            if sign is not None:
                return sign
    return None


def _by_code(code: str, signs: tuple[Sign, ...]) -> Sign | None:
    """Return the sign that a code selects; an unknown code can be of a failed handshake."""
    number = int(code, 16 if code.startswith("0x") else 10)
    if number >= _32_BITS >> 1:
        number = _32_BITS - number
    known = signs_of_number(number)
    unknown = Sign.HANDSHAKE_FAILED if signs is HANDSHAKE else None
    return next((sign for sign in signs if sign in known), unknown)


def host_of(text: str) -> str | None:
    """Return the host that a message names, or None."""
    for pattern in _HOSTS:
        if match := pattern.search(text[:_LONGEST_MESSAGE]):
            host = match["host"].rstrip(".")
            return None if host.lower() in _NO_HOSTS else host
    return None


def is_complaint(text: str) -> bool:
    """Return whether a message is about an error."""
    return _COMPLAINT.search(text) is not None


def is_known(text: str) -> bool:
    """Return whether working boards also print a message, although it is about an error."""
    return _BENIGN.search(text) is not None
