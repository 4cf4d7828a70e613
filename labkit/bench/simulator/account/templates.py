"""Provisioning templates that are stored by name.

Source: AWS IoT API reference: CreateProvisioningTemplate, DescribeProvisioningTemplate,
UpdateProvisioningTemplate, DeleteProvisioningTemplate. Each template has one version: others are
not supported here.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from labkit.bench.simulator.account.context import Refusal
from labkit.bench.simulator.account.tags import set_tags
from labkit.bench.simulator.account.template import CERTIFICATE, Template, load_template

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from labkit.bench.simulator.account.context import Call, Operation

_INVALID = "InvalidRequestException"
_DEVICES = {"Ref": "AWS::IoT::Certificate::Id"}
_ONLY_VERSION = 1
_ROLE = re.compile(r"arn:aws(-cn|-us-gov)?:iam::(?P<account>[0-9]{12}):role/[\w+=,.@/-]{1,512}")
"""Source: IAM user guide, IAM identifiers."""


def check_registration_config(call: Call, config: Mapping[str, str] | None) -> None:
    """Refuse a configuration with which a CA cannot provision devices.

    Args:
        call: the call.
        config: `templateName` or `templateBody`, and `roleArn`; None without a configuration.

    Raises:
        Refusal: ResourceNotFoundException if the template does not exist,
            InvalidRequestException for any other reason.
    """
    if not config:
        return
    if ("templateBody" in config) == ("templateName" in config):
        raise Refusal(_INVALID, "registrationConfig has either a templateBody or a templateName")
    if "templateBody" in config:
        if "roleArn" not in config:
            raise Refusal(_INVALID, "registrationConfig with a templateBody needs a roleArn")
        load_template(config["templateBody"])
    elif _find(call, config["templateName"])["type"] != "JITP":
        raise Refusal(
            _INVALID, f"The provisioning template {config['templateName']} is not of type JITP"
        )
    if "roleArn" in config:
        _require_role(call, config["roleArn"])


def _create(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    name = request["templateName"]
    if call.one("SELECT 1 FROM provisioning_templates WHERE name = ?", name):
        raise Refusal(
            "ResourceAlreadyExistsException",
            f"The provisioning template {name} already exists",
            resourceId=name,
            resourceArn=_arn(call, name),
        )
    _require_devices_certificate(load_template(request["templateBody"]))
    _require_role(call, request["provisioningRoleArn"])
    now = call.now.isoformat()
    call.insert(
        "provisioning_templates",
        name=name,
        type=request.get("type", "FLEET_PROVISIONING"),
        description=request.get("description", ""),
        body=request["templateBody"],
        enabled=bool(request.get("enabled", False)),
        role_arn=request["provisioningRoleArn"],
        created=now,
        modified=now,
    )
    set_tags(call, _arn(call, name), request.get("tags", []))
    return {
        "templateArn": _arn(call, name),
        "templateName": name,
        "defaultVersionId": _ONLY_VERSION,
    }


def _require_devices_certificate(template: Template) -> None:
    """Refuse a template whose certificate is not the one that the device connects with.

    Source: AWS IoT Core developer guide, Provisioning templates: only certificate ids can be used
    with a fleet provisioning template.
    """
    certificates_in_it = [each for each in template.resources if each.type == CERTIFICATE]
    if [each.properties.get("CertificateId") for each in certificates_in_it] != [_DEVICES]:
        raise Refusal(
            _INVALID,
            "The template must have a certificate whose CertificateId is "
            '{"Ref": "AWS::IoT::Certificate::Id"}',
        )


def _describe(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    row = _find(call, request["templateName"])
    return _summary(call, row) | {
        "defaultVersionId": _ONLY_VERSION,
        "templateBody": row["body"],
        "provisioningRoleArn": row["role_arn"],
    }


def _summary(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    return {
        "templateArn": _arn(call, row["name"]),
        "templateName": row["name"],
        "description": row["description"],
        "creationDate": datetime.fromisoformat(row["created"]),
        "lastModifiedDate": datetime.fromisoformat(row["modified"]),
        "enabled": bool(row["enabled"]),
        "type": row["type"],
    }


def _list(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return call.listing(
        "templates",
        lambda row: _summary(call, row),
        "SELECT rowid, * FROM provisioning_templates WHERE 1",
        request=request,
        next_page="nextToken",
    )


def _update(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    row = _find(call, request["templateName"])
    if "provisioningRoleArn" in request:
        _require_role(call, request["provisioningRoleArn"])
    call.run(
        "UPDATE provisioning_templates SET description = ?, enabled = ?, role_arn = ?, "
        "modified = ? WHERE name = ?",
        request.get("description", row["description"]),
        bool(request.get("enabled", row["enabled"])),
        request.get("provisioningRoleArn", row["role_arn"]),
        *(call.now.isoformat(), row["name"]),
    )
    return {}


def _delete(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    name = _find(call, request["templateName"])["name"]
    call.run("DELETE FROM provisioning_templates WHERE name = ?", name)
    set_tags(call, _arn(call, name), [])
    return {}


def _require_role(call: Call, arn: str) -> None:
    """Refuse an ARN that is not a role of this account; the role itself is not checked.

    AWS IoT passes roles (iam:PassRole), which does not reach across accounts.
    """
    match = _ROLE.fullmatch(arn)
    if match is None:
        raise Refusal(_INVALID, f"The role ARN is not valid: {arn}")
    if match["account"] != call.identity.account_id:
        raise Refusal(_INVALID, f"The role is another account's: {arn}")


def _find(call: Call, name: str) -> sqlite3.Row:
    return call.find(
        "SELECT * FROM provisioning_templates WHERE name = ?",
        name,
        missing=f"The provisioning template {name} does not exist",
    )


def _arn(call: Call, name: str) -> str:
    return call.identity.arn("provisioningtemplate", name)


OPERATIONS: dict[str, Operation] = {
    "CreateProvisioningTemplate": _create,
    "DescribeProvisioningTemplate": _describe,
    "UpdateProvisioningTemplate": _update,
    "DeleteProvisioningTemplate": _delete,
    "ListProvisioningTemplates": _list,
}
