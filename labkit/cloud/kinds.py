"""One row for each kind of resource in AWS IoT: how it is read, what uses it, how it is deleted.

Source: AWS IoT API reference: DescribeCertificate, DescribeCACertificate, DescribeThing, GetPolicy,
DescribeProvisioningTemplate, the Delete… operation of each, ListPrincipalThings,
ListAttachedPolicies, ListThingPrincipals, ListTargetsForPolicy, ListCertificatesByCA.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.cloud.aws_errors import translated, unless_missing
from labkit.cloud.resources import (
    CA_CERTIFICATE,
    CERTIFICATE,
    POLICY,
    POLICY_ATTACHMENT,
    TEMPLATE,
    THING,
    THING_ATTACHMENT,
    Resource,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def listed(client: Any, operation: str, **parameters: object) -> list[Any]:  # noqa: ANN401 boto3 makes clients at run time
    """Return everything that a listing operation lists, from all of its pages."""
    pages = client.get_paginator(operation).paginate(**parameters)
    [key] = pages.result_keys
    return [each for page in pages for each in key.search(page) or ()]


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of resource is read and deleted.

    Attributes:
        describe: the operation that reads one.
        delete: the operation that deletes one.
        parameter: the parameter of both that takes its name or id.
        console: its place in the address of the AWS console.
        users: the operation that lists what uses one, and its parameter; empty if nothing can, and
            for certificates, whose users are attachments.
        update: the operation that sets it INACTIVE, which it must be to be deleted; or empty.
    """

    describe: str
    delete: str
    parameter: str
    console: str
    users: tuple[str, ...] = ()
    update: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """How a thing or a policy is attached to a certificate and detached from it.

    Attributes:
        kind: what is attached to the certificate.
        parameter: the parameter that takes its name; also its name in a listing of dictionaries.
        certificate: the parameter that takes the certificate's ARN.
        attach: the operation that attaches it.
        detach: the operation that detaches it.
        listing: the operation that lists those of a certificate.
    """

    kind: str
    parameter: str
    certificate: str
    attach: str
    detach: str
    listing: str

    def names(self, client: Any, certificate_arn: str) -> list[str]:  # noqa: ANN401 as above
        """Return the names of what is attached to a certificate."""
        found = listed(client, self.listing, **{self.certificate: certificate_arn})
        return sorted(each if isinstance(each, str) else each[self.parameter] for each in found)

    def arguments(self, name: str, certificate_arn: str) -> dict[str, str]:
        """Return the arguments of `attach` and `detach`."""
        return {self.parameter: name, self.certificate: certificate_arn}


ATTACHMENTS: Mapping[str, Attachment] = {
    POLICY_ATTACHMENT: Attachment(
        POLICY, "policyName", "target", "attach_policy", "detach_policy", "list_attached_policies"
    ),
    THING_ATTACHMENT: Attachment(
        *(THING, "thingName", "principal", "attach_thing_principal", "detach_thing_principal"),
        "list_principal_things",
    ),
}
"""Each kind of attachment, in the order in which AWS IoT allows detaching them."""


def attachments(client: Any, certificate_arn: str) -> list[str]:  # noqa: ANN401 as above
    """Return what a certificate is attached to: things, then policies, each by kind and name."""
    return [
        f"{row.kind} {name}"
        for row in (ATTACHMENTS[THING_ATTACHMENT], ATTACHMENTS[POLICY_ATTACHMENT])
        for name in row.names(client, certificate_arn)
    ]


KINDS: Mapping[str, Kind] = {
    CERTIFICATE: Kind(
        "describe_certificate",
        "delete_certificate",
        "certificateId",
        "certificate",
        update="update_certificate",
    ),
    THING: Kind(
        "describe_thing",
        "delete_thing",
        "thingName",
        "thing",
        ("list_thing_principals", "thingName"),
    ),
    POLICY: Kind(
        "get_policy",
        "delete_policy",
        "policyName",
        "policy",
        ("list_targets_for_policy", "policyName"),
    ),
    CA_CERTIFICATE: Kind(
        "describe_ca_certificate",
        "delete_ca_certificate",
        "certificateId",
        "cacertificate",
        users=("list_certificates_by_ca", "caCertificateId"),
        update="update_ca_certificate",
    ),
    TEMPLATE: Kind(
        "describe_provisioning_template",
        "delete_provisioning_template",
        "templateName",
        "provisioningtemplate",
    ),
}
"""Each kind of resource, in the order in which AWS IoT allows deleting them."""


def users(client: Any, found: Resource) -> list[str]:  # noqa: ANN401 as above
    """Return what uses a resource, in words."""
    if found.kind == CERTIFICATE:
        return attachments(client, found.arn)
    if not KINDS[found.kind].users:
        return []
    operation, parameter = KINDS[found.kind].users
    every = listed(client, operation, **{parameter: found.name})
    arns = [each if isinstance(each, str) else each["certificateArn"] for each in every]
    return [f"certificate {arn.rpartition('/')[2][:16]}…" for arn in arns]


def in_words(kind: str, name: str) -> str:
    """Return a resource in words: a certificate without its id, which is 64 digits."""
    certificates = {CERTIFICATE: "the device certificate", CA_CERTIFICATE: "the CA certificate"}
    return certificates.get(kind, f"the {kind} {name}")


def read(client: Any, kind: str, name: str) -> dict[str, Any]:  # noqa: ANN401 as above
    """Return what the account answers about a resource.

    Raises:
        CloudError: AWS refuses, or the account has no such resource.
    """
    row = KINDS[kind]
    with translated(f"reading {in_words(kind, name)}"):
        answer: dict[str, Any] = getattr(client, row.describe)(**{row.parameter: name})
    return answer


def find(client: Any, kind: str, name: str) -> dict[str, Any] | None:  # noqa: ANN401 as above
    """Return what the account answers about a resource, or None if it has none of that name.

    Raises:
        CloudError: AWS refuses for another reason.
    """
    return unless_missing(lambda: read(client, kind, name))


def is_attached(client: Any, kind: str, name: str) -> bool:  # noqa: ANN401 as above
    """Return whether an attachment exists; its name is what is attached, and the certificate's ARN.

    Raises:
        CloudError: AWS refuses; a certificate that does not exist has no attachments.
    """
    attached, _, arn = name.partition(" ")

    def names() -> list[str]:
        with translated(f"reading the {kind} {attached}"):
            return ATTACHMENTS[kind].names(client, arn)

    return attached in (unless_missing(names) or ())


def resource(kind: str, name: str, answer: Mapping[str, Any]) -> Resource:
    """Return the resource that an answer of `read` describes."""
    about = answer.get("certificateDescription", answer)
    arn = re.sub("(Id|Name)$", "Arn", KINDS[kind].parameter)
    return Resource(kind, name, about[arn], about.get("status", ""))
