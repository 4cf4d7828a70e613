"""Provisioning templates that are kept by name, and claims for fleet provisioning.

Source: AWS IoT API reference: CreateProvisioningTemplate and its siblings,
CreateProvisioningClaim; AWS IoT Core developer guide, Provisioning devices that don't have device
certificates. Versions of templates are not offered: each has its first one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from labkit import certificates
from labkit.bench.simulator.account.certificates import add
from labkit.bench.simulator.account.own_authority import issue, key_pair, new_key
from labkit.bench.simulator.account.provisioning_template import CERTIFICATE
from labkit.bench.simulator.account.refusal import Refusal
from labkit.bench.simulator.account.registration import load_template
from labkit.bench.simulator.account.roles import require_role
from labkit.bench.simulator.account.tags import set_tags

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from labkit.bench.simulator.account.context import Call, Operation
    from labkit.bench.simulator.account.provisioning_template import Template

__all__ = ["OPERATIONS", "check_registration_config"]

_INVALID = "InvalidRequestException"
_DEVICES = {"Ref": "AWS::IoT::Certificate::Id"}
_ONLY_VERSION = 1
_CLAIM_MINUTES = 5
"""How long a provisioning claim lives (developer guide, provisioning by trusted user)."""


def check_registration_config(call: Call, config: Mapping[str, str] | None) -> None:
    """Refuse what a CA cannot provision devices with.

    Args:
        call: the call.
        config: `templateName` or `templateBody`, and `roleArn`; None for none.

    Raises:
        Refusal: ResourceNotFoundException for a template that is not there,
            InvalidRequestException for anything else.
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
        require_role(call, config["roleArn"])


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
    require_role(call, request["provisioningRoleArn"])
    _refuse_hook(request)
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
    """Refuse a template for anything but the certificate that a device comes with.

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


def _refuse_hook(request: Mapping[str, Any]) -> None:
    hook = request.get("preProvisioningHook")
    if hook is not None:
        raise Refusal(_INVALID, f"There is no function {hook['targetArn']} in this account")


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


def _update(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    row = _find(call, request["templateName"])
    if request.get("defaultVersionId", _ONLY_VERSION) != _ONLY_VERSION:
        raise Refusal(
            "ResourceNotFoundException",
            f"The provisioning template {row['name']} has no version {request['defaultVersionId']}",
        )
    if "provisioningRoleArn" in request:
        require_role(call, request["provisioningRoleArn"])
    _refuse_hook(request)
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


def _list(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    page = call.page("SELECT rowid, * FROM provisioning_templates WHERE 1", request=request)
    return {"templates": [_summary(call, row) for row in page.rows], "nextToken": page.marker}


def _create_claim(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Make a certificate that a trusted user gives to a device, for five minutes."""
    row = _find(call, request["templateName"])
    if row["type"] != "FLEET_PROVISIONING" or not row["enabled"]:
        raise Refusal(
            _INVALID,
            f"The provisioning template {row['name']} is not an enabled one for fleets "
            "(FLEET_PROVISIONING)",
        )
    key, expiration = new_key(), call.now + timedelta(minutes=_CLAIM_MINUTES)
    certificate = issue(call, key.public_key(), ends=expiration)
    return {
        "certificateId": add(call, certificate, status="ACTIVE")["certificateId"],
        "certificatePem": certificates.to_pem(certificate),
        "keyPair": key_pair(key),
        "expiration": expiration,
    }


def _find(call: Call, name: str) -> sqlite3.Row:
    row = call.one("SELECT * FROM provisioning_templates WHERE name = ?", name)
    if row is None:
        raise Refusal(
            "ResourceNotFoundException", f"The provisioning template {name} does not exist"
        )
    return row


def _arn(call: Call, name: str) -> str:
    return call.identity.arn("provisioningtemplate", name)


OPERATIONS: dict[str, Operation] = {
    "CreateProvisioningTemplate": _create,
    "DescribeProvisioningTemplate": _describe,
    "UpdateProvisioningTemplate": _update,
    "DeleteProvisioningTemplate": _delete,
    "ListProvisioningTemplates": _list,
    "CreateProvisioningClaim": _create_claim,
}
