"""What the releases print: the form of their log lines, their texts, and their behaviour.

A board's program reports events ("certificate written"); a release defines their text on the
console, or prints nothing. Texts and order are those of real firmware.

Source: Amazon FreeRTOS 201910.00 and 202203.00: `aws_dev_mode_key_provisioning.c`, `iot_tls.c`,
the MQTT demos and libraries; consoles of the unmodified provisioning code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_TASK = "iot_thread"

_LONGEST_LINE = 191
"""configLOGGING_MAX_MESSAGE_LENGTH without the terminating zero; longer lines lose their end."""

_GETTING_STARTED = "https://aws.amazon.com/freertos/getting-started/"


@dataclass(frozen=True, slots=True)
class Release:
    """A firmware release and its console.

    Attributes:
        name: such as "202203.00".
        texts: the lines that each event prints, with {fields}.
        ends_lines: the log task appends CRLF to each message and cuts it to the maximum length.
        dumps_every_boot: the public key is printed at every boot without a key import, before
            the warning; otherwise only with the warning, after it.
        waits: there is a delay before a key pair is generated.
        connects_without_credentials: it tries a handshake even without key or certificate.
        publishes_in_bursts: the demo is that of 201906.00 to 202007.00.
        notices_loss_after_ms: how long the MQTT library waits for an answer when the server has
            closed the connection.
    """

    name: str
    texts: dict[str, tuple[str, ...]]
    ends_lines: bool
    dumps_every_boot: bool
    waits: bool
    connects_without_credentials: bool
    publishes_in_bursts: bool
    notices_loss_after_ms: int = 0

    def lines(self, event: str, **fields: object) -> list[str]:
        """Return the messages that an event prints."""
        return [text.format(**fields) for text in self.texts.get(event, ())]

    def frame(self, number: int, tick: int, message: str) -> bytes:
        """Return a message with its prefix, as it is sent."""
        text = f"{number} {tick} [{_TASK}] {message}"
        if not self.ends_lines:
            return text.encode("utf-8", "replace")
        return (text + "\r\n").encode("utf-8", "replace")[:_LONGEST_LINE]


_PROVISIONING: Final[dict[str, tuple[str, ...]]] = {
    "certificate written": ("Write certificate...\r\n",),
    "certificate refused": ("ERROR: Failed to provision device certificate. {status} \r\n",),
    "key unreadable": ("Unable to parse private key.\r\n",),
    "rsa key too long": ("Failed to parse RSA private key components. \r\n",),
    "rsa crt too long": (
        "Failed to parse RSA private key Chinese Remainder Theorem variables. \r\n",
    ),
    "key refused": ("ERROR: Failed to provision device private key with status {status}.\r\n",),
    "no storage for jitr": (
        (
            "Warning: no persistent storage is available for the JITP certificate. The "
            "certificate in aws_clientcredential_keys.h will be used instead.\r\n"
        ),
    ),
    "dump": ("Device public key, {size} bytes:\r\n",),
    "certificate outdated": (
        "Warning: the client certificate should be updated. Please see "
        + _GETTING_STARTED
        + ".\r\n",
    ),
    "provisioned": ("vDevModeKeyProvisioning returned 0x{status:x}\r\n",),
}
"""The same texts in both releases."""

_SINGLE_BYTE = "[ERROR] A single byte was not read from the transport: transportStatus=-{code}."

_DEMO_FAILED = ("[INFO] Demo failed at iteration 1.", "Error running demo.\r\n")

_202203 = Release(
    name="202203.00",
    ends_lines=True,
    dumps_every_boot=True,
    waits=True,
    connects_without_credentials=True,
    publishes_in_bursts=False,
    texts=_PROVISIONING
    | {
        "no key file": ("[ERROR] Could not open FreeRTOS_P11_Key.dat for reading.",),
        "no certificate file": (
            "[ERROR] Could not open FreeRTOS_P11_Certificate.dat for reading.",
        ),
        "no code signing file": (
            "[ERROR] Could not open FreeRTOS_P11_CodeSignKey.dat for reading.",
        ),
        "no jitr file": ("[ERROR] Could not open (null) for reading.",),
        "jitr not saved": (
            "[ERROR] Could not save object. Unable to find the correct file.",
            (
                "[ERROR] Failed to create certificate. Could not save the certificate to the "
                "PKCS #11 PAL."
            ),
        ),
        "waiting": ("Waiting for {seconds} seconds before generating key-pair",),
        "showing key": (
            (
                "Printing device public key.\nMake sure that provisioned device certificate "
                "matches public key on device."
            ),
        ),
        "not resolved": ("Failed to resolve {host}.\r\n",),
        "not reached": (
            "[ERROR] Failed to establish new connection. secureSocketStatus=-1.",
            *_DEMO_FAILED,
        ),
        "no private key": ("ERROR: Private key not found. ",),
        "credentials failed": (
            (
                "ERROR: The handshake failed and it is likely due to a failure in PKCS #11. "
                "Consider enabling error logging in PKCS #11 or checking if your device is "
                "properly provisioned with client credentials. PKCS #11 error=0x({pkcs11:X}). "
                "TLS handshake error={text} \r\n"
            ),
        ),
        "handshake failed": ("ERROR: TLS handshake failed trying to connect. {text} \r\n",),
        "tls failed": ("TLS_Connect fail (0x{code:x}, {host})\r\n",),
        "tls connected": ("TLS connection established to {host}\r\n",),
        "packet": ("[INFO] Packet received. ReceivedBytes={size}.",),
        "mqtt connected": (
            "[INFO] CONNACK session present bit not set.",
            "[INFO] Connection accepted.",
            "[INFO] Received MQTT CONNACK successfully from broker.",
            "[INFO] MQTT connection established with the broker.",
            "MQTT CONNECT: MQTTSuccess\r\n",
        ),
        "connect lost": (
            _SINGLE_BYTE,
            "[ERROR] CONNACK recv failed with status = MQTTRecvFailed.",
            "[ERROR] MQTT connection failed with status = MQTTRecvFailed.",
            "MQTT CONNECT: MQTTRecvFailed\r\n",
            *_DEMO_FAILED,
        ),
        "subscribe refused": (
            "[WARN] Topic filter refused.",
            "MQTT SUBSCRIBE: MQTTServerRefused\r\n",
            *_DEMO_FAILED,
        ),
        "subscribe lost": (_SINGLE_BYTE, "MQTT SUBSCRIBE: MQTTRecvFailed\r\n", *_DEMO_FAILED),
        "publish sent": ("MQTT PUBLISH: MQTTSuccess\r\n",),
        "publish lost": (
            _SINGLE_BYTE,
            (
                "[ERROR] MQTT_ProcessLoop failed to receive packet: Packet type=30, "
                "LoopDuration=700, Status=MQTTRecvFailed"
            ),
            *_DEMO_FAILED,
        ),
        "message": (
            "[INFO] De-serialized incoming PUBLISH packet: DeserializerResult=MQTTSuccess.",
            "[INFO] State record updated. New state=MQTTPubAckSend.",
            "Incoming Publish message on topic {topic}: {payload}\r\n",
        ),
        "acknowledged": (
            "[INFO] Ack packet deserialized with result: MQTTSuccess.",
            "[INFO] State record updated. New state=MQTTPublishDone.",
        ),
        "disconnected": ("[INFO] Disconnected from the broker.",),
        "completed": ("Demo completed successfully.\r\n",),
    },
)


def _log(level: str, library: str, *messages: str) -> tuple[str, ...]:
    """Return 201910's library log lines; its C library prints `lu` for a 64-bit timestamp."""
    return tuple(f"[{level:5}][{library}][lu] {message}\r\n" for message in messages)


