"""Provisioning templates: from JSON and parameters to the resources that a device needs.

Pure: nothing here knows an account.

Source: AWS IoT Core developer guide, Provisioning templates; Just-in-time provisioning.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

THING: Final = "AWS::IoT::Thing"
CERTIFICATE: Final = "AWS::IoT::Certificate"
POLICY: Final = "AWS::IoT::Policy"

_SECTIONS = frozenset({"Parameters", "Mappings", "Resources", "DeviceConfiguration"})
_PROPERTIES: Mapping[str, frozenset[str]] = {
    THING: frozenset({"ThingName", "AttributePayload", "ThingTypeName", "ThingGroups",
                      "BillingGroup", "PackageVersions"}),
    CERTIFICATE: frozenset({"CertificateId", "Status"}),
    POLICY: frozenset({"PolicyName", "PolicyDocument"}),
}  # fmt: skip
_OVERRIDES: Mapping[str, Mapping[str, frozenset[str]]] = {
    THING: {
        "AttributePayload": frozenset({"DO_NOTHING", "REPLACE", "FAIL", "MERGE"}),
        "ThingTypeName": frozenset({"DO_NOTHING", "REPLACE", "FAIL"}),
        "ThingGroups": frozenset({"DO_NOTHING", "REPLACE", "FAIL", "MERGE"}),
    },
    CERTIFICATE: {"Status": frozenset({"DO_NOTHING", "REPLACE", "FAIL"})},
    POLICY: {},
}
_SUBSTITUTION = re.compile(r"\$\{([^}]*)\}")
_PAIR = 2


class TemplateError(ValueError):
    """A template cannot be used, or not with these parameters."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a template.

    Attributes:
        name: its logical name.
        type: THING, CERTIFICATE or POLICY.
        properties: by AWS's names; of an evaluated template, without functions.
        overrides: what to do about each property if the resource is there already.
    """

    name: str
    type: str
    properties: Mapping[str, Any]
    overrides: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Template:
    """A template as it was written.

    Attributes:
        parameters: the declared names, each with its default or None.
        mappings: the tables of `Fn::FindInMap`.
        resources: what it asks for.
    """

    parameters: Mapping[str, str | None]
    mappings: Mapping[str, Any]
    resources: tuple[Resource, ...]

    def evaluate(self, values: Mapping[str, str]) -> tuple[Resource, ...]:
        """Return the resources with parameters and functions replaced by their values.

        Args:
            values: the parameters' values; what the template does not declare is passed over.

        Raises:
            TemplateError: a parameter or a function has no value.
        """
        known = {
            name: values.get(name, default)
            for name, default in self.parameters.items()
            if name in values or default is not None
        }
        scope = _Scope(known, self.mappings)
        return tuple(
            Resource(each.name, each.type, scope.value(each.properties), each.overrides)
            for each in self.resources
        )

    def missing(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Return the declared parameters that have neither a value nor a default."""
        return tuple(
            name
            for name, default in self.parameters.items()
            if default is None and name not in values
        )


