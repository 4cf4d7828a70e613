"""What just-in-time provisioning needs in AWS IoT: a template, and a CA that registers by itself.

As in `labkit.cloud.account` each act is repeatable, and noted before and after.
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
    """A registered CA certificate, and what it does with certificates that it has signed.

    Attributes:
        resource: the CA certificate in the account.
        auto_registration: ENABLE or DISABLE, as AWS spells it.
        template: the name of the provisioning template that it runs; empty for none.
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

    One that is there and disabled, or has another role, is set right.

    Args:
        account: the account.
        name: its name, 1 to 36 of letters, digits, _ and -.
        body: what it says.
        role_arn: the IAM role in which AWS IoT carries it out.

    Raises:
        CloudError: a template of that name says something else, or AWS refuses.

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
            f"the account has a provisioning template {name} that says something else. Delete it "
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
    """Register a CA that registers what it has signed when it connects; or set one right.

    Args:
        account: the account.
        ca_pem: the CA certificate.
        verification_pem: what proves that we have its key.
        template: the name of the template that provisions a device; empty for an event only.

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
    there = automatic_ca(account, ca_id)
    wanted = ("ACTIVE", "ENABLE", template)
    if (there.resource.status, there.auto_registration, there.template) != wanted:
        with translated("setting the CA certificate ACTIVE, with automatic registration"):
            account.client.update_ca_certificate(
                certificateId=ca_id,
                newStatus="ACTIVE",
                newAutoRegistrationStatus="ENABLE",
                **config,
            )
    return automatic_ca(account, ca_id)


def automatic_ca(account: Account, ca_id: str) -> AutomaticCA:
    """Return what the account says of a CA certificate and its automatic registration."""
    answer = read(account.client, CA_CERTIFICATE, ca_id)
    return AutomaticCA(
        resource(CA_CERTIFICATE, ca_id, answer),
        answer["certificateDescription"]["autoRegistrationStatus"],
        (answer.get("registrationConfig") or {}).get("templateName", ""),
    )
