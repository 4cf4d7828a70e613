"""Codes that a console shows: what each means, and the signs that a line with it may be of.

Source: mbedTLS 2.16, `ssl.h`, `x509.h`, `pem.h`, `aes.h`; PKCS #11 2.40, 11.1; Amazon FreeRTOS
201910.00 and 202203.00, `iot_tls.c`, coreMQTT's `core_mqtt.h`; ESP-IDF, `nvs.h`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from labkit.diagnosis.signs import Sign

_FIRST_OF_MBEDTLS: Final = 0x1000
"""mbedTLS's codes are negative numbers from here on; the firmware also prints them unsigned."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code or text on a console.

    Attributes:
        name: how it is printed most often.
        of: where it comes from: "TLS", "provisioning" (PKCS #11's values), "MQTT" or "the network".
        meaning: what it means.
        signs: what a line with it may be a sign of; empty where it is no sign of a failure.
        names: its name in the library's header, or the text that is printed for it.
        more: further numbers that mean the same.
    """

    name: str
    of: str
    meaning: str
    signs: tuple[Sign, ...] = ()
    names: tuple[str, ...] = ()
    more: frozenset[int] = frozenset()

    @property
    def number(self) -> int | None:
        """Its number without a sign, None for a text."""
        return int(self.name, 0) if self.name[0].isdecimal() else None

    @property
    def others(self) -> tuple[str, ...]:
        """Other shapes of it: with a sign, decimal or hexadecimal, and its names."""
        number = self.number
        if number is None:
            return self.names
        if number >= _FIRST_OF_MBEDTLS and self.of == "TLS":
            return (f"-{number:#x}", f"-{number}", *self.names)
        return (str(number) if self.name.startswith("0x") else f"{number:#x}", *self.names)


def signs_of_number(number: int) -> frozenset[Sign]:
    """Return what a line with a number may be a sign of; the line's text decides between them."""
    found = (code for code in CODES if number == code.number or number in code.more)
    return frozenset(sign for code in found for sign in code.signs)


CODES: Final = (
    Code(
        "0x7780", "TLS",
        "The server ended the handshake with a fatal alert. The console does not show which: "
        "first compare the certificate's key with the newest dump, then ask the account.",
        (Sign.ALERT,),
    ),
    Code(
        "0x2700", "TLS",
        "The board does not accept the server's certificate: unknown root, another name, or a date "
        "that does not fit.",
        (Sign.UNTRUSTED,),
    ),
    Code(
        "0x7280", "TLS",
        "The connection ended in the middle, without an alert and without a close_notify.",
        (Sign.EOF,),
    ),
    Code(
        "0x7880", "TLS",
        "The server sent close_notify and closed the connection. AWS IoT refuses a CONNECT in this "
        "way.",
        (Sign.CLOSED, Sign.EOF),
    ),
    Code("0x6800", "TLS", "No answer came in time.", (Sign.SOCKET_ERROR,)),
    Code(
        "0x2180", "TLS",
        "A certificate in the board cannot be read as one.",
        (Sign.CERTIFICATE_UNREADABLE,),
        # X509_INVALID_FORMAT to _INVALID_EXTENSIONS, _CERT_UNKNOWN_FORMAT, and PEM_….
        more=frozenset({*range(0x2180, 0x2680, 0x80), 0x2780, *range(0x1080, 0x1500, 0x80)}),
    ),
    Code(
        "0x20", "TLS",
        "A socket's own error number, which the TLS library takes for one of its own: no AES, no "
        "key, just the network. Every code below 0x80 is one.",
        (Sign.SOCKET_ERROR,),
        ("AES - Invalid key length",),
        frozenset(range(1, 0x80)),
    ),
    Code(
        "0x7d1", "TLS",
        "The firmware gave up before the handshake, since key or certificate could not be used.",
        (Sign.CREDENTIALS_MISSING,),
    ),
    Code(
        "0x7d4", "TLS",
        "The firmware gave up before the handshake, since it found no private key.",
        (Sign.KEY_MISSING,),
    ),
    Code(
        "7", "provisioning",
        "What was passed cannot be read: a private key without line ends, an elliptic curve other "
        "than P-256, or a PEM text that is cut.",
        (Sign.KEY_UNREADABLE, Sign.CERTIFICATE_BAD_PEM),
        ("CKR_ARGUMENTS_BAD",),
    ),
    Code(
        "19", "provisioning",
        "The value is not one that is taken: a certificate text that does not begin with a dash, "
        "or an RSA key that is not of 2048 bits.",
        (Sign.CERTIFICATE_NO_PEM, Sign.KEY_UNSUPPORTED),
        ("CKR_ATTRIBUTE_VALUE_INVALID",),
    ),
    Code(
        "48", "provisioning",
        "The storage reported an error of its own.",
        (Sign.STORAGE,),
        ("CKR_DEVICE_ERROR",),
        # CKR_GENERAL_ERROR, _FUNCTION_FAILED, _DEVICE_REMOVED, _TOKEN_….
        frozenset({5, 6, 50, 224, 225, 226}),
    ),
    Code(
        "49", "provisioning",
        "The object could not be stored.",
        (Sign.STORAGE,),
        ("CKR_DEVICE_MEMORY",),
    ),
    Code(
        "130", "provisioning",
        "The object that was asked for is not in the board: here the client certificate.",
        (Sign.CERTIFICATE_MISSING,),
        ("CKR_OBJECT_HANDLE_INVALID",),
    ),
    Code(
        "4354", "provisioning",
        "An ESP32's storage does not hold the object. It is printed on every boot, also where all "
        "is well: no verdict by itself.",
        names=("ESP_ERR_NVS_NOT_FOUND",),
    ),
    Code(
        "MQTTRecvFailed", "MQTT",
        "The connection ended while an answer was awaited; the code before it says how.",
        (Sign.CLOSED,),
    ),
    Code(
        "MQTTNoDataAvailable", "MQTT",
        "CONNECT was sent, and no CONNACK came in time.",
        (Sign.UNANSWERED,),
    ),
    Code(
        "MQTTServerRefused", "MQTT",
        "The broker answered with a refusal. AWS IoT seldom does: it closes the connection.",
        (Sign.REFUSED, Sign.SUBSCRIBE_REFUSED),
    ),
    Code(
        "secureSocketStatus=-1", "the network",
        "There is no TCP connection, so nothing was asked of TLS. After a TLS_Connect line it only "
        "repeats that the handshake failed.",
        (Sign.NOT_REACHED,),
    ),
    Code(
        "Failed to resolve", "the network",
        "The endpoint's name has no address. The name follows the words: check whether there is "
        "one.",
        (Sign.UNRESOLVED,),
    ),
)  # fmt: skip
"""The codes, by whose they are."""
