"""Things, and the certificates that are attached to them.

Source: AWS IoT API reference: CreateThing, DescribeThing, DeleteThing, AttachThingPrincipal,
DetachThingPrincipal.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from labkit.bench.simulator.account.certificates import find_principal
from labkit.bench.simulator.account.context import Call, Change, Kind, Operation, Refusal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

NAME: Final = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
"""A thing's name, or an attribute's. Source: botocore's `iot` model, ThingName, AttributeName."""

ATTRIBUTE: Final = re.compile(r"[a-zA-Z0-9_.,@/:#=\[\]-]{0,800}")
"""An attribute's value. Source: botocore's `iot` model, AttributeValue."""

_MAX_ATTRIBUTES = 3
"""Searchable attributes of a thing without a thing type (AWS IoT quotas)."""


def _create_thing(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    name = request["thingName"]
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
    """Return attributes as they are stored and compared; an empty value removes one."""
    stored = {name: value for name, value in attributes.items() if value}
    if len(stored) > _MAX_ATTRIBUTES:
        raise Refusal(
            "InvalidRequestException",
            f"A thing without a thing type has at most {_MAX_ATTRIBUTES} attributes",
        )
    return json.dumps(stored, sort_keys=True)


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
    return call.listing(
        "things",
        lambda thing: {
            "thingName": thing["name"],
            "thingArn": call.identity.arn("thing", thing["name"]),
            "attributes": json.loads(thing["attributes"]),
            "version": thing["version"],
        },
        "SELECT rowid, * FROM things WHERE 1",
        request=request,
        next_page="nextToken",
    )


def _delete_thing(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Delete a thing; like AWS, do nothing if it does not exist."""
    name = request["thingName"]
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
    call.run(
        "INSERT OR IGNORE INTO thing_principals (principal, thing, type) VALUES (?, ?, ?)",
        *(principal, thing, "NON_EXCLUSIVE_THING"),
    )
    call.changes.append(Change(Kind.THINGS, principal))
    return {}


def _detach(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    thing, principal = _find(call, request["thingName"])["name"], request["principal"]
    find_principal(call, principal)
    call.run("DELETE FROM thing_principals WHERE principal = ? AND thing = ?", *(principal, thing))
    call.changes.append(Change(Kind.THINGS, principal))
    return {}


def _list_thing_principals(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return call.listing(
        "principals",
        lambda row: row["principal"],
        "SELECT rowid, principal FROM thing_principals WHERE thing = ?",
        _find(call, request["thingName"])["name"],
        request=request,
        next_page="nextToken",
    )


def _list_principal_things(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    find_principal(call, request["principal"])
    return call.listing(
        "things",
        lambda row: row["thing"],
        "SELECT rowid, thing FROM thing_principals WHERE principal = ?",
        request["principal"],
        request=request,
        next_page="nextToken",
    )


def _find(call: Call, name: str) -> sqlite3.Row:
    return call.find(
        "SELECT * FROM things WHERE name = ?", name, missing=f"Thing {name} cannot be found."
    )


OPERATIONS: dict[str, Operation] = {
    "CreateThing": _create_thing,
    "DescribeThing": _describe_thing,
    "ListThings": _list_things,
    "DeleteThing": _delete_thing,
    "AttachThingPrincipal": _attach,
    "DetachThingPrincipal": _detach,
    "ListThingPrincipals": _list_thing_principals,
    "ListPrincipalThings": _list_principal_things,
}
