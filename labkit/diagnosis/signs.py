r"""What console lines are signs of: one table of patterns and one of codes.

Signs are small facts ("the server sent an alert"), not causes. The texts are those of the
releases from 1.4 to 202203.00, which say the same thing in several ways.

Source: Amazon FreeRTOS `aws_dev_mode_key_provisioning.c`, `iot_tls.c`, coreMQTT, the MQTT library
of 201906 to 202007; mbedTLS 2.16, `error.c` and `net_sockets.h`; PKCS #11 2.40, section 6.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FAILURES", "PROGRESS", "REFUSALS", "Sign", "is_complaint", "is_known", "sign_of"]


class Sign(StrEnum):
    """What a line says."""

    WAITING = "makes a key pair after a pause"
    WARNING = "the certificate should be updated"
    SHOWING = "shows the public key"
    HEADER = "a dump's header"
    CERTIFICATE_WRITTEN = "a certificate was written"
    NO_CERTIFICATE_FILE = "no certificate was found"
    JITR_IN_USE = "a just-in-time CA certificate is used"
    PROVISIONED = "provisioning succeeded"
    BURST_DEMO = "the demo of 201906.00 to 202007.00 runs"
    TLS_CONNECTED = "the TLS session stands"
    MQTT_CONNECTED = "the MQTT connection was accepted"
    MESSAGE_BACK = "the message came back"
    COMPLETED = "the demo completed"

    CERTIFICATE_NO_PEM = "the certificate is no PEM text"
    CERTIFICATE_BAD_PEM = "the certificate's PEM cannot be read"
    STORAGE = "an object could not be stored"
    KEY_UNREADABLE = "the private key cannot be read"
    KEY_UNSUPPORTED = "the private key is of another kind"
    KEY_MISSING = "there is no private key"
    CREDENTIALS_MISSING = "key or certificate is missing"
    CERTIFICATE_MISSING = "there is no certificate to send"
    CERTIFICATE_UNREADABLE = "the TLS library cannot read a certificate"
    PKCS11_FAILED = "the handshake failed in PKCS #11"
    ALERT = "the server sent an alert"
    UNTRUSTED = "the server's certificate does not verify"
    UNTIMELY = "a certificate is not valid at this time"
    EOF = "the server closed the connection"
    SOCKET_ERROR = "a socket failed"
    HANDSHAKE_FAILED = "the handshake failed with another code"
    UNRESOLVED = "the endpoint's name does not resolve"
    NOT_REACHED = "no connection to the endpoint"
    NO_WIFI = "there is no Wi-Fi connection"
    CLOSED = "the connection was closed before CONNACK"
    UNANSWERED = "CONNECT was not answered"
    REFUSED = "CONNECT was refused"
    SUBSCRIBE_REFUSED = "the subscription was refused"
    LOST_LATER = "the connection was lost after CONNACK"
    ECHO_MISSING = "the message did not come back"
    FAILED = "the demo failed"


PROGRESS: Final = (
    Sign.TLS_CONNECTED,
    Sign.MQTT_CONNECTED,
    Sign.MESSAGE_BACK,
    Sign.COMPLETED,
)
"""Each proves that what failed in connecting before it in the same boot was got over."""

FAILURES: Final = frozenset(list(Sign)[list(Sign).index(Sign.CERTIFICATE_NO_PEM) :])

REFUSALS: Final = frozenset(
    {
        Sign.CERTIFICATE_NO_PEM,
        Sign.CERTIFICATE_BAD_PEM,
        Sign.STORAGE,
        Sign.KEY_UNREADABLE,
        Sign.KEY_UNSUPPORTED,
    }
)
"""What the board refused to take from its headers. A connection that succeeds afterwards was made
with what the flash held before."""

_STORAGE_STATUSES = {5, 6, 48, 49, 50, 224, 225, 226}
"""CKR_GENERAL_ERROR, _FUNCTION_FAILED, _DEVICE_ERROR, _DEVICE_MEMORY, _DEVICE_REMOVED, _TOKEN_…."""

_CERTIFICATE_STATUSES = {19: Sign.CERTIFICATE_NO_PEM, 7: Sign.CERTIFICATE_BAD_PEM}
_KEY_STATUSES = {7: Sign.KEY_UNREADABLE, 19: Sign.KEY_UNSUPPORTED}

_TLS_CODES = {
    0x7780: Sign.ALERT,
    0x2700: Sign.UNTRUSTED,
    0x7280: Sign.EOF,
    0x7880: Sign.EOF,
    0x7D1: Sign.CREDENTIALS_MISSING,
    0x7D4: Sign.KEY_MISSING,
    0x82: Sign.CERTIFICATE_MISSING,
    0x6800: Sign.SOCKET_ERROR,
    0x2780: Sign.CERTIFICATE_UNREADABLE,
}
_UNREADABLE_CODES = {*range(0x2180, 0x2680, 0x80), *range(0x1080, 0x1500, 0x80)}
"""X509_INVALID_FORMAT to _INVALID_EXTENSIONS, and PEM_…."""
_LONGEST_MESSAGE = 1000
"""The log task's buffers hold less; patterns are not run over what noise without an end gives."""