def parse(body: str) -> Template:
    """Read a template.

    Raises:
        TemplateError: it is not JSON, or says what a template cannot say.
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise TemplateError(f"the template is not JSON: {error}") from error
    document = _object(told, "the template")
    _refuse_unknown(document, _SECTIONS, "the template")
    if "Resources" not in document:
        raise TemplateError("the template has no Resources")
    resources = tuple(
        _resource(name, declared)
        for name, declared in _object(document["Resources"], "Resources").items()
    )
    for single in (THING, CERTIFICATE):
        if sum(each.type == single for each in resources) > 1:
            raise TemplateError(f"the template has more than one {single}")
    return Template(
        _parameters(document.get("Parameters", {})),
        _object(document.get("Mappings", {}), "Mappings"),
        resources,
    )


def _parameters(told: object) -> dict[str, str | None]:
    parameters: dict[str, str | None] = {}
    for name, declared in _object(told, "Parameters").items():
        says = _object(declared, f"parameter {name}")
        default = says.get("Default")
        if says.get("Type") != "String":
            raise TemplateError(f"parameter {name}: the Type is not String")
        if default is not None and not isinstance(default, str):
            raise TemplateError(f"parameter {name}: the Default is no string")
        parameters[name] = default
    return parameters


def _resource(name: str, declared: object) -> Resource:
    says = _object(declared, f"resource {name}")
    kind = str(says.get("Type"))
    if kind not in _PROPERTIES:
        raise TemplateError(f"resource {name}: Type {kind!r} is none of {', '.join(_PROPERTIES)}")
    properties = _object(says.get("Properties"), f"resource {name}, Properties")
    _refuse_unknown(properties, _PROPERTIES[kind], f"resource {name}, Properties")
    overrides = _object(says.get("OverrideSettings", {}), f"resource {name}, OverrideSettings")
    for setting, action in overrides.items():
        if action not in _OVERRIDES[kind].get(setting, ()):
            raise TemplateError(f"resource {name}: OverrideSettings {setting}: {action!r}")
    _check_shape(name, kind, properties)
    return Resource(name, kind, properties, overrides)


def _check_shape(name: str, kind: str, properties: Mapping[str, Any]) -> None:
    if kind == THING and "ThingName" not in properties:
        raise TemplateError(f"resource {name}: a thing needs a ThingName")
    if kind == POLICY and len(properties) != 1:
        raise TemplateError(
            f"resource {name}: a policy has either a PolicyName or a PolicyDocument"
        )
    if kind == CERTIFICATE and "CertificateId" not in properties:
        raise TemplateError(f"resource {name}: a certificate needs a CertificateId")


def _object(told: object, where: str) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise TemplateError(f"{where}: expected a JSON object")
    return told


def _refuse_unknown(told: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    if unknown := sorted(set(told) - known):
        raise TemplateError(f"{where}: unknown: {', '.join(unknown)}")


@dataclass(frozen=True, slots=True)
class _Scope:
    """What references and functions are replaced with."""

    values: Mapping[str, str | None]
    mappings: Mapping[str, Any]

    def value(self, written: Any) -> Any:  # noqa: ANN401 any JSON
        """Return a value with all references and functions in it replaced."""
        if isinstance(written, list):
            return [self.value(item) for item in written]
        if not isinstance(written, dict):
            return written
        if len(written) == 1:
            name, argument = next(iter(written.items()))
            if name == "Ref":
                return self._reference(argument)
            if name in _FUNCTIONS:
                return _FUNCTIONS[name](self, argument)
            if name.startswith("Fn::"):
                raise TemplateError(f"there is no function {name}")
        return {key: self.value(item) for key, item in written.items()}

    def _reference(self, name: object) -> str:
        if not isinstance(name, str) or self.values.get(name) is None:
            raise TemplateError(f"the parameter {name} has no value")
        return str(self.values[name])

    def join(self, argument: object) -> str:
        """Put texts together: `[delimiter, [text, …]]`."""
        delimiter, items = self._pair("Fn::Join", argument)
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise TemplateError("Fn::Join: expected a list of texts")
        return str(delimiter).join(items)

    def select(self, argument: object) -> Any:  # noqa: ANN401 any JSON
        """Take one of a list: `[index, [value, …]]`."""
        index, items = self._pair("Fn::Select", argument)
        digits = str(index)
        if not isinstance(items, list) or not (digits.isascii() and digits.isdigit()):
            raise TemplateError("Fn::Select: expected an index and a list")
        if int(digits) >= len(items) or items[int(digits)] is None:
            raise TemplateError(f"Fn::Select: there is no item {digits}")
        return items[int(digits)]

    def split(self, argument: object) -> list[str]:
        """Take a text apart: `[delimiter, text]`."""
        delimiter, text = self._pair("Fn::Split", argument)
        if not isinstance(text, str) or not isinstance(delimiter, str) or not delimiter:
            raise TemplateError("Fn::Split: expected a delimiter and a text")
        return text.split(delimiter)

    def find_in_map(self, argument: object) -> Any:  # noqa: ANN401 any JSON
        """Look up a table of `Mappings`: `[map, first key, second key]`."""
        keys = self.value(argument)
        found: Any = self.mappings
        for key in keys if isinstance(keys, list) else [None]:
            if not isinstance(found, dict) or not isinstance(key, str) or key not in found:
                raise TemplateError(f"Fn::FindInMap: there is no {key}")
            found = found[key]
        return found

    def substitute(self, argument: object) -> str:
        """Replace `${name}` in a text: `text`, or `[text, {name: value}]`; `${!name}` stays."""
        text, extra = (
            (argument, {}) if isinstance(argument, str) else self._pair("Fn::Sub", argument)
        )
        if not isinstance(text, str) or not isinstance(extra, dict):
            raise TemplateError("Fn::Sub: expected a text, and its own values if any")
        scope = _Scope({**self.values, **{key: str(item) for key, item in extra.items()}}, {})
        return _SUBSTITUTION.sub(lambda match: scope.substituted(match[1]), text)

    def substituted(self, name: str) -> str:
        """Return what stands for `${name}`."""
        return f"${{{name[1:]}}}" if name.startswith("!") else self._reference(name)

    def _pair(self, name: str, argument: object) -> tuple[Any, Any]:
        if not isinstance(argument, list) or len(argument) != _PAIR:
            raise TemplateError(f"{name}: expected two arguments")
        first, second = self.value(argument)
        return first, second


_FUNCTIONS: Mapping[str, Callable[[_Scope, object], Any]] = {
    "Fn::Join": _Scope.join,
    "Fn::Select": _Scope.select,
    "Fn::Split": _Scope.split,
    "Fn::FindInMap": _Scope.find_in_map,
    "Fn::Sub": _Scope.substitute,
}
