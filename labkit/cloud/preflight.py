"""Before the first write to a real account: identity, region, clock and permissions.

Source: AWS STS API reference, GetCallerIdentity; IAM API reference, SimulatePrincipalPolicy (its
`PolicySourceArn` is a user's, group's or role's, so an assumed role is checked as the role);
Signature Version 4: a clock that is five minutes wrong is refused.
"""

from __future__ import annotations

import re
import textwrap
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from labkit.cloud.aws_errors import translated
from labkit.cloud.kinds import listed
from labkit.errors import CloudError
from labkit.support.loopback import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from botocore.client import BaseClient

CLOCK_SKEW_MAX_S: Final = 300
"""A signature that is older is refused."""

_SMALL_SKEW_S = 2
"""HTTP dates have whole seconds, and the answer takes a moment."""

ALLOWED, DENIED, UNKNOWN = "allowed", "DENIED", "unknown"

_WIDTH = 90

_ASSUMED = re.compile(r"(arn:[\w-]+):sts::([0-9]{12}):assumed-role/([^/]+)/.+")
_ROOT = re.compile(r"arn:[\w-]+:iam::[0-9]{12}:root")


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether the identity may do something.

    Attributes:
        action: such as "iot:CreateThing".
        verdict: "allowed", "DENIED" or "unknown".
    """

    action: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Preflight:
    """Identity, account, region and permissions; its repr is what the trainee confirms.

    Attributes:
        identity: the ARN of the identity.
        account_id: the account's 12 digits.
        region: the region.
        endpoint_url: where calls go.
        clock_skew_s: the seconds by which AWS's clock is ahead of this computer's; None if AWS's
            answer has no date.
        permissions: one for each action that the run will need.
        why_unknown: the reason why permissions are unknown; empty if they are known.
    """

    identity: str
    account_id: str
    region: str
    endpoint_url: str
    clock_skew_s: float | None
    permissions: tuple[Permission, ...]
    why_unknown: str = ""

    @property
    def obstacles(self) -> tuple[str, ...]:
        """The known reasons for which the run will fail, in words."""
        found = [f"{each.action} is denied" for each in self.permissions if each.verdict == DENIED]
        if abs(self.clock_skew_s or 0) > CLOCK_SKEW_MAX_S:
            found.append(
                f"this computer's clock is {_skew_in_words(self.clock_skew_s)}: set it, or AWS "
                "refuses every signature"
            )
        return tuple(found)

    def __repr__(self) -> str:
        """Return a line for each fact, the permissions by verdict, and the obstacles."""
        lines = [
            f"identity  {self.identity}",
            f"account   {self.account_id}, region {self.region}",
            f"endpoint  {_endpoint_in_words(self.endpoint_url)}",
            f"clock     {_skew_in_words(self.clock_skew_s)}",
        ]
        for verdict in (ALLOWED, DENIED, UNKNOWN):
            actions = [each.action for each in self.permissions if each.verdict == verdict]
            if actions:
                lines.append(_filled(f"{verdict:9} {', '.join(actions)}"))
        if self.why_unknown:
            lines.append(f"{'':10}({self.why_unknown})")
        return "\n".join([*lines, *(f"STOP      {each}" for each in self.obstacles)])


@dataclass(frozen=True, slots=True)
class Clients:
    """The three services that are asked.

    Attributes:
        sts: boto3's `sts` client.
        iam: boto3's `iam` client.
        iot: boto3's `iot` client.
    """

    sts: Any
    iam: Any
    iot: Any


def preflight(
    clients: Clients, region: str, actions: Sequence[str], *, now: datetime | None = None
) -> Preflight:
    """Query identity, region and permissions; nothing is written.

    Args:
        clients: the clients of the services.
        region: the region.
        actions: the actions that the run will need, such as "iot:CreateThing".
        now: this computer's time; None to read it.

    Raises:
        CloudError: AWS does not identify the credentials; the message states what to do.
    """
    caller = caller_of(clients.sts)
    permissions, why_unknown = _permissions(clients, caller["Arn"], actions)
    return Preflight(
        identity=caller["Arn"],
        account_id=caller["Account"],
        region=region,
        endpoint_url=clients.iot.meta.endpoint_url,
        clock_skew_s=_skew_s(caller, now or datetime.now(UTC)),
        permissions=permissions,
        why_unknown=why_unknown,
    )


def _skew_s(answer: Any, now: datetime) -> float | None:  # noqa: ANN401 what botocore returns
    """Return by how much AWS's clock is ahead; None if the answer has no date."""
    try:
        date = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    except (KeyError, ValueError, TypeError):
        return None
    return (date.astimezone(UTC) - now).total_seconds() if date.tzinfo else None


def _skew_in_words(skew_s: float | None) -> str:
    if skew_s is None:
        return "not checked: AWS's answer has no date"
    if abs(skew_s) <= _SMALL_SKEW_S:
        return "right"
    return f"{abs(skew_s):.0f} s {'behind' if skew_s > 0 else 'ahead of'} AWS's"


def _filled(line: str) -> str:
    return textwrap.fill(
        line, _WIDTH, subsequent_indent=" " * 10, break_on_hyphens=False, break_long_words=False
    )


def _endpoint_in_words(url: str) -> str:
    """Return the endpoint; the port of a simulated one changes and is left out."""
    return "on this computer" if is_loopback(url) else url


def caller_of(sts: BaseClient) -> dict[str, Any]:
    """Return whose credentials a client has: AWS's answer with Account and Arn.

    Raises:
        CloudError: AWS refuses, or what answers is not AWS.
    """
    what = "asking whose credentials these are"
    caller: dict[str, Any] = {}
    with translated(what), suppress(KeyError):  # botocore's, for a page instead of an answer
        caller = sts.get_caller_identity()
    if not {"Account", "Arn"} <= caller.keys():
        raise CloudError(
            f"{what}: what answered is not AWS, but a proxy or a network's sign-in page, for "
            "example. Open a web page to sign in to the network, and check HTTPS_PROXY."
        )
    return caller


def _permissions(
    clients: Clients, identity: str, actions: Sequence[str]
) -> tuple[tuple[Permission, ...], str]:
    if _ROOT.fullmatch(identity):
        return _unknown(actions), "policies do not bind the root user; use another identity"
    source = _ASSUMED.sub(r"\1:iam::\2:role/\3", identity)
    try:
        with translated("asking IAM what this identity may do"):
            results = listed(
                clients.iam,
                "simulate_principal_policy",
                PolicySourceArn=source,
                ActionNames=list(actions),
            )
    except CloudError as error:
        return _unknown(actions), f"IAM did not answer: {error.code or 'it cannot be reached'}"
    verdicts = {each["EvalActionName"]: each["EvalDecision"] for each in results}
    return tuple(Permission(action, _verdict(verdicts.get(action))) for action in actions), ""


def _verdict(decision: str | None) -> str:
    if decision is None:
        return UNKNOWN
    return ALLOWED if decision == "allowed" else DENIED


def _unknown(actions: Iterable[str]) -> tuple[Permission, ...]:
    return tuple(Permission(action, UNKNOWN) for action in actions)
