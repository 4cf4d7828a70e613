"""What the gateway asks the account about a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509

from labkit import policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.bench.simulator.account.context import Call


@dataclass(frozen=True, slots=True)
class RegisteredCertificate:
    """A certificate as it is registered.

    Attributes:
        arn: its ARN.
        status: such as "ACTIVE".
        ca: the certificate of the CA that it was registered under, or None for none.
    """

    arn: str
    status: str
    ca: x509.Certificate | None


@dataclass(frozen=True, slots=True)
class Grants:
    """What a certificate may do under a client id.

    Attributes:
        policies: the policies that are attached to it, in their default versions.
        attached: whether it is attached to the thing whose name is the client id.
    """

    policies: tuple[policy.Policy, ...]
    attached: bool

    def decide(
        self, action: str, resource: str, client_id: str, variables: Mapping[str, str]
    ) -> policy.Decision:
        """Decide whether an action on a resource is allowed.

        Args:
            action: such as "iot:Publish".
            resource: the resource's ARN.
            client_id: the connection's.
            variables: those of the certificate (`certificates.policy_variables`).
        """
        context = policy.connection_context(
            client_id, attached=self.attached, certificate=variables
        )
        return policy.evaluate(self.policies, action, resource, context)


def certificate(call: Call, identifier: str) -> RegisteredCertificate | None:
    """Return a registered certificate by the SHA-256 of its DER, in hex, or None."""
    row = call.one("SELECT id, status, ca_der FROM certificates WHERE id = ?", identifier)
    if row is None:
        return None
    ca = None if row["ca_der"] is None else x509.load_der_x509_certificate(row["ca_der"])
    return RegisteredCertificate(call.identity.arn("cert", row["id"]), row["status"], ca)


def knows_issuer(call: Call, subject: bytes) -> bool:
    """Return whether a CA with this subject (a DER name) is registered."""
    return call.one("SELECT 1 FROM ca_certificates WHERE subject = ?", subject) is not None


def grants(call: Call, certificate_arn: str, client_id: str) -> Grants:
    """Return what a certificate may do under a client id, as things are now."""
    rows = call.all(
        "SELECT a.policy, v.document FROM policy_attachments a "
        "JOIN policies p ON p.name = a.policy "
        "JOIN policy_versions v ON v.policy = p.name AND v.version = p.default_version "
        "WHERE a.target = ?",
        certificate_arn,
    )
    attached = call.one(
        "SELECT 1 FROM thing_principals WHERE principal = ? AND thing = ?",
        *(certificate_arn, client_id),
    )
    policies = tuple(policy.parse(row["document"], name=row["policy"]) for row in rows)
    return Grants(policies, attached is not None)
