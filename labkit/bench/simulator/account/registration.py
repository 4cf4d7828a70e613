"""Carrying out a provisioning template: RegisterThing, and what runs it by itself.

A template is carried out by the calls that a person would make, all in one transaction: either
everything that it asks for is there afterwards, or nothing.

Source: AWS IoT API reference: RegisterThing; AWS IoT Core developer guide, Provisioning templates.
What happens to a thing that is there with other attributes, and no OverrideSettings, no source
says: it is refused.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.bench.simulator.account import certificates, policies, things
from labkit.bench.simulator.account.own_authority import create_from_request
from labkit.bench.simulator.account.provisioning_template import (
    CERTIFICATE,
    POLICY,
    THING,
    Resource,
    Template,
    TemplateError,
    parse,
)
from labkit.bench.simulator.account.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.bench.simulator.account.context import Call, Operation

__all__ = ["OPERATIONS", "Registered", "load_template", "provision"]

_DO = {**certificates.OPERATIONS, **policies.OPERATIONS, **things.OPERATIONS}
_INVALID = "InvalidRequestException"
_FAILED = "ResourceRegistrationFailureException"


@dataclass(frozen=True, slots=True)
class Registered:
    """What a template made.

    Attributes:
        certificate_pem: the certificate's text; None where the template has none.
        arns: each resource's ARN by its logical name.
    """

    certificate_pem: str | None
    arns: Mapping[str, str]


def load_template(body: str) -> Template:
    """Read a template out of a request.

    Raises:
        Refusal: InvalidRequestException.
    """
    try:
        return parse(body)
    except TemplateError as error:
        raise Refusal(_INVALID, f"The template is not valid: {error}") from error


def provision(call: Call, template: Template, values: Mapping[str, str]) -> Registered:
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
    certificate = next((arns[each.name] for each in resources if each.type == CERTIFICATE), None)
    if certificate is None:
        return Registered(None, arns)
    for each in resources:
        _attach(call, each, arns[each.name], certificate)
    pem = certificates.find_principal(call, certificate)["pem"]
    return Registered(str(pem), arns)


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
    override = resource.overrides.get("AttributePayload", "FAIL")
    there = call.one("SELECT attributes FROM things WHERE name = ?", name)
    if there is None or json.loads(there["attributes"]) == attributes:
        _DO["CreateThing"](
            call, {"thingName": name, "attributePayload": {"attributes": attributes}}
        )
    elif override == "FAIL":
        raise _conflict(f"The thing {name} is there with other attributes")
    elif override in ("REPLACE", "MERGE"):
        payload = {"attributes": attributes, "merge": override == "MERGE"}
        _DO["UpdateThing"](call, {"thingName": name, "attributePayload": payload})
    return call.identity.arn("thing", name)


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
    if "CertificateSigningRequest" in properties:
        created = create_from_request(call, _text(properties, "CertificateSigningRequest"), wanted)
        return str(created["certificateArn"])
    if "CertificatePem" in properties:
        identifier = _registered(call, resource, wanted)
    else:
        identifier = _text(properties, "CertificateId").lower()
    row = certificates.find_certificate(call, identifier)
    if row["status"] != wanted:
        _override_status(call, resource, row["id"], row["status"], wanted)
    return call.identity.arn("cert", row["id"])


def _text(properties: Mapping[str, Any], name: str) -> str:
    if not isinstance(properties[name], str):
        raise Refusal(_FAILED, f"{name}: expected a text")
    return str(properties[name])


def _registered(call: Call, resource: Resource, status: str) -> str:
    """Register a certificate by its text, or find the one that is registered."""
    request = {"certificatePem": _text(resource.properties, "CertificatePem"), "status": status}
    if "CACertificatePem" in resource.properties:
        request["caCertificatePem"] = _text(resource.properties, "CACertificatePem")
    try:
        return str(_DO["RegisterCertificate"](call, request)["certificateId"])
    except Refusal as refusal:
        if refusal.code != "ResourceAlreadyExistsException":
            raise
        return str(refusal.fields["resourceId"])


def _override_status(call: Call, resource: Resource, identifier: str, now: str, to: str) -> None:
    """Set a certificate's status; one that was only just introduced has none to keep."""
    override = resource.overrides.get("Status", "REPLACE")
    if now != "PENDING_ACTIVATION" and override == "FAIL":
        raise _conflict(f"The certificate {identifier} is there, and is {now}")
    if now == "PENDING_ACTIVATION" or override == "REPLACE":
        _DO["UpdateCertificate"](call, {"certificateId": identifier, "newStatus": to})


def _policy(call: Call, resource: Resource) -> str:
    if "PolicyName" in resource.properties:
        name = _text(resource.properties, "PolicyName")
        return str(_DO["GetPolicy"](call, {"policyName": name})["policyArn"])
    written = resource.properties["PolicyDocument"]
    document = written if isinstance(written, str) else json.dumps(written)
    # AWS IoT names it after a hash of the document: 40 digits in its examples, as SHA-1 has.
    name = hashlib.sha1(document.encode(), usedforsecurity=False).hexdigest().upper()
    if call.one("SELECT 1 FROM policies WHERE name = ?", name) is None:
        _DO["CreatePolicy"](call, {"policyName": name, "policyDocument": document})
    return call.identity.arn("policy", name)


def _attach(call: Call, resource: Resource, arn: str, certificate: str) -> None:
    name = arn.rpartition("/")[2]
    if resource.type == POLICY:
        _DO["AttachPolicy"](call, {"policyName": name, "target": certificate})
    elif resource.type == THING:
        _DO["AttachThingPrincipal"](call, {"thingName": name, "principal": certificate})


def _conflict(message: str) -> Refusal:
    return Refusal("ConflictingResourceUpdateException", message)


def _register_thing(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    template = load_template(request["templateBody"])
    made = provision(call, template, request.get("parameters", {}))
    return {"certificatePem": made.certificate_pem, "resourceArns": dict(made.arns)}


OPERATIONS: dict[str, Operation] = {"RegisterThing": _register_thing}