_CONNECTION = "(MQTT connection 0x3ffdcb50"
"""Addresses of this board's heap, the same at every boot."""

_CONNECT_WAIT = f"{_CONNECTION}, CONNECT operation 0x3ffdcc00)"


_CLOSED_ON_ERROR = (
    *_log("INFO", "MQTT", "Network connection closed on error."),
    *_log("INFO", "MQTT", f"{_CONNECTION}) Network connection destroyed."),
)

_CLEANED_UP = _log("INFO", "MQTT", "MQTT library cleanup done.")

_FINISHED = (
    *_log("INFO", "INIT", "SDK cleanup done."),
    *_log("INFO", "DEMO", "-------DEMO FINISHED-------\n"),
)

_FAILED = (*_log("ERROR", "DEMO", "Error running demo."), *_FINISHED)


def _operation(name: str) -> tuple[str, str]:
    """Return what 201910 prints when an operation starts, and before its result."""
    where = f"{_CONNECTION}, {name} operation 0x3ffdcc38)"
    return f"{where} Waiting for operation completion.", f"{where} Wait complete with result"


_SUBSCRIBE_WAITS, _SUBSCRIBE_RESULT = _operation("SUBSCRIBE")
_UNSUBSCRIBE_WAITS, _UNSUBSCRIBE_RESULT = _operation("UNSUBSCRIBE")
_DISCONNECT_WAITS, _DISCONNECT_RESULT = _operation("DISCONNECT")

