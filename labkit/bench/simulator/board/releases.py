"""What the releases print: their log lines' shape, their texts, and their habits.

The program that a board runs says *what* happens ("certificate written"); a release says how that
reads on its console, and whether it reads at all. Texts and order are those of real firmware.

Source: Amazon FreeRTOS 201910.00 and 202203.00: `aws_dev_mode_key_provisioning.c`, `iot_tls.c`,
the MQTT demos and libraries; consoles of the unmodified provisioning code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["RELEASES", "Release"]

_TASK = "iot_thread"

_LONGEST_LINE = 191
"""configLOGGING_MAX_MESSAGE_LENGTH less the terminating zero; what is longer is cut, CRLF too."""

_GETTING_STARTED = "https://aws.amazon.com/freertos/getting-started/"


@dataclass(frozen=True, slots=True)
class Release:
    """A firmware release as seen from its console.

    Attributes:
        name: such as "202203.00".
        texts: for each thing that can happen the lines it prints, with {fields}.
        ends_lines: the log task appends CRLF to each message and cuts what does not fit.
        dumps_every_boot: the public key is shown at every boot at which no key was imported, and
            before the warning; else only with the warning, after it.
        waits: there is a delay before a key pair is generated.
        connects_without_credentials: a handshake is tried even where key or certificate are
            missing.
    """

    name: str
    texts: dict[str, tuple[str, ...]]
    ends_lines: bool
    dumps_every_boot: bool
    waits: bool
    connects_without_credentials: bool

    def lines(self, event: str, **fields: object) -> list[str]:
        """Return the messages that an event prints; none where the release says nothing."""
        return [text.format(**fields) for text in self.texts.get(event, ())]

    def frame(self, number: int, tick: int, message: str) -> bytes:
        """Return a message as it goes over the wire, with its prefix."""
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
"""What both releases say in the same words."""

_SINGLE_BYTE = "[ERROR] A single byte was not read from the transport: transportStatus=-{code}."

_DEMO_FAILED = ("[INFO] Demo failed at iteration 1.", "Error running demo.\r\n")

_202203 = Release(
    name="202203.00",
    ends_lines=True,
    dumps_every_boot=True,
    waits=True,
    connects_without_credentials=True,
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
        "connect unanswered": (
            "[ERROR] CONNACK recv failed with status = MQTTNoDataAvailable.",
            "[ERROR] MQTT connection failed with status = MQTTNoDataAvailable.",
            "MQTT CONNECT: MQTTNoDataAvailable\r\n",
            *_DEMO_FAILED,
        ),
        "connect refused": (
            "[ERROR] CONNACK recv failed with status = MQTTServerRefused.",
            "[ERROR] MQTT connection failed with status = MQTTServerRefused.",
            "MQTT CONNECT: MQTTServerRefused\r\n",
            *_DEMO_FAILED,
        ),
        "subscribe refused": (
            "[WARN] Topic filter refused.",
            "MQTT SUBSCRIBE: MQTTServerRefused\r\n",
            *_DEMO_FAILED,
        ),
        "subscribe lost": (_SINGLE_BYTE, "MQTT SUBSCRIBE: MQTTRecvFailed\r\n", *_DEMO_FAILED),
        "subscribe unanswered": ("MQTT SUBSCRIBE: MQTTNoDataAvailable\r\n", *_DEMO_FAILED),
        "publish sent": ("MQTT PUBLISH: MQTTSuccess\r\n",),
        "publish lost": (
            _SINGLE_BYTE,
            (
                "[ERROR] MQTT_ProcessLoop failed to receive packet: Packet type=30, "
                "LoopDuration=700, Status=MQTTRecvFailed"
            ),
            *_DEMO_FAILED,
        ),
        "publish unanswered": (
            (
                "[ERROR] MQTT_ProcessLoop failed to receive packet: Packet type=30, "
                "LoopDuration=21000, Status=MQTTSuccess"
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
"""Addresses are where this board's heap happens to be: the same at every boot."""

_CONNECT_WAIT = f"{_CONNECTION}, CONNECT operation 0x3ffdcc00)"


