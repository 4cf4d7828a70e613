"""What each macro takes: a string, a number, a name or PEM, and the values it refuses."""

from __future__ import annotations

import re
from enum import StrEnum

from labkit.errors import FirmwareError
from labkit.firmware.conditions import integer
from labkit.firmware.literals import encode


class Kind(StrEnum):
    """What a macro's value is, which decides how it is written."""

    STRING = "string"
    NUMBER = "number"
    NAME = "name"
    PEM = "PEM"
    EXPRESSION = "expression"
    """More than one token, such as `( 60 * 3 )`: can be read, not set."""


_PEM_MACROS = {
    "keyCLIENT_CERTIFICATE_PEM": "clientcredentialCLIENT_CERTIFICATE_PEM",
    "keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM": (
        "clientcredentialJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM"
    ),
    "keyCLIENT_PRIVATE_KEY_PEM": "clientcredentialCLIENT_PRIVATE_KEY_PEM",
}
ALIASES = _PEM_MACROS | {old: new for new, old in _PEM_MACROS.items()}
"""The names of the PEM macros from 1.4.2 on, and before; each finds the other."""

_PRIVATE_KEY_MACROS = {name for name in ALIASES if "PRIVATE" in name}
SECRET = _PRIVATE_KEY_MACROS | {"clientcredentialWIFI_PASSWORD"}
"""Macros whose values are never shown."""

_PORTS = {"clientcredentialMQTT_BROKER_PORT", "clientcredentialGREENGRASS_DISCOVERY_PORT"}
_SWITCHES = {
    "keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR",
    "keyprovisioningFORCE_GENERATE_NEW_KEYSET",
}
_DELAY = "keyprovisioningDELAY_BEFORE_KEY_PAIR_GENERATION_SECS"
_KINDS = {
    **dict.fromkeys(ALIASES, Kind.PEM),
    **dict.fromkeys(_PORTS | _SWITCHES | {_DELAY}, Kind.NUMBER),
    "clientcredentialMQTT_BROKER_ENDPOINT": Kind.STRING,
    "clientcredentialIOT_THING_NAME": Kind.STRING,
    "clientcredentialWIFI_SSID": Kind.STRING,
    "clientcredentialWIFI_PASSWORD": Kind.STRING,
    "clientcredentialWIFI_SECURITY": Kind.NAME,
}

_HIGHEST_PORT = 65535
_KEY = f"{'PRIVATE'} KEY"  # spelled so that no committed file holds the words that open a key
_CERTIFICATE_LABELS = ("CERTIFICATE",)
_KEY_LABELS = (_KEY, f"RSA {_KEY}", f"EC {_KEY}")
_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----[ \t]*")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_PLACEHOLDER = re.compile(r"Paste [^\n]{1,60} here\.")
_LONGEST_SHOWN = 40


def kind_of(name: str) -> Kind | None:
    """Return the kind of a macro of the demos, None for any other name."""
    return _KINDS.get(name)


def is_placeholder(content: str) -> bool:
    """Return whether content is a header's own text, such as "Paste client certificate here."."""
    return _PLACEHOLDER.fullmatch(content) is not None


def shown(value: str) -> str:
    """Return a value for a message: short, one line, and nothing of a PEM text."""
    if "-----" in value or "\n" in value or len(value) > _LONGEST_SHOWN:
        return f"a text of {len(value)} characters"
    return repr(value)


def check_value(name: str, kind: Kind, value: str | None) -> str | None:
    """Return the value as the macro takes it.

    Args:
        name: the macro, for its own rules (ports, switches, the label of a PEM).
        kind: what it takes.
        value: the value as text; None for NULL.

    Returns:
        The value: numbers and names without blanks around them, PEM with LF line ends and one
        at the end, strings as they are.

    Raises:
        FirmwareError: the macro cannot take this value.
    """
    if value is None:
        if kind in (Kind.NUMBER, Kind.NAME):
            raise FirmwareError(f"{name}: expected a {kind}, got None (NULL). Give the {kind}.")
        return None
    if "\0" in value:
        raise FirmwareError(f"{name}: the value holds a NUL character, which ends a C string.")
    try:
        encode(value)
    except UnicodeEncodeError as error:
        raise FirmwareError(f"{name}: the value holds half a surrogate pair.") from error
    if kind is Kind.PEM:
        return _check_pem(name, value)
    if kind is Kind.NUMBER:
        return _check_number(name, value.strip())
    if kind is Kind.NAME:
        return _check_name(name, value.strip())
    return _check_string(name, value)


