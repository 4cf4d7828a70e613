"""Delete the resources that a run created in the account, in the order that AWS IoT requires.

Only resources in the run's notes are touched. A policy that others use, a thing that was created
again by others, and a CA with other certificates are listed and kept. A second run finds nothing.

Source: AWS IoT API reference: DetachPolicy, DetachThingPrincipal, DeleteCertificate, DeleteThing,
DeletePolicy, DeleteCACertificate. A detachment may take seconds to be effective: deletions are
retried for a while. The console URLs are those that the console shows; AWS documents none.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from labkit.cloud.aws_errors import translated
from labkit.cloud.kinds import (
    ATTACHMENTS,
    KINDS,
    find,
    in_words,
    is_attached,
    read,
    resource,
    users,
)
from labkit.cloud.resources import CERTIFICATE, POLICY, THING, UNKNOWN_CERTIFICATE
from labkit.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from labkit.cloud.account import Account

_ORDER = (*ATTACHMENTS, *KINDS)
_NOT_YET = frozenset({"DeleteConflictException", "InvalidRequestException"})
"""AWS IoT's answers while a detachment is not effective yet."""
_WAITS_S = (0.5, 1.0, 2.0, 4.0)
"""Pauses between attempts to delete."""
REMOVED, GONE, LEFT, WOULD = "removed", "gone already", "LEFT", "would be removed"


