"""Rows: a certificate goes to another account, or does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from expected import Seen, gives, raises
from table import row

if TYPE_CHECKING:
    from situation import Situation
    from table import Act

OTHER = "210987654321"
TRANSFER = "model: TransferCertificate"
STATE = raises("CertificateStateException", 406)
INVALID = raises("InvalidRequestException", 400)
DONE = raises("TransferAlreadyCompletedException", 410)
CONFLICT = raises("TransferConflictException", 409)
ABSENT = raises("ResourceNotFoundException", 404)


def transferred(s: Situation, message: str = "for you") -> str:
    """Transfer a certificate and return its id."""
    made = s.certificate("INACTIVE")
    s.iot.transfer_certificate(certificateId=made, targetAwsAccount=OTHER, transferMessage=message)
    return made


def outgoing(s: Situation, certificate: str) -> list[dict[str, Any]]:
    """Return a certificate's line in the list of what is being transferred."""
    pages = s.iot.get_paginator("list_outgoing_certificates").paginate()
    found = [one for page in pages for one in page["outgoingCertificates"]]
    return [one for one in found if one["certificateId"] == certificate]


@row(
    "TransferCertificate",
    "it is INACTIVE and free",
    gives({"transferredCertificateArn": Seen("there")}),
    source=TRANSFER,
)
def _(s: Situation) -> Act:
    made = s.certificate("INACTIVE")
    s.seen["there"] = s.arn("cert", made).replace(s.judge.account_id, OTHER)
    return lambda: s.iot.transfer_certificate(certificateId=made, targetAwsAccount=OTHER)


@row(
    "TransferCertificate",
    "its status and its transfer's data afterwards",
    gives({"status": "PENDING_TRANSFER", "transferData": {"transferMessage": "for you"}}),
    source=f"{TRANSFER}, TransferData",
)
def _(s: Situation) -> Act:
    made = transferred(s)
    return lambda: s.described(made)


@row("TransferCertificate", "it is ACTIVE", STATE, source=TRANSFER)
def _(s: Situation) -> Act:
    made = s.certificate()
    return lambda: s.iot.transfer_certificate(certificateId=made, targetAwsAccount=OTHER)


@row(
    "TransferCertificate",
    "a policy is attached",
    raises("TransferConflictException", 409),
    source=f"{TRANSFER}: TransferConflictException",
)
def _(s: Situation) -> Act:
    made = s.certificate("INACTIVE")
    s.iot.attach_policy(policyName=s.policy(), target=s.arn("cert", made))
    return lambda: s.iot.transfer_certificate(certificateId=made, targetAwsAccount=OTHER)


@row("TransferCertificate", "to no account", INVALID, source="model: AwsAccountId, 12 digits")
def _(s: Situation) -> Act:
    made = s.certificate("INACTIVE")
    return lambda: s.unchecked.transfer_certificate(certificateId=made, targetAwsAccount="abc")


@row("TransferCertificate", "twice", STATE | INVALID | CONFLICT, source=f"{TRANSFER}; open: which")
def _(s: Situation) -> Act:
    made = transferred(s)
    return lambda: s.iot.transfer_certificate(certificateId=made, targetAwsAccount=OTHER)


@row(
    "UpdateCertificate",
    "it is being transferred",
    STATE | INVALID,
    source="model: UpdateCertificate, CertificateStateException; open: which",
)
def _(s: Situation) -> Act:
    made = transferred(s)
    return lambda: s.iot.update_certificate(certificateId=made, newStatus="ACTIVE")


@row(
    "ListOutgoingCertificates",
    "one is being transferred",
    gives([{"transferredTo": OTHER, "transferMessage": "for you", "certificateArn": Seen("arn")}]),
    source="model: ListOutgoingCertificates",
)
def _(s: Situation) -> Act:
    made = transferred(s)
    return lambda: outgoing(s, made)


@row(
    "CancelCertificateTransfer",
    "before it is accepted",
    gives({"status": "INACTIVE", "outgoing": []}),
    source="model: CancelCertificateTransfer",
)
def _(s: Situation) -> Act:
    made = transferred(s)

    def act() -> object:
        s.iot.cancel_certificate_transfer(certificateId=made)
        return {"status": s.status(made), "outgoing": outgoing(s, made)}

    return act


@row(
    "CancelCertificateTransfer",
    "it is not being transferred",
    INVALID | DONE,
    source="model: CancelCertificateTransfer; open: which",
)
def _(s: Situation) -> Act:
    made = s.certificate("INACTIVE")
    return lambda: s.iot.cancel_certificate_transfer(certificateId=made)


for _call, _method in {
    "AcceptCertificateTransfer": "accept_certificate_transfer",
    "RejectCertificateTransfer": "reject_certificate_transfer",
}.items():

    @row(
        _call,
        "by the account that transfers it",
        ABSENT | INVALID,
        source=f"model: {_call}: the destination's; open: which",
    )
    def _(s: Situation, method: str = _method) -> Act:
        made = transferred(s)
        return lambda: getattr(s.iot, method)(certificateId=made)


def at_the_other(s: Situation, method: str, certificate: str, **parameters: object) -> object:
    """Make a call as the other account, and close its client."""
    client = s.judge.other_account(OTHER)
    try:
        return getattr(client, method)(certificateId=certificate, **parameters)
    finally:
        client.close()


@row(
    "RejectCertificateTransfer",
    "by the destination, with a reason",
    gives({"status": "INACTIVE", "outgoing": []}),
    source="model: RejectCertificateTransfer: back at the source, INACTIVE",
)
def _(s: Situation) -> Act:
    made = transferred(s)

    def act() -> object:
        at_the_other(s, "reject_certificate_transfer", made, rejectReason="not mine")
        return {"status": s.status(made), "outgoing": outgoing(s, made)}

    return act


for _active, _status in ((False, "INACTIVE"), (True, "ACTIVE")):

    @row(
        "AcceptCertificateTransfer",
        f"by the destination, setAsActive {str(_active).lower()}",
        gives({"status": _status, "ownedBy": OTHER, "previousOwnedBy": Seen("account")}),
        source="model: AcceptCertificateTransfer; CertificateDescription",
    )
    def _(s: Situation, *, active: bool = _active) -> Act:
        made = transferred(s)
        s.seen["account"] = s.judge.account_id

        def act() -> object:
            at_the_other(s, "accept_certificate_transfer", made, setAsActive=active)
            found = at_the_other(s, "describe_certificate", made)["certificateDescription"]
            if active:
                at_the_other(s, "update_certificate", made, newStatus="INACTIVE")
            at_the_other(s, "delete_certificate", made)
            return found

        return act


@row(
    "AcceptCertificateTransfer",
    "it is the source's no more",
    ABSENT,
    source="model: AcceptCertificateTransfer, DescribeCertificate",
)
def _(s: Situation) -> Act:
    made = transferred(s)
    at_the_other(s, "accept_certificate_transfer", made)
    at_the_other(s, "delete_certificate", made)
    return lambda: s.described(made)