def _check_string(name: str, value: str) -> str:
    if "-----BEGIN " in value:
        raise FirmwareError(
            f"{name}: expected a plain text, got a PEM text. A certificate belongs in "
            "keyCLIENT_CERTIFICATE_PEM."
        )
    return value


def _check_number(name: str, value: str) -> str:
    number = integer(value)
    if number is None:
        raise FirmwareError(f"{name}: expected a number such as 180, got {shown(value)}.")
    if name in {*_PORTS, _DELAY} and value.isdecimal() and value != str(number):
        raise FirmwareError(
            f"{name}: expected a number such as 180, got {shown(value)}, which C reads as octal: "
            f"{number}. Leave the 0 in front out."
        )
    if name in _PORTS and not (value.isdecimal() and 1 <= number <= _HIGHEST_PORT):
        raise FirmwareError(f"{name}: expected a port from 1 to 65535, got {shown(value)}.")
    if name in _SWITCHES and value not in ("0", "1"):
        raise FirmwareError(
            f"{name}: expected 1 (make a new key pair at every boot) or 0 (keep the key), "
            f"got {shown(value)}."
        )
    return value


def _check_name(name: str, value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise FirmwareError(
            f"{name}: expected a C name such as eWiFiSecurityWPA2, got {shown(value)}. "
            "It is written without quotes."
        )
    return value


def _check_pem(name: str, value: str) -> str:
    """Check label and outline; whether the content is sound is for `labkit.certificates`."""
    if not value.strip():
        return ""  # the releases from 201906 to 202002 say "" where later ones say NULL
    lines = [line.rstrip() for line in value.strip().split("\n")]
    labels = _KEY_LABELS if name in _PRIVATE_KEY_MACROS else _CERTIFICATE_LABELS
    expected = "a private key" if labels is _KEY_LABELS else "a certificate"
    label = _label(name, lines, expected)
    if label not in labels:
        raise FirmwareError(_wrong_label(name, expected, label))
    if lines.count(lines[0]) > 1:
        raise FirmwareError(
            f"{name}: expected one PEM block, got {lines.count(lines[0])}. The firmware reads "
            "only the first; give that one alone."
        )
    if lines[-1] != f"-----END {label}-----":
        raise FirmwareError(
            f"{name}: the last line is not the END line of the block that the first line opens. "
            "The text was cut off, or something follows it; give it from BEGIN to END."
        )
    for number, line in enumerate(lines[1:-1], start=2):
        if not _BASE64.fullmatch(line):
            raise FirmwareError(_not_base64(name, number, line))
    if len(lines) < 3 or sum(map(len, lines[1:-1])) % 4:  # noqa: PLR2004 BEGIN, content, END
        raise FirmwareError(
            f"{name}: the base64 between BEGIN and END is not whole: expected a multiple of 4 "
            "characters. A line or character was lost; copy the PEM again."
        )
    return "\n".join(lines) + "\n"


def _label(name: str, lines: list[str], expected: str) -> str:
    match = _BEGIN.fullmatch(lines[0])
    if match is not None:
        return match[1]
    where = next((n for n, line in enumerate(lines, 1) if _BEGIN.fullmatch(line)), None)
    if where is not None:
        raise FirmwareError(
            f"{name}: the PEM block begins on line {where}; the text before it does not belong "
            "in the header. Give the block from BEGIN to END alone."
        )
    came = "a text" if name in _PRIVATE_KEY_MACROS else shown(lines[0])
    raise FirmwareError(
        f"{name}: expected {expected} in PEM, got {came} and no BEGIN line. The "
        "firmware answers such a text with status 19. Give the PEM, or None for NULL."
    )


def _wrong_label(name: str, expected: str, label: str) -> str:
    if label in _KEY_LABELS:
        return (
            f"{name}: expected {expected}, got a private key. It must not leave its place: "
            "give the certificate that was issued for the device."
        )
    if label == "PUBLIC KEY":
        return (
            f"{name}: expected {expected}, got a PUBLIC KEY block. It would pass provisioning "
            "and fail in TLS: issue a certificate for that key and give the certificate."
        )
    if label == f"ENCRYPTED {_KEY}":
        return f"{name}: expected {expected}, got an encrypted one. The firmware has no passphrase."
    return f"{name}: expected {expected} in PEM, got a block with the label {label!r}."


def _not_base64(name: str, number: int, line: str) -> str:
    if ":" in line:
        return (
            f"{name}: line {number} of the PEM is a header line: an encrypted key? The firmware "
            "has no passphrase; decrypt it first."
        )
    return (
        f"{name}: line {number} of the PEM is not base64 (A-Z a-z 0-9 + / and = at the end). "
        "It was damaged in a copy; give the file that openssl wrote."
    )