_HIGHEST_SOCKET_CODE = 0x7F
_32_BITS = 1 << 32


class Seen(NamedTuple):
    """A sign, and what the line names with it.

    Attributes:
        sign: what the line says.
        host: the host that it names, None where it names none.
    """

    sign: Sign
    host: str | None = None


_Read = Sign | None
_FLAGS = re.IGNORECASE | re.ASCII


def _status(table: dict[int, Sign]) -> Callable[[re.Match[str]], _Read]:
    def read(match: re.Match[str]) -> _Read:
        status = int(match["status"], 16 if "0x" in match[0].lower() else 10)
        return Sign.STORAGE if status in _STORAGE_STATUSES else table.get(status)

    return read


def _tls_code(match: re.Match[str]) -> Sign:
    """Read a code as mbedTLS, this firmware and a printf of a negative number write it."""
    digits = match["code"].lower()
    code = int(digits.removeprefix("0x"), 16 if digits.startswith("0x") else 10)
    if code >= _32_BITS >> 1:
        code = _32_BITS - code
    if code in _UNREADABLE_CODES:
        return Sign.CERTIFICATE_UNREADABLE
    if 0 < code <= _HIGHEST_SOCKET_CODE:
        return Sign.SOCKET_ERROR
    return _TLS_CODES.get(code, Sign.HANDSHAKE_FAILED)


def _returned(match: re.Match[str]) -> _Read:
    status = int(match["status"], 16)
    if status in _STORAGE_STATUSES:
        return Sign.STORAGE
    return None if status else Sign.PROVISIONED


_CODE = r"-?(?P<code>0x[0-9a-f]{1,8}|\d{1,6})"

