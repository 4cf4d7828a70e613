"""Evaluate policies as AWS IoT does: an explicit Deny wins, and the default is to deny."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labkit.policy.documents import Policy
from labkit.policy.patterns import Variable, matches, resolve, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from labkit.policy.documents import Statement
    from labkit.policy.patterns import Pattern


_WILD = re.compile(r"[*?$]")
_MQTT_WILD = re.compile(r"(?:^|/)[#+](?:/|$)")


@dataclass(frozen=True, slots=True)
class Considered:
    """One statement, and whether it applies to the request.

    Attributes:
        policy: the name of its policy, or empty.
        statement: the statement.
        obstacle: why it does not apply to the request, in words; empty if it applies.
    """

    policy: str
    statement: Statement
    obstacle: str

    @property
    def matches(self) -> bool:
        """Whether the statement applies to the request."""
        return not self.obstacle


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of evaluating policies for one action on one resource; true if it is allowed.

    Attributes:
        allowed: whether it is allowed.
        reason: the result and why, in words.
        policy: the name of the policy that decided; None if no statement did.
        statement: the number of its statement that decided, from 1; None if none did.
        sid: the name of that statement; None if none decided, empty if it has no name.
        considered: every statement in the documents' order, and why it does not apply.
    """

    allowed: bool
    reason: str
    policy: str | None = None
    statement: int | None = None
    sid: str | None = None
    considered: tuple[Considered, ...] = field(default=(), compare=False)

    def __bool__(self) -> bool:
        """Return whether it is allowed."""
        return self.allowed

    def __repr__(self) -> str:
        """Return the reason, which begins with the result."""
        return self.reason


