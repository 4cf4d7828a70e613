"""Condition operators of IoT policies: strings, ARNs, Bool and Null.

A condition compares the value of a key, such as `iot:Connection.Thing.IsAttached`, with wanted
values. Each key of a connection has at most one value.

Source: IAM user guide, IAM JSON policy elements: Condition operators. Numbers, dates, binary
values and IP addresses are not evaluated: the hello world has no key of these types. Neither are
`ForAnyValue:` and `ForAllValues:`.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.errors import PolicyError
from labkit.policy.patterns import Pattern, compile_pattern, matches, plain_text, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Condition:
    """One key of a condition block: `operator: {key: values}`.

    Attributes:
        operator: as written, such as "StringLikeIfExists".
        key: the condition key.
        values: what the key's value is compared with; one match is enough.
    """

    operator: str
    key: str
    values: tuple[Pattern, ...]

    def holds(self, context: Mapping[str, str]) -> bool:
        """Return whether the condition is satisfied.

        Args:
            context: the values of the condition keys, by name in lower case.
        """
        name, if_exists = _split(self.operator)
        got = context.get(self.key.lower())
        if name == "Null":
            absent = "true" if got is None else "false"
            return any(plain_text(value).lower() == absent for value in self.values)
        compare, negated = _OPERATORS[name]
        if got is None:
            return if_exists or negated
        wanted = [resolve(value, context) for value in self.values]
        resolved = [value for value in wanted if value is not None]
        if len(resolved) < len(wanted):
            return False
        return any(compare(value, got) for value in resolved) is not negated

    def __str__(self) -> str:
        """Return the operator and the key: `Bool iot:Connection.Thing.IsAttached`."""
        return f"{self.operator} {self.key}"


def parse_condition(
    operator_name: str, key: str, values: Iterable[str], *, variables: bool
) -> Condition:
    """Make a condition from a document's texts.

    Args:
        operator_name: the operator, with `IfExists` if the document has it.
        key: the condition key.
        values: the wanted values.
        variables: whether `${…}` is a variable in this document.

    Raises:
        PolicyError: the operator is not evaluated here, or cannot compare with such a value.
    """
    name, _ = _split(operator_name)
    wanted = tuple(values)
    if name not in _OPERATORS and name != "Null":
        known = ", ".join([*_OPERATORS, "Null"])
        raise PolicyError(
            f'"{operator_name}" is not a condition operator that labkit evaluates. '
            f"Use one of {known}."
        )
    if name in ("Bool", "Null"):
        for value in wanted:
            if value.lower() not in ("true", "false") and not value.startswith("${"):
                raise PolicyError(f'{operator_name}: expected "true" or "false", got "{value}".')
    return Condition(
        operator_name, key, tuple(compile_pattern(value, variables=variables) for value in wanted)
    )


def _split(operator_name: str) -> tuple[str, bool]:
    """Return the operator's name as in the reference, and whether IfExists follows it."""
    lower = operator_name.lower()
    bare = lower.removesuffix("ifexists") if lower != "nullifexists" else lower
    return _NAME_BY_LOWER.get(bare, operator_name), bare != lower


def _literal(compare: Callable[[str, str], bool]) -> Callable[[Pattern, str], bool]:
    """Return a comparison with the wanted text in which wildcards are plain characters."""
    return lambda wanted, got: compare(got, plain_text(wanted))


def _equals_ignoring_case(first: str, second: str) -> bool:
    return first.casefold() == second.casefold()


# Operator -> the comparison with one wanted value, and whether the result is negated.
_OPERATORS: dict[str, tuple[Callable[[Pattern, str], bool], bool]] = {
    "StringEquals": (_literal(operator.eq), False),
    "StringNotEquals": (_literal(operator.eq), True),
    "StringEqualsIgnoreCase": (_literal(_equals_ignoring_case), False),
    "StringNotEqualsIgnoreCase": (_literal(_equals_ignoring_case), True),
    "StringLike": (matches, False),
    "StringNotLike": (matches, True),
    "ArnEquals": (matches, False),
    "ArnNotEquals": (matches, True),
    "ArnLike": (matches, False),
    "ArnNotLike": (matches, True),
    "Bool": (_literal(_equals_ignoring_case), False),
}
_NAME_BY_LOWER = {name.lower(): name for name in (*_OPERATORS, "Null")}
