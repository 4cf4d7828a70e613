"""What real firmware code printed, in its essential lines; K stands for the six rows of a key.

Printed by the unmodified provisioning code of 202203.00 (and, where named, of 202012.01) in each
situation, except that the keys are temporary keys of these tests.
"""

from __future__ import annotations

from console_shapes import key, rows

_PRINTING = (
    "Printing device public key.\nMake sure that provisioned device certificate matches public "
    "key on device."
)
_DUMP = "Device public key, 91 bytes:\r\n\r\n"
_WARNING = (
    "Warning: the client certificate should be updated. Please see "
    "https://aws.amazon.com/freertos/getting-started/.\r\n"
)
_NO_CERTIFICATE = "[ERROR] Could not open FreeRTOS_P11_Certificate.dat for reading."
_NO_KEY = "[ERROR] Could not open FreeRTOS_P11_Key.dat for reading."
_NO_CODE_KEY = "[ERROR] Could not open FreeRTOS_P11_CodeSignKey.dat for reading."
_NO_JITR = "[ERROR] Could not open (null) for reading."
_WRITE = "Write certificate...\r\n"
_DONE = "vDevModeKeyProvisioning returned 0x0\r\n"
_WAITING = "Waiting for 1 seconds before generating key-pair"
_HOST = "abc123-ats.iot.us-east-1.amazonaws.com"
_ALERT = (
    "ERROR: TLS handshake failed trying to connect. SSL - A fatal alert message was received from "
    "our peer : <No-Low-Level-Code> \r\n"
)
_JITR_NOT_STORED = (
    _NO_JITR,
    _WRITE,
    "[ERROR] Could not save object. Unable to find the correct file.",
    ("[ERROR] Failed to create certificate. Could not save the certificate to the PKCS #11 PAL."),
    (
        "Warning: no persistent storage is available for the JITP certificate. The certificate in "
        "aws_clientcredential_keys.h will be used instead.\r\n"
    ),
)
_IMPORTING = (_NO_CERTIFICATE, _NO_CODE_KEY, _NO_KEY, _NO_KEY, _NO_CERTIFICATE, _WRITE)
_ACCEPTED = (
    f"TLS connection established to {_HOST}\r\n",
    "[INFO] Packet received. ReceivedBytes=2.",
    "[INFO] CONNACK session present bit not set.",
    "[INFO] Connection accepted.",
    "[INFO] Received MQTT CONNACK successfully from broker.",
    "[INFO] MQTT connection established with the broker.",
    "MQTT CONNECT: MQTTSuccess\r\n",
    "[INFO] Packet received. ReceivedBytes=3.",
    "MQTT PUBLISH: MQTTSuccess\r\n",
    "[INFO] Packet received. ReceivedBytes=40.",
    "[INFO] De-serialized incoming PUBLISH packet: DeserializerResult=MQTTSuccess.",
    "Incoming Publish message on topic lab-device/example/topic: Hello World!\r\n",
    "[INFO] State record updated. New state=MQTTPublishDone.",
    "[INFO] Disconnected from the broker.",
    "Demo completed successfully.\r\n",
)
_PKCS11 = (
    "ERROR: The handshake failed and it is likely due to a failure in PKCS #11. Consider enabling "
    "error logging in PKCS #11 or checking if your device is properly provisioned with client "
    "credentials. PKCS #11 error=0x(0). TLS handshake error=SSL - A fatal alert message was"
)


def shown(name: str = "device") -> str:
    """Return a dump as a message: its header and rows."""
    return _DUMP + "\r\n".join(rows(key(name)))


def printed(*messages: str) -> bytes:
    """Return a boot: prefixes, CRLF, and lines cut at 191 characters, their line end too."""
    out = ""
    for number, message in enumerate(messages):
        line = f"{number} {number + 2} [iot_thread] {message}\r\n"
        out += line if message.startswith("Device public key") else line[:191]
    return out.encode()


def _failed(code: str, host: str = _HOST) -> str:
    return f"TLS_Connect fail ({code}, {host})\r\n"


def _five_rows() -> bytes:
    whole = printed(_NO_KEY, _NO_CERTIFICATE, _WAITING, _PRINTING, shown("five"))
    return b"\r\n".join(whole.split(b"\r\n")[:-2])


