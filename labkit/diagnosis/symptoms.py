"""The symptoms: the signs of the newest boot, and the possible causes with their weights.

The first symptom in the table that a boot shows counts, because earlier failures explain later
ones: after a refused certificate, the handshake fails too.

Source: the releases' consoles, reproduced with the real provisioning code and seen in public
threads. The weights are estimates for logs without further evidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from labkit.diagnosis.signs import Sign
from labkit.diagnosis.symptom import (
    ACCOUNT,
    CERTIFICATE,
    HEADERS,
    Symptom,
    has_damaged_dump,
    made_a_key,
    still_waits,
    unresolved_is,
)

if TYPE_CHECKING:
    from labkit.diagnosis.log import Log


def symptom_of(log: Log) -> Symptom | None:
    """Return the symptom of a log's newest boot, or None without a known failure."""
    return next((each for each in SYMPTOMS if each.is_shown_by(log)), None)


def causes_of(*signs: Sign) -> tuple[str, ...]:
    """Return the possible causes of a line with one of these signs, likely ones first.

    Causes that need a further sign or condition come last.
    """
    symptoms = [each for sign in signs for each in SYMPTOMS if sign in each.signs]
    symptoms.sort(key=lambda each: each.is_conditional)
    found: dict[str, None] = {}
    for each in symptoms:
        found |= dict.fromkeys(sorted(each.causes, key=each.causes.__getitem__, reverse=True))
    return tuple(found)


_ALERT = {
    "key-changed": 0.12,
    "ca-certificate-as-device-certificate": 0.08,
    "certificate-not-for-this-key": 0.26,
    "wrong-root-or-endpoint": 0.03,
    "certificate-expired": 0.08,
    "clock-wrong": 0.02,
    "ca-not-registered": 0.12,
    "certificate-not-registered": 0.13,
    "certificate-not-active": 0.13,
    "jit-first-connection": 0.05,
}
"""Faults of the certificate come before those of the account: they are fixed first."""

_ALERT_AFTER_SUCCESS = _ALERT | {
    "key-changed": 0.06,
    "certificate-not-for-this-key": 0.14,
    "certificate-expired": 0.12,
    "certificate-not-active": 0.3,
}


def _mostly(cause: str, weight: float) -> dict[str, float]:
    """Return the causes of an alert, with most of the weight on one of them."""
    rest = sum(_ALERT.values()) - _ALERT[cause]
    scaled = {each: share * (1 - weight) / rest for each, share in _ALERT.items()}
    return scaled | {cause: weight}


_UNREADABLE_CERTIFICATE = (Sign.CERTIFICATE_UNREADABLE, Sign.PKCS11_FAILED)
_AFTER_CONNECT = {
    "no-policy": 0.3,
    "thing-not-attached": 0.2,
    "policy-denies": 0.2,
    "certificate-not-active": 0.03,
}

