"""The kind of each macro (string, number, name or PEM), and the values that it accepts."""

from __future__ import annotations

import re
from dataclasses import replace
from enum import StrEnum

from labkit import pem
from labkit.errors import FirmwareError
from labkit.firmware.conditions import integer
from labkit.firmware.literals import encode


class Kind(StrEnum):
    """The kind of a macro's value, which decides how it is written."""

    STRING = "string"
    NUMBER = "number"
    NAME = "name"
    PEM = "PEM"
    EXPRESSION = "expression"
    """More than one token, such as `( 60 * 3 )`: it can be read, not set."""


_PEM_MACROS = {
    "keyCLIENT_CERTIFICATE_PEM": "clientcredentialCLIENT_CERTIFICATE_PEM",
    "keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM": (
        "clientcredentialJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM"
    ),
    "keyCLIENT_PRIVATE_KEY_PEM": "clientcredentialCLIENT_PRIVATE_KEY_PEM",
}
ALIASES = _PEM_MACROS | {old: new for new, old in _PEM_MACROS.items()}
"""The names of the PEM macros from 1.4.2 on and before, in both directions."""

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
_LONGEST_SHOWN = 40


def is_private_key(name: str) -> bool:
    """Return whether a macro, of any project, is for a private key, by its name."""
    return "PRIVATE_KEY" in name.upper()


def is_secret(name: str) -> bool:
    """Return whether the value of a macro is never shown."""
    return is_private_key(name) or "PASSWORD" in name.upper()


def kind_of(name: str) -> Kind | None:
    """Return the kind of a macro of the demos, None for any other name."""
    return _KINDS.get(name)


def shown(value: str) -> str:
    """Return a value for a message: short, on one line, and without PEM."""
    if "-----" in value or "\n" in value or len(value) > _LONGEST_SHOWN:
        return f"a text of {len(value)} characters"
    return repr(value)


def check_value(name: str, kind: Kind, value: str | None) -> str | None:
    """Check a value, and return it in the form in which it is written.

    Args:
        name: the macro, for its own rules (ports, switches, the label of a PEM).
        kind: the macro's kind.
        value: the value as text; None for NULL.

    Returns:
        The value: numbers and names without blanks around them, PEM with LF line ends and one
        at the end, strings unchanged.

    Raises:
        FirmwareError: the macro cannot have this value.
    """
    if value is None:
        if kind in (Kind.NUMBER, Kind.NAME):
            raise FirmwareError(f"{name}: expected a {kind}, got None (NULL). Give the {kind}.")
        return None
    if "\0" in value:
        raise FirmwareError(
            f"{name}: the value has a NUL character, which ends a C string. Remove it."
        )
    try:
        encode(value)
    except UnicodeEncodeError as error:
        raise FirmwareError(
            f"{name}: the value has half a surrogate pair, which has no UTF-8 form. Remove it."
        ) from error
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
        raise FirmwareError(
            f"{name}: expected a number such as 180, got {shown(value)}. Give a number."
        )
    if name in {*_PORTS, _DELAY} and value.isdecimal() and value != str(number):
        raise FirmwareError(
            f"{name}: expected a number such as 180, got {shown(value)}, which C reads as octal: "
            f"{number}. Remove the leading 0."
        )
    if name in _PORTS and not (value.isdecimal() and 1 <= number <= _HIGHEST_PORT):
        raise FirmwareError(
            f"{name}: expected a port from 1 to 65535, got {shown(value)}. AWS IoT uses 8883."
        )
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
            "Give the name without quotes."
        )
    return value


def _check_pem(name: str, value: str) -> str:
    """Return the one PEM block of the value; `labkit.certificates` checks the block's content."""
    if not value.strip():
        return ""  # the releases from 201906 to 202002 write "" where later ones write NULL
    kind = "private key" if is_private_key(name) else "certificate"

    def error(text: str) -> FirmwareError:
        return FirmwareError(f"{name}: {text}{_consequence(kind, value)}")

    block = pem.one(value, kind, error)
    if block.is_encrypted:
        raise error(
            "the private key is encrypted, and the firmware has no passphrase. "
            "Decrypt the key first: openssl pkey -in encrypted.key -out plain.key."
        )
    block.der(error)
    # mbedTLS does not know the older label X509 CERTIFICATE.
    return replace(block, label=block.label.removeprefix("X509 ")).text


def _consequence(kind: str, value: str) -> str:
    """Return what the firmware would do with a value that is not a certificate."""
    found = [block.label for block in pem.blocks(value)]
    if kind == "certificate" and found == ["PUBLIC KEY"]:
        return " A public key would pass provisioning and fail in TLS: issue a certificate for it."
    return "" if found else " The firmware reports status 19 for such a text. NULL is for no value."
