"""Who gets through the TLS handshake.

OpenSSL verifies that the client holds its certificate's key; whether the certificate is welcome
is decided here, inside the handshake, so that a refusal is an alert, as AWS IoT's is.

Source: AWS IoT Core developer guide, diagnosing connectivity issues: the server name and the
certificate's registration and status are checked first, policies with each action.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit import certificates

if TYPE_CHECKING:
    from cryptography import x509

    from labkit.simulator.account import Account

__all__ = ["Admission", "judge"]


@dataclass(frozen=True, slots=True)
class Admission:
    """The verdict on a client's certificate.

    Attributes:
        certificate_id: the SHA-256 of its DER, in hex.
        arn: its ARN; empty if it is not registered.
        variables: what it gives to policy variables.
        refusal: why it is refused; empty if it is not.
        unknown_ca: whether the refusal is that nobody knows who signed it.
    """

    certificate_id: str
    arn: str = ""
    variables: dict[str, str] | None = None
    refusal: str = ""
    unknown_ca: bool = False


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
    if server_name != endpoint_name:
        asked = f"for {server_name!r}" if server_name else "for no name"
        return Admission(identifier, refusal=f"the client asked {asked} (SNI), not the endpoint's")
    if registered is None:
        return _unregistered(account, certificate, identifier)
    if registered.ca is not None and not certificates.is_issued_by(certificate, registered.ca):
        return Admission(identifier, refusal="the CA that it is registered under did not sign it")
    if registered.status != "ACTIVE":
        return Admission(identifier, registered.arn, refusal=f"it is {registered.status}")
    untimely = _untimely(certificate, account)
    if untimely:
        return Admission(identifier, registered.arn, refusal=untimely)
    variables = certificates.policy_variables(certificate)
    return Admission(identifier, registered.arn, variables)


def _unregistered(account: Account, certificate: x509.Certificate, identifier: str) -> Admission:
    issuer = certificates.subject_text(certificate.issuer)
    if account.knows_issuer(certificate.issuer.public_bytes()):
        return Admission(identifier, refusal=f"it is not registered; its CA is ({issuer})")
    return Admission(
        identifier,
        refusal=f"it is not registered, and neither is its CA ({issuer})",
        unknown_ca=True,
    )


def _untimely(certificate: x509.Certificate, account: Account) -> str:
    now = account.clock()
    if now > certificate.not_valid_after_utc:
        return f"it expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC"
    if now < certificate.not_valid_before_utc:
        return f"it is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC"
    return ""