class _Made(Protocol):
    """A resource in a run's notes."""

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def proof(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Undone:
    """The outcome for one resource that a run had created.

    Attributes:
        kind: such as "thing".
        name: its name or id.
        outcome: "removed", "gone already", "LEFT", or "would be removed" in a dry run.
        why: the reason why it was kept; empty otherwise.
        console: its URL in the AWS console if it was kept.
    """

    kind: str
    name: str
    outcome: str
    why: str = ""
    console: str = ""

    def __repr__(self) -> str:
        """Return one line, and two more if it was kept: the reason and the console URL."""
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
    """The outcomes for all resources that a run had created, in the order of deletion."""

    items: tuple[Undone, ...]

    @property
    def left(self) -> tuple[Undone, ...]:
        """The resources that were kept."""
        return tuple(item for item in self.items if item.outcome == LEFT)

    def __repr__(self) -> str:
        """Return a line for each, or that there is nothing to undo."""
        return "\n".join(map(repr, self.items)) or "nothing to undo: this run made nothing here"


class _LeftError(Exception):
    """A resource is kept; the text states why."""


def undo(
    client: Any,  # noqa: ANN401 boto3 makes clients at run time
    region: str,
    made: Iterable[_Made],
    *,
    gone: Callable[[str, str], object],
    dry_run: bool = False,
    wait: Callable[[float], object] = time.sleep,
) -> Undoing:
    """Delete the resources that a run created, and nothing else.

    Args:
        client: boto3's `iot` client.
        region: its region, for the console's addresses.
        made: the run's notes, `Ledger.there()`.
        gone: called at once with kind and name of each deleted resource.
        dry_run: report only what would be deleted.
        wait: waits some seconds between two attempts.

    Returns:
        The outcome for each. No error is raised: resources that were kept have the reason.
    """
    items = []
    for each in sorted(made, key=lambda it: _ORDER.index(it.kind)):
        item = _undo_one(client, region, each, wait, dry_run=dry_run)
        if item.outcome in (REMOVED, GONE) and not dry_run:
            gone(each.kind, each.name)
        items.append(item)
    return Undoing(tuple(items))


def _undo_one(
    client: Any,  # noqa: ANN401 as above
    region: str,
    made: _Made,
    wait: Callable[[float], object],
    *,
    dry_run: bool,
) -> Undone:
    try:
        if not _exists(client, made):
            return Undone(made.kind, made.name, GONE)
        if dry_run:
            return Undone(made.kind, made.name, WOULD)
        _remove(client, made.kind, made.name, wait)
    except (_LeftError, CloudError) as error:
        console = _console(region, made.kind, made.name)
        return Undone(made.kind, made.name, LEFT, str(error), console)
    return Undone(made.kind, made.name, REMOVED)


class _Temporary(NamedTuple):
    """A resource that was created for a short time."""

    kind: str
    name: str
    proof: str = ""


def remove_temporary(account: Account, resources: Iterable[tuple[str, str]]) -> None:
    """Delete resources that were created for a short time; a missing one is not an error.

    Args:
        account: the account that holds it.
        resources: kind and name of each, as in the notes.

    Raises:
        CloudError: a resource was kept; the message names it and the reason.
    """
    made = [_Temporary(kind, name) for kind, name in resources]
    undoing = undo(account.client, account.region, made, gone=account.notes.deleted)
    if undoing.left:
        raise CloudError(
            "some temporary resources could not be deleted. Delete them in the AWS IoT console:\n"
            + "\n".join(map(repr, undoing.left))
        )


def _console(region: str, kind: str, name: str) -> str:
    if kind not in KINDS or name.startswith(UNKNOWN_CERTIFICATE):
        kind, name = CERTIFICATE, name.rpartition("/")[2] if "/" in name else ""
    room = f"{KINDS[kind].console}/{name}" if name else "certificatehub"
    return f"https://{region}.console.aws.amazon.com/iot/home?region={region}#/{room}"


def _exists(client: Any, made: _Made) -> bool:  # noqa: ANN401 as above
    """Return whether a resource exists and is still the one that the run created.

    Raises:
        _LeftError: it is not, or that cannot be decided.
    """
    if made.name.startswith(UNKNOWN_CERTIFICATE):
        raise _LeftError(
            "AWS IoT was asked for a key pair and its certificate, and the answer was lost. If it "
            "created them, the certificate is INACTIVE and attached to nothing, and its key is "
            "lost: delete it in the console."
        )
    if made.kind in ATTACHMENTS:
        return is_attached(client, made.kind, made.name)
    answer = find(client, made.kind, made.name)
    if answer and made.kind == THING and made.proof and answer["thingId"] != made.proof:
        raise _LeftError("another thing of this name was created since")
    return answer is not None


def _remove(client: Any, kind: str, name: str, wait: Callable[[float], object]) -> None:  # noqa: ANN401 as above
    """Delete a resource that exists.

    Raises:
        _LeftError: others use it.
        CloudError: AWS IoT refuses.
    """
    if kind in ATTACHMENTS:
        attached, _, arn = name.partition(" ")
        row = ATTACHMENTS[kind]
        with translated(f"detaching the {row.kind} {attached}"):
            getattr(client, row.detach)(**row.arguments(attached, arn))
        return
    _prepare(client, kind, name)
    _delete(client, kind, name, wait)


def _prepare(client: Any, kind: str, name: str) -> None:  # noqa: ANN401 as above
    """Refuse if others use it; set it INACTIVE or delete its versions, as AWS IoT requires."""
    row, found = KINDS[kind], resource(kind, name, read(client, kind, name))
    with translated(f"reading what uses {in_words(kind, name)}"):
        in_use = users(client, found)
    if in_use:
        more = f" and {len(in_use) - 1} more" if len(in_use) > 1 else ""
        raise _LeftError(
            f"it is used by a resource that this run did not create: {in_use[0]}{more}"
        )
    if row.update and found.status == "ACTIVE":
        with translated(f"setting {in_words(kind, name)} INACTIVE"):
            getattr(client, row.update)(certificateId=name, newStatus="INACTIVE")
    if kind == POLICY:
        with translated(f"deleting the versions of the policy {name}"):
            for each in client.list_policy_versions(policyName=name)["policyVersions"]:
                if not each["isDefaultVersion"]:
                    client.delete_policy_version(policyName=name, policyVersionId=each["versionId"])


def _delete(client: Any, kind: str, name: str, wait: Callable[[float], object]) -> None:  # noqa: ANN401 as above
    """Delete a resource; retry while a detachment is not effective yet."""
    row = KINDS[kind]
    for pause_s in (*_WAITS_S, None):
        try:
            with translated(f"deleting {in_words(kind, name)}"):
                getattr(client, row.delete)(**{row.parameter: name})
        except CloudError as error:
            if pause_s is None or error.code not in _NOT_YET:
                raise
            wait(pause_s)
        else:
            return
