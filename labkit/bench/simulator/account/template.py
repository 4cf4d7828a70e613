"""Provisioning templates: read from JSON, and executed for a certificate.

Executing a template makes the calls that a person would make, in one transaction: afterwards
either everything that it asks for exists, or nothing. References (`Ref`) are replaced; functions
(`Fn::…`), Mappings and OverrideSettings are not simulated, and a template that has one is refused.

Source: AWS IoT Core developer guide, Provisioning templates; Just-in-time provisioning.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from labkit.bench.simulator.account import certificates, policies, things
from labkit.bench.simulator.account.context import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.bench.simulator.account.context import Call

THING: Final = "AWS::IoT::Thing"
CERTIFICATE: Final = "AWS::IoT::Certificate"
POLICY: Final = "AWS::IoT::Policy"

_INVALID = "InvalidRequestException"
_FAILED = "ResourceRegistrationFailureException"
_SECTIONS = frozenset({"Parameters", "Resources"})
_MEMBERS = frozenset({"Type", "Properties"})
_PROPERTIES: Mapping[str, frozenset[str]] = {
    THING: frozenset({"ThingName", "AttributePayload"}),
    CERTIFICATE: frozenset({"CertificateId", "Status"}),
    POLICY: frozenset({"PolicyName", "PolicyDocument"}),
}
_CALLS = {**certificates.OPERATIONS, **policies.OPERATIONS, **things.OPERATIONS}


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a template.

    Attributes:
        name: its logical name.
        type: THING, CERTIFICATE or POLICY.
        properties: by AWS's names; of an evaluated template, without references.
    """

    name: str
    type: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Template:
    """A template as it was written.

    Attributes:
        parameters: the declared names, each with its default or None.
        resources: what it asks for.
    """

    parameters: Mapping[str, str | None]
    resources: tuple[Resource, ...]

    def missing(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Return the declared parameters that have neither a value nor a default."""
        return tuple(
            name
            for name, default in self.parameters.items()
            if default is None and name not in values
        )

    def evaluate(self, values: Mapping[str, str]) -> tuple[Resource, ...]:
        """Return the resources with references replaced by their values.

        Args:
            values: the parameters' values; those that the template does not declare are skipped.

        Raises:
            Refusal: InvalidRequestException: a referenced parameter has no value.
        """
        known = {name: values.get(name, default) for name, default in self.parameters.items()}
        return tuple(
            Resource(each.name, each.type, _evaluated(each.properties, known))
            for each in self.resources
        )


def load_template(body: str) -> Template:
    """Read a template.

    Raises:
        Refusal: InvalidRequestException: it is not JSON, or has a part that is not supported.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"it is not JSON: {error}") from error
    _check_members(document, _SECTIONS, "the template")
    if "Resources" not in document:
        raise _invalid("it has no Resources")
    resources = tuple(
        _resource(name, declared)
        for name, declared in _object(document["Resources"], "Resources").items()
    )
    for single in (THING, CERTIFICATE):
        if sum(each.type == single for each in resources) > 1:
            raise _invalid(f"it has more than one {single}")
    return Template(_parameters(document.get("Parameters", {})), resources)


def execute(call: Call, template: Template, values: Mapping[str, str]) -> None:
    """Create or find what a template asks for, and attach it to the certificate.

    Args:
        call: the call, which is undone as a whole if this raises.
        template: the template.
        values: the parameters' values.

    Raises:
        Refusal: InvalidRequestException for a parameter without a value,
            ResourceRegistrationFailureException for a resource that cannot be made.
    """
    resources = template.evaluate(values)
    arns = {each.name: _make(call, each) for each in resources}
    for certificate in resources:
        if certificate.type == CERTIFICATE:
            for each in resources:
                _attach(call, each, arns[each.name], arns[certificate.name])


def _invalid(reason: str) -> Refusal:
    return Refusal(_INVALID, f"The template is not valid: {reason}")


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _invalid(f"{where}: expected a JSON object")
    return value


def _check_members(value: object, known: frozenset[str], where: str) -> None:
    if unknown := sorted(set(_object(value, where)) - known):
        raise _invalid(f"{where}: not supported here: {', '.join(unknown)}")


def _parameters(section: object) -> dict[str, str | None]:
    parameters: dict[str, str | None] = {}
    for name, declared in _object(section, "Parameters").items():
        default = _object(declared, f"parameter {name}").get("Default")
        if declared.get("Type") != "String" or not isinstance(default, str | None):
            raise _invalid(f"parameter {name}: the Type and the Default must be a String")
        parameters[name] = default
    return parameters


