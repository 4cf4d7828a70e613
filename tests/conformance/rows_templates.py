"""Rows: provisioning templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expected import Seen, gives, raises
from situation import GONE, ROLE
from table import row
from templates import CERTIFICATE, fleet, jitp

if TYPE_CHECKING:
    from situation import Situation
    from table import Act, Steps

INVALID = raises("InvalidRequestException", 400)
FAILURE = raises("ResourceRegistrationFailureException", 400)
BODY = "guide: Provisioning templates; open: when a body is looked at, and by which rules"
CREATE = "model: CreateProvisioningTemplate"
EVERY = "guide: Just-in-time provisioning calls it, and needs a value for every parameter"
OTHER_CERTIFICATE = {
    "Type": "AWS::IoT::Certificate",
    "Properties": {"CertificateId": {"Ref": "SerialNumber"}},
}
POLICY = {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "p"}}


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
)
def _(s: Situation) -> Act:
    return make(s)


for _type in ("FLEET_PROVISIONING", "JITP"):

    @row(
        "DescribeProvisioningTemplate",
        f"of type {_type}",
        gives({"type": _type, "templateBody": Seen("body"), "provisioningRoleArn": ROLE}),
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
)
def _(s: Situation) -> Act:
    name = made(s)
    return lambda: s.iot.describe_provisioning_template(templateName=name)


@row(
    "CreateProvisioningTemplate", "the name is taken", raises("ResourceAlreadyExistsException", 409)
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
    "its certificate is another than the device's": {
        "templateBody": fleet(certificate=OTHER_CERTIFICATE)
    },
    "its role is an invalid ARN": {"provisioningRoleArn": "Provisioning-of-my-devices"},
    "an unknown type": {"type": "BOTH"},
}.items():

    @row("CreateProvisioningTemplate", _what, INVALID, source=f"{CREATE}; {BODY}")
    def _(s: Situation, parameters: dict[str, object] = _parameters) -> Act:
        return make(s, **parameters)


@row(
    "UpdateProvisioningTemplate",
    "enabled, and described",
    gives({"enabled": True, "description": "for the lab"}),
)
def _(s: Situation) -> Steps:
    name = made(s)
    yield
    s.iot.update_provisioning_template(templateName=name, enabled=True, description="for the lab")
    return s.iot.describe_provisioning_template(templateName=name)


@row("DeleteProvisioningTemplate", "then it does not exist", gives(GONE))
def _(s: Situation) -> Act:
    name = made(s)
    return s.after(
        lambda: s.iot.delete_provisioning_template(templateName=name),
        lambda: s.iot.describe_provisioning_template(templateName=name),
    )
