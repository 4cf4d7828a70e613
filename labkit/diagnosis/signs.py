r"""The signs of console lines, and the table of console texts.

Signs are small facts ("the server sent an alert"), not causes. The texts are those of the
releases from 1.4 to 202203.00, which have several texts for the same fact.

Source: Amazon FreeRTOS `aws_dev_mode_key_provisioning.c`, `iot_tls.c`, coreMQTT, the MQTT library
of 201906 to 202007; mbedTLS 2.16, `error.c` and `net_sockets.h`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from labkit.console import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping


class Sign(StrEnum):
    """A fact that a console line shows."""

    WAITING = "makes a key pair after a pause"
    WARNING = "the certificate should be updated"
    SHOWING = "shows the public key"
    HEADER = "a dump's header"
    CERTIFICATE_WRITTEN = "a certificate was written"
    NO_CERTIFICATE_FILE = "no certificate was found"
    JITR_IN_USE = "a just-in-time CA certificate is used"
    PROVISIONED = "provisioning succeeded"
    BURST_DEMO = "the demo of 201906.00 to 202007.00 runs"
    RETRYING = "the board tries to connect again"
    TLS_CONNECTED = "the TLS session is established"
    MQTT_CONNECTED = "the MQTT connection was accepted"
    MESSAGE_BACK = "the message was received again"
    COMPLETED = "the demo completed"

    CERTIFICATE_NO_PEM = "the certificate is not a PEM text"
    CERTIFICATE_BAD_PEM = "the certificate's PEM cannot be read"
    STORAGE = "an object could not be stored"
    KEY_UNREADABLE = "the private key cannot be read"
    KEY_UNSUPPORTED = "the private key is of another type"
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
    HANDSHAKE_WITHOUT_CODE = "the handshake failed without a code"
    HANDSHAKE_FAILED = "the handshake failed with another code"
    UNRESOLVED = "the endpoint's name does not resolve"
    NOT_REACHED = "no connection to the endpoint"
    NO_WIFI = "there is no Wi-Fi connection"
    CLOSED = "the connection was closed before CONNACK"
    UNANSWERED = "CONNECT was not answered"
    REFUSED = "CONNECT was refused"
    SUBSCRIBE_REFUSED = "the subscription was refused"
    LOST_LATER = "the connection was lost after CONNACK"
    ECHO_MISSING = "the message was not received again"
    FAILED = "the demo failed"


PROGRESS: Final = (
    Sign.TLS_CONNECTED,
    Sign.MQTT_CONNECTED,
    Sign.MESSAGE_BACK,
    Sign.COMPLETED,
)
"""Each proves that earlier connection failures of the same boot were overcome."""

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
"""The values of its headers that the board refused. A later connection of the same boot used the
older values in the flash."""

HANDSHAKE: Final = (
    Sign.CERTIFICATE_MISSING,
    Sign.CERTIFICATE_UNREADABLE,
    Sign.CREDENTIALS_MISSING,
    Sign.KEY_MISSING,
    Sign.ALERT,
    Sign.UNTRUSTED,
    Sign.EOF,
    Sign.SOCKET_ERROR,
    Sign.HANDSHAKE_FAILED,
)
"""The failures of a handshake, by its code; the last is for a code that is not in the table."""

ENDS: Final = frozenset(
    {*HANDSHAKE, Sign.PKCS11_FAILED, Sign.UNRESOLVED, Sign.COMPLETED, Sign.FAILED}
)
"""After one of these, the rest of a hello world's boot is not needed."""

SIGN_OF_KIND: Final[Mapping[Kind, Sign]] = {
    Kind.WAITING: Sign.WAITING,
    Kind.WARNING: Sign.WARNING,
    Kind.PRINTING: Sign.SHOWING,
    Kind.HEADER: Sign.HEADER,
    Kind.NO_PRIVATE_KEY: Sign.KEY_MISSING,
}
"""The sign of a line's kind, if no text of the table matches."""

