"""Rows: which device's connection is accepted, and where it is refused."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING

from device import ACCEPTED, ALERT, CLOSED, connects, plugged_in
from expected import gives
from situation import policy
from table import row

if TYPE_CHECKING:
    from material import Leaf
    from situation import Situation
    from table import Act, Steps

GUIDE = "guide: X.509 client certificates"
LOGS = "open: no source states where; devices' logs in public threads"
VARIABLES = "guide: Thing policy variables"
ALL = policy(("iot:*", "*"))


def client(s: Situation, name: str) -> str:
    """Return the ARN of a client id."""
    return s.arn("client", name)


def allowed(s: Situation, document: str = ALL, status: str = "ACTIVE") -> Leaf:
    """Register a device's certificate with a policy attached."""
    leaf = s.leaf(status)
    s.iot.attach_policy(policyName=s.policy(document), target=s.arn("cert", leaf.id))
    return leaf


def attached(s: Situation, leaf: Leaf) -> str:
    """Attach a certificate to a new thing and return its name."""
    thing = s.thing()
    s.iot.attach_thing_principal(thingName=thing, principal=s.arn("cert", leaf.id))
    return thing


for _name, _version in (("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3)):

    @row(
        "CONNECT",
        f"a registered, ACTIVE certificate with a policy, TLS {_name}",
        gives(ACCEPTED),
        source=f"{GUIDE}; guide: Transport security in AWS IoT",
    )
    def _(s: Situation, version: ssl.TLSVersion = _version) -> Act:
        leaf = allowed(s)
        return lambda: connects(s.judge, leaf, s.name(), newest=version)

    @row(
        "CONNECT",
        f"a certificate that is not registered, TLS {_name}",
        gives(ALERT),
        source=LOGS,
    )
    def _(s: Situation, version: ssl.TLSVersion = _version) -> Act:
        leaf = s.register_ca().issue()
        return lambda: connects(s.judge, leaf, s.name(), newest=version)


@row(
    "CONNECT",
    "ALPN x-amzn-mqtt-ca",
    gives(ACCEPTED),
    source="guide: Device communication protocols, ALPN on port 443",
)
def _(s: Situation) -> Act:
    leaf = allowed(s)
    return lambda: connects(s.judge, leaf, s.name(), alpn="x-amzn-mqtt-ca")


@row("CONNECT", "of a CA that is not registered", gives(ALERT), source=LOGS)
def _(s: Situation) -> Act:
    leaf = s.ca().issue()
    return lambda: connects(s.judge, leaf, s.name())


@row("CONNECT", "without a certificate", gives(ALERT), source=LOGS)
def _(s: Situation) -> Act:
    return lambda: connects(s.judge, None, s.name())


for _status in ("INACTIVE", "REVOKED"):

    @row("CONNECT", f"the certificate is {_status}", gives(ALERT), source=LOGS)
    def _(s: Situation, status: str = _status) -> Act:
        leaf = allowed(s, status=status)
        return lambda: connects(s.judge, leaf, s.name())


@row("CONNECT", "the certificate has expired", gives(ALERT), source=LOGS)
def _(s: Situation) -> Act:
    leaf = s.register_ca().issue(age_days=20, valid_days=10)
    s.iot.register_certificate(certificatePem=leaf.pem, status="ACTIVE")
    s.iot.attach_policy(policyName=s.policy(ALL), target=s.arn("cert", leaf.id))
    return lambda: connects(s.judge, leaf, s.name())


@row(
    "CONNECT",
    "without SNI",
    gives(ALERT),
    source="guide: Transport security, devices must send SNI; open: where it ends",
)
def _(s: Situation) -> Act:
    leaf = allowed(s)
    return lambda: connects(s.judge, leaf, s.name(), server_name=None)


@row("CONNECT", "no policy is attached", gives(CLOSED), source=LOGS)
def _(s: Situation) -> Act:
    leaf = s.leaf()
    return lambda: connects(s.judge, leaf, s.name())


@row("CONNECT", "the policy does not speak of iot:Connect", gives(CLOSED), source=LOGS)
def _(s: Situation) -> Act:
    leaf = allowed(s, policy(("iot:Publish", "*")))
    return lambda: connects(s.judge, leaf, s.name())


@row("CONNECT", "the policy allows another client id", gives(CLOSED), source=LOGS)
def _(s: Situation) -> Act:
    leaf = allowed(s, policy(("iot:Connect", client(s, "LED"))))
    return lambda: connects(s.judge, leaf, "LED2")


@row(
    "CONNECT",
    "the policy denies what it allows",
    gives(CLOSED),
    source="guide: AWS IoT Core policies: an explicit deny wins",
)
def _(s: Situation) -> Act:
    leaf = allowed(s, policy(("iot:*", "*"), ("iot:Connect", client(s, "LED"), "Deny")))
    return lambda: connects(s.judge, leaf, "LED")


@row("CONNECT", "a policy that is detached again", gives(CLOSED), source="model: DetachPolicy")
def _(s: Situation) -> Act:
    leaf, name = s.leaf(), s.policy(ALL)
    s.iot.attach_policy(policyName=name, target=s.arn("cert", leaf.id))
    s.iot.detach_policy(policyName=name, target=s.arn("cert", leaf.id))
    return lambda: connects(s.judge, leaf, s.name())


THING = "client/${iot:Connection.Thing.ThingName}"


@row("CONNECT", "as the thing that it is attached to", gives(ACCEPTED), source=VARIABLES)
def _(s: Situation) -> Act:
    leaf = allowed(s, policy(("iot:Connect", s.arn(*THING.split("/")))))
    thing = attached(s, leaf)
    return lambda: connects(s.judge, leaf, thing)


@row("CONNECT", "as another thing than it is attached to", gives(CLOSED), source=VARIABLES)
def _(s: Situation) -> Act:
    leaf = allowed(s, policy(("iot:Connect", s.arn(*THING.split("/")))))
    attached(s, leaf)
    other = s.thing()
    return lambda: connects(s.judge, leaf, other)


@row("CONNECT", "as a thing, attached to none", gives(CLOSED), source=VARIABLES)
def _(s: Situation) -> Act:
    leaf = allowed(s, policy(("iot:Connect", s.arn(*THING.split("/")))))
    thing = s.thing()
    return lambda: connects(s.judge, leaf, thing)


for _attached, _end in ((True, ACCEPTED), (False, CLOSED)):

    @row(
        "CONNECT",
        f"on condition of iot:Connection.Thing.IsAttached, {'it is' if _attached else 'it is not'}",
        gives(_end),
        source=VARIABLES,
    )
    def _(s: Situation, *, yes: bool = _attached) -> Act:
        condition = '"Condition": {"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}}, '
        document = policy(("iot:Connect", "*")).replace('"Effect"', condition + '"Effect"')
        leaf = allowed(s, document)
        thing = attached(s, leaf) if yes else s.thing()
        return lambda: connects(s.judge, leaf, thing)


@row(
    "CONNECT",
    "a wildcard in a client id is a literal",
    gives(CLOSED),
    source="guide: AWS IoT Core policy variables; open: values are literal",
)
def _(s: Situation) -> Act:
    leaf = allowed(s, policy(("iot:Connect", client(s, "LED"))))
    return lambda: connects(s.judge, leaf, "*")


@row(
    "CONNECT",
    "the certificate becomes INACTIVE",
    gives({"before": True, "after": False}),
    source="model: UpdateCertificate: AWS disconnects it, within minutes",
)
def _(s: Situation) -> Steps:
    leaf = allowed(s)
    yield
    with plugged_in(s.judge, leaf) as device:
        device.connect(s.name())
        before = device.ping()
        s.iot.update_certificate(certificateId=leaf.id, newStatus="INACTIVE")
        end = time.monotonic() + 3
        while (alive := device.ping()) and time.monotonic() < end:
            time.sleep(0.02)
        return {"before": before, "after": alive}


@row(
    "CONNECT",
    "the same client id again, by the same certificate",
    gives({"first": False, "second": True}),
    source="guide: MQTT: a client id is connected once, the newcomer stays",
)
def _(s: Situation) -> Steps:
    leaf, name = allowed(s), s.name()
    yield
    with plugged_in(s.judge, leaf) as first, plugged_in(s.judge, leaf) as second:
        first.connect(name)
        second.connect(name)
        return {"first": first.ping(), "second": second.ping()}


@row(
    "CONNECT",
    "the same client id again, by a device that may not",
    gives({"first": True, "second": CLOSED}),
    source="guide: AWS IoT Core policies: authorisation comes first; open",
)
def _(s: Situation) -> Steps:
    leaf, other, name = allowed(s), s.leaf(), s.name()
    yield
    with plugged_in(s.judge, leaf) as first, plugged_in(s.judge, other) as second:
        first.connect(name)
        end = second.connect(name)
        return {"first": first.ping(), "second": end}
