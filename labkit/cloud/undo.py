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
"""What AWS IoT answers while it still counts what was detached as attached."""
_WAITS_S = (0.5, 1.0, 2.0, 4.0)
"""Between tries to delete what is still being detached."""
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
    """Something that was made for a short time."""

    kind: str
    name: str
    proof: str = ""


def remove_temporary(account: Account, resources: Iterable[tuple[str, str]]) -> None:
    """Remove what was made for a short time; what no longer exists is not an error.

    Args:
        account: the account that holds it.
        resources: kind and name of each, as in the notes.

    Raises:
        CloudError: something could not be removed; the message names it and the reason.
    """
    made = [_Temporary(kind, name) for kind, name in resources]
    undoing = undo(account.client, account.region, made, gone=account.notes.unmade)
    if undoing.left:
        raise CloudError(
            "some temporary resources could not be removed; remove them by hand:\n"
            + "\n".join(map(repr, undoing.left))
        )


def _console(region: str, kind: str, name: str) -> str:
    if kind not in KINDS or name.startswith(UNKNOWN_CERTIFICATE):
        kind, name = CERTIFICATE, name.rpartition("/")[2] if "/" in name else ""
    room = f"{KINDS[kind].console}/{name}" if name else "certificatehub"
    return f"https://{region}.console.aws.amazon.com/iot/home?region={region}#/{room}"


def _exists(client: Any, made: _Made) -> bool:  # noqa: ANN401 as above
    """Return whether something exists and is still what the run made.

    Raises:
        _LeftError: it is not, or that cannot be decided.
    """
    if made.name.startswith(UNKNOWN_CERTIFICATE):
        raise _LeftError(
            "AWS IoT was asked for a key pair and its certificate, and the answer was lost. If "
            "it made them, the certificate is INACTIVE, attached to nothing and its key is "
            "nowhere: delete it in the console."
        )
    if made.kind in ATTACHMENTS:
        return is_attached(client, made.kind, made.name)
    answer = find(client, made.kind, made.name)
    if answer and made.kind == THING and made.proof and answer["thingId"] != made.proof:
        raise _LeftError("somebody has made another thing of this name since")
    return answer is not None


def _remove(client: Any, kind: str, name: str, wait: Callable[[float], object]) -> None:  # noqa: ANN401 as above
    """Remove something that exists.

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
    """Refuse to delete what others use; set INACTIVE and empty what AWS IoT demands."""
    row, found = KINDS[kind], resource(kind, name, read(client, kind, name))
    with translated(f"reading what uses {in_words(kind, name)}"):
        in_use = users(client, found)
    if in_use:
        more = f" and {len(in_use) - 1} more" if len(in_use) > 1 else ""
        raise _LeftError(f"in use by what this run did not make: {in_use[0]}{more}")
    if row.update and found.status == "ACTIVE":
        with translated(f"setting {in_words(kind, name)} INACTIVE"):
            getattr(client, row.update)(certificateId=name, newStatus="INACTIVE")
    if kind == POLICY:
        with translated(f"deleting the versions of the policy {name}"):
            for each in client.list_policy_versions(policyName=name)["policyVersions"]:
                if not each["isDefaultVersion"]:
                    client.delete_policy_version(policyName=name, policyVersionId=each["versionId"])


def _delete(client: Any, kind: str, name: str, wait: Callable[[float], object]) -> None:  # noqa: ANN401 as above
    """Delete a resource; try again while AWS IoT still counts a detachment as attached."""
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
