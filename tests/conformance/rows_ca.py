"""Rows: the registration code, and CA certificates as AWS takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expected import Seen, gives, holds, matching, raises
from material import rsa_key
from situation import ROLE
from table import row
from templates import jitp

if TYPE_CHECKING:
    from situation import Situation
    from table import Act, Steps

GUIDE = "guide: Manage your CA certificates"
MODEL = "model: RegisterCACertificate"


def registered(s: Situation, **parameters: object) -> Act:
    """Return calls that register a CA and look at it."""
    ca = s.ca()
    call = s.registration(ca, **parameters)

    def act() -> object:
        call()
        return s.described_ca(ca)

    return act


@row(
    "GetRegistrationCode",
    "asked",
    gives({"registrationCode": matching("[0-9a-f]{64}")}),
    source="model: RegistrationCode, 64 hexadecimal digits",
)
def _(s: Situation) -> Act:
    return s.iot.get_registration_code


@row(
    "GetRegistrationCode",
    "asked again",
    gives(Seen("code")),
    source="guide: Manage your CA certificates: the account's code, until it is deleted",
)
def _(s: Situation) -> Act:
    s.seen["code"] = s.code()
    return s.code


@row(
    "RegisterCACertificate",
    "with a verification certificate of the registration code",
    gives({"certificateId": Seen("id"), "certificateArn": Seen("arn")}),
    source=f"{GUIDE}; the id is SHA-256 of the DER",
)
def _(s: Situation) -> Act:
    ca = s.ca()
    s.seen.update(id=ca.id, arn=s.arn("cacert", ca.id))
    return s.registration(ca)


@row("RegisterCACertificate", "an RSA-2048 CA", gives({"certificateId": Seen("id")}), source=GUIDE)
def _(s: Situation) -> Act:
    ca = s.ca(key=rsa_key())
    s.seen["id"] = ca.id
    return s.registration(ca)


@row(
    "RegisterCACertificate",
    "says nothing of status, auto-registration and mode",
    gives(
        {
            "status": "INACTIVE",
            "autoRegistrationStatus": "DISABLE",
            "certificateMode": "DEFAULT",
            "ownedBy": Seen("account"),
        }
    ),
    source=f"{MODEL}; CACertificateDescription",
)
def _(s: Situation) -> Act:
    s.seen["account"] = s.judge.account_id
    return registered(s)


@row(
    "RegisterCACertificate",
    "setAsActive and allowAutoRegistration",
    gives({"status": "ACTIVE", "autoRegistrationStatus": "ENABLE"}),
)
def _(s: Situation) -> Act:
    return registered(s, setAsActive=True, allowAutoRegistration=True)


@row(
    "RegisterCACertificate",
    "the tenth with one subject",
    gives({"certificateId": Seen("id")}),
    source="quotas; model: RegisterCACertificate",
)
def _(s: Situation) -> Act:
    cas = [s.ca("CN=conformance ten") for _ in range(10)]
    for ca in cas[:-1]:
        s.register_ca(ca)
    s.seen["id"] = cas[-1].id
    return s.registration(cas[-1])


@row(
    "RegisterCACertificate",
    "with a template's body and a role",
    gives({"templateBody": jitp("p"), "roleArn": ROLE}),
    source="guide: Just-in-time provisioning; model: RegistrationConfig",
)
def _(s: Situation) -> Steps:
    ca = s.ca()
    config = {"templateBody": jitp("p"), "roleArn": ROLE}
    call = s.registration(ca, registrationConfig=config, allowAutoRegistration=True)
    yield
    call()
    return s.iot.describe_ca_certificate(certificateId=ca.id)["registrationConfig"]


@row(
    "RegisterCACertificate",
    "with tags",
    gives(holds({"Key": "lab", "Value": "conformance"})),
    source="model: RegisterCACertificate, ListTagsForResource",
)
def _(s: Situation) -> Steps:
    ca = s.ca()
    call = s.registration(ca, tags=[{"Key": "lab", "Value": "conformance"}])
    yield
    call()
    return s.iot.list_tags_for_resource(resourceArn=s.arn("cacert", ca.id))["tags"]


@row(
    "DescribeCACertificate",
    "one that is registered",
    gives(
        {"certificatePem": Seen("pem"), "certificateId": Seen("id"), "validity": Seen("validity")}
    ),
    source="model: CACertificateDescription",
)
def _(s: Situation) -> Steps:
    ca = s.register_ca()
    begin, end = ca.certificate.not_valid_before_utc, ca.certificate.not_valid_after_utc
    s.seen.update(
        pem=ca.pem.strip(),
        id=ca.id,
        validity={"notBefore": begin.timestamp(), "notAfter": end.timestamp()},
    )
    yield
    found = s.described_ca(ca)
    validity = {name: when.timestamp() for name, when in found["validity"].items()}
    return found | {"validity": validity, "certificatePem": found["certificatePem"].strip()}


@row("DescribeCACertificate", "one that is not", raises("ResourceNotFoundException", 404))
def _(s: Situation) -> Act:
    return lambda: s.iot.describe_ca_certificate(certificateId=s.nobody())


@row(
    "DescribeCACertificate",
    "an invalid id",
    raises("InvalidRequestException", 400),
    source="model: CertificateId, 64 hexadecimal digits",
)
def _(s: Situation) -> Act:
    return lambda: s.unchecked.describe_ca_certificate(certificateId="abc")
