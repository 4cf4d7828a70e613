"""Executing a provisioning template: the thing, the certificate's status and the policies.

A template is executed by the calls that a person would make, all in one transaction: either
everything that it asks for exists afterwards, or nothing.

Source: AWS IoT Core developer guide, Provisioning templates; Just-in-time provisioning. No source
states what happens to a thing that exists with other attributes where the template has no
OverrideSettings: it is refused.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from labkit.bench.simulator.account import certificates, policies, things
from labkit.bench.simulator.account.refusal import Refusal
from labkit.bench.simulator.account.template_document import (
    CERTIFICATE,
    POLICY,
    THING,
    Resource,
    Template,
    TemplateError,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.bench.simulator.account.context import Call

_CALLS = {**certificates.OPERATIONS, **policies.OPERATIONS, **things.OPERATIONS}
_INVALID = "InvalidRequestException"
_FAILED = "ResourceRegistrationFailureException"


def load_template(body: str) -> Template:
    """Read a template out of a request.

    Raises:
        Refusal: InvalidRequestException.
    """
    try:
        return parse(body)
    except TemplateError as error:
        raise Refusal(_INVALID, f"The template is not valid: {error}") from error


def execute(call: Call, template: Template, values: Mapping[str, str]) -> None:
    """Make, or find, what a template asks for, and attach it to the certificate.

    Args:
        call: the call, which is undone as a whole where this raises.
        template: the template.
        values: the parameters' values.

    Raises:
        Refusal: InvalidRequestException for parameters without a value,
            ConflictingResourceUpdateException for a resource that OverrideSettings lets fail,
            ResourceRegistrationFailureException for one that cannot be made.
    """
    try:
        resources = template.evaluate(values)
    except TemplateError as error:
        raise Refusal(_INVALID, f"The template cannot be evaluated: {error}") from error
    arns = {each.name: _make(call, each) for each in resources}
    for certificate in resources:
        if certificate.type == CERTIFICATE:
            for each in resources:
                _attach(call, each, arns[each.name], arns[certificate.name])


def _make(call: Call, resource: Resource) -> str:
    make = {THING: _thing, CERTIFICATE: _certificate, POLICY: _policy}[resource.type]
    try:
        return make(call, resource)
    except Refusal as refusal:
        if refusal.code in (_FAILED, "ConflictingResourceUpdateException"):
            raise
        raise Refusal(_FAILED, f"{resource.name}: {refusal.message}") from refusal


def _thing(call: Call, resource: Resource) -> str:
    properties = resource.properties
    name, attributes = _name(properties["ThingName"]), _attributes(resource)
    for unoffered in ("ThingTypeName", "ThingGroups", "BillingGroup", "PackageVersions"):
        if properties.get(unoffered):
            raise Refusal(
                _FAILED, f"{resource.name}: {unoffered} {properties[unoffered]}: not found"
            )
    row = call.one("SELECT attributes FROM things WHERE name = ?", name)
    if row is None:
        payload = {"attributes": attributes}
        _CALLS["CreateThing"](call, {"thingName": name, "attributePayload": payload})
    elif (existing := json.loads(row["attributes"])) != attributes:
        _override_attributes(call, resource, name, existing, attributes)
    return call.identity.arn("thing", name)


def _override_attributes(
    call: Call, resource: Resource, name: str, existing: dict[str, str], wanted: dict[str, str]
) -> None:
    override = resource.overrides.get("AttributePayload", "FAIL")
    if override == "FAIL":
        raise Refusal(
            "ConflictingResourceUpdateException", f"The thing {name} exists with other attributes"
        )
    if override != "DO_NOTHING":
        things.set_attributes(call, name, (existing if override == "MERGE" else {}) | wanted)


def _name(written: object) -> str:
    if not isinstance(written, str) or not things.NAME.fullmatch(written):
        raise Refusal(_FAILED, f"not a thing's name: {written!r}")
    return written


def _attributes(resource: Resource) -> dict[str, str]:
    attributes = resource.properties.get("AttributePayload", {})
    if not isinstance(attributes, dict) or not all(
        isinstance(value, str) and things.ATTRIBUTE.fullmatch(value) and things.NAME.fullmatch(key)
        for key, value in attributes.items()
    ):
        raise Refusal(_FAILED, f"{resource.name}: AttributePayload: not names and values")
    return attributes


def _certificate(call: Call, resource: Resource) -> str:
    properties = resource.properties
    wanted = str(properties.get("Status", "ACTIVE")).upper()
    if wanted not in ("ACTIVE", "INACTIVE"):
        raise Refusal(_FAILED, f"{resource.name}: Status {wanted}: ACTIVE or INACTIVE")
    identifier = _text(properties, "CertificateId")
    _CALLS["UpdateCertificate"](call, {"certificateId": identifier, "newStatus": wanted})
    return call.identity.arn("cert", identifier.lower())


def _text(properties: Mapping[str, Any], name: str) -> str:
    if not isinstance(properties.get(name), str):
        raise Refusal(_FAILED, f"{name}: expected a text")
    return str(properties[name])


def _policy(call: Call, resource: Resource) -> str:
    if "PolicyName" in resource.properties:
        name = _text(resource.properties, "PolicyName")
        return str(_CALLS["GetPolicy"](call, {"policyName": name})["policyArn"])
    written = resource.properties["PolicyDocument"]
    document = written if isinstance(written, str) else json.dumps(written)
    # AWS IoT names it after a hash of the document: 40 digits in its examples, as SHA-1 has.
    name = hashlib.sha1(document.encode(), usedforsecurity=False).hexdigest().upper()
    if call.one("SELECT 1 FROM policies WHERE name = ?", name) is None:
        _CALLS["CreatePolicy"](call, {"policyName": name, "policyDocument": document})
    return call.identity.arn("policy", name)


def _attach(call: Call, resource: Resource, arn: str, certificate: str) -> None:
    name = arn.rpartition("/")[2]
    if resource.type == POLICY:
        _CALLS["AttachPolicy"](call, {"policyName": name, "target": certificate})
    elif resource.type == THING:
        _CALLS["AttachThingPrincipal"](call, {"thingName": name, "principal": certificate})