def _connect_ended(result: str) -> tuple[str, ...]:
    """Return what 201910 prints when CONNECT came to nothing."""
    return (
        *_log("ERROR", "MQTT", f"Failed to establish new MQTT connection, error {result}."),
        *_log("ERROR", "DEMO", f"MQTT CONNECT returned error {result}."),
        *_log("INFO", "MQTT", "MQTT library cleanup done."),
        *_log("ERROR", "DEMO", "Error running demo."),
        *_log("INFO", "DEMO", "-------DEMO FINISHED-------\n"),
    )


_NOT_CONNECTED = (
    *_log("ERROR", "NET", "Failed to establish new connection."),
    *_connect_ended("NETWORK ERROR"),
)

_CONNECTION_LOST = (
    *_log("ERROR", "NET", "Error -{code} while receiving data."),
    *_log("ERROR", "MQTT", f"{_CONNECTION}) Error processing incoming data. Closing connection."),
    *_log("INFO", "MQTT", f"{_CONNECTION}) Network connection closed."),
)

_201910 = Release(
    name="201910.00",
    ends_lines=False,
    dumps_every_boot=False,
    waits=False,
    connects_without_credentials=False,
    texts=_PROVISIONING
    | {
        "demo started": (
            *_log("INFO", "DEMO", "---------STARTING DEMO---------\n"),
            *_log("INFO", "INIT", "SDK successfully initialized."),
            *_log(
                "INFO", "DEMO", "Successfully initialized the demo. Network type for the demo: 1"
            ),
            *_log("INFO", "MQTT", "MQTT library successfully initialized."),
            *_log("INFO", "DEMO", "MQTT demo client identifier is {thing} (length {length})."),
            *_log("INFO", "MQTT", "Establishing new MQTT connection."),
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
        "connect lost": (
            *_CONNECTION_LOST,
            *_log("INFO", "MQTT", f"{_CONNECT_WAIT} Wait complete with result TIMEOUT."),
            *_connect_ended("TIMEOUT"),
        ),
        "connect unanswered": (
            *_log("INFO", "MQTT", f"{_CONNECT_WAIT} Wait complete with result TIMEOUT."),
            *_connect_ended("TIMEOUT"),
        ),
        "connect refused": (
            *_log("INFO", "MQTT", f"{_CONNECT_WAIT} Wait complete with result SERVER REFUSED."),
            *_connect_ended("SERVER REFUSED"),
        ),
        "subscribed": _log("INFO", "DEMO", "All demo topic filter subscriptions accepted."),
        "subscribe refused": _log(
            "ERROR", "DEMO", "Topic filter {topic} was rejected.", "Error running demo."
        ),
        "subscribe lost": (*_CONNECTION_LOST, *_log("ERROR", "DEMO", "Error running demo.")),
        "subscribe unanswered": _log("ERROR", "DEMO", "Error running demo."),
        "publishing": _log("INFO", "DEMO", "Publishing messages 0 to 0."),
        "publish sent": _log("INFO", "DEMO", "MQTT PUBLISH 0 successfully sent."),
        "publish lost": (
            *_CONNECTION_LOST,
            *_log("ERROR", "DEMO", "MQTT PUBLISH 0 could not be sent. Error TIMEOUT."),
            *_log("ERROR", "DEMO", "Error running demo."),
        ),
        "publish unanswered": _log(
            "ERROR",
            "DEMO",
            "Timed out waiting for incoming PUBLISH messages.",
            "Error running demo.",
        ),
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
        "disconnected": (
            *_log("INFO", "MQTT", f"{_CONNECTION}) Disconnecting connection."),
            *_log("INFO", "MQTT", f"{_CONNECTION}) Network connection closed."),
            *_log("INFO", "MQTT", "MQTT library cleanup done."),
        ),
        "completed": (
            *_log("INFO", "DEMO", "Demo completed successfully."),
            *_log("INFO", "DEMO", "-------DEMO FINISHED-------\n"),
        ),
    },
)

RELEASES: Final = {release.name: release for release in (_201910, _202203)}
"""The releases that a board can run, by name."""