_SIGNS: tuple[tuple[str, Sign | Callable[[re.Match[str]], _Read]], ...] = (
    (r"waiting for \d+ seconds before generating", Sign.WAITING),
    (r"client certificate should be\b", Sign.WARNING),
    (r"printing device public key", Sign.SHOWING),
    (r"device public key, *\d+ *bytes", Sign.HEADER),
    (r"write certificate\.", Sign.CERTIFICATE_WRITTEN),
    (r"could not open \S*cert\S* for reading", Sign.NO_CERTIFICATE_FILE),
    (r"no persistent storage is available for the JIT[PR] certificate", Sign.JITR_IN_USE),
    (r"vDevModeKeyProvisioning returned 0x(?P<status>[0-9a-f]{1,8})", _returned),
    (r"key provisioning done|credential provisioning succeeded", Sign.PROVISIONED),
    # Provisioning that fails.
    (
        r"failed to provision device certificate\W*(?:with status )?(?P<status>\d{1,10})",
        _status(_CERTIFICATE_STATUSES),
    ),
    (r"unable to parse private key", Sign.KEY_UNREADABLE),
    (
        (
            r"failed to parse rsa private key|invalid private key type|"
            r"only ec ?(?:p-?256|and rsa)"
        ),
        Sign.KEY_UNSUPPORTED,
    ),
    (
        r"failed to provision device private key\W*(?:with status )?(?P<status>\d{1,10})",
        _status(_KEY_STATUSES),
    ),
    # The handshake.
    (r"private key not found", Sign.KEY_MISSING),
    (
        (
            r"validity has expired|validity starts in the future|"
            r"badcert_(?:expired|future)|certificate (?:has expired|is not yet valid)"
        ),
        Sign.UNTIMELY,
    ),
    (r"failure in PKCS ?#?11.*PKCS ?#?11 error=0x\((?P<code>0*82)\)", Sign.CERTIFICATE_MISSING),
    (r"likely due to a failure in\b", Sign.PKCS11_FAILED),
    (r"fatal alert message was received", Sign.ALERT),
    (r"certificate verification failed", Sign.UNTRUSTED),
    (r"indicated an EOF|notified us that the connection is going to be closed", Sign.EOF),
    (
        r"AES - Invalid key length|connection was reset by peer|SSL - The operation timed out",
        Sign.SOCKET_ERROR,
    ),
    (rf"TLS_Connect fail(?:ed)? \({_CODE}", _tls_code),
    (rf"TLS_Connect failed with error code {_CODE}", _tls_code),
    (
        (
            r"(?:handshake failed|ssl_handshake returned|failed to perform TLS handshake)"
            rf"\D{{0,40}}?{_CODE}"
        ),
        _tls_code,
    ),
    # The network.
    (r"MQTT demo client identifier is", Sign.BURST_DEMO),
    (r"failed to resolve", Sign.UNRESOLVED),
    (
        (
            r"wi-?fi\b.{0,40}?\b(?:failed|could not|cannot|unable)|"
            r"failed to connect to (?:the )?(?:AP|access point|wi-?fi)\b|"
            r"(?:DHCP|IP address)\b.{0,30}\b(?:failed|timed out|timeout)"
        ),
        Sign.NO_WIFI,
    ),
    (r"failed to establish new connection", Sign.NOT_REACHED),
    (r"TLS (?:session|connection)(?: to \S+)? (?:was )?established", Sign.TLS_CONNECTED),
    # MQTT.
    (
        r"MQTT SUBSCRIBE: MQTTServerRefused|topic filter .{0,300}?(?:refused|rejected)",
        Sign.SUBSCRIBE_REFUSED,
    ),
    (r"MQTTServerRefused|SERVER REFUSED", Sign.REFUSED),
    (
        (
            r"MQTT CONNECT: MQTTSuccess|connection established with the broker|"
            r"MQTT connection \S+ established|(?<!DIS)CONNECT operation \S+ wait complete with "
            r"result SUCCESS|"
            r"received MQTT CONNACK successfully|connection accepted\.|MQTT echo connected|"
            r"MQTT connection successfully established"
        ),
        Sign.MQTT_CONNECTED,
    ),
    (
        (
            r"-30848|no data could be read from the socket|error -\d+ while receiving data|"
            r"MQTT (?:CONNECT|SUBSCRIBE|PUBLISH)?.{0,20}MQTTRecvFailed|"
            r"(?:status|Status) ?= ?MQTTRecvFailed|single byte was not read from the transport"
        ),
        Sign.CLOSED,
    ),
    (
        r"MQTT_ProcessLoop failed to receive|timed out waiting for incoming PUBLISH",
        Sign.ECHO_MISSING,
    ),
    (r"MQTT PUBLISH \d+ could not be sent|MQTT PUBLISH returned error", Sign.LOST_LATER),
    (
        (
            r"wait complete with result TIMEOUT|error TIMEOUT|MQTTNoDataAvailable|"
            r"MQTT echo failed to connect"
        ),
        Sign.UNANSWERED,
    ),
    (r"incoming publish (?:message on topic|received:)|echo successful", Sign.MESSAGE_BACK),
    (r"demo completed successfully", Sign.COMPLETED),
    (r"error running demo|demo failed at iteration|NETWORK ERROR", Sign.FAILED),
)
"""The first pattern that matches and gives a sign counts; a code without one is left unknown."""

_COMPILED = tuple((re.compile(pattern, _FLAGS), read) for pattern, read in _SIGNS)

_WORDS = re.compile(
    r"certificate|cert\b|cert\.|_cert|private key|public key|seconds before|provision|tls|handshake"
    r"|PKCS|fatal alert|EOF|peer|key length|operation timed|resolve|wi-?fi|establish|MQTT|demo"
    r"|-30848|socket|transport|timeout|refused|rejected|access point|to AP\b|DHCP|IP address"
    r"|incoming publish|echo|badcert|validity|wait complete|connection accepted|NETWORK ERROR"
    r"|private key",
    _FLAGS,
)
"""One of these is in every line that a pattern matches: it is searched first."""

_HOSTS = (
    re.compile(rf"TLS_Connect fail(?:ed)? \({_CODE}, *(?P<host>[^)\s]*)", _FLAGS),
    re.compile(r"failed to resolve (?P<host>.*?)\.?\s*$", _FLAGS),
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


def sign_of(text: str) -> Seen | None:
    """Say what a message is a sign of; None where it is none."""
    text = text[:_LONGEST_MESSAGE]
    if not _WORDS.search(text):
        return None
    for pattern, read in _COMPILED:
        if match := pattern.search(text):
            sign = read if isinstance(read, Sign) else read(match)
            if sign is not None:
                return Seen(sign, _host(text))
    return None


def _host(text: str) -> str | None:
    for pattern in _HOSTS:
        if match := pattern.search(text):
            host = match["host"].rstrip(".")
            return None if host.lower() in _NO_HOSTS else host
    return None


def is_complaint(text: str) -> bool:
    """Say whether a message speaks of an error."""
    return _COMPLAINT.search(text) is not None


def is_known(text: str) -> bool:
    """Say whether a message that speaks of an error is also in the consoles of working boards."""
    return _BENIGN.search(text) is not None
