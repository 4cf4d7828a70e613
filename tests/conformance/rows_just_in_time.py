"""Rows: certificates that register themselves at their first connection."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from device import ACCEPTED, connects, plugged_in
from expected import Seen, gives, holds
from rows_connect import ALL, allowed
from situation import ROLE
from table import row
from templates import jitp

if TYPE_CHECKING:
    from material import Authority, Leaf
    from situation import Situation
    from table import Act, Steps

JITR = "guide: Just-in-time registration"
JITP = "guide: Just-in-time provisioning"
PATIENCE_S = 5.0
REGISTERED = "certificateRegistrationTimestamp"


def automatic(s: Situation, **config: object) -> Authority:
    """Register a CA with auto-registration."""
    more = {"registrationConfig": {"roleArn": ROLE, **config}} if config else {}
    return s.register_ca(allowAutoRegistration=True, **more)


def first(s: Situation, leaf: Leaf, name: str = "") -> str:
    """Connect for the first time; what the account makes of it is undone with the row.

    The CA's certificate is sent as well: the guide's pages differ on whether it has to be.
    """
    s.undo.add("certificate", leaf.id)
    return connects(s.judge, leaf, name or s.name(), chain=True)


def settled(s: Situation, leaf: Leaf, status: str) -> str:
    """Wait until a certificate has a status, a moment, and return the one that it has."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            found = s.status(leaf.id)
        except s.iot.exceptions.ResourceNotFoundException:
            found = "not registered"
        if found == status or time.monotonic() > end:
            return found
        time.sleep(0.02)


@row(
    "CONNECT",
    "for the first time, of a CA with auto-registration",
    gives({"accepted": False, "status": "PENDING_ACTIVATION"}),
    source=JITR,
)
def _(s: Situation) -> Steps:
    leaf = automatic(s).issue()
    yield
    got = first(s, leaf)
    return {"accepted": got == ACCEPTED, "status": settled(s, leaf, "PENDING_ACTIVATION")}


@row(
    "CONNECT",
    "for the first time, without the CA's certificate behind its own",
    gives({"accepted": False}),
    source=f"{JITR}; open: its pages differ on whether it is registered then",
)
def _(s: Situation) -> Steps:
    leaf = automatic(s).issue()
    yield
    s.undo.add("certificate", leaf.id)
    return {"accepted": connects(s.judge, leaf, s.name()) == ACCEPTED}


@row(
    "CONNECT",
    "for the first time, of a CA whose auto-registration is off",
    gives({"status": "not registered"}),
    source=JITR,
)
def _(s: Situation) -> Steps:
    leaf = s.register_ca().issue()
    yield
    first(s, leaf)
    return {"status": settled(s, leaf, "not registered")}


@row(
    "CONNECT",
    "PENDING_ACTIVATION, again",
    gives({"accepted": False, "status": "PENDING_ACTIVATION"}),
    source=JITR,
)
def _(s: Situation) -> Steps:
    leaf = automatic(s).issue()
    first(s, leaf)
    settled(s, leaf, "PENDING_ACTIVATION")
    yield
    return {"accepted": first(s, leaf) == ACCEPTED, "status": s.status(leaf.id)}


@row("CONNECT", "registered by itself, then activated", gives(ACCEPTED), source=JITR)
def _(s: Situation) -> Act:
    leaf = automatic(s).issue()
    first(s, leaf)
    settled(s, leaf, "PENDING_ACTIVATION")
    s.iot.attach_policy(policyName=s.policy(ALL), target=s.arn("cert", leaf.id))
    s.iot.update_certificate(certificateId=leaf.id, newStatus="ACTIVE")
    return lambda: connects(s.judge, leaf, s.name())


@row(
    "DescribeCertificate",
    "registered by itself",
    gives(
        {"caCertificateId": Seen("ca"), "certificateMode": "DEFAULT", "ownedBy": Seen("account")}
    ),
    source=f"{JITR}; model: CertificateDescription",
)
def _(s: Situation) -> Act:
    ca = automatic(s)
    leaf = ca.issue()
    s.seen.update(ca=ca.id, account=s.judge.account_id)
    first(s, leaf)
    settled(s, leaf, "PENDING_ACTIVATION")
    return lambda: s.described(leaf.id)


