"""Rows: provisioning templates, claims, and things registered by a template."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import material
from botocore.exceptions import ClientError
from cryptography import x509
from expected import Seen, gives, holds, matching, raises
from material import ec_key
from situation import GONE, ROLE
from table import row
from templates import CERTIFICATE, fleet, jitp, template

if TYPE_CHECKING:
    from situation import Situation
    from table import Act

INVALID = raises("InvalidRequestException", 400)
FAILURE = raises("ResourceRegistrationFailureException", 400)
BODY = "guide: Provisioning templates; open: when a body is looked at, and by which rules"
CREATE = "model: CreateProvisioningTemplate"
EVERY = "guide: Just-in-time provisioning calls it, and needs a value for every parameter"
POLICY = {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "p"}}
REGISTER = "model: RegisterThing; guide: Provisioning templates"


def make(s: Situation, **parameters: object) -> Act:
    """Return the call that makes a template; the name is noted."""
    name = s.name("t")
    s.seen.update(name=name, template=s.arn("provisioningtemplate", name))
    given = {"templateName": name, "templateBody": fleet(), "provisioningRoleArn": ROLE}
    return lambda: s.unchecked.create_provisioning_template(**{**given, **parameters})


def made(s: Situation, **parameters: object) -> str:
    """Make a template and return its name."""
    make(s, **parameters)()
    return str(s.seen["name"])


@row(
    "CreateProvisioningTemplate",
    "a new name",
    gives({"templateName": Seen("name"), "templateArn": Seen("template"), "defaultVersionId": 1}),
    source=CREATE,
    free=True,
)
def _(s: Situation) -> Act:
    return make(s)


for _type in ("FLEET_PROVISIONING", "JITP"):

    @row(
        "DescribeProvisioningTemplate",
        f"of type {_type}",
        gives({"type": _type, "templateBody": Seen("body"), "provisioningRoleArn": ROLE}),
        source="model: DescribeProvisioningTemplate",
        free=True,
    )
    def _(s: Situation, kind: str = _type) -> Act:
        body = jitp("p") if kind == "JITP" else fleet()
        s.seen["body"] = body
        name = made(s, type=kind, templateBody=body)
        return lambda: s.iot.describe_provisioning_template(templateName=name)


@row(
    "CreateProvisioningTemplate",
    "says nothing of its type and whether it is enabled",
    gives({"type": "FLEET_PROVISIONING", "enabled": False}),
    source=f"{CREATE}, type, enabled; open: enabled",
    free=True,
)
def _(s: Situation) -> Act:
    name = made(s)
    return lambda: s.iot.describe_provisioning_template(templateName=name)


@row(
    "CreateProvisioningTemplate",
    "the name is taken",
    raises("ResourceAlreadyExistsException", 409),
    source=CREATE,
    free=True,
)
def _(s: Situation) -> Act:
    name = made(s)
    return make(s, templateName=name)


for _what, _parameters in {
    "a name with a blank": {"templateName": "a b"},
    "a name of 37 characters": {"templateName": "t" * 37},
    "its body is the text hello": {"templateBody": "hello"},
    "its body is a JSON list": {"templateBody": "[]"},
    "its body is too long": {"templateBody": fleet() + " " * 10_240},
    "its body makes no certificate": {"templateBody": fleet(policy=POLICY)},
    "its body makes two certificates": {"templateBody": fleet(one=CERTIFICATE, two=CERTIFICATE)},
    "its certificate is another than the device's": {"templateBody": template()},
    "its role is no ARN": {"provisioningRoleArn": "Provisioning-of-my-devices"},
    "a type that there is not": {"type": "BOTH"},
    "JITP, with a hook": {
        "type": "JITP",
        "preProvisioningHook": {
            "targetArn": "arn:aws:lambda:us-east-1:123456789012:function:hook",
        },
    },
}.items():

    @row("CreateProvisioningTemplate", _what, INVALID, source=f"{CREATE}; {BODY}", free=True)
    def _(s: Situation, parameters: dict[str, object] = _parameters) -> Act:
        return make(s, **parameters)


@row(
    "UpdateProvisioningTemplate",
    "enabled, and described",
    gives({"enabled": True, "description": "for the lab"}),
    source="model: UpdateProvisioningTemplate",
    free=True,
)
def _(s: Situation) -> Act:
    name = made(s)

    def act() -> object:
        s.iot.update_provisioning_template(
            templateName=name, enabled=True, description="for the lab"
        )
        return s.iot.describe_provisioning_template(templateName=name)

    return act


@row(
    "DeleteProvisioningTemplate",
    "it is gone then",
    gives(GONE),
    source="model: DeleteProvisioningTemplate",
    free=True,
)
def _(s: Situation) -> Act:
    name = made(s)
    return s.after(
        lambda: s.iot.delete_provisioning_template(templateName=name),
        lambda: s.iot.describe_provisioning_template(templateName=name),
    )


@row(
    "ListProvisioningTemplates",
    "page by page, one a page",
    gives(holds(Seen("first"), Seen("second"))),
    source="model: ListProvisioningTemplates, nextToken",
    free=True,
)
def _(s: Situation) -> Act:
    first, second = made(s), made(s)
    s.seen.update(first=first, second=second)

    def act() -> object:
        pages = s.iot.get_paginator("list_provisioning_templates").paginate(
            PaginationConfig={"PageSize": 1}
        )
        return [one["templateName"] for page in pages for one in page["templates"]]

    return act


@row(
    "CreateProvisioningClaim",
    "of a fleet's template",
    gives({"id": True, "private": True, "minutes": 5}),
    source="model: CreateProvisioningClaim; guide: Provisioning by claim: 5 minutes",
)
def _(s: Situation) -> Act:
    name = made(s, enabled=True)

    def act() -> object:
        answer = s.iot.create_provisioning_claim(templateName=name)
        left = answer["expiration"] - datetime.now(UTC)
        return {
            "id": answer["certificateId"] == material.certificate_id(answer["certificatePem"]),
            "private": "PRIVATE KEY" in answer["keyPair"]["PrivateKey"],
            "minutes": round(left.total_seconds() / 60),
        }

    return act


@row(
    "CreateProvisioningClaim",
    "of a template for JITP",
    INVALID,
    source="guide: Provisioning by claim is fleet provisioning; open",
)
def _(s: Situation) -> Act:
    name = made(s, type="JITP", templateBody=jitp("p"))
    return lambda: s.iot.create_provisioning_claim(templateName=name)


def parameters(thing: str, **more: str) -> dict[str, str]:
    """Return what the template asks for."""
    return {"ThingName": thing, "CSR": material.request(ec_key("device")), **more}


@row(
    "RegisterThing",
    "a thing, a certificate of a request, a policy",
    gives({"status": "ACTIVE", "things": [Seen("thing")], "policies": [Seen("name")], "key": True}),
    source=REGISTER,
)
def _(s: Situation) -> Act:
    thing, name = s.name("thing"), s.policy()
    s.seen.update(thing=thing, name=name)
    body, given = template(name), parameters(thing)

    def act() -> object:
        pem = s.iot.register_thing(templateBody=body, parameters=given)["certificatePem"]
        arn = s.arn("cert", material.certificate_id(pem))
        policies = s.iot.list_attached_policies(target=arn)["policies"]
        key = x509.load_pem_x509_certificate(pem.encode()).public_key()
        return {
            "status": s.status(material.certificate_id(pem)),
            "things": s.iot.list_principal_things(principal=arn)["things"],
            "policies": [it["policyName"] for it in policies],
            "key": key == ec_key("device").public_key(),
        }

    return act


@row(
    "RegisterThing",
    "the ARNs of what it has made, by the template's names",
    gives({"thing": Seen("arn"), "certificate": matching("arn:aws:iot:.*:cert/[0-9a-f]{64}")}),
    source="model: RegisterThing, resourceArns",
)
def _(s: Situation) -> Act:
    thing = s.name("thing")
    s.seen["arn"] = s.arn("thing", thing)
    body, given = template(), parameters(thing)
    return lambda: s.iot.register_thing(templateBody=body, parameters=given)["resourceArns"]


for _what, _body, _given in (
    ("a parameter is missing", template("", "Room").replace('"Ref": "CSR"', '"Ref": "Room"'), {}),
    ("the template is the text hello", "hello", {}),
    ("the template has no resources", '{"Parameters": {}}', {}),
    ("a reference to what is not declared", template().replace('"Ref": "CSR"', '"Ref": "X"'), {}),
    ("the request is the text hello", template(), {"CSR": "hello"}),
    ("a thing's name with a blank", template(), {"ThingName": "a b"}),
    ("a policy that there is not", template("nobody"), {}),
):

    @row("RegisterThing", _what, INVALID | FAILURE, source=f"{REGISTER}; {EVERY}; open: which")
    def _(s: Situation, body: str = _body, given: object = _given) -> Act:
        arguments = parameters(s.name("thing")) | given
        return lambda: s.iot.register_thing(templateBody=body, parameters=arguments)


@row(
    "RegisterThing",
    "it fails, and nothing of it stays",
    gives(GONE),
    source="open: the thing of a template whose policy there is not",
)
def _(s: Situation) -> Act:
    thing = s.name("thing")
    given = parameters(thing)

    def fail() -> object:
        try:
            return s.iot.register_thing(templateBody=template("nobody"), parameters=given)
        except ClientError as error:
            return error

    return s.after(fail, lambda: s.iot.describe_thing(thingName=thing))