_DISCONNECTED = (
    *_log(
        "INFO",
        "MQTT",
        f"{_CONNECTION}) Disconnecting connection.",
        _DISCONNECT_WAITS,
        f"{_DISCONNECT_RESULT} SUCCESS.",
        f"{_CONNECTION}) Connection disconnected.",
        f"{_CONNECTION}) Network connection closed.",
        f"{_CONNECTION}) Network connection destroyed.",
    ),
    *_CLEANED_UP,
)
"""The same if the server has closed the connection: a socket accepts one more packet."""


def _connect_ended(result: str) -> tuple[str, ...]:
    """Return what 201910 prints when CONNECT fails."""
    return (
        *_log("ERROR", "MQTT", f"Failed to establish new MQTT connection, error {result}."),
        *(_CLOSED_ON_ERROR if result != "NETWORK ERROR" else ()),
        *_log("ERROR", "DEMO", f"MQTT CONNECT returned error {result}."),
        *_CLEANED_UP,
        *_FAILED,
    )


_NOT_CONNECTED = (
    *_log("ERROR", "NET", "Failed to establish new connection."),
    *_connect_ended("NETWORK ERROR"),
)

_CONNECT_TIMEOUT = (
    *_log("INFO", "MQTT", f"{_CONNECT_WAIT} Wait complete with result TIMEOUT."),
    *_connect_ended("TIMEOUT"),
)

_SUBSCRIBE_TIMEOUT = (
    *_log("INFO", "MQTT", f"{_SUBSCRIBE_RESULT} TIMEOUT."),
    *_DISCONNECTED,
    *_FAILED,
)

_UNSUBSCRIBE_TIMEOUT = (
    *_log("INFO", "MQTT", f"{_UNSUBSCRIBE_RESULT} TIMEOUT."),
    *_DISCONNECTED,
    *_FAILED,
)

_PUBLISH_TIMEOUT = (
    *_log(
        "ERROR",
        "DEMO",
        "Timed out waiting for incoming PUBLISH messages.",
    ),
    *_log("INFO", "DEMO", "0 publishes received."),
    *_DISCONNECTED,
    *_FAILED,
)

