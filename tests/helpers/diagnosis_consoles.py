"""Consoles in the shapes of older releases, written by hand, and what decides between causes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import diagnosis_cases as cases
from board_bench import ENDPOINT, Authority
from console_shapes import PRINTING, WAITING, WARNING, key
from diagnosis_cases import (
    ALERT_1_4,
    ALERT_202012,
    account,
    dump,
    headers,
    of_1_4,
    of_202012,
    on_one_line,
)

from labkit.diagnosis import Evidence

UNTRUSTED = "X509 - Certificate verification failed, e.g. CRL, CA or signature check failed"
CREATING = f"INFO: Creating a TLS connection to {ENDPOINT}:8883."
NOT_CONNECTED = "ERROR: Failed to establish new connection. secureSocketStatus=-1."
WRITE = "Write certificate..."
PKCS11 = (
    "ERROR: The handshake failed and it is likely due to a failure in PKCS #11. Consider enabling "
    "error logging in PKCS #11 or checking if your device is properly provisioned wi"
)
_OPERATION = "(MQTT connection 0x20000f40, CONNECT operation 0x200010c8)"
CONNECT_TIMEOUT = (
    f"[INFO ][MQTT][94747] {_OPERATION} Waiting for operation completion.",
    "[ERROR][MQTT][94748] No data could be read from the socket. Returned -30848.",
    f"[INFO ][MQTT][94760] {_OPERATION} Wait complete with result TIMEOUT.",
    "[ERROR][MQTT][94772] Failed to establish new MQTT connection, error TIMEOUT.",
)
PLAIN_DUMP = of_202012(WARNING, dump(), "vDevModeKeyProvisioning returned 0x0")
ROWS_LOST = "\r\n".join(PLAIN_DUMP.split("\r\n")[:4])


def retried(endpoint: str) -> tuple[str, ...]:
    """Return what 202012.00 and later print of a name that does not resolve."""
    return (
        f"[INFO] Creating a TLS connection to {endpoint}:8883.",
        f"[ERROR] Failed to connect to server: DNS resolution failed: Server={endpoint}.",
        "[WARN] Connection to the broker failed. Attempting connection retry after backoff delay.",
        "[INFO] Retry attempt 2 out of maximum retry attempts 5.",
    )


BY_HAND: tuple[tuple[str, str, str], ...] = (
    ("ok", "202012", PLAIN_DUMP),
    ("ok", "1.4", of_1_4("Key provisioning done...", "MQTT echo connected.", "Echo successful.")),
    ("key-changed", "202107", of_202012(WRITE, WAITING, PRINTING, dump(), WARNING, *ALERT_202012)),
    ("key-changed", "202012", of_202012(WRITE, WARNING, dump(), *ALERT_202012)),
    ("certificate-not-for-this-key", "202012", of_202012(WRITE, *ALERT_202012)),
    ("certificate-not-for-this-key", "1.4", of_1_4(*ALERT_1_4)),
    (
        "no-certificate",
        "202107",
        of_202012(PRINTING, dump(), WARNING, PKCS11, f"TLS_Connect fail (0x7780, {ENDPOINT})"),
    ),
    (
        "no-certificate",
        "201910",
        of_1_4("ERROR: TLS_Connect failed with error code 130 ", "TLS_Connect fail (0x7d1, x)"),
    ),
    (
        "transport",
        "202203, no name server",
        of_202012(
            WRITE, f"Unable to resolve ({ENDPOINT}) within (20l) seconds", *retried(ENDPOINT)
        ),
    ),
    ("wrong-root-or-endpoint", "202203, a typing error", of_202012(WRITE, *retried("no.where"))),
    (
        "wrong-root-or-endpoint",
        "202203, a long name",
        of_202012(WRITE, "Host name (not.here) too long!"),
    ),
    (
        "endpoint-empty",
        "202203",
        of_202012(WRITE, "[ERROR] Parameter check failed: hostNameLength must be greater than 0."),
    ),
    ("storage-failed", "1.4, certificate", of_1_4("Failed to provision certificate 48 ")),
    ("key-literal-damaged", "1.4, key", of_1_4("Failed to provision private key 7 ")),
    (
        "no-policy",
        "202203, Option 2 with its CA's certificate",
        of_202012(
            WRITE,
            "Warning: no persistent storage is available for the JITP certificate. The certificate "
            "in aws_clientcredential_keys.h will be used instead.",
            "[INFO] Creating an MQTT connection to x.",
            "[ERROR] Failed to receive data over network. bytesReceived=-30848",
        ),
    ),
    (
        "public-key-as-certificate",
        "202107",
        of_202012(WRITE, PRINTING, dump(), PKCS11, f"TLS_Connect fail (0x7780, {ENDPOINT})"),
    ),
    (
        "certificate-damaged",
        "202012",
        of_202012("ERROR: Failed to provision device certificate. 7 "),
    ),
    ("placeholder-text", "202012", of_202012("ERROR: Failed to provision device certificate. 19 ")),
    (
        "key-literal-damaged",
        "202012",
        of_202012(
            "Unable to parse private key.",
            "ERROR: Failed to provision device private key with status 7.",
        ),
    ),
    (
        "unsupported-key",
        "1.4",
        of_1_4(
            "Failed to parse RSA private key components. ",
            "ERROR: Failed to provision device private key with status 19.",
        ),
    ),
    (
        "private-key-missing",
        "202012",
        of_202012("ERROR: Private key not found. ", *ALERT_202012[1:]),
    ),
    ("private-key-missing", "201910", of_1_4("TLS_Connect fail (0x7d4, x)")),
    (
        "storage-failed",
        "202012",
        of_202012(
            WRITE,
            "ERROR: Failed to create certificate. Could not save the certificate to the PKCS #11 "
            "PAL.",
            "ERROR: Failed to provision device certificate. 49 ",
            "ERROR: Private key not found. ",
        ),
    ),
    (
        "storage-failed",
        "201910",
        of_1_4(WRITE, "ERROR: Failed to provision device certificate. 48 "),
    ),
    (
        "storage-failed",
        "202203",
        of_1_4(WRITE, "ERROR: Failed to provision device private key with status 49."),
    ),
    (
        "wrong-root-or-endpoint",
        "202012",
        of_202012(
            CREATING,
            f"ERROR: Handshake failed with error code {UNTRUSTED} : <No-Low-Level-Code> ",
            "TLS_Connect fail (0x2700, NULL)",
            NOT_CONNECTED,
        ),
    ),
    ("wrong-root-or-endpoint", "1.4", of_1_4("ERROR: Handshake failed with error code -9984 ")),
    (
        "wrong-root-or-endpoint",
        "202012, a name that no account has",
        of_202012("Failed to resolve broker.example.com."),
    ),
    ("endpoint-empty", "202012", of_202012("ERROR: Failed to resolve .", NOT_CONNECTED)),
    ("server-closed-handshake", "1.4", of_1_4("ERROR: Handshake failed with error code -29312 ")),
    (
        "server-closed-handshake",
        "202012",
        of_202012(
            "ERROR: Handshake failed with error code SSL - The connection indicated an EOF",
            "TLS_Connect fail (0x7280, NULL)",
            NOT_CONNECTED,
        ),
    ),
    ("jit-first-connection", "201906", of_1_4(*CONNECT_TIMEOUT)),
    ("jit-first-connection", "201906, no code", of_1_4(CONNECT_TIMEOUT[0], *CONNECT_TIMEOUT[2:])),
    (
        "policy-denies",
        "202012",
        of_202012(
            "INFO: MQTT connection successfully established with broker.",
            "ERROR: MQTT SUBSCRIBE: MQTTServerRefused",
        ),
    ),
    (
        "rows-lost",
        "202012",
        ROWS_LOST,
    ),
    ("generation-delay", "202107", of_202012(WRITE, WAITING)),
    ("generation-delay", "202203", of_1_4("Could not open x_Key.dat for reading.", WAITING)),
    ("generation-delay", "202107, in a second boot", PLAIN_DUMP + of_202012(WRITE, WAITING)),
    (
        "transport",
        "202012",
        of_202012(
            "ERROR: Handshake failed with error code <No-High-Level-Code> : AES - Invalid key "
            "length",
            "TLS_Connect fail (0x20, NULL)",
            NOT_CONNECTED,
        ),
    ),
    ("transport", "202012, no connection", of_202012(CREATING, NOT_CONNECTED)),
    ("transport", "1.4, no Wi-Fi", of_1_4("WiFi failed to connect to AP lab.")),
    ("transport", "202012, no name service", of_202012(f"Failed to resolve {ENDPOINT}.")),
    (
        "clock-wrong",
        "202203",
        of_202012("ERROR: verify: The certificate validity starts in the future"),
    ),
    ("clock-wrong", "1.4", of_1_4("ERROR: The certificate validity has expired")),
    ("unknown", "1.4", of_1_4("Hello", "All is quiet.")),
    ("unknown", "no prefix", "U-Boot 2021.01\r\nHit any key to stop autoboot\r\n"),
    (
        "unknown",
        "202012, another code",
        of_202012(CREATING, "TLS_Connect fail (0x7f00, NULL)", NOT_CONNECTED),
    ),
)

LATER = cases.NOW + timedelta(days=200)
AUTHORITY = Authority()
CERTIFICATE = AUTHORITY.issue(key("device").load())
ALERT_LOG = of_202012(WRITE, PRINTING, dump(), *ALERT_202012)
CLOSED_LOG = of_1_4(*CONNECT_TIMEOUT)
UNREADABLE_LOG = of_202012(WRITE, PRINTING, dump(), PKCS11, "TLS_Connect fail (0x7780, x)")
ALL_RIGHT = Evidence(
    headers=headers(certificate=CERTIFICATE, ca=AUTHORITY.pem),
    ca=AUTHORITY.pem,
    account=account(),
    now=cases.NOW,
)


def but_account(**changes: object) -> Evidence:
    """Return evidence in which all is right but something in the account."""
    return replace(ALL_RIGHT, account=account(**changes))


def but_headers(**changes: str | None) -> Evidence:
    """Return evidence in which all is right but something in the headers."""
    return replace(ALL_RIGHT, headers=headers(**({"certificate": CERTIFICATE} | changes)))


DECIDED: tuple[tuple[str, str, Evidence], ...] = (
    ("thing-not-attached", CLOSED_LOG, but_account(things=("another-thing",))),
    ("no-policy", CLOSED_LOG, but_account(policies=())),
    ("no-policy", of_1_4(*CONNECT_TIMEOUT[2:]), but_account(policies=())),
    ("jit-first-connection", CLOSED_LOG, but_account(auto_registration=True)),
    ("ca-certificate-as-device-certificate", ALERT_LOG, Evidence(certificate=AUTHORITY.pem)),
    (
        "ca-certificate-as-device-certificate",
        of_1_4(*ALERT_1_4),
        but_headers(certificate=AUTHORITY.pem),
    ),
    ("certificate-not-registered", ALERT_LOG, but_account(certificate_status="")),
    ("certificate-not-active", ALERT_LOG, but_account(certificate_status="PENDING_TRANSFER")),
    ("ca-not-registered", ALERT_LOG, but_account(certificate_status="", ca_status="")),
    ("certificate-expired", ALERT_LOG, replace(ALL_RIGHT, account=account(clock=LATER))),
    ("certificate-expired", of_1_4(*ALERT_1_4), replace(ALL_RIGHT, account=None, now=LATER)),
    ("ca-literal-damaged", UNREADABLE_LOG, but_headers(ca=on_one_line(AUTHORITY.pem))),
    ("certificate-damaged", UNREADABLE_LOG, but_headers(certificate=CERTIFICATE[:200])),
    ("public-key-as-certificate", UNREADABLE_LOG, but_headers(certificate=key("device").pem)),
    ("no-certificate", UNREADABLE_LOG, but_headers(certificate=None)),
    ("key-changed", ALERT_LOG + ALERT_LOG.replace(dump(), dump("new")), ALL_RIGHT),
    (
        "certificate-not-for-this-key",
        ALERT_LOG,
        but_headers(certificate=AUTHORITY.issue(key("signer").load())),
    ),
    (
        "key-changed",
        ALERT_LOG,
        but_headers(certificate=AUTHORITY.issue(key("before").load()), force="1"),
    ),
    ("wrong-root-or-endpoint", of_1_4("TLS_Connect fail (0x2700, b-ats.iot.x)"), ALL_RIGHT),
    ("transport", of_202012(f"Failed to resolve {ENDPOINT}."), ALL_RIGHT),
    ("unknown", ALERT_LOG, ALL_RIGHT),
)
