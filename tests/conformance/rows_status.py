"""Rows: a certificate's status, its end, and lists of certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expected import Seen, gives, raises
from situation import GONE
from table import row

if TYPE_CHECKING:
    from situation import Situation
    from table import Act, Steps

UPDATE = "model: UpdateCertificate"
DELETE = "model: DeleteCertificate"
STATE = raises("CertificateStateException", 406)
INVALID = raises("InvalidRequestException", 400)
CONFLICT = raises("DeleteConflictException", 409)


def update(s: Situation, before: str, after: str) -> Act:
    """Return calls that change a certificate's status and look at it."""
    made = s.certificate(before)

    def act() -> object:
        s.iot.update_certificate(certificateId=made, newStatus=after)
        return s.status(made)

    return act


for _before, _after in (
    ("INACTIVE", "ACTIVE"),
    ("ACTIVE", "INACTIVE"),
    ("ACTIVE", "REVOKED"),
    ("INACTIVE", "REVOKED"),
    ("ACTIVE", "ACTIVE"),
    ("REVOKED", "REVOKED"),
):

    @row(
        "UpdateCertificate",
        f"from {_before} to {_after}",
        gives(_after),
        source=f"{UPDATE}, which is idempotent",
    )
    def _(s: Situation, before: str = _before, after: str = _after) -> Act:
        return update(s, before, after)


for _after in ("ACTIVE", "INACTIVE"):

    @row(
        "UpdateCertificate",
        f"from REVOKED to {_after}",
        STATE | INVALID,
        source="guide: Revoke a client certificate: for good; open: which",
    )
    def _(s: Situation, after: str = _after) -> Act:
        return update(s, "REVOKED", after)


for _after in ("PENDING_TRANSFER", "PENDING_ACTIVATION"):

    @row(
        "UpdateCertificate",
        f"to {_after}",
        INVALID | STATE,
        source=f"{UPDATE}: results in an exception; open: which",
    )
    def _(s: Situation, after: str = _after) -> Act:
        return update(s, "ACTIVE", after)


@row("UpdateCertificate", "to an unknown status", INVALID, source="model: CertificateStatus")
def _(s: Situation) -> Act:
    return update(s, "ACTIVE", "BEST")


@row(
    "DescribeCertificate",
    "one that is registered",
    gives({"certificateId": Seen("id"), "certificateArn": Seen("arn"), "ownedBy": Seen("account")}),
    source="model: CertificateDescription",
)
def _(s: Situation) -> Act:
    made = s.certificate()
    s.seen["account"] = s.judge.account_id
    return lambda: s.described(made)


@row(
    "DescribeCertificate",
    "when it is valid",
    gives({"notBefore": Seen("begin"), "notAfter": Seen("end")}),
    source="model: CertificateValidity",
)
def _(s: Situation) -> Act:
    leaf = s.leaf()
    s.seen["begin"] = leaf.certificate.not_valid_before_utc.timestamp()
    s.seen["end"] = leaf.certificate.not_valid_after_utc.timestamp()
    return lambda: {
        name: when.timestamp() for name, when in s.described(leaf.id)["validity"].items()
    }


@row("DescribeCertificate", "an invalid id", INVALID, source="model: CertificateId")
def _(s: Situation) -> Act:
    return lambda: s.unchecked.describe_certificate(certificateId="abc")


@row("DeleteCertificate", "it is ACTIVE", STATE)
def _(s: Situation) -> Act:
    made = s.certificate()
    return lambda: s.iot.delete_certificate(certificateId=made)


@row("DeleteCertificate", "it is ACTIVE, with forceDelete", STATE)
def _(s: Situation) -> Act:
    made = s.certificate()
    return lambda: s.iot.delete_certificate(certificateId=made, forceDelete=True)


for _status in ("INACTIVE", "REVOKED"):

    @row(
        "DeleteCertificate",
        f"it is {_status}, then it does not exist",
        gives(GONE),
        source=f"{DELETE}, DescribeCertificate",
    )
    def _(s: Situation, status: str = _status) -> Act:
        made = s.certificate(status)
        return s.after(
            lambda: s.iot.delete_certificate(certificateId=made), lambda: s.described(made)
        )


@row(
    "DeleteCertificate", "deleted, it may be registered again", gives({"certificateId": Seen("id")})
)
def _(s: Situation) -> Act:
    leaf = s.leaf("INACTIVE")
    s.seen["id"] = leaf.id
    s.iot.delete_certificate(certificateId=leaf.id)
    return lambda: s.iot.register_certificate(certificatePem=leaf.pem)


@row("DeleteCertificate", "a policy is attached", CONFLICT)
def _(s: Situation) -> Act:
    made = s.certificate("INACTIVE")
    s.iot.attach_policy(policyName=s.policy(), target=s.arn("cert", made))
    return lambda: s.iot.delete_certificate(certificateId=made)


@row(
    "DeleteCertificate",
    "a policy is attached, with forceDelete",
    gives({"targets": []}),
    source=f"{DELETE}, forceDelete",
)
def _(s: Situation) -> Steps:
    made, policy = s.certificate("INACTIVE"), s.policy()
    s.iot.attach_policy(policyName=policy, target=s.arn("cert", made))
    yield
    s.iot.delete_certificate(certificateId=made, forceDelete=True)
    return s.iot.list_targets_for_policy(policyName=policy)


for _force in (False, True):

    @row(
        "DeleteCertificate",
        "a thing is attached" + (", with forceDelete" if _force else ""),
        CONFLICT,
        source=f"{DELETE}; forceDelete only if it is not attached to a thing",
    )
    def _(s: Situation, *, force: bool = _force) -> Act:
        made = s.certificate("INACTIVE")
        s.iot.attach_thing_principal(thingName=s.thing(), principal=s.arn("cert", made))
        return lambda: s.iot.delete_certificate(certificateId=made, forceDelete=force)


@row(
    "ListCertificates",
    "a page of one, and there are two",
    gives({"found": 1, "more": True}),
    source="model: PageSize, nextMarker",
)
def _(s: Situation) -> Steps:
    s.certificate()
    s.certificate()
    yield
    answer = s.iot.list_certificates(pageSize=1)
    return {"found": len(answer["certificates"]), "more": bool(answer.get("nextMarker"))}
