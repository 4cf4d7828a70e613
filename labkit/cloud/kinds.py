"""One row for each kind of resource in AWS IoT: how it is read, what uses it, how it is deleted.

Source: AWS IoT API reference: DescribeCertificate, DescribeCACertificate, DescribeThing, GetPolicy,
DescribeProvisioningTemplate, the Delete… operation of each, ListPrincipalThings,
ListAttachedPolicies, ListThingPrincipals, ListTargetsForPolicy, ListCertificatesByCA.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.cloud.aws_errors import NOT_FOUND, translated
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
from labkit.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "ATTACHMENTS",
    "KINDS",
    "Attachment",
    "Kind",
    "attachments",
    "find",
    "in_words",
    "is_attached",
    "listed",
    "read",
    "resource",
]


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
        parameter: the parameter of both operations that takes its name or id.
        arn: the member of the answer that is its ARN.
        delete: the operation that deletes one.
        console: its place in the address of the AWS console.
        users: returns what uses one, in words; None if nothing can.
        in_use: how a message introduces its users.
        member: the member of the answer that describes it; empty for the whole answer.
        update: the operation that sets it INACTIVE, which is needed before it can be deleted.
    """

    describe: str
    parameter: str
    arn: str
    delete: str
    console: str
    users: Callable[[Any, Resource], list[str]] | None = None
    in_use: str = ""
    member: str = ""
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
"""Each kind of attachment, in the order in which AWS IoT lets them be detached."""


def attachments(client: Any, certificate_arn: str) -> list[str]:  # noqa: ANN401 as above
    """Return what a certificate is attached to: things, then policies, each by kind and name."""
    return [
        f"{row.kind} {name}"
        for row in (ATTACHMENTS[THING_ATTACHMENT], ATTACHMENTS[POLICY_ATTACHMENT])
        for name in row.names(client, certificate_arn)
    ]


def _certificates_users(client: Any, certificate: Resource) -> list[str]:  # noqa: ANN401 as above
    return attachments(client, certificate.arn)


def _principals(client: Any, thing: Resource) -> list[str]:  # noqa: ANN401 as above
    return _short(listed(client, "list_thing_principals", thingName=thing.name))


def _targets(client: Any, policy: Resource) -> list[str]:  # noqa: ANN401 as above
    return _short(listed(client, "list_targets_for_policy", policyName=policy.name))


def _signed(client: Any, ca: Resource) -> list[str]:  # noqa: ANN401 as above
    found = listed(client, "list_certificates_by_ca", caCertificateId=ca.name)
    return _short(each["certificateArn"] for each in found)


def _short(arns: Iterable[str]) -> list[str]:
    """Return certificates by the first digits of their ids."""
    return [f"certificate {arn.rpartition('/')[2][:16]}…" for arn in arns]


KINDS: Mapping[str, Kind] = {
    CERTIFICATE: Kind(
        "describe_certificate",
        "certificateId",
        "certificateArn",
        "delete_certificate",
        "certificate",
        _certificates_users,
        "the certificate is attached to",
        member="certificateDescription",
        update="update_certificate",
    ),
    THING: Kind(
        "describe_thing",
        "thingName",
        "thingArn",
        "delete_thing",
        "thing",
        _principals,
        "attached to the thing are",
    ),
    POLICY: Kind(
        "get_policy",
        "policyName",
        "policyArn",
        "delete_policy",
        "policy",
        _targets,
        "the policy is attached to",
    ),
    CA_CERTIFICATE: Kind(
        "describe_ca_certificate",
        "certificateId",
        "certificateArn",
        "delete_ca_certificate",
        "cacertificate",
        _signed,
        "the CA has signed",
        member="certificateDescription",
        update="update_ca_certificate",
    ),
    TEMPLATE: Kind(
        "describe_provisioning_template",
        "templateName",
        "templateArn",
        "delete_provisioning_template",
        "provisioningtemplate",
    ),
}
"""Each kind of resource, in the order in which AWS IoT lets them be deleted."""


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
    try:
        return read(client, kind, name)
    except CloudError as error:
        if error.code != NOT_FOUND:
            raise
    return None


def is_attached(client: Any, kind: str, name: str) -> bool:  # noqa: ANN401 as above
    """Return whether an attachment exists; its name is what is attached, and the certificate's ARN.

    Raises:
        CloudError: AWS refuses; a certificate that does not exist has no attachments.
    """
    attached, _, arn = name.partition(" ")
    try:
        with translated(f"reading the {kind} {attached}"):
            return attached in ATTACHMENTS[kind].names(client, arn)
    except CloudError as error:
        if error.code != NOT_FOUND:
            raise
    return False


def resource(kind: str, name: str, answer: Mapping[str, Any]) -> Resource:
    """Return the resource that an answer of `read` describes."""
    row = KINDS[kind]
    about = answer[row.member] if row.member else answer
    return Resource(kind, name, about[row.arn], about.get("status", ""))
