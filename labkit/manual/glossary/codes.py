"""Codes and texts that a console shows, what they are, and the causes that they may have.

Source: mbedTLS 2.16, `ssl.h`, `x509.h`, `aes.h`; PKCS #11 2.40, 11.1; Amazon FreeRTOS 201910.00 and
202203.00, `iot_tls.c`, coreMQTT's `core_mqtt.h`; ESP-IDF, `nvs.h`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["CODES", "Code"]

_ALERT = (
    *("certificate-not-for-this-key", "key-changed", "ca-certificate-as-device-certificate"),
    *("certificate-expired", "clock-wrong", "ca-not-registered", "certificate-not-registered"),
    "certificate-not-active",
)


@dataclass(frozen=True, slots=True)
class Code:
    """A code or text on a console.

    Attributes:
        name: how it is printed, the shape that is looked up.
        others: other shapes of the same: with a sign, decimal or hexadecimal.
        of: where it comes from: "TLS", "provisioning" (PKCS #11's values), "MQTT" or "the network".
        meaning: what it says.
        causes: ids of the causes that it may have, likely ones first; empty where it has none.
    """

    name: str
    others: tuple[str, ...]
    of: str
    meaning: str
    causes: tuple[str, ...] = ()


CODES: Final = (
    Code(
        "0x7780", ("-0x7780", "-30592"), "TLS",
        "The server ended the handshake with a fatal alert. Eight mistakes print it: first compare "
        "the certificate's key with the newest dump, then ask the account.",
        _ALERT,
    ),
    Code(
        "0x2700", ("-0x2700", "-9984"), "TLS",
        "The board does not accept the server's certificate: unknown root, another name, or a date "
        "that does not fit.",
        ("wrong-root-or-endpoint", "clock-wrong"),
    ),
    Code(
        "0x7280", ("-0x7280", "-29312"), "TLS",
        "The connection ended in the middle, without an alert and without a goodbye.",
        ("server-closed-handshake",),
    ),
    Code(
        "0x7880", ("-0x7880", "-30848"), "TLS",
        "The server said goodbye and closed the connection. After CONNECT that is AWS IoT's way to "
        "say no.",
        ("no-policy", "thing-not-attached", "policy-denies", "jit-first-connection"),
    ),
    Code(
        "0x6800", ("-0x6800", "-26624"), "TLS",
        "No answer came in time.",
        ("transport",),
    ),
    Code(
        "0x2180", ("-0x2180", "-8576"), "TLS",
        "A certificate in the board cannot be read as one.",
        ("public-key-as-certificate", "certificate-damaged", "ca-literal-damaged"),
    ),
    Code(
        "0x20", ("AES - Invalid key length",), "TLS",
        "A socket's own error number, which the TLS library takes for one of its own: no AES, no "
        "key, just the network.",
        ("transport",),
    ),
    Code(
        "0x7d1", ("2001",), "TLS",
        "The firmware gave up before the handshake, since key or certificate could not be used.",
        ("private-key-missing", "no-certificate"),
    ),
    Code(
        "7", ("0x7", "CKR_ARGUMENTS_BAD"), "provisioning",
        "What was passed cannot be read: a private key without line ends, an elliptic curve other "
        "than P-256, or a PEM text that is cut.",
        ("key-literal-damaged", "unsupported-key", "certificate-damaged"),
    ),
    Code(
        "19", ("0x13", "CKR_ATTRIBUTE_VALUE_INVALID"), "provisioning",
        "The value is not one that is taken: a certificate text that does not begin with a dash, "
        "or an RSA key that is not of 2048 bits.",
        ("placeholder-text", "unsupported-key"),
    ),
    Code(
        "48", ("0x30", "CKR_DEVICE_ERROR"), "provisioning",
        "The storage reported an error of its own.",
        ("storage-failed",),
    ),
    Code(
        "49", ("0x31", "CKR_DEVICE_MEMORY"), "provisioning",
        "The object could not be stored.",
        ("storage-failed",),
    ),
    Code(
        "130", ("0x82", "CKR_OBJECT_HANDLE_INVALID"), "provisioning",
        "The object that was asked for is not in the board: here the client certificate.",
        ("no-certificate",),
    ),
    Code(
        "4354", ("0x1102", "ESP_ERR_NVS_NOT_FOUND"), "provisioning",
        "An ESP32's storage does not hold the object. It is printed on every boot, also where all "
        "is well: no verdict by itself.",
    ),
    Code(
        "MQTTRecvFailed", (), "MQTT",
        "The connection ended while an answer was awaited; the code before it says how.",
        ("no-policy", "thing-not-attached", "policy-denies", "jit-first-connection"),
    ),
    Code(
        "MQTTNoDataAvailable", (), "MQTT",
        "CONNECT was sent, and no CONNACK came in time.",
        ("jit-first-connection", "transport"),
    ),
    Code(
        "MQTTServerRefused", (), "MQTT",
        "The broker answered with a refusal. AWS IoT seldom does: it closes the connection.",
        ("policy-denies",),
    ),
    Code(
        "secureSocketStatus=-1", (), "the network",
        "There is no TCP connection, so nothing was asked of TLS. After a TLS_Connect line it only "
        "repeats that the handshake failed.",
        ("transport",),
    ),
    Code(
        "Failed to resolve", (), "the network",
        "The endpoint's name has no address. The name stands behind the words: look whether there "
        "is one.",
        ("endpoint-empty", "placeholder-text", "wrong-root-or-endpoint", "transport"),
    ),
)  # fmt: skip
"""The codes, by whose they are."""
