"""Policy documents: from JSON to statements."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.errors import PolicyError
from labkit.policy.conditions import Condition, parse_condition
from labkit.policy.patterns import Pattern, compile_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT_CHARACTERS_MAX = 2048
"""Without white space (AWS general reference, AWS IoT Core endpoints and quotas)."""

_VERSIONS = ("2012-10-17", "2008-10-17")
_WITH_VARIABLES, _WITHOUT_VARIABLES = _VERSIONS
"""A document without Version has the older one (IAM user guide, JSON policy elements: Version)."""

_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_ARN_COLONS = 5
_DOCUMENT_KEYS = frozenset({"Version", "Id", "Statement"})
_STATEMENT_KEYS = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_SHOWN_MAX = 60


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy.

    Attributes:
        number: the statement's position in the document, counted from 1.
        sid: the statement's name, or empty.
        allow: True for Allow, False for Deny.
        actions: patterns in lower case, since actions are case-insensitive.
        not_actions: whether it is about all actions except these (NotAction).
        resources: patterns.
        not_resources: whether it is about all resources except these (NotResource).
        conditions: all of them must be satisfied.
    """

    number: int
    sid: str
    allow: bool
    actions: tuple[Pattern, ...]
    not_actions: bool
    resources: tuple[Pattern, ...]
    not_resources: bool
    conditions: tuple[Condition, ...]

    def __str__(self) -> str:
        """Return its number and name: `statement 2 ("Publish")`."""
        return f"statement {self.number}" + (f' ("{self.sid}")' if self.sid else "")


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document, parsed.

    Attributes:
        statements: the statements in the document's order.
        name: the policy's name, or empty.
    """

    statements: tuple[Statement, ...]
    name: str = ""


def parse(document: str | Mapping[str, object], *, name: str = "") -> Policy:
    """Parse a policy document.

    Args:
        document: the JSON text, or the object that `json.loads` returns for it.
        name: the policy's name, which decisions mention.

    Raises:
        PolicyError: the document is malformed. The message names the place.

    Not checked: whether actions and resources exist.

    Source: AWS IoT Core developer guide, AWS IoT Core policies; IAM user guide, Grammar of the IAM
    JSON policy language.
    """
    members = _object(_loaded(document), "document", _DOCUMENT_KEYS)
    version = members.get("Version", _WITHOUT_VARIABLES)
    if version not in _VERSIONS:
        raise PolicyError(
            f'Version: expected "{_VERSIONS[0]}", got {_shown(version)}. Correct the version.'
        )
    written = members.get("Statement")
    listed = written if isinstance(written, list) else [written]
    if written is None or not listed:
        raise PolicyError("Statement must not be empty. Write at least one statement.")
    return Policy(
        tuple(
            _statement(entry, number, variables=version == _WITH_VARIABLES)
            for number, entry in enumerate(listed, 1)
        ),
        name,
    )


def _loaded(document: str | Mapping[str, object]) -> object:
    if not isinstance(document, str):
        _verify_size(json.dumps(document, ensure_ascii=False, default=str))
        return document
    _verify_size(document)
    try:
        return json.loads(document, object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        raise PolicyError(
            f"Policy document, line {error.lineno}, column {error.colno}: expected JSON, "
            f"got something else ({error.msg}). Correct the text there."
        ) from error
    except RecursionError:
        raise PolicyError(
            "Policy document: objects or lists are nested too deeply. Remove the nesting."
        ) from None


def _verify_size(text: str) -> None:
    size = len("".join(text.split()))
    if size > DOCUMENT_CHARACTERS_MAX:
        raise PolicyError(
            f"Policy document: expected at most {DOCUMENT_CHARACTERS_MAX} characters without white "
            f"space, got {size}. Shorten it with wildcards, or split it into several policies."
        )


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise PolicyError(f'Policy document: "{twice}" is written twice in one object. Keep one.')
    return members


def _statement(entry: object, number: int, *, variables: bool) -> Statement:
    where = f"statement {number}"
    members = _object(entry, where, _STATEMENT_KEYS)
    effect = members.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyError(f'{where}, Effect: expected "Allow" or "Deny", got {_shown(effect)}.')
    sid = members.get("Sid", "")
    if not isinstance(sid, str):
        raise PolicyError(f"{where}, Sid: expected text, got {_shown(sid)}.")
    action_key, actions = _one_of(members, "Action", "NotAction", where)
    resource_key, resources = _one_of(members, "Resource", "NotResource", where)
    for action in actions:
        _verify_action(action, f"{where}, {action_key}")
    return Statement(
        number=number,
        sid=sid,
        allow=effect == "Allow",
        actions=tuple(compile_pattern(action.lower(), variables=False) for action in actions),
        not_actions=action_key == "NotAction",
        resources=tuple(
            _resource(resource, f"{where}, {resource_key}", variables=variables)
            for resource in resources
        ),
        not_resources=resource_key == "NotResource",
        conditions=tuple(
            _conditions(members.get("Condition", {}), f"{where}, Condition", variables=variables)
        ),
    )


def _verify_action(action: str, where: str) -> None:
    if not _ACTION.fullmatch(action):
        raise PolicyError(
            f'{where}: expected an action such as "iot:Publish", or "*", got "{action}".'
        )


def _resource(resource: str, where: str, *, variables: bool) -> Pattern:
    is_arn = resource.startswith("arn:") and resource.count(":") >= _ARN_COLONS
    if not is_arn and resource != "*":
        raise PolicyError(
            f'{where}: expected "*" or an ARN such as '
            f'"arn:aws:iot:us-east-1:123456789012:topic/my-thing/*", got "{resource}".'
        )
    return _pattern(resource, where, variables=variables)


def _pattern(text: str, where: str, *, variables: bool) -> Pattern:
    try:
        return compile_pattern(text, variables=variables)
    except PolicyError as error:
        raise PolicyError(f"{where}: {error}") from error


def _conditions(block: object, where: str, *, variables: bool) -> Iterator[Condition]:
    for operator, keys in _object(block, where).items():
        for key, written in _object(keys, f"{where}, {operator}").items():
            values = _texts(written, f"{where}, {operator}, {key}")
            try:
                yield parse_condition(operator, key, values, variables=variables)
            except PolicyError as error:
                raise PolicyError(f"{where}: {error}") from error


def _one_of(
    members: Mapping[str, object], key: str, negated: str, where: str
) -> tuple[str, list[str]]:
    present = [name for name in (key, negated) if name in members]
    if len(present) != 1:
        got = "both" if present else "neither"
        raise PolicyError(f"{where}: expected either {key} or {negated}, got {got}.")
    return present[0], _texts(members[present[0]], f"{where}, {present[0]}")


def _texts(written: object, where: str) -> list[str]:
    """Return one text or a list of them as a list; true, false and numbers as JSON writes them."""
    listed = written if isinstance(written, list | tuple) else [written]
    if not listed:
        raise PolicyError(f"{where}: expected one value or more, got none.")
    for value in listed:
        if not isinstance(value, str | bool | int | float):
            raise PolicyError(f"{where}: expected text or a list of texts, got {_shown(value)}.")
    return [value if isinstance(value, str) else json.dumps(value) for value in listed]


def _object(
    value: object, where: str, allowed: frozenset[str] | None = None
) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise PolicyError(f"{where}: expected an object in braces, got {_shown(value)}.")
    for key in value:
        if allowed is not None and key not in allowed:
            raise PolicyError(
                f'{where}: "{key}" does not belong there. Use one of {", ".join(sorted(allowed))}.'
            )
    return value


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"
