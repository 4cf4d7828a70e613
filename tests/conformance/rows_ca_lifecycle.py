"""Rows: a CA certificate's life after its registration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expected import Seen, gives, holds, raises
from situation import GONE, ROLE
from table import row
from templates import jitp

if TYPE_CHECKING:
    from situation import Situation
    from table import Act


def updated(s: Situation, registration: dict[str, object], **changes: object) -> Act:
    """Return calls that change a CA and look at it."""
    ca = s.register_ca(**registration)

    def act() -> object:
        s.iot.update_ca_certificate(certificateId=ca.id, **changes)
        return s.described_ca(ca)

    return act


@row(
    "UpdateCACertificate",
    "to INACTIVE",
    gives({"status": "INACTIVE"}),
    source="model: UpdateCACertificate",
    free=True,
)
def _(s: Situation) -> Act:
    return updated(s, {}, newStatus="INACTIVE")


@row(
    "UpdateCACertificate",
    "to ACTIVE",
    gives({"status": "ACTIVE"}),
    source="model: UpdateCACertificate",
    free=True,
)
def _(s: Situation) -> Act:
    return updated(s, {"setAsActive": False}, newStatus="ACTIVE")


@row(
    "UpdateCACertificate",
    "auto-registration on",
    gives({"autoRegistrationStatus": "ENABLE", "status": "ACTIVE"}),
    source="model: UpdateCACertificate",
    free=True,
)
def _(s: Situation) -> Act:
    return updated(s, {}, newAutoRegistrationStatus="ENABLE")


@row(
    "UpdateCACertificate",
    "auto-registration off",
    gives({"autoRegistrationStatus": "DISABLE"}),
    source="model: UpdateCACertificate",
    free=True,
)
def _(s: Situation) -> Act:
    return updated(s, {"allowAutoRegistration": True}, newAutoRegistrationStatus="DISABLE")


@row(
    "UpdateCACertificate",
    "its registration configuration is taken away",
    gives({"there": False}),
    source="model: UpdateCACertificate, removeAutoRegistration",
)
def _(s: Situation) -> Act:
    config = {"templateBody": jitp("p"), "roleArn": ROLE}
    ca = s.register_ca(registrationConfig=config, allowAutoRegistration=True)

    def act() -> object:
        s.iot.update_ca_certificate(certificateId=ca.id, removeAutoRegistration=True)
        answer = s.iot.describe_ca_certificate(certificateId=ca.id)
        return {"there": bool(answer.get("registrationConfig"))}

    return act


@row(
    "UpdateCACertificate",
    "one that is not registered",
    raises("ResourceNotFoundException", 404),
    source="model: UpdateCACertificate",
    free=True,
)
def _(s: Situation) -> Act:
    return lambda: s.iot.update_ca_certificate(certificateId=s.nobody(), newStatus="ACTIVE")


@row(
    "UpdateCACertificate",
    "to a status that a CA cannot have",
    raises("InvalidRequestException", 400),
    source="model: CACertificateStatus is ACTIVE or INACTIVE",
    free=True,
)
def _(s: Situation) -> Act:
    ca = s.register_ca()
    return lambda: s.iot.update_ca_certificate(certificateId=ca.id, newStatus="REVOKED")


@row(
    "DeleteCACertificate",
    "it is ACTIVE",
    raises("CertificateStateException", 406),
    source="model: CertificateStateException; guide: Manage your CA certificates",
    free=True,
)
def _(s: Situation) -> Act:
    ca = s.register_ca()
    return lambda: s.iot.delete_ca_certificate(certificateId=ca.id)


@row(
    "DeleteCACertificate",
    "it is INACTIVE, and is gone then",
    gives(GONE),
    source="model: DeleteCACertificate, DescribeCACertificate",
    free=True,
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
    source="model: DeleteCACertificate",
    free=True,
)
def _(s: Situation) -> Act:
    ca = s.register_ca(setAsActive=False)
    s.iot.delete_ca_certificate(certificateId=ca.id)
    s.seen["id"] = ca.id
    return lambda: s.iot.register_ca_certificate(
        caCertificate=ca.pem, verificationCertificate=ca.verification(s.code())
    )


@row(
    "DeleteCACertificate",
    "one that is not registered",
    raises("ResourceNotFoundException", 404),
    source="model: DeleteCACertificate",
    free=True,
)
def _(s: Situation) -> Act:
    return lambda: s.iot.delete_ca_certificate(certificateId=s.nobody())


@row(
    "ListCACertificates",
    "page by page, one a page",
    gives(holds(Seen("first"), Seen("second"))),
    source="model: ListCACertificates, marker and nextMarker",
    free=True,
)
def _(s: Situation) -> Act:
    s.seen.update(first=s.register_ca().id, second=s.register_ca().id)

    def act() -> object:
        pages = s.iot.get_paginator("list_ca_certificates").paginate(
            PaginationConfig={"PageSize": 1}
        )
        return [one["certificateId"] for page in pages for one in page["certificates"]]

    return act


@row(
    "ListCACertificates",
    "a page of more than 250",
    raises("InvalidRequestException", 400),
    source="model: PageSize, 1 to 250",
    free=True,
)
def _(s: Situation) -> Act:
    return lambda: s.iot.list_ca_certificates(pageSize=251)


@row(
    "ListCertificatesByCA",
    "a CA's, and no other's",
    gives({"own": True, "other": False}),
    source="model: ListCertificatesByCA",
    free=True,
)
def _(s: Situation) -> Act:
    ca = s.register_ca()
    own, other = s.leaf(ca=ca), s.leaf()

    def act() -> object:
        answer = s.iot.list_certificates_by_ca(caCertificateId=ca.id)
        ids = [one["certificateId"] for one in answer["certificates"]]
        return {"own": own.id in ids, "other": other.id in ids}

    return act


@row(
    "ListCertificatesByCA",
    "an id that is none",
    raises("InvalidRequestException", 400),
    source="model: CertificateId",
    free=True,
)
def _(s: Situation) -> Act:
    return lambda: s.unchecked.list_certificates_by_ca(caCertificateId="abc")


@row(
    "ListCertificatesByCA",
    "a page of more than 250",
    raises("InvalidRequestException", 400),
    source="model: PageSize, 1 to 250",
    free=True,
)
def _(s: Situation) -> Act:
    ca = s.register_ca()
    return lambda: s.iot.list_certificates_by_ca(caCertificateId=ca.id, pageSize=251)
