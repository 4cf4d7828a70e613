"""The console texts that tests of the simulated board expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from board_bench import ENDPOINT, THING, BareBoard, image

from labkit.bench.simulator.board.provisioning import load_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

# Console text as `shape` makes it: T for ticks, \r shown, the six rows of a dump as one line.
NO_KEY = r"[ERROR] Could not open FreeRTOS_P11_Key.dat for reading.\r"
NO_CERTIFICATE = r"[ERROR] Could not open FreeRTOS_P11_Certificate.dat for reading.\r"
NO_CODE_SIGN_KEY = r"[ERROR] Could not open FreeRTOS_P11_CodeSignKey.dat for reading.\r"
NO_JITR = r"[ERROR] Could not open (null) for reading.\r"
WRITE = "Write certificate...\\r\n\\r"
SHOWING = (
    "Printing device public key.\n"
    r"Make sure that provisioned device certificate matches public key on device.\r"
)
DUMP = "Device public key, 91 bytes:\\r\n\\r\n<key rows>\\r"
WARNING = (
    "Warning: the client certificate should be updated. Please see "
    "https://aws.amazon.com/freertos/getting-started/.\\r\n\\r"
)
JITR_NOT_STORED = (
    NO_JITR,
    WRITE,
    r"[ERROR] Could not save object. Unable to find the correct file.\r",
    r"[ERROR] Failed to create certificate. Could not save the certificate to the PKCS #11 PAL.\r",
    (
        "Warning: no persistent storage is available for the JITP certificate. The certificate in "
        "aws_clientcredential_keys.h will be used instead.\\r\n\\r"
    ),
)
WAITING = r"Waiting for 180 seconds before generating key-pair\r"
IMPORTING = (NO_CERTIFICATE, NO_CODE_SIGN_KEY, NO_KEY, NO_KEY, NO_CERTIFICATE, WRITE)
CONNECTED = f"TLS connection established to {ENDPOINT}\\r\n\\r"
ACCEPTED = (
    CONNECTED,
    r"[INFO] Packet received. ReceivedBytes=2.\r",
    r"[INFO] CONNACK session present bit not set.\r",
    r"[INFO] Connection accepted.\r",
    r"[INFO] Received MQTT CONNACK successfully from broker.\r",
    r"[INFO] MQTT connection established with the broker.\r",
    "MQTT CONNECT: MQTTSuccess\\r\n\\r",
    r"[INFO] Packet received. ReceivedBytes=3.\r",
    "MQTT PUBLISH: MQTTSuccess\\r\n\\r",
    r"[INFO] Packet received. ReceivedBytes=40.\r",
    r"[INFO] De-serialized incoming PUBLISH packet: DeserializerResult=MQTTSuccess.\r",
    r"[INFO] State record updated. New state=MQTTPubAckSend.\r",
    f"Incoming Publish message on topic {THING}/example/topic: Hello World!\\r\n\\r",
    r"[INFO] Packet received. ReceivedBytes=2.\r",
    r"[INFO] Ack packet deserialized with result: MQTTSuccess.\r",
    r"[INFO] State record updated. New state=MQTTPublishDone.\r",
    r"[INFO] Disconnected from the broker.\r",
    "Demo completed successfully.\\r\n\\r",
)
ALERT = "SSL - A fatal alert message was received from our peer"
NOT_TRUSTED = "X509 - Certificate verification failed, e.g. CRL, CA or signature check failed"
END_OF_FILE = "SSL - The connection indicated an EOF"


def returned(status: int) -> str:
    """Return the line that ends provisioning."""
    return f"vDevModeKeyProvisioning returned 0x{status:x}\\r\n\\r"


def handshake_failed(code: int, text: str, host: str = ENDPOINT) -> tuple[str, str]:
    """Return the two lines of a refused handshake."""
    return (
        f"ERROR: TLS handshake failed trying to connect. {text} : <No-Low-Level-Code> \\r\n\\r",
        f"TLS_Connect fail (0x{code:x}, {host})\\r\n\\r",
    )


def console(*messages: str) -> str:
    """Return the console text of numbered messages."""
    return "".join(f"{n} T [iot_thread] {message}\n" for n, message in enumerate(messages))


def ends_in_pkcs11(printed: bytes, code: int = 0x7780) -> bool:
    """Say whether the long line about PKCS #11 was cut at 191 characters and glued to the next."""
    *_, last, _, _ = printed.decode().split("\r\n")
    cut, glued = last[:191], last[191:]
    return (
        "ERROR: The handshake failed and it is likely due to a failure in PKCS #11." in cut
        and glued.endswith(f"[iot_thread] TLS_Connect fail (0x{code:x}, {ENDPOINT})")
        and glued[0].isdigit()
    )


def with_key(board: BareBoard) -> ec.EllipticCurvePublicKey:
    """Let the board make its key pair, and return the public key."""
    board.boot(image(endpoint=""))
    return load_key(board.flash.read().private_key).public_key()