SYMPTOMS: Final = (
    Symptom(
        "the board refused the certificate in its header: it is not a PEM text",
        (Sign.CERTIFICATE_NO_PEM,),
        {"placeholder-text": 0.9, "certificate-damaged": 0.1},
        (HEADERS,),
    ),
    Symptom(
        "the board refused the certificate in its header: its PEM cannot be read",
        (Sign.CERTIFICATE_BAD_PEM,),
        {"certificate-damaged": 0.9, "placeholder-text": 0.1},
        (HEADERS,),
    ),
    Symptom(
        "the board could not store key or certificate",
        (Sign.STORAGE,),
        {"storage-failed": 0.95},
    ),
    Symptom(
        "the board cannot import this private key",
        (Sign.KEY_UNSUPPORTED,),
        {"unsupported-key": 0.95},
        (HEADERS,),
    ),
    Symptom(
        "the board cannot read its private key",
        (Sign.KEY_UNREADABLE,),
        {"key-literal-damaged": 0.5, "unsupported-key": 0.4, "placeholder-text": 0.1},
        (HEADERS,),
    ),
    Symptom(
        "the board found no private key",
        (Sign.KEY_MISSING,),
        {"private-key-missing": 0.95},
    ),
    Symptom(
        "the newest public-key dump is incomplete, on a board that has no certificate yet",
        (Sign.CERTIFICATE_MISSING, Sign.PKCS11_FAILED, Sign.CREDENTIALS_MISSING),
        {"rows-lost": 0.9, "no-certificate": 0.1},
        (HEADERS,),
        unless=(Sign.CERTIFICATE_WRITTEN,),
        when=has_damaged_dump,
    ),
    Symptom(
        "the board had no certificate to send",
        (Sign.CERTIFICATE_MISSING,),
        {"no-certificate": 0.95},
    ),
    Symptom(
        "the board found no certificate, and the handshake failed in PKCS #11",
        (Sign.PKCS11_FAILED, Sign.CREDENTIALS_MISSING),
        {"no-certificate": 0.95},
        (HEADERS,),
        besides=Sign.NO_CERTIFICATE_FILE,
    ),
    Symptom(
        "the board warned that it has no certificate, and the handshake failed in PKCS #11",
        (Sign.PKCS11_FAILED, Sign.CREDENTIALS_MISSING),
        {"no-certificate": 0.85, "private-key-missing": 0.1},
        (HEADERS,),
        besides=Sign.WARNING,
        unless=(Sign.CERTIFICATE_WRITTEN,),
    ),
    Symptom(
        "key or certificate is missing",
        (Sign.CREDENTIALS_MISSING,),
        {"private-key-missing": 0.5, "no-certificate": 0.45},
        (HEADERS,),
    ),
    Symptom(
        "the TLS library cannot read one of the board's certificates",
        _UNREADABLE_CERTIFICATE,
        {"ca-literal-damaged": 0.5, "public-key-as-certificate": 0.25, "certificate-damaged": 0.25},
        (HEADERS,),
        besides=Sign.JITR_IN_USE,
    ),
    Symptom(
        "the TLS library cannot read the board's certificate",
        _UNREADABLE_CERTIFICATE,
        {
            "public-key-as-certificate": 0.42,
            "certificate-damaged": 0.38,
            "ca-literal-damaged": 0.1,
            "no-certificate": 0.1,
        },
        (HEADERS,),
    ),
    Symptom(
        "a certificate is not valid at the time of a clock",
        (Sign.UNTIMELY,),
        {"clock-wrong": 0.8, "certificate-expired": 0.1, "wrong-root-or-endpoint": 0.1},
        (CERTIFICATE, ACCOUNT),
    ),
    Symptom(
        "the board does not accept the server's certificate",
        (Sign.UNTRUSTED,),
        {"wrong-root-or-endpoint": 0.85, "clock-wrong": 0.15},
        (ACCOUNT,),
    ),
    Symptom(
        "the server refused the board's certificate with an alert, and the board had just made a "
        "new key pair",
        (Sign.ALERT,),
        _mostly("key-changed", 0.93),
        (CERTIFICATE, ACCOUNT),
        when=lambda log: made_a_key(log) or log.key_change is not None,
    ),
    Symptom(
        "the server refused the board's certificate with an alert, and the board warned that it "
        "has a new key or no certificate",
        (Sign.ALERT,),
        _mostly("key-changed", 0.55) | {"no-certificate": 0.3},
        (CERTIFICATE, HEADERS, ACCOUNT),
        besides=Sign.WARNING,
    ),
    Symptom(
        "the server refused the board's certificate with an alert (0x7780), and the board once had "
        "another key",
        (Sign.ALERT,),
        _mostly("key-changed", 0.55),
        (CERTIFICATE, ACCOUNT),
        when=lambda log: bool(log.earlier_keys),
    ),
    Symptom(
        "the server refused the board's certificate with an alert (0x7780); an earlier boot was "
        "accepted",
        (Sign.ALERT,),
        _ALERT_AFTER_SUCCESS,
        (CERTIFICATE, ACCOUNT),
        when=lambda log: log.accepted_before > 0,
    ),
    Symptom(
        "the server refused the board's certificate with an alert (0x7780)",
        (Sign.ALERT,),
        _ALERT,
        (CERTIFICATE, ACCOUNT),
    ),
    Symptom(
        "the server closed the connection during the handshake",
        (Sign.EOF,),
        {
            "server-closed-handshake": 0.6,
            "certificate-not-active": 0.1,
            "certificate-not-registered": 0.1,
            "wrong-root-or-endpoint": 0.1,
            "ca-not-registered": 0.05,
        },
        (ACCOUNT,),
    ),
    Symptom(
        "the TLS handshake failed, and the log does not name the reason",
        (Sign.HANDSHAKE_WITHOUT_CODE,),
        _ALERT | {"wrong-root-or-endpoint": 0.3, "clock-wrong": 0.1},
        (CERTIFICATE, ACCOUNT),
    ),
    Symptom(
        "the endpoint is not a host name",
        (Sign.UNRESOLVED,),
        {"placeholder-text": 0.9, "wrong-root-or-endpoint": 0.1},
        (HEADERS,),
        when=unresolved_is(r"\S.* .*\S"),
    ),
    Symptom(
        "the board has an empty endpoint",
        (Sign.UNRESOLVED,),
        {"endpoint-empty": 0.95},
        when=unresolved_is(""),
    ),
    Symptom(
        "the name of an AWS IoT endpoint did not resolve",
        (Sign.UNRESOLVED,),
        {"transport": 0.6, "wrong-root-or-endpoint": 0.4},
        (ACCOUNT,),
        when=unresolved_is(r"[a-z0-9]{10,20}-ats\.iot\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?"),
    ),
    Symptom(
        "the endpoint's name did not resolve",
        (Sign.UNRESOLVED,),
        {"wrong-root-or-endpoint": 0.65, "transport": 0.35},
        (ACCOUNT,),
    ),
    Symptom(
        "there is no Wi-Fi connection",
        (Sign.NO_WIFI,),
        {"transport": 0.95},
        unless=(Sign.CLOSED, Sign.UNANSWERED),
    ),
    Symptom(
        "a socket failed",
        (Sign.SOCKET_ERROR,),
        {"transport": 0.95},
        (HEADERS,),
    ),
    Symptom(
        "the subscription was refused",
        (Sign.SUBSCRIBE_REFUSED,),
        {"policy-denies": 0.95},
        (ACCOUNT,),
    ),
    Symptom(
        "the connection was accepted, and lost or silent during subscribing or publishing",
        (Sign.CLOSED, Sign.LOST_LATER, Sign.ECHO_MISSING, Sign.UNANSWERED, Sign.REFUSED),
        {"policy-denies": 0.75, "transport": 0.2, "certificate-not-active": 0.05},
        (ACCOUNT,),
        besides=Sign.MQTT_CONNECTED,
    ),
    Symptom(
        "AWS IoT answered CONNECT with a refusal",
        (Sign.REFUSED,),
        {"policy-denies": 0.5, "no-policy": 0.2, "thing-not-attached": 0.2}
        | {"jit-first-connection": 0.1},
        (ACCOUNT,),
    ),
    Symptom(
        "AWS IoT closed the connection after CONNECT, and an earlier boot was accepted",
        (Sign.CLOSED, Sign.UNANSWERED),
        {"jit-first-connection": 0.05} | _AFTER_CONNECT | {"transport": 0.05},
        (ACCOUNT,),
        when=lambda log: log.accepted_before > 0,
    ),
    Symptom(
        "AWS IoT closed the connection after CONNECT, and the board sends its CA's certificate",
        (Sign.CLOSED, Sign.UNANSWERED),
        {"jit-first-connection": 0.25} | _AFTER_CONNECT,
        (ACCOUNT,),
        besides=Sign.JITR_IN_USE,
    ),
    Symptom(
        "AWS IoT closed the connection after CONNECT, without an answer",
        (Sign.CLOSED,),
        {"jit-first-connection": 0.31} | _AFTER_CONNECT,
        (ACCOUNT,),
    ),
    Symptom(
        "CONNECT was not answered in time",
        (Sign.UNANSWERED,),
        {"jit-first-connection": 0.35} | _AFTER_CONNECT | {"transport": 0.1},
        (ACCOUNT,),
    ),
    Symptom(
        "the board could not connect to the endpoint",
        (Sign.NOT_REACHED,),
        {"transport": 0.9, "wrong-root-or-endpoint": 0.1},
        (HEADERS, ACCOUNT),
        unless=(Sign.HANDSHAKE_FAILED,),
    ),
    Symptom(
        "the board is in the delay before it makes a key pair",
        (Sign.WAITING,),
        {"generation-delay": 0.95},
        unless=(Sign.PROVISIONED,),
        when=still_waits,
    ),
    Symptom(
        "the newest public-key dump is incomplete",
        (Sign.HEADER, Sign.WAITING, Sign.SHOWING, Sign.WARNING, Sign.PROVISIONED),
        {"rows-lost": 0.95},
        unless=(Sign.FAILED, Sign.TLS_CONNECTED, Sign.MQTT_CONNECTED, Sign.COMPLETED),
        when=has_damaged_dump,
    ),
)
"""The symptoms in order of precedence."""