def _resource(name: str, declared: object) -> Resource:
    where = f"resource {name}"
    _check_members(declared, _MEMBERS, where)
    kind = str(_object(declared, where).get("Type"))
    if kind not in _PROPERTIES:
        raise _invalid(f"{where}: Type {kind!r}: expected one of {', '.join(_PROPERTIES)}")
    properties = _object(_object(declared, where).get("Properties"), f"{where}, Properties")
    _check_members(properties, _PROPERTIES[kind], f"{where}, Properties")
    needed = {THING: "ThingName", CERTIFICATE: "CertificateId"}.get(kind)
    if needed and needed not in properties:
        raise _invalid(f"{where}: it needs a {needed}")
    if kind == POLICY and (len(properties) != 1 or "" in properties.values()):
        raise _invalid(f"{where}: a policy has either a PolicyName or a PolicyDocument")
    return Resource(name, kind, properties)


def _evaluated(written: Any, values: Mapping[str, str | None]) -> Any:  # noqa: ANN401 any JSON
    if isinstance(written, list):
        return [_evaluated(item, values) for item in written]
    if not isinstance(written, dict):
        return written
    if len(written) == 1:
        name, argument = next(iter(written.items()))
        if name == "Ref":
            if not isinstance(argument, str) or values.get(argument) is None:
                raise _invalid(f"the parameter {argument} has no value")
            return values[argument]
        if name.startswith("Fn::"):
            raise _invalid(f"the function {name} is not supported here")
    return {key: _evaluated(item, values) for key, item in written.items()}


def _make(call: Call, resource: Resource) -> str:
    make = {THING: _thing, CERTIFICATE: _certificate, POLICY: _policy}[resource.type]
    try:
        return make(call, resource.properties)
    except Refusal as refusal:
        raise Refusal(_FAILED, f"{resource.name}: {refusal.message}") from refusal


def _thing(call: Call, properties: Mapping[str, Any]) -> str:
    name, attributes = properties["ThingName"], properties.get("AttributePayload", {})
    if not isinstance(name, str) or not things.NAME.fullmatch(name):
        raise Refusal(_FAILED, f"not a thing's name: {name!r}")
    if not isinstance(attributes, dict) or not all(
        isinstance(value, str) and things.ATTRIBUTE.fullmatch(value) and things.NAME.fullmatch(key)
        for key, value in attributes.items()
    ):
        raise Refusal(_FAILED, "AttributePayload: expected names and values")
    made = {"thingName": name, "attributePayload": {"attributes": attributes}}
    return str(_CALLS["CreateThing"](call, made)["thingArn"])


def _certificate(call: Call, properties: Mapping[str, Any]) -> str:
    wanted = str(properties.get("Status", "ACTIVE")).upper()
    if wanted not in ("ACTIVE", "INACTIVE"):
        raise Refusal(_FAILED, f"Status {wanted}: expected ACTIVE or INACTIVE")
    identifier = _text(properties, "CertificateId")
    _CALLS["UpdateCertificate"](call, {"certificateId": identifier, "newStatus": wanted})
    return call.identity.arn("cert", identifier.lower())


def _policy(call: Call, properties: Mapping[str, Any]) -> str:
    if "PolicyName" in properties:
        name = _text(properties, "PolicyName")
        return str(_CALLS["GetPolicy"](call, {"policyName": name})["policyArn"])
    written = properties["PolicyDocument"]
    document = written if isinstance(written, str) else json.dumps(written)
    # AWS IoT names it after a hash of the document: 40 digits in its examples, as SHA-1 has.
    name = hashlib.sha1(document.encode(), usedforsecurity=False).hexdigest().upper()
    if call.one("SELECT 1 FROM policies WHERE name = ?", name) is None:
        _CALLS["CreatePolicy"](call, {"policyName": name, "policyDocument": document})
    return call.identity.arn("policy", name)


def _text(properties: Mapping[str, Any], name: str) -> str:
    if not isinstance(properties.get(name), str):
        raise Refusal(_FAILED, f"{name}: expected a text")
    return str(properties[name])


def _attach(call: Call, resource: Resource, arn: str, certificate: str) -> None:
    name = arn.rpartition("/")[2]
    if resource.type == POLICY:
        _CALLS["AttachPolicy"](call, {"policyName": name, "target": certificate})
    elif resource.type == THING:
        _CALLS["AttachThingPrincipal"](call, {"thingName": name, "principal": certificate})
