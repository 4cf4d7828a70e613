"""Just-in-time provisioning in AWS IoT: a template, and a CA with automatic registration.

As in `labkit.cloud.account`, each call can be repeated and is noted before and after.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit import certificates
from labkit.cloud.aws_errors import translated
from labkit.cloud.kinds import read, resource
from labkit.cloud.resources import CA_CERTIFICATE, TEMPLATE, Resource
from labkit.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.cloud.account import Account

_COMMON_NAME = "AWS::IoT::Certificate::CommonName"
_CERTIFICATE_ID = "AWS::IoT::Certificate::Id"
_JITP = "JITP"


@dataclass(frozen=True, slots=True)
class AutomaticCA:
    """A registered CA certificate, with its automatic registration.

    Attributes:
        resource: the CA certificate in the account.
        auto_registration: ENABLE or DISABLE, as AWS spells it.
        template: the name of its provisioning template; empty for none.
    """

    resource: Resource
    auto_registration: str
    template: str

    def __repr__(self) -> str:
        """Return one line: the CA certificate, automatic registration, template."""
        template = f"template {self.template}" if self.template else "no template"
        return f"{self.resource}, auto-registration {self.auto_registration}, {template}"


def provisioning_template(policy_name: str) -> dict[str, object]:
    """Return a template: a thing named by the certificate's common name, a policy, and ACTIVE.

    Args:
        policy_name: the policy to attach, which the account has already.

    Source: AWS IoT Core developer guide, Just-in-time provisioning; Provisioning templates.
    """
    return {
        "Parameters": {_COMMON_NAME: {"Type": "String"}, _CERTIFICATE_ID: {"Type": "String"}},
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "Properties": {"ThingName": {"Ref": _COMMON_NAME}},
            },
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {"CertificateId": {"Ref": _CERTIFICATE_ID}, "Status": "ACTIVE"},
            },
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": policy_name}},
        },
    }


def create_template(
    account: Account, name: str, body: Mapping[str, object], role_arn: str
) -> Resource:
    """Create an enabled template for just-in-time provisioning, or find the one of that name.

    A template that is disabled, or has another role, is corrected.

    Args:
        account: the account.
        name: its name, 1 to 36 of letters, digits, _ and -.
        body: the template's body.
        role_arn: the IAM role that AWS IoT uses for it.

    Raises:
        CloudError: a template of that name has another body, or AWS refuses.

    Source: AWS IoT API reference, CreateProvisioningTemplate: its type cannot be changed later.
    """
    account.make(
        TEMPLATE,
        name,
        account.find(TEMPLATE, name),
        f"creating the provisioning template {name}",
        lambda: account.client.create_provisioning_template(
            templateName=name,
            templateBody=json.dumps(body),
            enabled=True,
            provisioningRoleArn=role_arn,
            type=_JITP,
            tags=account.tags,
        ),
    )
    answer = read(account.client, TEMPLATE, name)
    if json.loads(answer["templateBody"]) != body or answer["type"] != _JITP:
        raise CloudError(
            f"the account has a provisioning template {name} with another body. Delete it "
            "in the AWS IoT console (Connect many devices), and run the step again."
        )
    if not answer["enabled"] or answer["provisioningRoleArn"] != role_arn:
        with translated(f"enabling the provisioning template {name}"):
            account.client.update_provisioning_template(
                templateName=name, enabled=True, provisioningRoleArn=role_arn
            )
    return Resource(TEMPLATE, name, answer["templateArn"], "enabled")


def register_automatic_ca(
    account: Account, ca_pem: str, verification_pem: str, *, template: str
) -> AutomaticCA:
    """Register a CA with automatic registration, or correct a registered one.

    Args:
        account: the account.
        ca_pem: the CA certificate.
        verification_pem: the verification certificate, which proves possession of the CA's key.
        template: the name of the template for new devices; empty for an event only.

    Source: AWS IoT API reference, RegisterCACertificate and UpdateCACertificate.
    """
    ca_id = certificates.certificate_id(certificates.load_certificate(ca_pem))
    config = {"registrationConfig": {"templateName": template}} if template else {}
    account.make(
        CA_CERTIFICATE,
        ca_id,
        account.find(CA_CERTIFICATE, ca_id),
        "registering the CA certificate",
        lambda: account.client.register_ca_certificate(
            caCertificate=ca_pem,
            verificationCertificate=verification_pem,
            setAsActive=True,
            allowAutoRegistration=True,
            tags=account.tags,
            **config,
        ),
    )
    found = automatic_ca(account, ca_id)
    wanted = ("ACTIVE", "ENABLE", template)
    if (found.resource.status, found.auto_registration, found.template) != wanted:
        with translated("setting the CA certificate ACTIVE, with automatic registration"):
            account.client.update_ca_certificate(
                certificateId=ca_id,
                newStatus="ACTIVE",
                newAutoRegistrationStatus="ENABLE",
                **config,
            )
    return automatic_ca(account, ca_id)


def automatic_ca(account: Account, ca_id: str) -> AutomaticCA:
    """Return a registered CA certificate with its automatic registration."""
    answer = read(account.client, CA_CERTIFICATE, ca_id)
    return AutomaticCA(
        resource(CA_CERTIFICATE, ca_id, answer),
        answer["certificateDescription"]["autoRegistrationStatus"],
        (answer.get("registrationConfig") or {}).get("templateName", ""),
    )
