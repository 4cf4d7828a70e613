"""What the procedure does in AWS IoT, each act repeatable: what is there already is reused."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from labkit.cloud.session import said_plainly
from labkit.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Account", "NewCertificate", "Resource"]


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing that the account holds.

    Attributes:
        kind: "CA certificate", "certificate", "thing" or "policy".
        name: its name or id.
        arn: its ARN.
        status: its status as AWS spells it; empty where the kind has none.
    """

    kind: str
    name: str
    arn: str
    status: str = ""

    def __repr__(self) -> str:
        """Return one line: kind, short name and status."""
        shown = f"{self.name[:16]}…" if "certificate" in self.kind else self.name
        return f"{self.kind} {shown}" + (f": {self.status}" if self.status else "")


@dataclass(frozen=True, slots=True)
class NewCertificate:
    """A certificate that AWS IoT has issued, with the key pair that it made for it.

    Attributes:
        resource: the certificate in the account.
        certificate_pem: the certificate.
        private_key_pem: the private key, which AWS IoT tells this once and does not keep; it is
            not in the repr.
    """

    resource: Resource
    certificate_pem: str
    private_key_pem: str = field(repr=False)


@dataclass(slots=True)
class Account:
    """An AWS account's IoT registry in one region.

    Attributes:
        client: boto3's `iot` client.
        region: the region's name.
        account_id: the account's 12 digits.
    """

    client: Any
    region: str
    account_id: str

    def endpoint(self) -> str:
        """Return the name of the MQTT endpoint (`iot:Data-ATS`)."""
        with said_plainly("asking for the MQTT endpoint"):
            return str(
                self.client.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
            )

    def registration_code(self) -> str:
        """Return the account's registration code: 64 hex characters."""
        with said_plainly("asking for the registration code"):
            return str(self.client.get_registration_code()["registrationCode"])

    def register_ca(self, ca_pem: str, verification_pem: str) -> Resource:
        """Register a CA certificate as ACTIVE, proved by its verification certificate."""
        try:
            with said_plainly("registering the CA certificate"):
                told = self.client.register_ca_certificate(
                    caCertificate=ca_pem, verificationCertificate=verification_pem, setAsActive=True
                )
            ca_id = told["certificateId"]
        except CloudError as error:
            ca_id = _already_there(error)
            if self.ca(ca_id).status != "ACTIVE":
                with said_plainly("activating the CA certificate"):
                    self.client.update_ca_certificate(certificateId=ca_id, newStatus="ACTIVE")
        return self.ca(ca_id)

    def ca(self, ca_id: str) -> Resource:
        """Return a registered CA certificate."""
        with said_plainly("reading the CA certificate"):
            told = self.client.describe_ca_certificate(certificateId=ca_id)
        told = told["certificateDescription"]
        return Resource(
            "CA certificate", told["certificateId"], told["certificateArn"], told["status"]
        )

    def register_certificate(self, certificate_pem: str, ca_pem: str) -> Resource:
        """Register a device certificate of a registered CA; a new one is INACTIVE."""
        try:
            with said_plainly("registering the device certificate"):
                told = self.client.register_certificate(
                    certificatePem=certificate_pem, caCertificatePem=ca_pem, status="INACTIVE"
                )
            certificate_id = told["certificateId"]
        except CloudError as error:
            certificate_id = _already_there(error)
        return self.certificate(certificate_id)

    def create_keys_and_certificate(self) -> NewCertificate:
        """Let AWS IoT make an RSA-2048 key pair and issue its certificate, INACTIVE.

        Each call makes another pair: there is no asking again for a private key.

        Source: AWS IoT API reference, CreateKeysAndCertificate: INACTIVE unless `setAsActive`.
        """
        with said_plainly("creating a key pair and its certificate"):
            told = self.client.create_keys_and_certificate(setAsActive=False)
        return NewCertificate(
            Resource("certificate", told["certificateId"], told["certificateArn"], "INACTIVE"),
            told["certificatePem"],
            told["keyPair"]["PrivateKey"],
        )

    def find_certificate(self, certificate_id: str) -> Resource | None:
        """Return a device certificate, or None where the account has none of that id."""
        try:
            return self.certificate(certificate_id)
        except CloudError as error:
            if error.code != "ResourceNotFoundException":
                raise
        return None

    def delete_certificate(self, certificate_id: str) -> None:
        """Delete a device certificate that is INACTIVE and attached to nothing."""
        with said_plainly("deleting the device certificate"):
            self.client.delete_certificate(certificateId=certificate_id)

    def certificate(self, certificate_id: str) -> Resource:
        """Return a registered device certificate."""
        with said_plainly("reading the device certificate"):
            told = self.client.describe_certificate(certificateId=certificate_id)
        told = told["certificateDescription"]
        return Resource(
            "certificate", told["certificateId"], told["certificateArn"], told["status"]
        )

    def set_certificate_status(self, certificate_id: str, status: str) -> Resource:
        """Set a device certificate's status, such as ACTIVE or INACTIVE."""
        if self.certificate(certificate_id).status != status:
            with said_plainly(f"setting the device certificate {status}"):
                self.client.update_certificate(certificateId=certificate_id, newStatus=status)
        return self.certificate(certificate_id)

    def create_thing(self, name: str) -> Resource:
        """Create a thing, or find the one of that name."""
        with said_plainly(f"creating the thing {name}"):
            told = self.client.create_thing(thingName=name)
        return Resource("thing", told["thingName"], told["thingArn"])

    def create_policy(self, name: str, document: Mapping[str, object]) -> Resource:
        """Create a policy, or find the one of that name.

        Raises:
            CloudError: a policy of that name says something else.
        """
        try:
            with said_plainly(f"creating the policy {name}"):
                told = self.client.create_policy(
                    policyName=name, policyDocument=json.dumps(document)
                )
        except CloudError as error:
            _already_there(error)
            with said_plainly(f"reading the policy {name}"):
                told = self.client.get_policy(policyName=name)
            if json.loads(told["policyDocument"]) != document:
                raise CloudError(
                    f"the account has a policy {name} that says something else. Delete it in the "
                    "AWS IoT console (Security, Policies), or mend it there, and run the step "
                    "again."
                ) from None
        return Resource("policy", told["policyName"], told["policyArn"])

    def attach(self, thing: str, policy: str, certificate_arn: str) -> None:
        """Attach a certificate to a thing, and a policy to the certificate."""
        with said_plainly(f"attaching the certificate to the thing {thing}"):
            self.client.attach_thing_principal(thingName=thing, principal=certificate_arn)
        with said_plainly(f"attaching the policy {policy} to the certificate"):
            self.client.attach_policy(policyName=policy, target=certificate_arn)

    def detach_policy(self, policy: str, certificate_arn: str) -> None:
        """Detach a policy from a certificate."""
        with said_plainly(f"detaching the policy {policy} from the certificate"):
            self.client.detach_policy(policyName=policy, target=certificate_arn)

    def attachments(self, certificate_arn: str) -> tuple[str, ...]:
        """Return what a certificate is attached to: things, then policies, each by name."""
        with said_plainly("reading what the certificate is attached to"):
            things = self.client.list_principal_things(principal=certificate_arn)["things"]
            policies = self.client.list_attached_policies(target=certificate_arn)["policies"]
        return (
            *(f"thing {name}" for name in sorted(things)),
            *(f"policy {name}" for name in sorted(p["policyName"] for p in policies)),
        )


def _already_there(error: CloudError) -> str:
    """Return the id of what exists already, or raise the error that says something else."""
    if error.code != "ResourceAlreadyExistsException":
        raise error
    response = getattr(error.__cause__, "response", {})
    return str(response.get("resourceId", ""))
