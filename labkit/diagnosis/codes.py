"""Codes on a console: the meaning of each, and the possible signs of a line with it.

Source: mbedTLS 2.16, `ssl.h`, `x509.h`, `pem.h`, `aes.h`; PKCS #11 2.40, 11.1; Amazon FreeRTOS
201910.00 and 202203.00, `iot_tls.c`, coreMQTT's `core_mqtt.h`; ESP-IDF, `nvs.h`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from labkit.diagnosis.signs import Sign

_FIRST_OF_MBEDTLS: Final = 0x1000
"""mbedTLS codes are negative numbers from here on; the firmware also prints them unsigned."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code or text on a console.

    Attributes:
        name: the most common form in a log.
        of: its source: "TLS", "provisioning" (PKCS #11 values), "MQTT" or "the network".
        meaning: its meaning.
        signs: the possible signs of a line with it; empty if it is not a failure.
        names: its name in the library's header, or the text that is printed for it.
        more: other numbers with the same meaning.
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
        """Other forms of it: with a sign, decimal or hexadecimal, and its names."""
        number = self.number
        if number is None:
            return self.names
        if number >= _FIRST_OF_MBEDTLS and self.of == "TLS":
            return (f"-{number:#x}", f"-{number}", *self.names)
        return (str(number) if self.name.startswith("0x") else f"{number:#x}", *self.names)


def signs_of_number(number: int) -> frozenset[Sign]:
    """Return the possible signs of a line with a number; the line's text decides between them."""
    found = (code for code in CODES if number == code.number or number in code.more)
    return frozenset(sign for code in found for sign in code.signs)


CODES: Final = (
    Code(
        "0x7780", "TLS",
        "The server ended the handshake with a fatal alert. The console does not show which "
        "alert. First compare the certificate's key with the newest dump, then ask the account.",
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
        "The connection ended during the handshake, without an alert or close_notify.",
        (Sign.EOF,),
    ),
    Code(
        "0x7880", "TLS",
        "The server sent close_notify and closed the connection. AWS IoT refuses a CONNECT like "
        "this.",
        (Sign.CLOSED, Sign.EOF),
    ),
    Code(
        "456", "TLS",
        "TI's network processor cannot use its root certificate: the file is missing, or is not a "
        "certificate in the expected form.",
        (Sign.UNTRUSTED,),
        ("SL_ERROR_BSD_ESECBADCAFILE",),
        frozenset({454}),
    ),
    Code("0x6800", "TLS", "There was no answer in time.", (Sign.SOCKET_ERROR,)),
    Code(
        "0x2180", "TLS",
        "A certificate in the board cannot be read.",
        (Sign.CERTIFICATE_UNREADABLE,),
        # X509_INVALID_FORMAT to _INVALID_EXTENSIONS, _CERT_UNKNOWN_FORMAT, and PEM_….
        more=frozenset({*range(0x2180, 0x2680, 0x80), 0x2780, *range(0x1080, 0x1500, 0x80)}),
    ),
    Code(
        "0x20", "TLS",
        "A socket error, which the TLS library prints as an error of its own. The cause is the "
        "network, not AES or a key. Every code below 0x80 is a socket error.",
        (Sign.SOCKET_ERROR,),
        ("AES - Invalid key length",),
        frozenset(range(1, 0x80)),
    ),
    Code(
        "0x7d1", "TLS",
        "The firmware stopped before the handshake, because key or certificate cannot be used.",
        (Sign.CREDENTIALS_MISSING,),
    ),
    Code(
        "0x7d4", "TLS",
        "The firmware stopped before the handshake, because it found no private key.",
        (Sign.KEY_MISSING,),
    ),
    Code(
        "7", "provisioning",
        "The input cannot be read: a private key without line ends, an elliptic curve other than "
        "P-256, or a PEM text that is cut off.",
        (Sign.KEY_UNREADABLE, Sign.CERTIFICATE_BAD_PEM),
        ("CKR_ARGUMENTS_BAD",),
    ),
    Code(
        "19", "provisioning",
        "The value is not accepted: a certificate text that does not begin with a dash, or an RSA "
        "key that does not have 2048 bits.",
        (Sign.CERTIFICATE_NO_PEM, Sign.KEY_UNSUPPORTED),
        ("CKR_ATTRIBUTE_VALUE_INVALID",),
    ),
    Code(
        "48", "provisioning",
        "The storage reported an error.",
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
        "The requested object is not in the board: here the client certificate.",
        (Sign.CERTIFICATE_MISSING,),
        ("CKR_OBJECT_HANDLE_INVALID",),
    ),
    Code(
        "4354", "provisioning",
        "An ESP32's storage does not have the object. It is printed on every boot, also on "
        "working boards, so it is not a failure.",
        names=("ESP_ERR_NVS_NOT_FOUND",),
    ),
    Code(
        "MQTTRecvFailed", "MQTT",
        "The connection ended before an answer; the line before it has the code.",
        (Sign.CLOSED,),
    ),
    Code(
        "MQTTNoDataAvailable", "MQTT",
        "CONNECT was sent, and there was no CONNACK in time.",
        (Sign.UNANSWERED,),
    ),
    Code(
        "MQTTServerRefused", "MQTT",
        "The broker answered with a refusal. AWS IoT usually closes the connection instead.",
        (Sign.REFUSED, Sign.SUBSCRIBE_REFUSED),
    ),
    Code(
        "secureSocketStatus=-1", "the network",
        "There is no TCP connection, so TLS did not start. After a TLS_Connect line it only "
        "repeats that the handshake failed.",
        (Sign.NOT_REACHED,),
    ),
    Code(
        "Failed to resolve", "the network",
        "The endpoint's name has no address. The name follows these words: check whether it is "
        "empty.",
        (Sign.UNRESOLVED,),
    ),
)  # fmt: skip
"""The codes, by source."""
