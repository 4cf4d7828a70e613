"""Clients that write to an account until it is gone, and remember what they were answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError
from simulator_fixtures import ALLOW_ALL, iot_client

from labkit import certificates

if TYPE_CHECKING:
    import threading

    from botocore.client import BaseClient
    from simulator_fixtures import Authority

GONE = (NoConnectionError, HTTPClientError)
"""What boto3 raises when whom it called was killed."""


@dataclass
class Writer:
    """One client.

    Attributes:
        number: which one; its things and policies are named after it.
        asked: the calls that were made, each with its parameters, in order.
        answers: the answers, in the same order; one less if a call was cut off.
    """

    number: int
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def answered(self) -> list[tuple[str, dict[str, str], dict[str, Any]]]:
        """The calls that were answered."""
        return [(*call, answer) for call, answer in zip(self.asked, self.answers, strict=False)]

    @property
    def cut_off(self) -> tuple[str, dict[str, str]] | None:
        """The call that was not answered, or None."""
        return self.asked[-1] if len(self.asked) > len(self.answers) else None

    def write_until_gone(self, url: str, ca: Authority, begin: threading.Barrier) -> None:
        """Provision one device after another, in every way that there is."""
        client = iot_client(url)
        begin.wait()
        try:
            for count in range(1000):
                self._provision(client, ca, f"{self.number}-{count}")
        except GONE:
            return
        finally:
            client.close()

    def _provision(self, client: BaseClient, ca: Authority, name: str) -> None:
        thing = {"thingName": f"thing-{name}"}
        self._call(client, "create_thing", **thing)
        policy = {"policyName": f"policy-{name}"}
        self._call(client, "create_policy", **policy, policyDocument=ALLOW_ALL)
        # The bench's clock is the wall clock: it was not given a seed.
        pem = ca.issue(f"device-{name}", now=datetime.now(UTC)).pem
        registered = self._call(client, "register_certificate", certificatePem=pem, status="ACTIVE")
        arn = registered["certificateArn"]
        self._call(client, "attach_thing_principal", **thing, principal=arn)
        self._call(client, "attach_policy", **policy, target=arn)
        made = self._call(client, "create_keys_and_certificate")
        self._call(
            client,
            "update_certificate",
            certificateId=made["certificateId"],
            newStatus="REVOKED",
        )
        self._call(
            client, "create_policy_version", **policy, policyDocument=ALLOW_ALL, setAsDefault=True
        )

    def _call(self, client: BaseClient, operation: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 as boto3
        self.asked.append((operation, parameters))
        answer: dict[str, Any] = getattr(client, operation)(**parameters)
        self.answers.append(answer)
        return answer


class Reader:
    """Tells what is there of a call.

    Args:
        client: of the account, after it was started again.
    """

    def __init__(self, client: BaseClient) -> None:
        self._client = client

    def is_there(self, operation: str, asked: dict[str, Any], answer: dict[str, Any]) -> bool:
        """Return whether all is there, with the same ids, that a call was answered."""
        try:
            return bool(getattr(self, f"_{operation}")(asked, answer))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return False

    def _create_thing(self, asked: dict[str, Any], answer: dict[str, Any]) -> bool:
        found = self._client.describe_thing(**asked)
        return found["thingId"] == answer.get("thingId", found["thingId"])

    def _create_policy(self, asked: dict[str, Any], _: dict[str, Any]) -> bool:
        found = self._client.get_policy(policyName=asked["policyName"])
        return found["policyDocument"] == asked["policyDocument"]

    def _create_policy_version(self, asked: dict[str, Any], answer: dict[str, Any]) -> bool:
        found = self._client.get_policy(policyName=asked["policyName"])
        return found["defaultVersionId"] == answer.get("policyVersionId", "2")

    def _register_certificate(self, asked: dict[str, Any], answer: dict[str, Any]) -> bool:
        identifier = certificates.certificate_id(
            certificates.load_certificate(asked["certificatePem"])
        )
        found = self._certificate(identifier)
        return answer.get("certificateId", identifier) == identifier and found["status"] == "ACTIVE"

    def _create_keys_and_certificate(self, _: dict[str, Any], answer: dict[str, Any]) -> bool:
        found = self._certificate(answer["certificateId"])
        return found["certificatePem"] == answer["certificatePem"]

    def _update_certificate(self, asked: dict[str, Any], _: dict[str, Any]) -> bool:
        return self._certificate(asked["certificateId"])["status"] == asked["newStatus"]

    def _attach_thing_principal(self, asked: dict[str, Any], _: dict[str, Any]) -> bool:
        listed = self._client.list_thing_principals(thingName=asked["thingName"])
        return asked["principal"] in listed["principals"]

    def _attach_policy(self, asked: dict[str, Any], _: dict[str, Any]) -> bool:
        listed = self._client.list_attached_policies(target=asked["target"])
        return asked["policyName"] in {each["policyName"] for each in listed["policies"]}

    def _certificate(self, identifier: str) -> dict[str, Any]:
        found = self._client.describe_certificate(certificateId=identifier)
        description: dict[str, Any] = found["certificateDescription"]
        return description
