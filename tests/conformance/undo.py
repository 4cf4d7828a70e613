"""Remembers what a row makes at an account, and takes it away in the order that AWS demands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import ClientError
from expected import BROKEN
from judge import NotAskedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.client import BaseClient

__all__ = ["Undo"]

MAKES = {
    "CreateThing": ("thing", "thingName"),
    "CreatePolicy": ("policy", "policyName"),
    "CreateProvisioningTemplate": ("template", "templateName"),
    "CreateKeysAndCertificate": ("certificate", "certificateId"),
    "CreateCertificateFromCsr": ("certificate", "certificateId"),
    "RegisterCertificate": ("certificate", "certificateId"),
    "RegisterCACertificate": ("ca", "certificateId"),
}
ORDER = ("thing", "certificate", "policy", "ca", "template")
"""Certificates only after their things, policies and templates only after what uses them."""

GONE = {"ResourceNotFoundException"}


class Undo:
    """What has been made through some clients since the `with` statement was entered.

    Args:
        iot: the client that takes it away again.
        others: clients that are watched as well.
    """

    def __init__(self, iot: BaseClient, *others: BaseClient) -> None:
        self._iot = iot
        self._watched = (iot, *others)
        self._made: dict[str, list[str]] = {kind: [] for kind in ORDER}

    def __enter__(self) -> Self:
        for client in self._watched:
            client.meta.events.register("after-call.iot", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._watched:
            client.meta.events.unregister("after-call.iot", self._note)

    def add(self, kind: str, name: str) -> None:
        """Remember what the account has made by itself, such as a certificate's registration."""
        if name not in self._made[kind]:
            self._made[kind].append(name)

    def _note(self, parsed: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 botocore's
        if model.name in MAKES:
            kind, member = MAKES[model.name]
            if isinstance(parsed.get(member), str):
                self.add(kind, parsed[member])

    def everything(self) -> list[str]:
        """Take all of it away.

        Returns:
            What could not be taken away, a line each.
        """
        problems: list[str] = []
        for kind in ORDER:
            for name in reversed(self._made[kind]):
                try:
                    getattr(self, f"_{kind}")(name)
                except NotAskedError:
                    pass  # the row was stopped before it could make this
                except (ClientError, *BROKEN) as error:
                    problems.append(f"{kind} {name}: {error}")
            self._made[kind].clear()
        return problems

    def _if_there(self, call: Callable[..., Any], **parameters: Any) -> dict[str, Any] | None:  # noqa: ANN401 boto3's
        try:
            return dict(call(**parameters))
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                return None
            raise

    def _thing(self, thing: str) -> None:
        found = self._if_there(self._iot.list_thing_principals, thingName=thing)
        for principal in found["principals"] if found else []:
            self._iot.detach_thing_principal(thingName=thing, principal=principal)
        if found:
            self._iot.delete_thing(thingName=thing)

    def _certificate(self, certificate: str) -> None:
        found = self._if_there(self._iot.describe_certificate, certificateId=certificate)
        if not found:
            return
        status = found["certificateDescription"]["status"]
        arn = found["certificateDescription"]["certificateArn"]
        for policy in self._iot.list_attached_policies(target=arn)["policies"]:
            self._iot.detach_policy(policyName=policy["policyName"], target=arn)
        if status in {"ACTIVE", "PENDING_ACTIVATION"}:
            self._iot.update_certificate(certificateId=certificate, newStatus="INACTIVE")
        self._iot.delete_certificate(certificateId=certificate)

    def _policy(self, policy: str) -> None:
        found = self._if_there(self._iot.list_policy_versions, policyName=policy)
        if not found:
            return
        for target in self._iot.list_targets_for_policy(policyName=policy)["targets"]:
            self._iot.detach_policy(policyName=policy, target=target)
        for version in found["policyVersions"]:
            if not version["isDefaultVersion"]:
                self._iot.delete_policy_version(
                    policyName=policy, policyVersionId=version["versionId"]
                )
        self._iot.delete_policy(policyName=policy)

    def _ca(self, ca: str) -> None:
        found = self._if_there(self._iot.describe_ca_certificate, certificateId=ca)
        if found and found["certificateDescription"]["status"] == "ACTIVE":
            self._iot.update_ca_certificate(certificateId=ca, newStatus="INACTIVE")
        if found:
            self._iot.delete_ca_certificate(certificateId=ca)

    def _template(self, template: str) -> None:
        self._if_there(self._iot.delete_provisioning_template, templateName=template)
