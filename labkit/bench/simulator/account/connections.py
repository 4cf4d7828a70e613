"""What the gateway asks the account about a connection, and registration at the first one.

Automatic registration (JITR and JITP): an unknown certificate of a CA with automatic registration
is registered PENDING_ACTIVATION. Then an event is published for a subscriber that activates it
(just-in-time registration, JITR), or the template of the CA makes thing and policy and activates
the certificate (just-in-time provisioning, JITP). If the template fails, the certificate stays as
it was registered.

Source: AWS IoT Core developer guide, Just-in-time provisioning; Register a client certificate when
the client connects to AWS IoT just-in-time registration. The documentation's example of the event
shows placeholders; published events have a number of milliseconds as `timestamp`, and null or the
milliseconds as text as `certificateRegistrationTimestamp`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from labkit import certificates, policy
from labkit.bench.simulator.account.certificates import add
from labkit.bench.simulator.account.context import Refusal
from labkit.bench.simulator.account.template import execute, load_template

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from cryptography import x509

    from labkit.bench.simulator.account.context import Call
    from labkit.bench.simulator.account.template import Template

_PARAMETER = "AWS::IoT::Certificate::"
_FROM_SUBJECT = {
    "Country": "Country",
    "Organization": "Organization",
    "OrganizationalUnit": "OrganizationalUnit",
    "DistinguishedNameQualifier": "DistinguishedNameQualifier",
    "StateName": "State",
    "CommonName": "CommonName",
    "SerialNumber": "SerialNumber",
}
"""Template parameters, with the name that policy variables use for the attribute."""


@dataclass(frozen=True, slots=True)
class RegisteredCertificate:
    """A registered certificate.

    Attributes:
        arn: its ARN.
        status: such as "ACTIVE".
        ca: the certificate of the CA that it was registered with, or None.
    """

    arn: str
    status: str
    ca: x509.Certificate | None


@dataclass(frozen=True, slots=True)
class Grants:
    """The permissions of a certificate under a client id.

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
            variables: the certificate's (`certificates.policy_variables`).
        """
        context = policy.connection_context(
            client_id, attached=self.attached, certificate=variables
        )
        return policy.evaluate(self.policies, action, resource, context)


@dataclass(frozen=True, slots=True)
class AutomaticRegistration:
    """The result of registering a certificate at its first connection.

    Attributes:
        certificate_id: its id.
        ca_id: the id of the CA that signed it.
        event: the payload to publish on `$aws/events/certificates/registered/<ca_id>`.
        note: the result in words, for the log.
    """

    certificate_id: str
    ca_id: str
    event: dict[str, Any]
    note: str


def certificate(call: Call, identifier: str) -> RegisteredCertificate | None:
    """Return a registered certificate by the SHA-256 of its DER, in hex, or None."""
    row = call.one("SELECT id, status, ca_der FROM certificates WHERE id = ?", identifier)
    if row is None:
        return None
    ca = None if row["ca_der"] is None else certificates.load_certificate(row["ca_der"])
    return RegisteredCertificate(call.identity.arn("cert", row["id"]), row["status"], ca)


def knows_issuer(call: Call, subject: bytes) -> bool:
    """Return whether a CA with this subject (a DER name) is registered."""
    return call.one("SELECT 1 FROM ca_certificates WHERE subject = ?", subject) is not None


def grants(call: Call, certificate_arn: str, client_id: str) -> Grants:
    """Return the current permissions of a certificate under a client id."""
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


def automatic_authorities(call: Call, subject: bytes) -> tuple[x509.Certificate, ...]:
    """Return the ACTIVE CAs of a subject (a DER name) that register certificates automatically."""
    rows = call.all(
        "SELECT der FROM ca_certificates WHERE subject = ? AND status = 'ACTIVE' "
        "AND auto_registration = 'ENABLE'",
        subject,
    )
    return tuple(certificates.load_certificate(row["der"]) for row in rows)


def register_automatically(
    call: Call, certificate: x509.Certificate, ca: x509.Certificate
) -> AutomaticRegistration | None:
    """Register an unknown certificate, and execute its CA's template.

    Args:
        call: the call.
        certificate: the device's; `ca` has signed it.
        ca: one of `automatic_authorities`.

    Returns:
        The result; None if the registry has changed meanwhile: the CA no longer registers
        certificates automatically, or the certificate is not PENDING_ACTIVATION.
    """
    authority = call.one(
        "SELECT * FROM ca_certificates WHERE id = ? AND status = 'ACTIVE' "
        "AND auto_registration = 'ENABLE'",
        certificates.certificate_id(ca),
    )
    if authority is None:
        return None
    identifier = certificates.certificate_id(certificate)
    known = call.one("SELECT status, created FROM certificates WHERE id = ?", identifier)
    registered = datetime.fromisoformat(known["created"]) if known else call.now
    if known is None:
        add(call, certificate, status="PENDING_ACTIVATION", authority=authority)
    elif known["status"] != "PENDING_ACTIVATION":
        return None
    event = {
        "certificateId": identifier,
        "caCertificateId": authority["id"],
        "timestamp": _milliseconds(call.now),
        "certificateStatus": "PENDING_ACTIVATION",
        "awsAccountId": call.identity.account_id,
        "certificateRegistrationTimestamp": str(_milliseconds(registered)),
    }
    note = _execute_template(call, authority, certificate, identifier)
    return AutomaticRegistration(identifier, authority["id"], event, note)


def subject_parameters(certificate: x509.Certificate, identifier: str) -> dict[str, str]:
    """Return the template parameters for which a certificate has values."""
    variables = certificates.policy_variables(certificate)
    found = {
        f"{_PARAMETER}{name}": variables.get(f"iot:Certificate.Subject.{variable}")
        for name, variable in _FROM_SUBJECT.items()
    }
    values = {name: value for name, value in found.items() if value is not None}
    return values | {f"{_PARAMETER}Id": identifier}


def _execute_template(
    call: Call, authority: sqlite3.Row, certificate: x509.Certificate, identifier: str
) -> str:
    """Execute a CA's template, if it has one, and return the result in words."""
    config = json.loads(authority["registration_config"])
    if not config:
        return "registered PENDING_ACTIVATION; a subscriber of its event has to activate it"
    try:
        with call.attempt():
            template = load_template(_template_body(call, config))
            execute(call, template, _values(template, certificate, identifier))
    except Refusal as refusal:
        return f"registered PENDING_ACTIVATION; its template failed: {refusal.message}"
    return "registered and provisioned by its template"


def _values(template: Template, certificate: x509.Certificate, identifier: str) -> dict[str, str]:
    values = subject_parameters(certificate, identifier)
    if missing := template.missing(values):
        raise Refusal(
            "InvalidRequestException",
            f"the certificate's subject has no value for {', '.join(missing)}",
        )
    return values


def _template_body(call: Call, config: dict[str, str]) -> str:
    if "templateName" not in config:
        return config["templateBody"]
    row = call.one(
        "SELECT body, enabled FROM provisioning_templates WHERE name = ?", config["templateName"]
    )
    if row is None or not row["enabled"]:
        raise Refusal(
            "ResourceNotFoundException",
            f"there is no enabled provisioning template {config['templateName']}",
        )
    return str(row["body"])


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)