_201910 = Release(
    name="201910.00",
    ends_lines=False,
    dumps_every_boot=False,
    waits=False,
    connects_without_credentials=False,
    publishes_in_bursts=True,
    notices_loss_after_ms=5000,
    texts=_PROVISIONING
    | {
        "demo started": (
            *_log("INFO", "DEMO", "---------STARTING DEMO---------\n"),
            *_log("INFO", "INIT", "SDK successfully initialized."),
            *_log(
                "INFO", "DEMO", "Successfully initialized the demo. Network type for the demo: 1"
            ),
            *_log("INFO", "MQTT", "MQTT library successfully initialized."),
            *_log("INFO", "DEMO", "MQTT demo client identifier is {client} (length {length})."),
        ),
        "not resolved": (
            *_log("ERROR", "NET", "Failed to resolve {host}."),
            *_connect_ended("NETWORK ERROR"),
        ),
        "not reached": _NOT_CONNECTED,
        "no private key": ("ERROR: Private key not found. ",),
        "credentials failed": ("ERROR: TLS_Connect failed with error code {pkcs11} \r\n",),
        "handshake failed": ("ERROR: Handshake failed with error code -{code} \r\n",),
        "tls failed": ("TLS_Connect fail (0x{code:x}, {host})\n", *_NOT_CONNECTED),
        "connecting": (
            *_log(
                "INFO",
                "MQTT",
                "Establishing new MQTT connection.",
                "Anonymous metrics (SDK language, SDK version) will be provided to AWS IoT. "
                "Recompile with AWS_IOT_MQTT_ENABLE_METRICS set to 0 to disable.",
                f"{_CONNECT_WAIT} Waiting for operation completion.",
            ),
        ),
        "mqtt connected": _log(
            "INFO",
            "MQTT",
            f"{_CONNECT_WAIT} Wait complete with result SUCCESS.",
            "New MQTT connection 0x3ffdcb50 established.",
        ),
        "connect lost": _CONNECT_TIMEOUT,
        "subscribing": _log(
            "INFO", "MQTT", f"{_CONNECTION}) SUBSCRIBE operation scheduled.", _SUBSCRIBE_WAITS
        ),
        "subscribed": (
            *_log("INFO", "MQTT", f"{_SUBSCRIBE_RESULT} SUCCESS."),
            *_log("INFO", "DEMO", "All demo topic filter subscriptions accepted."),
        ),
        "subscribe refused": (
            *_log("INFO", "MQTT", f"{_SUBSCRIBE_RESULT} SERVER REFUSED."),
            *_log("ERROR", "DEMO", "Topic filter {topic} was rejected."),
            *_DISCONNECTED,
            *_FAILED,
        ),
        "subscribe lost": _SUBSCRIBE_TIMEOUT,
        "publishing": _log("INFO", "DEMO", "Publishing messages {first} to {last}."),
        "publish queued": _log("INFO", "MQTT", f"{_CONNECTION}) MQTT PUBLISH operation queued."),
        "publishes awaited": _log("INFO", "DEMO", "Waiting for {count} publishes to be received."),
        "publish sent": _log("INFO", "DEMO", "MQTT PUBLISH {number} successfully sent."),
        "publish lost": _PUBLISH_TIMEOUT,
        "message": _log(
            "INFO",
            "DEMO",
            "Incoming PUBLISH received:\r\n"
            "Subscription topic filter: {topic}\r\n"
            "Publish topic name: {topic}\r\n"
            "Publish retain flag: 0\r\n"
            "Publish QoS: 1\r\n"
            "Publish payload: {payload}",
        ),
        "acknowledging": _log(
            "INFO", "DEMO", "Acknowledgment message for PUBLISH {number} will be sent."
        ),
        "publishes received": _log("INFO", "DEMO", "{count} publishes received."),
        "unsubscribing": _log(
            "INFO", "MQTT", f"{_CONNECTION}) UNSUBSCRIBE operation scheduled.", _UNSUBSCRIBE_WAITS
        ),
        "unsubscribed": _log("INFO", "MQTT", f"{_UNSUBSCRIBE_RESULT} SUCCESS."),
        "unsubscribe lost": _UNSUBSCRIBE_TIMEOUT,
        "disconnected": _DISCONNECTED,
        "completed": (*_log("INFO", "DEMO", "Demo completed successfully."), *_FINISHED),
    },
)

RELEASES: Final = {release.name: release for release in (_201910, _202203)}
"""The releases that a board can run, by name."""
