"""What is wrong with the values of the credentials header: endpoint, thing name, Wi-Fi.

Source: AWS IoT API reference, CreateThing; IEEE 802.11-2020, 9.4.2.2 and annex J.4.
"""

from __future__ import annotations

import re
from typing import Final

from labkit import endpoint
from labkit.errors import FirmwareError

ENDPOINT: Final = "clientcredentialMQTT_BROKER_ENDPOINT"
THING: Final = "clientcredentialIOT_THING_NAME"
SSID: Final = "clientcredentialWIFI_SSID"
PASSWORD: Final = "clientcredentialWIFI_PASSWORD"  # noqa: S105 a macro's name

THING_NAME: Final = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
"""What AWS IoT allows. Source: botocore's `iot` model, shape ThingName."""

_SSID_MAX = 32
_PASSPHRASE_MIN, _KEY_MAX = 8, 64
_WEP = (5, 13)
_PLACEHOLDER = re.compile(r"Paste [^\n]{1,60} here\.")

_ADVICE: Final = {
    ENDPOINT: f"Set it to the answer of: {endpoint.ASK} --output text.",
    THING: "Set it to the thing's name, such as my-thing.",
    SSID: "Set it to the name of the Wi-Fi network.",
    PASSWORD: "Set it to the password of the Wi-Fi network.",
}


def is_placeholder(content: str) -> bool:
    """Return whether content is a placeholder, such as "Paste client certificate here."."""
    return _PLACEHOLDER.fullmatch(content) is not None


def fault_of(name: str, value: str | None) -> str:
    """Return what is wrong with a macro's value, one sentence without the value.

    Empty for a value without a known fault, for NULL, for no text, and for other macros.
    """
    if not value or name not in _ADVICE:
        return ""
    if name == ENDPOINT:
        return endpoint.fault_of(value)
    size = len(value.encode("utf-8", "surrogateescape"))
    faults = (
        (is_placeholder(value), "it is still a placeholder"),
        (name == THING and not THING_NAME.fullmatch(value),
         "a thing's name has 1 to 128 of the characters a-z A-Z 0-9 : _ -"),
        (name == SSID and size > _SSID_MAX,
         f"the name of a Wi-Fi network has at most {_SSID_MAX} bytes"),
        (name == PASSWORD and size > _KEY_MAX,
         f"a Wi-Fi password has at most {_KEY_MAX - 1} characters"),
    )  # fmt: skip
    return next((words for found, words in faults if found), "")


def doubt_of(name: str, value: str | None) -> str:
    """Return what may be wrong with a macro's value without a fault; otherwise as `fault_of`."""
    if not value or fault_of(name, value):
        return ""
    if name == ENDPOINT:
        return endpoint.doubt_of(value)
    if name == SSID and value != value.strip():
        return "it has a blank before or after the name"
    if name == PASSWORD and len(value) < _PASSPHRASE_MIN and len(value) not in _WEP:
        return f"a WPA2 password has at least {_PASSPHRASE_MIN} characters"
    return ""


def refuse_value(name: str, value: str | None) -> None:
    """Refuse a value that a macro cannot have.

    Raises:
        FirmwareError: the value has a fault. The message does not show it.
    """
    if fault := fault_of(name, value):
        raise FirmwareError(f"{name}: {fault}. {_ADVICE[name]}")
