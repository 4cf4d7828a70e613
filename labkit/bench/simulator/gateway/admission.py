"""Who gets through the TLS handshake.

OpenSSL verifies that the client holds its certificate's key; whether the certificate is welcome
is decided here, inside the handshake, so that a refusal is an alert, as AWS IoT's is. A certificate
that is to be registered automatically gets through as well, but not to a session:
`registration_at_connect`.

Source: AWS IoT Core developer guide, diagnosing connectivity issues: the server name and the
certificate's registration and status are checked first, policies with each action.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit import certificates
from labkit.bench.simulator.gateway.verify_alert import Refuse

if TYPE_CHECKING:
    from cryptography import x509

    from labkit.bench.simulator.account import Account

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
