"""Things, and the certificates that are attached to them.

Source: AWS IoT API reference: CreateThing, UpdateThing, DeleteThing, AttachThingPrincipal and
their siblings.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from labkit.bench.simulator.account.certificates import find_principal
from labkit.bench.simulator.account.context import Call, Change, Kind, Operation
from labkit.bench.simulator.account.refusal import Refusal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

__all__ = ["ATTRIBUTE", "NAME", "OPERATIONS"]

NAME: Final = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
"""A thing's name, or an attribute's. Source: botocore's `iot` model, ThingName, AttributeName."""

ATTRIBUTE: Final = re.compile(r"[a-zA-Z0-9_.,@/:#=\[\]-]{0,800}")
"""An attribute's value. Source: botocore's `iot` model, AttributeValue."""

_MAX_ATTRIBUTES = 3
"""Searchable attributes of a thing without a thing type (AWS IoT quotas)."""


def _create_thing(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    name = request["thingName"]
    _refuse_missing_groups(request)
    configuration = _configuration(request.get("attributePayload", {}).get("attributes", {}))
    thing = call.one("SELECT * FROM things WHERE name = ?", name)
    if thing is None:
        identifier = call.identifier(f"thing {name}")
        call.insert("things", name=name, id=identifier, attributes=configuration, version=1)
    elif thing["attributes"] == configuration:
        identifier = thing["id"]
    else:
        raise Refusal(
            "ResourceAlreadyExistsException",
            f"Thing {name} already exists in account with different attributes",
            resourceId=name,
            resourceArn=call.identity.arn("thing", name),
        )
    arn = call.identity.arn("thing", name)
    return {"thingName": name, "thingArn": arn, "thingId": identifier}


def _configuration(attributes: Mapping[str, str]) -> str:
    """Return attributes as they are kept and compared; an empty value takes one away."""
    kept = {name: value for name, value in attributes.items() if value}
    if len(kept) > _MAX_ATTRIBUTES:
        raise Refusal(
            "InvalidRequestException",
            f"A thing without a thing type has at most {_MAX_ATTRIBUTES} attributes",
        )
    return json.dumps(kept, sort_keys=True)


def _update_thing(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    thing = _find(call, request["thingName"])
    _refuse_missing_groups(request)
    _refuse_other_version(thing, request)
    payload = request.get("attributePayload")
    if payload is None:
        return {}
    before = json.loads(thing["attributes"]) if payload.get("merge") else {}
    call.run(
        "UPDATE things SET attributes = ?, version = version + 1 WHERE name = ?",
        *(_configuration(before | payload.get("attributes", {})), thing["name"]),
    )
    return {}


def _refuse_other_version(thing: sqlite3.Row, request: Mapping[str, Any]) -> None:
    if request.get("expectedVersion", thing["version"]) != thing["version"]:
        raise Refusal(
            "VersionConflictException",
            f"Thing {thing['name']} has version {thing['version']}, "
            f"not {request['expectedVersion']}",
        )


def _refuse_missing_groups(request: Mapping[str, Any]) -> None:
    for parameter, kind in (("thingTypeName", "thing type"), ("billingGroupName", "billing group")):
        if parameter in request:
            raise Refusal("ResourceNotFoundException", f"No {kind} is named {request[parameter]}")


def _describe_thing(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    thing = _find(call, request["thingName"])
    return {
        "defaultClientId": thing["name"],
        "thingName": thing["name"],
        "thingId": thing["id"],
        "thingArn": call.identity.arn("thing", thing["name"]),
        "attributes": json.loads(thing["attributes"]),
        "version": thing["version"],
    }


def _list_things(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    query = "SELECT rowid, * FROM things WHERE 1"
    values: tuple[str, ...] = ()
    if "thingTypeName" in request:
        return {"things": []}
    if "attributeName" in request:
        query += " AND (SELECT value FROM json_each(attributes) WHERE key = ?) = ?"
        values = (request["attributeName"], request.get("attributeValue", ""))
    page = call.page(query, *values, request=request)
    things = [
        {
            "thingName": thing["name"],
            "thingArn": call.identity.arn("thing", thing["name"]),
            "attributes": json.loads(thing["attributes"]),
            "version": thing["version"],
        }
        for thing in page.rows
    ]
    return {"things": things, "nextToken": page.marker}


def _delete_thing(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Delete a thing; one that does not exist is deleted already, as AWS sees it."""
    name = request["thingName"]
    thing = call.one("SELECT * FROM things WHERE name = ?", name)
    if thing is None:
        return {}
    _refuse_other_version(thing, request)
    if call.one("SELECT 1 FROM thing_principals WHERE thing = ?", name):
        raise Refusal(
            "InvalidRequestException",
            f"Cannot delete. Thing {name} is still attached to one or more principals",
        )
    call.run("DELETE FROM things WHERE name = ?", name)
    return {}


def _attach(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    thing, principal = _find(call, request["thingName"])["name"], request["principal"]
    find_principal(call, principal)
    kind = request.get("thingPrincipalType", "NON_EXCLUSIVE_THING")
    _refuse_exclusive(call, thing, principal, kind)
    call.run(
        "INSERT INTO thing_principals (principal, thing, type) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET type = excluded.type",
        *(principal, thing, kind),
    )
    call.changes.append(Change(Kind.THINGS, principal))
    return {}


def _refuse_exclusive(call: Call, thing: str, principal: str, kind: str) -> None:
    """Refuse a second thing where either attachment is to be the principal's only one."""
    others = call.all(
        "SELECT type FROM thing_principals WHERE principal = ? AND thing <> ? LIMIT 2",
        *(principal, thing),
    )
    kinds = {kind, *(other["type"] for other in others)}
    if others and "EXCLUSIVE_THING" in kinds:
        raise Refusal(
            "InvalidRequestException",
            "The principal is attached to another thing, and one attachment is EXCLUSIVE_THING",
        )


def _detach(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    thing, principal = _find(call, request["thingName"])["name"], request["principal"]
    find_principal(call, principal)
    call.run("DELETE FROM thing_principals WHERE principal = ? AND thing = ?", *(principal, thing))
    call.changes.append(Change(Kind.THINGS, principal))
    return {}


def _list_thing_principals(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    page = call.page(
        "SELECT rowid, principal FROM thing_principals WHERE thing = ?",
        _find(call, request["thingName"])["name"],
        request=request,
    )
    principals = [row["principal"] for row in page.rows]
    return {"principals": principals, "nextToken": page.marker}


def _list_principal_things(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    find_principal(call, request["principal"])
    page = call.page(
        "SELECT rowid, thing FROM thing_principals WHERE principal = ?",
        request["principal"],
        request=request,
    )
    return {"things": [row["thing"] for row in page.rows], "nextToken": page.marker}


def _find(call: Call, name: str) -> sqlite3.Row:
    thing = call.one("SELECT * FROM things WHERE name = ?", name)
    if thing is None:
        raise Refusal("ResourceNotFoundException", f"Thing {name} cannot be found.")
    return thing


OPERATIONS: dict[str, Operation] = {
    "CreateThing": _create_thing,
    "DescribeThing": _describe_thing,
    "UpdateThing": _update_thing,
    "ListThings": _list_things,
    "DeleteThing": _delete_thing,
    "AttachThingPrincipal": _attach,
    "DetachThingPrincipal": _detach,
    "ListThingPrincipals": _list_thing_principals,
    "ListPrincipalThings": _list_principal_things,
}
