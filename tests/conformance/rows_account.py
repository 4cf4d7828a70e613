"""Rows: the account itself, and how it answers what it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expected import Seen, gives, matching, raises
from table import row

if TYPE_CHECKING:
    from situation import Situation
    from table import Act

INVALID = raises("InvalidRequestException", 400)
DENIED = raises("AccessDeniedException", 403)

for _type, _form in {
    "iot:Data-ATS": r"[a-z0-9]{13,14}-ats\.iot\.[a-z0-9-]+\.amazonaws\.com",
    "iot:CredentialProvider": r"[a-z0-9]{13,14}\.credentials\.iot\.[a-z0-9-]+\.amazonaws\.com",
}.items():

    @row(
        "DescribeEndpoint",
        _type,
        gives({"endpointAddress": matching(_form)}),
        source="model: DescribeEndpoint, endpointType; guide: AWS IoT device data endpoints",
    )
    def _(s: Situation, kind: str = _type) -> Act:
        return lambda: s.iot.describe_endpoint(endpointType=kind)


@row(
    "DescribeEndpoint",
    "asked again",
    gives({"endpointAddress": Seen("address")}),
    source="model: DescribeEndpoint: the same endpoint",
)
def _(s: Situation) -> Act:
    s.seen["address"] = s.iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
    return lambda: s.iot.describe_endpoint(endpointType="iot:Data-ATS")


for _type in ("iot:Data", "iot:Jobs"):

    @row(
        "DescribeEndpoint",
        f"{_type}, which is retired",
        INVALID,
        source="measured; open: the model still names it, and older accounts may be answered",
    )
    def _(s: Situation, kind: str = _type) -> Act:
        return lambda: s.iot.describe_endpoint(endpointType=kind)


@row("DescribeEndpoint", "iot:Nonsense", INVALID)
def _(s: Situation) -> Act:
    return lambda: s.iot.describe_endpoint(endpointType="iot:Nonsense")


@row(
    "GetCallerIdentity",
    "asked",
    gives({"Account": matching(r"\d{12}"), "Arn": matching("arn:aws:.*")}),
    source="botocore's sts model: GetCallerIdentity",
)
def _(s: Situation) -> Act:
    return s.judge.sts.get_caller_identity


for _method, _parameters in {
    "list_jobs": {},
    "list_topic_rules": {},
    "create_billing_group": {"billingGroupName": "x"},
    "describe_account_audit_configuration": {},
    "list_streams": {},
}.items():

    @row(
        "(not offered)",
        _method,
        DENIED,
        source="guide: Security: a call that nobody allows is denied",
        ours=True,
    )
    def _(s: Situation, method: str = _method, given: object = _parameters) -> Act:
        return lambda: getattr(s.iot, method)(**given)


for _method, _parameters in {
    "create_thing": {"thingName": "x", "thingTypeName": "lamp"},
    "list_things": {"attributeName": "room", "attributeValue": "cellar"},
    "delete_thing": {"thingName": "x", "expectedVersion": 7},
    "attach_thing_principal": {
        "thingName": "x",
        "principal": "y",
        "thingPrincipalType": "EXCLUSIVE_THING",
    },
    "register_ca_certificate": {"caCertificate": "x", "certificateMode": "SNI_ONLY"},
}.items():

    @row(
        "(not offered)",
        f"{_method} with {list(_parameters)[-1]}",
        DENIED,
        source="what the account does not offer is refused, not ignored",
        ours=True,
    )
    def _(s: Situation, method: str = _method, given: object = _parameters) -> Act:
        return lambda: getattr(s.iot, method)(**given)


UNKNOWN = raises("UnknownOperationException", 404) | DENIED | raises("AccessDeniedException", 404)
for _verb, _path in (("GET", "/nonsense"), ("PATCH", "/endpoint"), ("DELETE", "/things")):

    @row("(unknown)", f"{_verb} {_path}", UNKNOWN, source="AWS's REST services; open: which")
    def _(s: Situation, verb: str = _verb, path: str = _path) -> Act:
        return lambda: s.send(verb, path)


for _what, _path, _body, _code in (
    ("a body that is not JSON", "/things/conformance-x", "{", "SerializationException"),
    ("a body that is a list", "/things/conformance-x", "[]", "SerializationException"),
    (
        "a member of another type",
        "/things/conformance-x",
        '{"attributePayload": 1}',
        "SerializationException",
    ),
    ("a member is missing", "/policies/conformance-x", "{}", "InvalidRequestException"),
):

    @row(
        "(malformed)",
        _what,
        raises(_code, 400) | INVALID,
        source="AWS's REST services; open: which",
    )
    def _(s: Situation, path: str = _path, body: str = _body) -> Act:
        return lambda: s.send("POST", path, body)


@row(
    "(malformed)",
    "without a signature",
    raises("MissingAuthenticationTokenException", 403) | raises("AccessDeniedException", 403),
    source="AWS's common errors",
)
def _(s: Situation) -> Act:
    return lambda: s.send("GET", "/registrationcode", signed=False)
