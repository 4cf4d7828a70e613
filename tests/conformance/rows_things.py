"""Rows: things, and certificates attached to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expected import Seen, gives, matching, raises
from situation import GONE
from table import row

if TYPE_CHECKING:
    from situation import Situation
    from table import Act, Steps

INVALID = raises("InvalidRequestException", 400)
EXISTS = raises("ResourceAlreadyExistsException", 409)
CREATE, DELETE = (f"model: {it}Thing" for it in ("Create", "Delete"))
ATTRIBUTES = {"attributes": {"room": "cellar", "colour": "red"}}


@row(
    "CreateThing",
    "a new name",
    gives(
        {
            "thingName": Seen("name"),
            "thingArn": Seen("arn"),
            "thingId": matching("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        }
    ),
    source=CREATE,
)
def _(s: Situation) -> Act:
    name = s.name("thing")
    s.seen.update(name=name, arn=s.arn("thing", name))
    return lambda: s.iot.create_thing(thingName=name)


@row("CreateThing", "the same again", gives({"thingId": Seen("id")}), source=CREATE)
def _(s: Situation) -> Act:
    name = s.name("thing")
    made = s.iot.create_thing(thingName=name, attributePayload=ATTRIBUTES)
    s.seen["id"] = made["thingId"]
    return lambda: s.iot.create_thing(thingName=name, attributePayload=ATTRIBUTES)


@row("CreateThing", "the same name, other attributes", EXISTS, source=CREATE)
def _(s: Situation) -> Act:
    name = s.thing(attributePayload=ATTRIBUTES)
    return lambda: s.iot.create_thing(thingName=name)


for _what, _name in {
    "a name of 129 characters": "t" * 129,
    "a name with a blank": "a b",
    "a name with a letter that is not English": "Gerät",
}.items():

    @row("CreateThing", _what, INVALID, source="model: ThingName")
    def _(s: Situation, name: str = _name) -> Act:
        return lambda: s.unchecked.create_thing(thingName=name)


@row("CreateThing", "four attributes without a type", INVALID, source="quotas: three; open: which")
def _(s: Situation) -> Act:
    payload = {"attributes": dict.fromkeys("abcd", "x")}
    name = s.name("thing")
    return lambda: s.iot.create_thing(thingName=name, attributePayload=payload)


@row("CreateThing", "an attribute's name with a blank", INVALID, source="model: AttributeName")
def _(s: Situation) -> Act:
    name = s.name("thing")
    return lambda: s.iot.create_thing(thingName=name, attributePayload={"attributes": {"a b": "x"}})


@row(
    "DescribeThing",
    "a new one",
    gives(
        {
            "thingName": Seen("name"),
            "defaultClientId": Seen("name"),
            "version": 1,
            "attributes": ATTRIBUTES["attributes"],
        }
    ),
)
def _(s: Situation) -> Act:
    name = s.thing(attributePayload=ATTRIBUTES)
    s.seen["name"] = name
    return lambda: s.iot.describe_thing(thingName=name)


@row("DeleteThing", "then it does not exist", gives(GONE), source=f"{DELETE}, DescribeThing")
def _(s: Situation) -> Act:
    name = s.thing()
    return s.after(
        lambda: s.iot.delete_thing(thingName=name), lambda: s.iot.describe_thing(thingName=name)
    )


@row("DeleteThing", "no such name", gives(GONE), source=f"{DELETE}: no error")
def _(s: Situation) -> Act:
    name = s.name("thing")
    return s.after(
        lambda: s.iot.delete_thing(thingName=name), lambda: s.iot.describe_thing(thingName=name)
    )


@row("DeleteThing", "a certificate is attached", INVALID, source="guide: Managing things")
def _(s: Situation) -> Act:
    name = s.thing()
    s.iot.attach_thing_principal(thingName=name, principal=s.cert_arn())
    return lambda: s.iot.delete_thing(thingName=name)


for _status in ("ACTIVE", "INACTIVE"):

    @row(
        "AttachThingPrincipal",
        f"a certificate that is {_status}",
        gives({"principals": [Seen("arn")], "things": [Seen("thing")]}),
    )
    def _(s: Situation, status: str = _status) -> Steps:
        name, arn = s.thing(), s.cert_arn(status)
        s.seen["thing"] = name
        yield
        s.iot.attach_thing_principal(thingName=name, principal=arn)
        found = s.iot.list_thing_principals(thingName=name)
        return found | {"things": s.iot.list_principal_things(principal=arn)["things"]}


@row("AttachThingPrincipal", "twice", gives({"principals": [Seen("arn")]}), source="open: no error")
def _(s: Situation) -> Steps:
    name, arn = s.thing(), s.cert_arn()
    s.iot.attach_thing_principal(thingName=name, principal=arn)
    yield
    s.iot.attach_thing_principal(thingName=name, principal=arn)
    return s.iot.list_thing_principals(thingName=name)


@row("AttachThingPrincipal", "to two things", gives({"things": 2}), source="guide: Managing things")
def _(s: Situation) -> Steps:
    arn = s.cert_arn()
    yield
    for _ in range(2):
        s.iot.attach_thing_principal(thingName=s.thing(), principal=arn)
    return {"things": len(s.iot.list_principal_things(principal=arn)["things"])}


@row("AttachThingPrincipal", "an invalid ARN", INVALID, source="open: or it is not found")
def _(s: Situation) -> Act:
    name = s.thing()
    return lambda: s.iot.attach_thing_principal(thingName=name, principal="nonsense")


@row("DetachThingPrincipal", "one that is attached", gives({"principals": []}))
def _(s: Situation) -> Steps:
    name, arn = s.thing(), s.cert_arn()
    s.iot.attach_thing_principal(thingName=name, principal=arn)
    yield
    s.iot.detach_thing_principal(thingName=name, principal=arn)
    return s.iot.list_thing_principals(thingName=name)


@row("ListThingPrincipals", "none", gives({"principals": []}))
def _(s: Situation) -> Act:
    name = s.thing()
    return lambda: s.iot.list_thing_principals(thingName=name)


@row("ListPrincipalThings", "none", gives({"things": []}))
def _(s: Situation) -> Act:
    arn = s.cert_arn()
    return lambda: s.iot.list_principal_things(principal=arn)
