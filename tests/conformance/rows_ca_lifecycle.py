"""Rows: a CA certificate's life after its registration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expected import Seen, gives, raises
from situation import GONE, ROLE
from table import row
from templates import jitp

if TYPE_CHECKING:
    from situation import Situation
    from table import Act, Steps


def updated(s: Situation, registration: dict[str, object], **changes: object) -> Act:
    """Return calls that change a CA and look at it."""
    ca = s.register_ca(**registration)

    def act() -> object:
        s.iot.update_ca_certificate(certificateId=ca.id, **changes)
        return s.described_ca(ca)

    return act


@row("UpdateCACertificate", "to INACTIVE", gives({"status": "INACTIVE"}))
def _(s: Situation) -> Act:
    return updated(s, {}, newStatus="INACTIVE")


@row("UpdateCACertificate", "to ACTIVE", gives({"status": "ACTIVE"}))
def _(s: Situation) -> Act:
    return updated(s, {"setAsActive": False}, newStatus="ACTIVE")


@row(
    "UpdateCACertificate",
    "auto-registration on",
    gives({"autoRegistrationStatus": "ENABLE", "status": "ACTIVE"}),
)
def _(s: Situation) -> Act:
    return updated(s, {}, newAutoRegistrationStatus="ENABLE")


@row("UpdateCACertificate", "auto-registration off", gives({"autoRegistrationStatus": "DISABLE"}))
def _(s: Situation) -> Act:
    return updated(s, {"allowAutoRegistration": True}, newAutoRegistrationStatus="DISABLE")


@row(
    "UpdateCACertificate",
    "its registration configuration is removed",
    gives({"there": False}),
    source="model: UpdateCACertificate, removeAutoRegistration",
)
def _(s: Situation) -> Steps:
    config = {"templateBody": jitp("p"), "roleArn": ROLE}
    ca = s.register_ca(registrationConfig=config, allowAutoRegistration=True)
    yield
    s.iot.update_ca_certificate(certificateId=ca.id, removeAutoRegistration=True)
    answer = s.iot.describe_ca_certificate(certificateId=ca.id)
    return {"there": bool(answer.get("registrationConfig"))}


@row("UpdateCACertificate", "one that is not registered", raises("ResourceNotFoundException", 404))
def _(s: Situation) -> Act:
    return lambda: s.iot.update_ca_certificate(certificateId=s.nobody(), newStatus="ACTIVE")


@row(
    "UpdateCACertificate",
    "to a status that a CA cannot have",
    raises("InvalidRequestException", 400),
    source="model: CACertificateStatus is ACTIVE or INACTIVE",
)
def _(s: Situation) -> Act:
    ca = s.register_ca()
    return lambda: s.iot.update_ca_certificate(certificateId=ca.id, newStatus="REVOKED")


@row(
    "DeleteCACertificate",
    "it is ACTIVE",
    raises("CertificateStateException", 406),
    source="model: CertificateStateException; guide: Manage your CA certificates",
)
def _(s: Situation) -> Act:
    ca = s.register_ca()
    return lambda: s.iot.delete_ca_certificate(certificateId=ca.id)


@row(
    "DeleteCACertificate",
    "it is INACTIVE, then it does not exist",
    gives(GONE),
    source="model: DeleteCACertificate, DescribeCACertificate",
)
def _(s: Situation) -> Act:
    ca = s.register_ca(setAsActive=False)
    return s.after(
        lambda: s.iot.delete_ca_certificate(certificateId=ca.id), lambda: s.described_ca(ca)
    )


@row(
    "DeleteCACertificate",
    "it may be registered again afterwards",
    gives({"certificateId": Seen("id")}),
)
def _(s: Situation) -> Act:
    ca = s.register_ca(setAsActive=False)
    s.iot.delete_ca_certificate(certificateId=ca.id)
    s.seen["id"] = ca.id
    return lambda: s.iot.register_ca_certificate(
        caCertificate=ca.pem, verificationCertificate=ca.verification(s.code())
    )


@row("DeleteCACertificate", "one that is not registered", raises("ResourceNotFoundException", 404))
def _(s: Situation) -> Act:
    return lambda: s.iot.delete_ca_certificate(certificateId=s.nobody())


@row(
    "ListCACertificates",
    "a page of more than 250",
    raises("InvalidRequestException", 400),
    source="model: PageSize, 1 to 250",
)
def _(s: Situation) -> Act:
    return lambda: s.iot.list_ca_certificates(pageSize=251)


@row("ListCertificatesByCA", "a CA's, and no other's", gives({"own": True, "other": False}))
def _(s: Situation) -> Steps:
    ca = s.register_ca()
    own, other = s.leaf(ca=ca), s.leaf()
    yield
    answer = s.iot.list_certificates_by_ca(caCertificateId=ca.id)
    ids = [one["certificateId"] for one in answer["certificates"]]
    return {"own": own.id in ids, "other": other.id in ids}


@row(
    "ListCertificatesByCA",
    "an invalid id",
    raises("InvalidRequestException", 400),
    source="model: CertificateId",
)
def _(s: Situation) -> Act:
    return lambda: s.unchecked.list_certificates_by_ca(caCertificateId="abc")


@row(
    "ListCertificatesByCA",
    "a page of more than 250",
    raises("InvalidRequestException", 400),
    source="model: PageSize, 1 to 250",
)
def _(s: Situation) -> Act:
    ca = s.register_ca()
    return lambda: s.iot.list_certificates_by_ca(caCertificateId=ca.id, pageSize=251)
