"""The procedure's calls of AWS IoT. Each can be repeated: a resource that exists is reused.

A resource that does not exist is noted, created, and noted as created. So a program that is killed
at any moment leaves notes of everything it created, and of nothing that existed before.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit import certificates
from labkit.cloud.aws_errors import translated
from labkit.cloud.kinds import (
    ATTACHMENTS,
    attachments,
    find,
    is_attached,
    listed,
    read,
    resource,
)
from labkit.cloud.resources import (
    CA_CERTIFICATE,
    CERTIFICATE,
    NO_NOTES,
    POLICY,
    POLICY_ATTACHMENT,
    THING,
    THING_ATTACHMENT,
    UNKNOWN_CERTIFICATE,
    NewCertificate,
    Notes,
    Resource,
)
from labkit.errors import CloudError
from labkit.support.loopback import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labkit.cloud.confirmation import Confirmation


@dataclass(slots=True)
class Account:
    """An AWS account's IoT registry in one region.

    Attributes:
        client: boto3's `iot` client.
        region: the region's name.
        account_id: the account's 12 digits.
        notes: the notes about created resources.
        label: the value of the tag `labkit` on created resources; things and device certificates
            cannot have tags.
        confirmation: the confirmation of a real account; None for a simulated one.
    """

    client: Any
    region: str
    account_id: str
    notes: Notes = NO_NOTES
    label: str = "lab"
    confirmation: Confirmation | None = None

    @property
    def is_on_this_computer(self) -> bool:
        """Whether the client's endpoint is on loopback: the simulated account, or a stand-in."""
        return is_loopback(str(self.client.meta.endpoint_url))

    def endpoint(self) -> str:
        """Return the name of the MQTT endpoint (`iot:Data-ATS`)."""
        with translated("asking for the MQTT endpoint"):
            return str(
                self.client.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
            )

    def registration_code(self) -> str:
        """Return the account's registration code: 64 hex characters."""
        with translated("asking for the registration code"):
            return str(self.client.get_registration_code()["registrationCode"])

    def register_ca(self, ca_pem: str, verification_pem: str) -> Resource:
        """Register a CA certificate as ACTIVE, proved by its verification certificate."""
        ca_id = certificates.certificate_id(certificates.load_certificate(ca_pem))
        self.make(
            CA_CERTIFICATE,
            ca_id,
            self.find(CA_CERTIFICATE, ca_id),
            "registering the CA certificate",
            lambda: self.client.register_ca_certificate(
                caCertificate=ca_pem,
                verificationCertificate=verification_pem,
                setAsActive=True,
                tags=self.tags,
            ),
        )
        if self.ca(ca_id).status != "ACTIVE":
            with translated("activating the CA certificate"):
                self.client.update_ca_certificate(certificateId=ca_id, newStatus="ACTIVE")
        return self.ca(ca_id)

    def ca(self, ca_id: str) -> Resource:
        """Return a registered CA certificate."""
        return self.read(CA_CERTIFICATE, ca_id)

    def register_certificate(self, certificate_pem: str, ca_pem: str) -> Resource:
        """Register a device certificate of a registered CA; a new one is INACTIVE."""
        certificate_id = certificates.certificate_id(certificates.load_certificate(certificate_pem))
        self.make(
            CERTIFICATE,
            certificate_id,
            self.find_certificate(certificate_id),
            "registering the device certificate",
            lambda: self.client.register_certificate(
                certificatePem=certificate_pem, caCertificatePem=ca_pem, status="INACTIVE"
            ),
        )
        return self.certificate(certificate_id)

    def create_keys_and_certificate(self) -> NewCertificate:
        """Let AWS IoT create an RSA-2048 key pair and its certificate, INACTIVE.

        Each call creates another pair: AWS IoT returns a private key only once.

        Source: AWS IoT API reference, CreateKeysAndCertificate: INACTIVE unless `setAsActive`.
        """
        asked_for = f"{UNKNOWN_CERTIFICATE} {secrets.token_hex(4)}"
        self.notes.begin(CERTIFICATE, asked_for)
        with translated("creating a key pair and its certificate"):
            answer = self.client.create_keys_and_certificate(setAsActive=False)
        self.notes.made(CERTIFICATE, answer["certificateId"], begun_as=asked_for)
        return NewCertificate(
            Resource("certificate", answer["certificateId"], answer["certificateArn"], "INACTIVE"),
            answer["certificatePem"],
            answer["keyPair"]["PrivateKey"],
        )

    def find_certificate(self, certificate_id: str) -> Resource | None:
        """Return a device certificate, or None if the account has none of that id."""
        return self.find(CERTIFICATE, certificate_id)

    def delete_certificate(self, certificate_id: str) -> None:
        """Delete a device certificate that is INACTIVE and attached to nothing."""
        with translated("deleting the device certificate"):
            self.client.delete_certificate(certificateId=certificate_id)
        self.notes.deleted(CERTIFICATE, certificate_id)

    def certificate(self, certificate_id: str) -> Resource:
        """Return a registered device certificate."""
        return self.read(CERTIFICATE, certificate_id)

    def set_certificate_status(self, certificate_id: str, status: str) -> Resource:
        """Set a device certificate's status, such as ACTIVE or INACTIVE."""
        if self.certificate(certificate_id).status != status:
            with translated(f"setting the device certificate {status}"):
                self.client.update_certificate(certificateId=certificate_id, newStatus=status)
        return self.certificate(certificate_id)

    def create_thing(self, name: str, own_certificate: str = "") -> Resource:
        """Create a thing, or find the one of that name.

        Args:
            name: its name.
            own_certificate: the id of a certificate that may be attached to it: the device's, whose
                file exists even if the notes about it were lost.

        Raises:
            CloudError: the thing belongs to another lab: it has certificates of its own.
        """
        existing = self.find_thing(name)
        if existing is not None and not self.notes.is_this_runs(THING, name):
            self._refuse_strangers(name, own_certificate)
        self.make(
            THING, name, existing, f"creating the thing {name}",
            lambda: self.client.create_thing(thingName=name), proof="thingId",
        )  # fmt: skip
        return self.thing(name)

    def thing(self, name: str) -> Resource:
        """Return a thing."""
        return self.read(THING, name)

    def find_thing(self, name: str) -> Resource | None:
        """Return a thing, or None if the account has none of that name."""
        return self.find(THING, name)

    def create_policy(self, name: str, document: Mapping[str, object]) -> Resource:
        """Create a policy, or find the one of that name.

        Raises:
            CloudError: a policy of that name has other statements.
        """
        self.make(
            POLICY,
            name,
            self.find(POLICY, name),
            f"creating the policy {name}",
            lambda: self.client.create_policy(
                policyName=name, policyDocument=json.dumps(document), tags=self.tags
            ),
        )
        answer = read(self.client, POLICY, name)
        if json.loads(answer["policyDocument"]) != document:
            raise CloudError(
                f"the account has another policy {name}, with other statements. Delete it in the "
                "AWS IoT console (Security, Policies), or change it there, and run the step again."
            )
        return resource(POLICY, name, answer)

    def policy(self, name: str) -> Resource:
        """Return a policy."""
        return self.read(POLICY, name)

    def attach(self, thing: str, policy: str, certificate_arn: str) -> None:
        """Attach a certificate to a thing, and a policy to the certificate."""
        for kind, name in ((THING_ATTACHMENT, thing), (POLICY_ATTACHMENT, policy)):
            self._attach(kind, name, certificate_arn)

    def _attach(self, kind: str, name: str, certificate_arn: str) -> None:
        row = ATTACHMENTS[kind]
        note = f"{name} {certificate_arn}"
        self.make(
            kind,
            note,
            is_attached(self.client, kind, note) or None,
            f"attaching the certificate and the {row.kind} {name}",
            lambda: getattr(self.client, row.attach)(**row.arguments(name, certificate_arn)),
        )

    def detach_policy(self, policy: str, certificate_arn: str) -> None:
        """Detach a policy from a certificate."""
        with translated(f"detaching the policy {policy} from the certificate"):
            self.client.detach_policy(policyName=policy, target=certificate_arn)
        self.notes.deleted(POLICY_ATTACHMENT, f"{policy} {certificate_arn}")

    def attachments(self, certificate_arn: str) -> tuple[str, ...]:
        """Return what a certificate is attached to: things, then policies, each by name."""
        with translated("reading what the certificate is attached to"):
            return tuple(attachments(self.client, certificate_arn))

    @property
    def tags(self) -> list[dict[str, str]]:
        """The tag of created resources."""
        return [{"Key": "labkit", "Value": self.label}]

    def make(
        self,
        kind: str,
        name: str,
        existing: object | None,
        what: str,
        create: Callable[[], Any],
        *,
        proof: str = "",
    ) -> None:
        """Create a resource that does not exist, with a note before and after.

        A resource that exists because the program was killed before its second note gets it now.

        Args:
            kind: its kind, as in the notes.
            name: its name or id.
            existing: the account's resource of that name; None for none.
            what: the action, for a message.
            create: creates it, and returns AWS's answer.
            proof: the member of the answer that distinguishes it from another of the same name.

        Raises:
            CloudError: AWS refuses.
        """
        if existing is not None:
            if self.notes.is_begun(kind, name):
                self.notes.made(
                    kind, name, read(self.client, THING, name)["thingId"] if kind == THING else ""
                )
            return
        self.notes.begin(kind, name)
        try:
            with translated(what):
                answer = create()
        except CloudError as error:
            if error.code == "ResourceAlreadyExistsException":  # another program was faster
                self.notes.deleted(kind, name)
                return
            raise
        self.notes.made(kind, name, str(answer[proof]) if proof else "")

    def read(self, kind: str, name: str) -> Resource:
        """Return a resource.

        Raises:
            CloudError: AWS refuses, or the account has no such resource.
        """
        return resource(kind, name, read(self.client, kind, name))

    def find(self, kind: str, name: str) -> Resource | None:
        """Return a resource, or None if the account has none of that name.

        Raises:
            CloudError: AWS refuses for another reason.
        """
        answer = find(self.client, kind, name)
        return resource(kind, name, answer) if answer else None

    def _refuse_strangers(self, thing: str, own_certificate: str) -> None:
        """Refuse a thing with certificates that no run of this lab has created."""
        with translated(f"reading what is attached to the thing {thing}"):
            arns = listed(self.client, "list_thing_principals", thingName=thing)
        ids = [arn.rpartition("/")[2] for arn in arns]
        strangers = [
            each
            for each in ids
            if each != own_certificate and not self.notes.is_this_labs(CERTIFICATE, each)
        ]
        if strangers:
            raise CloudError(
                f"the thing {thing} in the account has a certificate that this lab did not create: "
                f"expected none, got {strangers[0][:16]}…. If the thing belongs to another lab, "
                "choose another name (device.thing_name in lab.toml, or LABKIT_THING). If it is "
                "yours, detach that certificate in the AWS IoT console."
            )
