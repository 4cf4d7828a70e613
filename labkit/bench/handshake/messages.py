"""The messages of a mutual TLS handshake and of MQTT's CONNECT, and what each proves.

Messages that carry and prove nothing are left out: ServerHelloDone, ChangeCipherSpec,
NewSessionTicket.

Source: RFC 5246, sections 7.3 and 7.4 (TLS 1.2); RFC 8446, sections 2 and 4 (TLS 1.3); RFC 8422,
section 5 (elliptic curves); MQTT 3.1.1, sections 3.1 and 3.2; AWS IoT Core developer guide, Client
authentication, and Diagnosing connectivity issues (a certificate must be registered and ACTIVE);
OpenSSL, ssl/statem/statem.c, for the names of its states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEVICE: Final = "device"
AWS: Final = "AWS IoT"


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the exchange.

    Attributes:
        sender: "device" or "AWS IoT".
        name: as in the RFC.
        means: what it states or proves.
        state: the server's OpenSSL state after it; empty for MQTT messages.
    """

    sender: str
    name: str
    means: str
    state: str = ""

    @property
    def by_device(self) -> bool:
        """Whether the device sends it."""
        return self.sender == DEVICE


_ROOT = "the device checks it, and its name, against the root CA certificate that it holds"
_SERVER_PROOF = "a signature: AWS IoT proves that it holds the private key of its certificate"
_CERTIFICATE = "AWS IoT looks it up: it has to be registered and ACTIVE"
_PROOF = "a signature: the device proves that it holds the private key of its certificate"
_UNCHANGED = "a digest of all messages: none was changed in transit"

_CLIENT_HELLO = Message(DEVICE, "ClientHello", "what the device can do", "read client hello")
_SERVER_HELLO = Message(AWS, "ServerHello", "AWS IoT's choice", "write server hello")
_SERVER_CERTIFICATE = Message(AWS, "Certificate", _ROOT, "write certificate")
_REQUEST = Message(
    AWS,
    "CertificateRequest",
    "asks for the device's certificate: this makes TLS mutual",
    "write certificate request",
)
_CLIENT_CERTIFICATE = Message(DEVICE, "Certificate", _CERTIFICATE, "read client certificate")
_VERIFY = Message(DEVICE, "CertificateVerify", _PROOF, "read certificate verify")
_CLIENT_FINISHED = Message(DEVICE, "Finished", _UNCHANGED, "read finished")
_SERVER_FINISHED = Message(AWS, "Finished", _UNCHANGED, "write finished")

CONNECT: Final = (
    Message(DEVICE, "CONNECT", "MQTT: AWS IoT asks the policy whether this client id may connect"),
    Message(AWS, "CONNACK", "MQTT: the connection is accepted"),
)

MESSAGES: Final = {
    "TLSv1.2": (
        _CLIENT_HELLO,
        _SERVER_HELLO,
        _SERVER_CERTIFICATE,
        Message(AWS, "ServerKeyExchange", _SERVER_PROOF, "write key exchange"),
        _REQUEST,
        _CLIENT_CERTIFICATE,
        Message(
            DEVICE,
            "ClientKeyExchange",
            "the device's half of what both derive the session's keys from",
            "read client key exchange",
        ),
        _VERIFY,
        _CLIENT_FINISHED,
        _SERVER_FINISHED,
        *CONNECT,
    ),
    "TLSv1.3": (
        _CLIENT_HELLO,
        _SERVER_HELLO,
        _REQUEST,
        _SERVER_CERTIFICATE,
        Message(AWS, "CertificateVerify", _SERVER_PROOF, "write server certificate verify"),
        _SERVER_FINISHED,
        _CLIENT_CERTIFICATE,
        _VERIFY,
        _CLIENT_FINISHED,
        *CONNECT,
    ),
}
"""By negotiated version."""

ALERTS: Final = {
    10: "unexpected_message",
    20: "bad_record_mac",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    80: "internal_error",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""Source: RFC 8446, section 6; RFC 7301, section 3.2."""

DEVICE_DOUBTS_SERVER: Final = frozenset({42, 43, 44, 45, 46, 48})
"""Alerts of a device about AWS IoT's certificate."""

SIGNATURE_IS_WRONG: Final = 51
"""decrypt_error: among others, a signature does not verify. RFC 8446, section 6.2."""
