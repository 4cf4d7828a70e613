"""Condition operators of IoT policies.

A condition compares the value of a key, such as `iot:Connection.Thing.IsAttached`, with wanted
values. The keys of a connection have one value each, so `ForAnyValue:` and `ForAllValues:` only
say what an absent key means.

Source: IAM user guide, IAM JSON policy elements: Condition operators. Not there: BinaryEquals, and
dates given as seconds.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from labkit.errors import PolicyError
from labkit.policy.patterns import Pattern, compile_pattern, matches, plain_text, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Comparison = Callable[[Pattern, str], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """One key of a condition block: `operator: {key: values}`.

    Attributes:
        operator: as written, such as "StringLikeIfExists".
        key: the condition key.
        values: what the key's value is compared with; any of them will do.
    """

    operator: str
    key: str
    values: tuple[Pattern, ...]

    def holds(self, context: Mapping[str, str]) -> bool:
        """Return whether the condition is satisfied.

        Args:
            context: the condition keys' values, by name in lower case.
        """
        qualifier, name, if_exists = _taken_apart(self.operator)
        came = context.get(self.key.lower())
        if name == "Null":
            return any(_is_absent(came, plain_text(value)) for value in self.values)
        compare, negated = _OPERATORS[name]
        if came is None:
            absent_is_fine = negated and qualifier != "foranyvalue"
            return if_exists or absent_is_fine or qualifier == "forallvalues"
        wanted = [resolve(value, context) for value in self.values]
        resolved = [value for value in wanted if value is not None]
        if len(resolved) < len(wanted):
            return False
        return any(compare(value, came) for value in resolved) is not negated

    def __str__(self) -> str:
        """Return the operator and the key: `Bool iot:Connection.Thing.IsAttached`."""
        return f"{self.operator} {self.key}"


def parse_condition(
    operator_name: str, key: str, values: Iterable[str], *, variables: bool
) -> Condition:
    """Make a condition of what a document says.

    Args:
        operator_name: the operator, with `IfExists` and `ForAnyValue:` where they are.
        key: the condition key.
        values: the wanted values.
        variables: whether `${…}` is a variable in this document.

    Raises:
        PolicyError: there is no such operator, or it cannot compare with such a value.
    """
    _, name, _ = _taken_apart(operator_name)
    wanted = tuple(values)
    if name not in _OPERATORS and name != "Null":
        known = ", ".join([*_OPERATORS, "Null"])
        raise PolicyError(f'"{operator_name}" is not a condition operator. Use one of {known}.')
    if name in ("Bool", "Null"):
        for value in wanted:
            if value.lower() not in ("true", "false") and not value.startswith("${"):
                raise PolicyError(f'{operator_name}: expected "true" or "false", came "{value}".')
    for value in wanted:
        _verify_comparable(name, operator_name, value)
    return Condition(
        operator_name, key, tuple(compile_pattern(value, variables=variables) for value in wanted)
    )


def _taken_apart(operator_name: str) -> tuple[str, str, bool]:
    """Return the qualifier in lower case, the operator's own name, and whether IfExists is on."""
    qualifier, _, rest = operator_name.rpartition(":")
    name = rest.lower()
    if qualifier and qualifier.lower() not in ("foranyvalue", "forallvalues"):
        return "", operator_name, False
    if_exists = name.endswith("ifexists") and name != "nullifexists"
    bare = name.removesuffix("ifexists") if if_exists else name
    return qualifier.lower(), _NAME_BY_LOWER.get(bare, rest), if_exists


def _verify_comparable(name: str, operator_name: str, value: str) -> None:
    """Refuse a wanted value that compares with nothing, which would turn `Not…` into "always"."""
    if value.startswith("${"):
        return
    try:
        if name.endswith("IpAddress"):
            ip_network(value, strict=False)
        elif name.startswith("Numeric"):
            float(value)
    except ValueError as error:
        raise PolicyError(f'{operator_name}: cannot compare with "{value}": {error}.') from error


def _is_absent(came: str | None, wanted: str) -> bool:
    return (came is None) is (wanted.lower() == "true")


def _literal(compare: Callable[[str, str], object]) -> Comparison:
    """Return a comparison of what came with the wanted text, in which a star is only a star."""

    def compare_literally(wanted: Pattern, came: str) -> bool:
        try:
            return bool(compare(came, plain_text(wanted)))
        except (ValueError, TypeError):
            return False

    return compare_literally


def _numeric(compare: Callable[[float, float], bool]) -> Comparison:
    return _literal(lambda came, wanted: compare(float(came), float(wanted)))


def _date(compare: Callable[[datetime, datetime], bool]) -> Comparison:
    return _literal(lambda came, wanted: compare(_moment(came), _moment(wanted)))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _in_network(came: str, wanted: str) -> bool:
    return ip_address(came) in ip_network(wanted, strict=False)


def _same_in_any_case(came: str, wanted: str) -> bool:
    return came.casefold() == wanted.casefold()


_ORDER = {
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}

# Operator -> the comparison with one wanted value, and whether the verdict is turned round.
_OPERATORS: dict[str, tuple[Comparison, bool]] = {
    "StringEquals": (_literal(operator.eq), False),
    "StringNotEquals": (_literal(operator.eq), True),
    "StringEqualsIgnoreCase": (_literal(_same_in_any_case), False),
    "StringNotEqualsIgnoreCase": (_literal(_same_in_any_case), True),
    "StringLike": (matches, False),
    "StringNotLike": (matches, True),
    "ArnEquals": (matches, False),
    "ArnNotEquals": (matches, True),
    "ArnLike": (matches, False),
    "ArnNotLike": (matches, True),
    "Bool": (_literal(_same_in_any_case), False),
    "IpAddress": (_literal(_in_network), False),
    "NotIpAddress": (_literal(_in_network), True),
    "NumericEquals": (_numeric(operator.eq), False),
    "NumericNotEquals": (_numeric(operator.eq), True),
    "DateEquals": (_date(operator.eq), False),
    "DateNotEquals": (_date(operator.eq), True),
    **{f"Numeric{name}": (_numeric(compare), False) for name, compare in _ORDER.items()},
    **{f"Date{name}": (_date(compare), False) for name, compare in _ORDER.items()},
}
_NAME_BY_LOWER = {name.lower(): name for name in (*_OPERATORS, "Null")}