def connection_context(
    client_id: str,
    *,
    attached: bool,
    certificate: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the variables and condition keys of an MQTT connection.

    The thing's name has a value only if the certificate is attached to the thing whose name is the
    client id.

    Args:
        client_id: the client id of the CONNECT packet.
        attached: whether the certificate is attached to a thing of that name.
        certificate: the certificate's variables, `certificates.policy_variables`.

    Source: AWS IoT Core developer guide, Thing policy variables.
    """
    context = dict(certificate or {})
    context["iot:ClientId"] = client_id
    context["iot:Connection.Thing.IsAttached"] = "true" if attached else "false"
    if attached:
        context["iot:Connection.Thing.ThingName"] = client_id
    return context


def evaluate(
    policies: Policy | Iterable[Policy],
    action: str,
    resource: str,
    context: Mapping[str, str],
) -> Decision:
    """Evaluate policies for an action on a resource.

    Args:
        policies: all policies attached to the certificate.
        action: such as "iot:Publish".
        resource: its ARN: `…:client/<client id>` for Connect, `…:topic/<topic>` for Publish and
            Receive, `…:topicfilter/<filter>` for Subscribe. The filter's `+` and `#` are plain
            characters here.
        context: variables and condition keys by name, as `connection_context` returns them.

    Returns:
        The decision. A Deny names its statement; a denial by default names the statements that
        are about the action, and why each does not apply.

    Source: IAM user guide, Policy evaluation logic; AWS IoT Core developer guide, AWS IoT Core
    policies.
    """
    every = (policies,) if isinstance(policies, Policy) else tuple(policies)
    request = _Request(action, resource, {key.lower(): value for key, value in context.items()})
    considered = tuple(
        Considered(policy.name, statement, request.obstacle(statement))
        for policy in every
        for statement in policy.statements
    )
    matching = [each for each in considered if each.matches]
    denying = (each for each in matching if not each.statement.allow)
    if decisive := next(denying, next(iter(matching), None)):
        return _decision(decisive, considered)
    if not every:
        return Decision(allowed=False, reason="denied: no policy is attached")
    written_actions = {written(each) for item in considered for each in item.statement.actions}
    near = difflib.get_close_matches(action.lower(), sorted(written_actions), n=1, cutoff=0.8)
    misspelt = "" if action.lower() in written_actions or not near else _misspelt(near[0], action)
    nearest = misspelt + "".join(
        f"; {_named(each)}: {each.obstacle}"
        for each in considered
        if each.statement.allow and _is_about(each.statement, action)
    )
    return Decision(
        allowed=False,
        reason=f"denied: no statement allows {action} on {resource}{nearest}",
        considered=considered,
    )


def _misspelt(near: str, action: str) -> str:
    service, _, verb = near.partition(":")
    return f"; {service}:{verb.capitalize()} is in the policy; did you mean {action}?"


def missing_values(
    policies: Iterable[Policy], action: str, context: Mapping[str, str]
) -> list[str]:
    """Return the variables and condition keys that policies use and a context lacks.

    Args:
        policies: the policies.
        action: only statements about this action count.
        context: as for `evaluate`.

    Returns:
        The names as in the documents, sorted, without duplicates.
    """
    known = {key.lower() for key in context}
    statements = (each for policy in policies for each in policy.statements)
    return sorted(
        {
            name
            for statement in statements
            if _is_about(statement, action)
            for name in _names_used(statement)
            if name.lower() not in known
        }
    )


def _names_used(statement: Statement) -> Iterator[str]:
    patterns = [*statement.resources]
    for condition in statement.conditions:
        yield condition.key
        patterns.extend(condition.values)
    for pattern in patterns:
        yield from (piece.name for piece in pattern if isinstance(piece, Variable))


def _is_about(statement: Statement, action: str) -> bool:
    """Return whether a statement is about an action."""
    found = any(matches(wanted, action.lower()) for wanted in statement.actions)
    return found is not statement.not_actions


@dataclass(frozen=True, slots=True)
class _Request:
    """An action on a resource, with the context of the connection."""

    action: str
    resource: str
    context: Mapping[str, str]

    def obstacle(self, statement: Statement) -> str:
        """Return why a statement does not apply to this request; empty if it applies."""
        if not _is_about(statement, self.action):
            return f"about other actions than {self.action}"
        return self._resource_obstacle(statement) or self._condition_obstacle(statement)

    def _resource_obstacle(self, statement: Statement) -> str:
        resolved = [resolve(wanted, self.context) for wanted in statement.resources]
        found = any(wanted is not None and matches(wanted, self.resource) for wanted in resolved)
        unresolved = next(
            (
                wanted
                for wanted, value in zip(statement.resources, resolved, strict=True)
                if value is None
            ),
            None,
        )
        if statement.not_resources:
            # Without the variable's value it is unknown whether the resource is another one.
            if unresolved is not None:
                return _without_value(unresolved)
            return "this resource is one of the excluded resources" if found else ""
        if found:
            return ""
        if unresolved is not None:
            return _without_value(unresolved)
        return f"only on {', '.join(map(written, statement.resources))}{self._hint(statement)}"

    def _hint(self, statement: Statement) -> str:
        """Return a hint about the likely mistake in the resources of a statement."""
        places = {":".join(written(each).split(":")[3:5]) for each in statement.resources}
        place = ":".join(self.resource.split(":")[3:5])
        if hint := self._type_hint(statement):
            return hint
        if all(":" in each and not _WILD.search(each) for each in places) and place not in places:
            return f" (it names another region or account, and the request is in {place})"
        names = [written(each).rpartition(":")[2] for each in statement.resources]
        if self.action != "iot:Subscribe" and any(_MQTT_WILD.search(each) for each in names):
            return " (# and + are plain text in a policy; its wildcard is *)"
        return ""

    def _type_hint(self, statement: Statement) -> str:
        """Return a hint if one of statement and request has a topic, the other a topicfilter."""
        requested = _kind(self.resource)
        named = {_kind(written(each)) for each in statement.resources}
        if {requested} | named != {"topic", "topicfilter"} or requested in named:
            return ""
        (other,) = named
        return f" (it names a {other}, and {self.action} needs a {requested})"

    def _condition_obstacle(self, statement: Statement) -> str:
        failed = (item for item in statement.conditions if not item.holds(self.context))
        condition = next(failed, None)
        return "" if condition is None else f"its condition {condition} is not satisfied"


def _kind(arn: str) -> str:
    """Return what kind of resource an ARN names, such as "topic"."""
    return arn.rpartition(":")[2].partition("/")[0]


def _named(each: Considered) -> str:
    return f"{each.statement} of policy {each.policy}" if each.policy else str(each.statement)


def _decision(decisive: Considered, considered: tuple[Considered, ...]) -> Decision:
    statement = decisive.statement
    verb = "allowed" if statement.allow else "explicitly denied"
    return Decision(
        allowed=statement.allow,
        reason=f"{verb} by {_named(decisive)}",
        policy=decisive.policy,
        statement=statement.number,
        sid=statement.sid,
        considered=considered,
    )


def _without_value(pattern: Pattern) -> str:
    names = [piece.name for piece in pattern if isinstance(piece, Variable)]
    return (
        f"{', '.join(f'${{{name}}}' for name in names)} has no value here, so it matches "
        "nothing (a thing's name has one only if the certificate is attached to the thing whose "
        "name is the client id)"
    )