@row(
    "$aws/events/certificates/registered/<caCertificateId>",
    "a certificate has registered itself",
    gives(
        {
            "certificateId": Seen("id"),
            "caCertificateId": Seen("ca"),
            "certificateStatus": "PENDING_ACTIVATION",
            "awsAccountId": Seen("account"),
            "timestamp": "a number",
            REGISTERED: "null or a text",
        }
    ),
    source=f"{JITR}; measured (null); events logged in public (null, or milliseconds as text)",
)
def _(s: Situation) -> Steps:
    listener, ca = allowed(s), automatic(s)
    leaf = ca.issue()
    s.seen.update(id=leaf.id, ca=ca.id, account=s.judge.account_id)
    yield
    with plugged_in(s.judge, listener) as device:
        device.connect(s.name())
        device.subscribe(f"$aws/events/certificates/registered/{ca.id}")
        first(s, leaf)
        _, payload = device.message(PATIENCE_S) or ("", b"{}")
        event: dict[str, Any] = json.loads(payload)
        if isinstance(event.get("timestamp"), int):
            event["timestamp"] = "a number"
        if isinstance(event.get(REGISTERED, 0), str | None):
            event[REGISTERED] = "null or a text"
        return event


@row(
    "$aws/events/certificates/registered/<caCertificateId>",
    "a certificate was registered by a call",
    gives({"event": False}),
    source="measured: none in a minute",
)
def _(s: Situation) -> Steps:
    listener, ca = allowed(s), automatic(s)
    yield
    with plugged_in(s.judge, listener) as device:
        device.connect(s.name())
        device.subscribe(f"$aws/events/certificates/registered/{ca.id}")
        s.iot.register_certificate(certificatePem=ca.issue().pem)
        return {"event": device.message(0.1) is not None}


@row(
    "CONNECT",
    "not sent: a handshake alone, of a CA with auto-registration",
    gives({"status": "not registered"}),
    source="measured: it is the CONNECT packet that registers",
)
def _(s: Situation) -> Steps:
    leaf = automatic(s).issue()
    yield
    s.undo.add("certificate", leaf.id)
    with plugged_in(s.judge, leaf, chain=True):
        time.sleep(0.1)
    return {"status": settled(s, leaf, "not registered")}


def provisioned(s: Situation, ca: Authority) -> Act:
    """Return calls that connect twice, and say what there is after the first time."""
    thing = s.name("thing")
    leaf = ca.issue(f"CN={thing}")
    s.seen["thing"] = thing

    def act() -> object:
        s.undo.add("thing", thing)
        before = first(s, leaf, thing)
        status = settled(s, leaf, "ACTIVE")
        arn = s.arn("cert", leaf.id)
        policies = s.iot.list_attached_policies(target=arn)["policies"]
        return {
            "first": before == ACCEPTED,
            "status": status,
            "things": s.iot.list_principal_things(principal=arn)["things"],
            "policies": [it["policyName"] for it in policies],
            "second": connects(s.judge, leaf, thing),
        }

    return act


PROVISIONED = gives(
    {
        "first": False,
        "status": "ACTIVE",
        "things": [Seen("thing")],
        "policies": [Seen("name")],
        "second": ACCEPTED,
    }
)


@row("CONNECT", "twice, of a CA with a template's body", PROVISIONED, source=JITP)
def _(s: Situation) -> Act:
    name = s.policy(ALL)
    s.seen["name"] = name
    return provisioned(s, automatic(s, templateBody=jitp(name)))


@row("CONNECT", "twice, of a CA with a template's name", PROVISIONED, source=JITP)
def _(s: Situation) -> Act:
    name, template = s.policy(ALL), s.name("t")
    s.seen["name"] = name
    s.iot.create_provisioning_template(
        templateName=template,
        templateBody=jitp(name),
        provisioningRoleArn=ROLE,
        type="JITP",
        enabled=True,
    )
    ca = s.register_ca(allowAutoRegistration=True, registrationConfig={"templateName": template})
    return provisioned(s, ca)


@row(
    "CONNECT",
    "the subject lacks what the template declares",
    gives({"status": "PENDING_ACTIVATION", "things": []}),
    source=f"{JITP}: the certificate must have values for all parameters",
)
def _(s: Situation) -> Steps:
    body = jitp(s.policy(ALL), "Country")
    leaf = automatic(s, templateBody=body).issue(f"CN={s.name('thing')}")
    yield
    first(s, leaf)
    status = settled(s, leaf, "PENDING_ACTIVATION")
    things = s.iot.list_principal_things(principal=s.arn("cert", leaf.id))["things"]
    return {"status": status, "things": things}


@row(
    "CONNECT",
    "the subject has what the template declares",
    gives(holds(Seen("thing"))),
    source=JITP,
)
def _(s: Situation) -> Steps:
    thing = s.name("thing")
    leaf = automatic(s, templateBody=jitp(s.policy(ALL), "Country")).issue(f"C=DE,CN={thing}")
    s.seen["thing"] = thing
    yield
    s.undo.add("thing", thing)
    first(s, leaf, thing)
    settled(s, leaf, "ACTIVE")
    return s.iot.list_principal_things(principal=s.arn("cert", leaf.id))["things"]
