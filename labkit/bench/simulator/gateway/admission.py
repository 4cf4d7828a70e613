"""Who gets through the TLS handshake.

OpenSSL verifies that the client holds its certificate's key; whether the certificate is welcome
is decided here, inside the handshake, so that a refusal is an alert, as AWS IoT's is.

A certificate that the account registers automatically gets through the handshake, but not to a
session: at CONNECT the account registers it and executes the CA's template, and the gateway
publishes the event. The connection is then closed in good order and without a CONNACK, which a
device's mbedTLS reports as -0x7880 (-30848): the device has to try again. A handshake alone
registers nothing.

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
        certificate: it.
        authorities: the CAs with automatic registration that have signed it.
    """

    certificate: x509.Certificate
    authorities: tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True)
class Admission:
    """The verdict on a client's certificate.

    Attributes:
        certificate_id: the SHA-256 of its DER, in hex.
        arn: its ARN; empty if it is not registered.
        variables: what it gives to policy variables.
        candidate: set if it is let in for automatic registration only.
        refusal: why it is refused; empty if it is not.
        refuse_with: how the handshake is ended; None if it is not.
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
    """Judge a client's certificate.

    Args:
        account: where it must be registered.
        certificate: what the client sent.
        server_name: the name that the client asked for (SNI); empty for none.
        endpoint_name: the name that it must ask for.
    """
    identifier = certificates.certificate_id(certificate)
    registered = account.certificate(identifier)
    # Host names are compared without regard to case (RFC 6066, section 3).
    if server_name.lower() != endpoint_name:
        asked = f"for {server_name!r}" if server_name else "for no name"
        refusal = f"the client asked {asked} (SNI), not for the endpoint's"
        return Admission(identifier, refusal=refusal, refuse_with=Refuse.CERTIFICATE_UNKNOWN)
    arn = registered.arn if registered else ""
    if (registered.status if registered else None) in _REGISTRABLE:
        authorities = _automatic_authorities(account, certificate)
        if authorities:
            return _untimely(account, certificate, identifier, arn) or Admission(
                identifier, arn, candidate=RegistrationCandidate(certificate, authorities)
            )
    if registered is None:
        return _unregistered(account, certificate, identifier)
    if registered.ca is not None and not certificates.is_issued_by(certificate, registered.ca):
        refusal = "the CA that it is registered under did not sign it"
        return Admission(identifier, arn, refusal=refusal, refuse_with=Refuse.CERTIFICATE_UNKNOWN)
    if registered.status != "ACTIVE":
        refusal = f"the certificate is {registered.status}"
        return Admission(identifier, arn, refusal=refusal, refuse_with=Refuse.CERTIFICATE_UNKNOWN)
    return _untimely(account, certificate, identifier, arn) or Admission(
        identifier, arn, certificates.policy_variables(certificate)
    )


def register(
    account: Account, candidate: RegistrationCandidate, chain: Collection[bytes]
) -> tuple[str, Publish | None]:
    """Register the certificate of a device that sent CONNECT.

    Args:
        account: registers it.
        candidate: it, and its authorities with automatic registration.
        chain: the certificates that the client sent after it, DER.

    Returns:
        Why the connection is closed, and the event to publish, or None where nothing happened.
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
    namesakes = account.automatic_authorities(certificate.issuer.public_bytes())
    return tuple(ca for ca in namesakes if certificates.is_issued_by(certificate, ca))


def _unregistered(account: Account, certificate: x509.Certificate, identifier: str) -> Admission:
    issuer = certificates.subject_text(certificate.issuer)
    if account.knows_issuer(certificate.issuer.public_bytes()):
        refusal = f"the certificate is not registered; its CA is ({issuer})"
        return Admission(identifier, refusal=refusal, refuse_with=Refuse.CERTIFICATE_UNKNOWN)
    refusal = f"the certificate is not registered, and neither is its CA ({issuer})"
    return Admission(identifier, refusal=refusal, refuse_with=Refuse.UNKNOWN_CA)


def _untimely(
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
