"""Which client certificates are accepted in the TLS handshake, and registration at CONNECT.

OpenSSL verifies that the client holds its certificate's key. Whether the certificate is accepted is
decided here, during the handshake, so that a refusal is an alert, as at AWS IoT.

A certificate that the account registers automatically passes the handshake, but gets no session:
at CONNECT the account registers it and executes the CA's template, and the gateway publishes the
event. The connection is then closed in good order and without a CONNACK, which a device's mbedTLS
reports as -0x7880 (-30848): the device has to try again. A handshake alone registers nothing.

AWS's pages disagree on whether the device has to send the CA's certificate behind its own. The
FreeRTOS guide requires it for the first connection (hence the macro
keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM), and devices' logs show it. The current pages on
just-in-time registration and provisioning call it optional for a client that sends the endpoint's
name (SNI). The stricter side is taken: without the CA nothing is registered, and the connection is
closed. What works here works there.

Source: AWS IoT Core developer guide, Diagnosing connectivity issues: the server name and the
certificate's registration and status are checked first, policies with each action; Register a
client certificate when the client connects (JITR); Just-in-time provisioning. Open: the QoS of the
event; it is 0 here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding

from labkit import certificates
from labkit.bench.simulator.gateway.verify_alert import Refuse
from labkit.bench.simulator.mqtt import Publish

if TYPE_CHECKING:
    from collections.abc import Collection

    from cryptography import x509

    from labkit.bench.simulator.account import Account

_EVENT_TOPIC = "$aws/events/certificates/registered/"

_CA_NOT_SENT = (
    "the CA registers automatically, but the client did not send its certificate behind its own:"
    " nothing is registered"
)

_CHANGED_MEANWHILE = (
    "the certificate or its CA has changed while the client connected: nothing is registered"
)

_REGISTRABLE = (None, "PENDING_ACTIVATION")
"""The statuses in which a certificate can be registered automatically; None: not registered."""


@dataclass(frozen=True, slots=True)
class RegistrationCandidate:
    """A certificate that the account may register automatically.

    Attributes:
        certificate: the client's.
        authorities: the CAs with automatic registration that signed it.
    """

    certificate: x509.Certificate
    authorities: tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True)
class Admission:
    """The decision about a client's certificate.

    Attributes:
        certificate_id: the SHA-256 of its DER, in hex.
        arn: its ARN; empty if it is not registered.
        variables: its values for policy variables.
        candidate: set if it is accepted for automatic registration only.
        refusal: why it is refused; empty if it is not.
        refuse_with: the verification error that ends the handshake, or None.
    """

    certificate_id: str
    arn: str = ""
    variables: dict[str, str] | None = None
    candidate: RegistrationCandidate | None = None
    refusal: str = ""
    refuse_with: Refuse | None = None


def judge(
    account: Account, certificate: x509.Certificate, server_name: str, endpoint_name: str
) -> Admission:
    """Decide about a client's certificate.

    Args:
        account: where it must be registered.
        certificate: the client's.
        server_name: the name that the client sent (SNI); empty without one.
        endpoint_name: the name that it must send.
    """
    identifier = certificates.certificate_id(certificate)
    registered = account.certificate(identifier)
    # Host names are compared without regard to case (RFC 6066, section 3).
    if server_name.lower() != endpoint_name:
        name = repr(server_name) if server_name else "no name"
        refusal = f"the client sent {name} as SNI, expected {endpoint_name!r}"
        return Admission(identifier, refusal=refusal, refuse_with=Refuse.CERTIFICATE_UNKNOWN)
    arn = registered.arn if registered else ""
    if (registered.status if registered else None) in _REGISTRABLE:
        authorities = _automatic_authorities(account, certificate)
        if authorities:
            return _check_dates(account, certificate, identifier, arn) or Admission(
                identifier, arn, candidate=RegistrationCandidate(certificate, authorities)
            )
    if registered is None:
        return _unregistered(account, certificate, identifier)
    if registered.ca is not None and not certificates.is_issued_by(certificate, registered.ca):
        refusal = "the CA that it is registered with did not sign it"
        return Admission(identifier, arn, refusal=refusal, refuse_with=Refuse.CERTIFICATE_UNKNOWN)
    if registered.status != "ACTIVE":
        refusal = f"the certificate is {registered.status}"
        return Admission(identifier, arn, refusal=refusal, refuse_with=Refuse.CERTIFICATE_UNKNOWN)
    return _check_dates(account, certificate, identifier, arn) or Admission(
        identifier, arn, certificates.policy_variables(certificate)
    )


def register(
    account: Account, candidate: RegistrationCandidate, chain: Collection[bytes]
) -> tuple[str, Publish | None]:
    """Register the certificate of a device that sent CONNECT.

    Args:
        account: registers it.
        candidate: the certificate, and its authorities with automatic registration.
        chain: the certificates that the client sent after it, DER.

    Returns:
        Why the connection is closed, and the event to publish, or None if nothing was registered.
    """
    for authority in candidate.authorities:
        if authority.public_bytes(Encoding.DER) in chain:
            registration = account.register_automatically(candidate.certificate, authority)
            if registration is None:
                return _CHANGED_MEANWHILE, None
            topic = _EVENT_TOPIC + registration.ca_id
            return registration.note, Publish(topic, json.dumps(registration.event).encode())
    return _CA_NOT_SENT, None


def _automatic_authorities(
    account: Account, certificate: x509.Certificate
) -> tuple[x509.Certificate, ...]:
    candidates = account.automatic_authorities(certificate.issuer.public_bytes())
    return tuple(ca for ca in candidates if certificates.is_issued_by(certificate, ca))


def _unregistered(account: Account, certificate: x509.Certificate, identifier: str) -> Admission:
    issuer = certificates.subject_text(certificate.issuer)
    if account.knows_issuer(certificate.issuer.public_bytes()):
        refusal = f"the certificate is not registered; its CA is ({issuer})"
        return Admission(identifier, refusal=refusal, refuse_with=Refuse.CERTIFICATE_UNKNOWN)
    refusal = f"the certificate is not registered, and neither is its CA ({issuer})"
    return Admission(identifier, refusal=refusal, refuse_with=Refuse.UNKNOWN_CA)


def _check_dates(
    account: Account, certificate: x509.Certificate, identifier: str, arn: str
) -> Admission | None:
    now = account.clock()
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        refusal = f"the certificate expired on {end:%Y-%m-%d %H:%M:%S} UTC"
        return Admission(identifier, arn, refusal=refusal, refuse_with=Refuse.CERTIFICATE_EXPIRED)
    if now < begin:
        refusal = f"the certificate is not valid before {begin:%Y-%m-%d %H:%M:%S} UTC"
        return Admission(identifier, arn, refusal=refusal, refuse_with=Refuse.BAD_CERTIFICATE)
    return None