ACCEPTED: Final = "Demo completed successfully."
"""The demo prints it after its message was sent to AWS IoT and received again."""

_FROM_CERTIFICATE = (Sign.CERTIFICATE_NO_PEM, Sign.CERTIFICATE_BAD_PEM, Sign.STORAGE)
_FROM_KEY = (Sign.KEY_UNREADABLE, Sign.KEY_UNSUPPORTED, Sign.STORAGE)

CODE: Final = r"-?(?P<code>0x[0-9a-f]{1,8}|\d{1,10})"
"""A code as mbedTLS, PKCS #11 and a printf of a negative number write it."""

TEXTS: Final[tuple[tuple[str, Sign | tuple[Sign, ...]], ...]] = (
    (r"write certificate\.", Sign.CERTIFICATE_WRITTEN),
    (r"could not open \S*cert\S* for reading", Sign.NO_CERTIFICATE_FILE),
    (r"no persistent storage is available for the jit[pr] certificate", Sign.JITR_IN_USE),
    (r"vdevmodekeyprovisioning returned 0x0+\b", Sign.PROVISIONED),
    (rf"vdevmodekeyprovisioning returned {CODE}", (Sign.STORAGE,)),
    (r"key provisioning done", Sign.PROVISIONED),
    (r"credential provisioning succeeded", Sign.PROVISIONED),
    # Provisioning that fails.
    (rf"failed to provision (?:device )?certificate\W*(?:with status )?{CODE}", _FROM_CERTIFICATE),
    (r"unable to parse private key", Sign.KEY_UNREADABLE),
    (r"failed to parse rsa private key", Sign.KEY_UNSUPPORTED),
    (r"invalid private key type", Sign.KEY_UNSUPPORTED),
    (r"only ec ?(?:p-?256|and rsa)", Sign.KEY_UNSUPPORTED),
    (rf"failed to provision (?:device )?private key\W*(?:with status )?{CODE}", _FROM_KEY),
    # The handshake.
    (r"validity (?:has expired|starts in the future)", Sign.UNTIMELY),
    (r"badcert_(?:expired|future)", Sign.UNTIMELY),
    (r"certificate (?:has expired|is not yet valid)", Sign.UNTIMELY),
    (r"failure in pkcs ?#?11.*pkcs ?#?11 error=0x\(0*82\)", Sign.CERTIFICATE_MISSING),
    (r"likely due to a failure in\b", Sign.PKCS11_FAILED),
    (r"fatal alert message was received", Sign.ALERT),
    (r"certificate verification failed", Sign.UNTRUSTED),
    (r"indicated an eof", Sign.EOF),
    (r"notified us that the connection is going to be closed", Sign.EOF),
    (r"aes - invalid key length", Sign.SOCKET_ERROR),
    (r"connection was reset by peer", Sign.SOCKET_ERROR),
    (r"ssl - the operation timed out", Sign.SOCKET_ERROR),
    (rf"tls_connect fail(?:ed)? \({CODE}", HANDSHAKE),
    (rf"tls_connect failed with error code {CODE}", HANDSHAKE),
    (rf"handshake failed\D{{0,40}}?{CODE}", HANDSHAKE),
    (rf"ssl_handshake returned\D{{0,40}}?{CODE}", HANDSHAKE),
    (rf"failed to perform tls handshake\D{{0,40}}?{CODE}", HANDSHAKE),
    (rf"x509_crt_parse\b.{{0,60}}? returned {CODE}", HANDSHAKE),
    (r"\bpk_parse_key", Sign.KEY_UNREADABLE),
    (r"ssl_connect failed to perform tls handshake", Sign.HANDSHAKE_WITHOUT_CODE),
    # The network.
    (r"mqtt demo client identifier is", Sign.BURST_DEMO),
    (r"attempting connection retry after backoff", Sign.RETRYING),
    (r"retry attempt \d+ out of maximum", Sign.RETRYING),
    (r"short delay before starting the next iteration", Sign.RETRYING),
    (r"failed to resolve|unable to resolve \(|dns resolution failed", Sign.UNRESOLVED),
    (r"while resolving \(|host name \(.{0,300}\) too long", Sign.UNRESOLVED),
    (r"parameter check failed: hostnamelength must be greater than 0", Sign.UNRESOLVED),
    (r"failed to initialize all the networks", Sign.NO_WIFI),
    (r"wifi_event_sta_disconnected|disconnected from wi-?fi", Sign.NO_WIFI),
    (r"lwip connect fail", Sign.NOT_REACHED),
    (r"wi-?fi\b.{0,40}?\b(?:failed|could not|cannot|unable)", Sign.NO_WIFI),
    (r"failed to connect to (?:the )?(?:ap|access point|wi-?fi)\b", Sign.NO_WIFI),
    (r"(?:dhcp|ip address)\b.{0,30}\b(?:failed|timed out|timeout)", Sign.NO_WIFI),
    (r"failed to establish new connection", Sign.NOT_REACHED),
    (r"creating an mqtt connection to", Sign.TLS_CONNECTED),
    (r"tls (?:session|connection)(?: to \S+)? (?:was )?established", Sign.TLS_CONNECTED),
    # MQTT.
    (r"mqtt subscribe: mqttserverrefused", Sign.SUBSCRIBE_REFUSED),
    (r"topic filter .{0,300}?(?:refused|rejected)", Sign.SUBSCRIBE_REFUSED),
    (r"mqttserverrefused|server refused", Sign.REFUSED),
    (r"mqtt connect: mqttsuccess", Sign.MQTT_CONNECTED),
    (r"connection established with the broker", Sign.MQTT_CONNECTED),
    (r"mqtt connection \S+ established", Sign.MQTT_CONNECTED),
    (r"(?<!dis)connect operation \S+ wait complete with result success", Sign.MQTT_CONNECTED),
    (r"received mqtt connack successfully", Sign.MQTT_CONNECTED),
    (r"connection accepted\.", Sign.MQTT_CONNECTED),
    (r"mqtt echo connected", Sign.MQTT_CONNECTED),
    (r"mqtt connection successfully established", Sign.MQTT_CONNECTED),
    (r"-30848", Sign.CLOSED),
    (r"no data could be read from the socket", Sign.CLOSED),
    (r"error -\d+ while receiving data", Sign.CLOSED),
    (r"mqtt (?:connect|subscribe|publish)?.{0,20}mqttrecvfailed", Sign.CLOSED),
    (r"status ?= ?mqttrecvfailed", Sign.CLOSED),
    (r"single byte was not read from the transport", Sign.CLOSED),
    (r"mqtt_processloop failed to receive", Sign.ECHO_MISSING),
    (r"timed out waiting for incoming publish", Sign.ECHO_MISSING),
    (r"mqtt publish (?:\d+ could not be sent|returned error)", Sign.LOST_LATER),
    (r"wait complete with result timeout", Sign.UNANSWERED),
    (r"error timeout", Sign.UNANSWERED),
    (r"mqttnodataavailable", Sign.UNANSWERED),
    (r"mqtt echo failed to connect", Sign.UNANSWERED),
    (r"incoming publish (?:message on topic|received:)", Sign.MESSAGE_BACK),
    (r"echo successful", Sign.MESSAGE_BACK),
    (ACCEPTED.removesuffix(".").lower(), Sign.COMPLETED),
    (r"error running demo|demo failed|network error", Sign.FAILED),
)
"""Console texts: a pattern, and its sign, or the signs from which the line's code selects.

Patterns are in lower case, because they are searched in lower-cased text. The first pattern with a
sign counts. Lines that `labkit.console` recognizes are not here: their signs are in `SIGN_OF_KIND`.
"""