def _interleaved() -> bytes:
    """Return a dump of 202012.01 with another task's lines between and glued to its rows."""
    first, second, third, *rest = rows(key("busy"))
    return "\r\n".join(
        [
            "0 1 [ETHER_RECEI] Heap: current 233776 lowest 233248",
            f"1 6 [iot_thread] {_WARNING}2 6 [iot_thread] Device public key, 91 bytes:",
            first,
            f"{second}3 9 [ETHER_RECEI] Heap: current 233774 lowest 233248",
            "",
            third,
            "4 12 [ETHER_RECEI] Heap: current 233773 lowest 233248",
            *rest,
            "5 18 [iot_thread] vDevModeKeyProvisioning returned 0x0",
            *(
                f"{n} {3 * n} [ETHER_RECEI] Heap: current {233770 - n} lowest 233248"
                for n in range(6, 60)
            ),
        ]
    ).encode()


TRANSCRIPTS: dict[str, tuple[str, bytes]] = {
    "a key pair is made": (
        "ok",
        printed(_NO_KEY, _NO_CERTIFICATE, _WAITING, _PRINTING, shown(), _WARNING, _DONE),
    ),
    "accepted, with a just-in-time CA": (
        "ok",
        printed(_NO_CERTIFICATE, _WRITE, *_JITR_NOT_STORED, _PRINTING, shown(), _DONE, *_ACCEPTED),
    ),
    "accepted, with an imported RSA key": (
        "ok",
        printed(*_IMPORTING, _DONE, _NO_JITR, *_ACCEPTED),
    ),
    "the macro was left at 1": (
        "key-changed",
        printed(
            *(_NO_CERTIFICATE, _WRITE, *_JITR_NOT_STORED, _WAITING, _PRINTING, shown("new")),
            *(_WARNING, _DONE, _ALERT, _failed("0x7780")),
        ),
    ),
    "no certificate": (
        "no-certificate",
        printed(
            *(_NO_CERTIFICATE, _PRINTING, shown(), _WARNING, _DONE, _NO_CERTIFICATE, _PKCS11),
            _failed("0x7780"),
        ),
    ),
    "another endpoint's name": (
        "wrong-root-or-endpoint",
        printed(
            *(_NO_CERTIFICATE, _WRITE, _PRINTING, shown(), _DONE, _NO_JITR),
            "ERROR: TLS handshake failed trying to connect. X509 - Certificate verification "
            "failed, e.g. CRL, CA or signature check failed : <No-Low-Level-Code> \r\n",
            _failed("0x2700", "wrong-ats.iot.us-east-1.amazonaws.com"),
        ),
    ),
    "a public key as certificate": (
        "public-key-as-certificate",
        printed(
            *(_NO_CERTIFICATE, _WRITE, _PRINTING, shown(), _DONE, _PKCS11, _failed("0x7780")),
        ),
    ),
    "-force_pubkey forgotten": (
        "certificate-not-for-this-key",
        printed(
            *(_NO_CERTIFICATE, _WRITE, _PRINTING, shown(), _DONE, _NO_JITR, _ALERT),
            _failed("0x7780"),
        ),
    ),
    "a just-in-time CA without line ends": (
        "ca-literal-damaged",
        printed(
            *(_NO_CERTIFICATE, _WRITE, *_JITR_NOT_STORED, _PRINTING, shown(), _DONE, _PKCS11),
            _failed("0x7780"),
        ),
    ),
    "a private key without line ends": (
        "key-literal-damaged",
        printed(
            *(*_IMPORTING, "Unable to parse private key.\r\n"),
            "ERROR: Failed to provision device private key with status 7.\r\n",
            "vDevModeKeyProvisioning returned 0x7\r\n",
            *(_NO_KEY, "ERROR: Private key not found. ", _PKCS11, _failed("0x7780")),
        ),
    ),
    "a log queue that was full": ("rows-lost", _five_rows()),
    "202012.01, provisioned": (
        "ok",
        printed(_WARNING, "Device public key, 91 bytes:\r\n" + "\r\n".join(rows(key())), _DONE),
    ),
    "202012.01, with a busy task": ("ok", _interleaved()),
}
"""What real code printed, by what was done to it, with the best cause from the console alone."""

HEALTHY = {name: log for name, (cause, log) in TRANSCRIPTS.items() if cause == "ok"}
