"""Unmaking what a run made in the account, in the order that AWS IoT demands.

Only what the run's notes name is touched: a policy that others use, a thing that somebody made
anew, a CA that has other certificates are named and left. Run again, it finds nothing to do.

Source: AWS IoT API reference: DetachPolicy, DetachThingPrincipal, DeleteCertificate, DeleteThing,
DeletePolicy, DeleteCACertificate. A detachment may take seconds to be felt: deletions are tried
again for a while. The console's addresses are those that it shows; AWS documents none.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from labkit.cloud.resources import (
    CA_CERTIFICATE,
    CERTIFICATE,
    POLICY,
    POLICY_ATTACHMENT,
    TEMPLATE,
    THING,
    THING_ATTACHMENT,
    UNKNOWN_CERTIFICATE,
)
from labkit.cloud.session import said_plainly
from labkit.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Undoing", "Undone", "undo"]

_ORDER = (
    POLICY_ATTACHMENT,
    THING_ATTACHMENT,
    CERTIFICATE,
    THING,
    POLICY,
    CA_CERTIFICATE,
    TEMPLATE,
)
_WAITS_S = (0.5, 1.0, 2.0, 4.0)
"""Between tries to delete what is still being detached."""
_CONSOLE = {
    CERTIFICATE: "certificate",
    THING: "thing",
    POLICY: "policy",
    CA_CERTIFICATE: "cacertificate",
    TEMPLATE: "provisioningtemplate",
}

REMOVED, GONE, LEFT, WOULD = "removed", "gone already", "LEFT", "would be removed"


class _Made(Protocol):
    """What a run's notes say of something that it made."""

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def proof(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of one thing that a run had made.

    Attributes:
        kind: such as "thing".
        name: its name or id.
        outcome: "removed", "gone already", "LEFT", or "would be removed" in a dry run.
        why: why it was left; empty otherwise.
        console: the address of the AWS console that shows it, where it was left.
    """

    kind: str
    name: str
    outcome: str
    why: str = ""
    console: str = ""

    def __repr__(self) -> str:
        """Return a line, and where it was left two more: why, and where to look."""
        shown = self.name.partition(" ")[0]
        if self.name.startswith(UNKNOWN_CERTIFICATE):
            shown = UNKNOWN_CERTIFICATE
        elif "certificate" in self.kind:
            shown = f"{self.name[:16]}…"
        line = f"{self.outcome:12}  {self.kind} {shown}"
        more = [f"{'':14}{text}" for text in (self.why, self.console) if text]
        return "\n".join([line, *more])


@dataclass(frozen=True, slots=True)
class Undoing:
    """What became of everything that a run had made, in the order of its removal."""

    items: tuple[Undone, ...]

    @property
    def left(self) -> tuple[Undone, ...]:
        """What could not be removed."""
        return tuple(item for item in self.items if item.outcome == LEFT)

    def __repr__(self) -> str:
        """Return a line for each, or that there is nothing to undo."""
        return "\n".join(map(repr, self.items)) or "nothing to undo: this run made nothing here"


class _LeftError(Exception):
    """Something is not removed; the text says why."""


def undo(
    client: Any,  # noqa: ANN401 boto3 makes clients at run time
    region: str,
    made: Iterable[_Made],
    *,
    gone: Callable[[str, str], object],
    dry_run: bool = False,
    wait: Callable[[float], object] = time.sleep,
) -> Undoing:
    """Unmake what a run made, and nothing else.

    Args:
        client: boto3's `iot` client.
        region: its region, for the console's addresses.
        made: the run's notes, `Ledger.there()`.
        gone: told kind and name of each that is there no more, at once.
        dry_run: only say what would be done.
        wait: lets seconds pass between two tries.

    Returns:
        What became of each. Nothing raises: what cannot be removed is named with the reason.
    """
    account = _Remover(client, wait)
    items = []
    for each in sorted(made, key=lambda it: _ORDER.index(it.kind)):
        item = _undo_one(account, region, each, dry_run=dry_run)
        if item.outcome in (REMOVED, GONE) and not dry_run:
            gone(each.kind, each.name)
        items.append(item)
    return Undoing(tuple(items))


def _undo_one(account: _Remover, region: str, made: _Made, *, dry_run: bool) -> Undone:
    try:
        is_there = account.is_there(made.kind, made.name, made.proof)
        if not is_there:
            return Undone(made.kind, made.name, GONE)
        if dry_run:
            return Undone(made.kind, made.name, WOULD)
        account.remove(made.kind, made.name)
    except (_LeftError, CloudError) as error:
        console = _console(region, made.kind, made.name)
        return Undone(made.kind, made.name, LEFT, str(error), console)
    return Undone(made.kind, made.name, REMOVED)


def _console(region: str, kind: str, name: str) -> str:
    if kind not in _CONSOLE or name.startswith(UNKNOWN_CERTIFICATE):
        kind, name = CERTIFICATE, name.rpartition("/")[2] if "/" in name else ""
    room = f"{_CONSOLE[kind]}/{name}" if name else "certificatehub"
    return f"https://{region}.console.aws.amazon.com/iot/home?region={region}#/{room}"


class _Remover:
    """What the account says of a thing, and how each kind of thing is removed."""

    def __init__(self, client: Any, wait: Callable[[float], object]) -> None:  # noqa: ANN401 as above
        self._client = client
        self._wait = wait

    def is_there(self, kind: str, name: str, proof: str) -> bool:
        """Return whether something is there, and still what the run made.

        Raises:
            _LeftError: it is there and is not, or nobody can tell.
        """
        if name.startswith(UNKNOWN_CERTIFICATE):
            raise _LeftError(
                "AWS IoT was asked for a key pair and its certificate, and the answer was lost. If "
                "it made them, the certificate is INACTIVE, attached to nothing and its key is "
                "nowhere: delete it in the console."
            )
        told = self._told(kind, name)
        if told is not None and kind == THING and proof and told["thingId"] != proof:
            raise _LeftError("somebody has made another thing of this name since")
        return told is not None

    def remove(self, kind: str, name: str) -> None:
        """Remove something that is there.

        Raises:
            _LeftError: others use it.
            CloudError: AWS IoT refuses.
        """
        {
            POLICY_ATTACHMENT: self._detach_policy,
            THING_ATTACHMENT: self._detach_thing,
            CERTIFICATE: self._delete_certificate,
            THING: self._delete_thing,
            POLICY: self._delete_policy,
            CA_CERTIFICATE: self._delete_ca,
            TEMPLATE: self._delete_template,
        }[kind](name)

    def _told(self, kind: str, name: str) -> Any:  # noqa: ANN401 what AWS answers
        """Return what the account says of something, or None where it has no such thing."""
        client, (first, _, arn) = self._client, name.partition(" ")
        questions: dict[str, Callable[[], Any]] = {
            POLICY_ATTACHMENT: lambda: self._attached(
                "list_attached_policies", "policies", "policyName", first, target=arn
            ),
            THING_ATTACHMENT: lambda: self._attached(
                "list_principal_things", "things", None, first, principal=arn
            ),
            CERTIFICATE: lambda: client.describe_certificate(certificateId=name),
            THING: lambda: client.describe_thing(thingName=name),
            POLICY: lambda: client.get_policy(policyName=name),
            CA_CERTIFICATE: lambda: client.describe_ca_certificate(certificateId=name),
            TEMPLATE: lambda: client.describe_provisioning_template(templateName=name),
        }
        try:
            with said_plainly(f"looking for the {kind} {first}"):
                return questions[kind]()
        except CloudError as error:
            if error.code != "ResourceNotFoundException":
                raise
        return None

    def _attached(
        self, operation: str, member: str, key: str | None, wanted: str, **parameters: str
    ) -> bool | None:
        found = self._listed(operation, member, **parameters)
        names = [each[key] if key else each for each in found]
        return True if wanted in names else None

    def _listed(self, operation: str, member: str, **parameters: str) -> list[Any]:
        """Return a whole listing, page after page."""
        pages = self._client.get_paginator(operation).paginate(**parameters)
        return [each for page in pages for each in page[member]]

    def _detach_policy(self, name: str) -> None:
        policy, _, arn = name.partition(" ")
        with said_plainly(f"detaching the policy {policy}"):
            self._client.detach_policy(policyName=policy, target=arn)

    def _detach_thing(self, name: str) -> None:
        thing, _, arn = name.partition(" ")
        with said_plainly(f"detaching the thing {thing}"):
            self._client.detach_thing_principal(thingName=thing, principal=arn)

    def _delete_certificate(self, name: str) -> None:
        with said_plainly("reading the certificate"):
            told = self._client.describe_certificate(certificateId=name)["certificateDescription"]
            arn = told["certificateArn"]
            things = self._listed("list_principal_things", "things", principal=arn)
            policies = self._listed("list_attached_policies", "policies", target=arn)
        users = [f"thing {thing}" for thing in things]
        users += [f"policy {policy['policyName']}" for policy in policies]
        _refuse_in_use("the certificate is attached to", users)
        if told["status"] == "ACTIVE":
            with said_plainly("setting the certificate INACTIVE"):
                self._client.update_certificate(certificateId=name, newStatus="INACTIVE")
        self._try(lambda: self._client.delete_certificate(certificateId=name), "the certificate")

    def _delete_thing(self, name: str) -> None:
        with said_plainly(f"reading what is attached to the thing {name}"):
            users = self._listed("list_thing_principals", "principals", thingName=name)
        _refuse_in_use("attached to the thing are", [_short(arn) for arn in users])
        self._try(lambda: self._client.delete_thing(thingName=name), f"the thing {name}")

    def _delete_policy(self, name: str) -> None:
        with said_plainly(f"reading where the policy {name} is attached"):
            users = self._listed("list_targets_for_policy", "targets", policyName=name)
            told = self._client.list_policy_versions(policyName=name)["policyVersions"]
        _refuse_in_use("the policy is attached to", [_short(arn) for arn in users])
        for version in told:
            if not version["isDefaultVersion"]:
                with said_plainly(f"deleting a version of the policy {name}"):
                    self._client.delete_policy_version(
                        policyName=name, policyVersionId=version["versionId"]
                    )
        self._try(lambda: self._client.delete_policy(policyName=name), f"the policy {name}")

    def _delete_ca(self, name: str) -> None:
        with said_plainly("reading the CA's certificates"):
            users = self._listed("list_certificates_by_ca", "certificates", caCertificateId=name)
            told = self._client.describe_ca_certificate(certificateId=name)
        shown = [f"certificate {each['certificateId'][:16]}…" for each in users]
        _refuse_in_use("the CA has signed", shown)
        if told["certificateDescription"]["status"] == "ACTIVE":
            with said_plainly("setting the CA certificate INACTIVE"):
                self._client.update_ca_certificate(certificateId=name, newStatus="INACTIVE")
        self._try(
            lambda: self._client.delete_ca_certificate(certificateId=name), "the CA certificate"
        )

    def _delete_template(self, name: str) -> None:
        self._try(
            lambda: self._client.delete_provisioning_template(templateName=name),
            f"the provisioning template {name}",
        )

    def _try(self, delete: Callable[[], object], what: str) -> None:
        """Delete, trying again while a detachment is still on its way."""
        for pause_s in (*_WAITS_S, None):
            try:
                with said_plainly(f"deleting {what}"):
                    delete()
            except CloudError as error:
                if pause_s is None or error.code not in _NOT_YET:
                    raise
                self._wait(pause_s)
            else:
                return


_NOT_YET = frozenset({"DeleteConflictException", "InvalidRequestException"})
"""What AWS IoT answers while what was detached is still felt to be attached."""


def _refuse_in_use(what: str, users: Sequence[str]) -> None:
    if users:
        more = f" and {len(users) - 1} more" if len(users) > 1 else ""
        raise _LeftError(f"in use by what this run did not make: {what} {users[0]}{more}")


def _short(arn: str) -> str:
    """Return a certificate's ARN as people tell certificates apart."""
    return f"certificate {arn.rpartition('/')[2][:16]}…"
