"""Handing a certificate over to another account, which takes or refuses it.

Each of the two accounts keeps its own side; `aws.accounts` brings the two in line after every call,
and after a kill between the two.

Source: AWS IoT API reference: TransferCertificate, AcceptCertificateTransfer,
RejectCertificateTransfer, CancelCertificateTransfer, ListOutgoingCertificates. That things must be
detached, too, and that only an INACTIVE certificate goes, no source says; it is the stricter side.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from labkit import certificates as x509_certificates
from labkit.bench.simulator.account.certificates import add, find_certificate, set_status
from labkit.bench.simulator.account.context import Call, Change, Kind, Operation
from labkit.bench.simulator.account.refusal import Refusal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

__all__ = [
    "OPERATIONS",
    "SETTLING",
    "Side",
    "find_side",
    "give_away",
    "open_sides",
    "receive",
    "take_back",
    "withdraw",
]

PENDING, ACCEPTED, REJECTED, CANCELLED = "pending", "accepted", "rejected", "cancelled"

_COUNT = "transfers begun"

SETTLING = frozenset(
    {
        "TransferCertificate",
        "CancelCertificateTransfer",
        "AcceptCertificateTransfer",
        "RejectCertificateTransfer",
    }
)
"""The calls after which the other account has to be told."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one account knows of a transfer.

    Attributes:
        certificate_id: the certificate.
        number: the transfer's, counted by the source.
        source: the account that gives it, 12 digits.
        target: the account that gets it.
        status: "pending", "accepted", "rejected" or "cancelled".
        message: the giver's, or None.
        started: when it began, ISO 8601.
        ended: when it was accepted or rejected, or None.
        reason: why it was rejected, or None.
        pem: the certificate's text; empty where the account has it no more.
    """

    certificate_id: str
    number: int
    source: str
    target: str
    status: str
    message: str | None
    started: str
    ended: str | None
    reason: str | None
    pem: str


def find_side(call: Call, certificate_id: str) -> Side | None:
    """Return what the account knows of a certificate's transfer, or None."""
    row = call.one("SELECT * FROM transfers WHERE certificate_id = ?", certificate_id)
    if row is None:
        return None
    certificate = call.one("SELECT pem FROM certificates WHERE id = ?", certificate_id)
    return Side(**dict(row), pem=certificate["pem"] if certificate else "")


def open_sides(call: Call) -> list[Side]:
    """Return the transfers that are pending on this side."""
    rows = call.all("SELECT certificate_id FROM transfers WHERE status = ?", PENDING)
    sides = [find_side(call, row["certificate_id"]) for row in rows]
    return [side for side in sides if side is not None]


def receive(call: Call, given: Side) -> None:
    """Let a certificate wait in the account that is to get it."""
    if call.one("SELECT 1 FROM certificates WHERE id = ?", given.certificate_id) is None:
        certificate = x509_certificates.load_certificate(given.pem)
        add(call, certificate, status="PENDING_TRANSFER")
    _keep(call, given, PENDING)


def give_away(call: Call, taken: Side) -> None:
    """Let a certificate go that the other account has taken."""
    call.run("DELETE FROM certificates WHERE id = ?", taken.certificate_id)
    call.changes.append(Change(Kind.DELETED, call.identity.arn("cert", taken.certificate_id)))
    _keep(call, taken, ACCEPTED)


def take_back(call: Call, refused: Side) -> None:
    """Have a certificate back that the other account does not want."""
    set_status(call, refused.certificate_id, "INACTIVE")
    _keep(call, refused, REJECTED)


def withdraw(call: Call, certificate_id: str) -> None:
    """Forget a certificate that waited here and is not given any more."""
    call.run("DELETE FROM certificates WHERE id = ?", certificate_id)
    call.run("DELETE FROM transfers WHERE certificate_id = ?", certificate_id)


def _transfer(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    row, target = find_certificate(call, request["certificateId"]), request["targetAwsAccount"]
    arn = call.identity.arn("cert", row["id"])
    if target == call.identity.account_id:
        raise Refusal("InvalidRequestException", "The target account is the certificate's own")
    if row["status"] == "PENDING_TRANSFER":
        raise Refusal("TransferConflictException", "The certificate is being transferred already")
    if row["status"] != "INACTIVE":
        raise Refusal(
            "CertificateStateException",
            f"The certificate must be INACTIVE to be transferred, not {row['status']}",
        )
    for table, column, what in (
        ("policy_attachments", "target", "policies"),
        ("thing_principals", "principal", "things"),
    ):
        if call.one(f"SELECT 1 FROM {table} WHERE {column} = ?", arn):  # noqa: S608 our own names
            raise Refusal(
                "TransferConflictException", f"The certificate is still attached to {what}"
            )
    set_status(call, row["id"], "PENDING_TRANSFER")
    given = Side(
        certificate_id=row["id"],
        number=_next_number(call),
        source=call.identity.account_id,
        target=target,
        status=PENDING,
        message=request.get("transferMessage"),
        started=call.now.isoformat(),
        ended=None,
        reason=None,
        pem=row["pem"],
    )
    _keep(call, given, PENDING)
    own = f":{call.identity.account_id}:"
    return {"transferredCertificateArn": arn.replace(own, f":{target}:", 1)}


def _next_number(call: Call) -> int:
    """Count the account's transfers, so that two of the same certificate are told apart."""
    call.run(
        "INSERT INTO settings (name, value) VALUES (?, '1') "
        "ON CONFLICT DO UPDATE SET value = value + 1",
        _COUNT,
    )
    row = call.one("SELECT value FROM settings WHERE name = ?", _COUNT)
    return int(row["value"]) if row else 1


def _cancel(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    side = _pending(call, request["certificateId"], as_source=True)
    set_status(call, side.certificate_id, "INACTIVE")
    _end(call, side, CANCELLED)
    return {}


def _accept(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    side = _pending(call, request["certificateId"], as_source=False)
    set_status(call, side.certificate_id, "ACTIVE" if request.get("setAsActive") else "INACTIVE")
    _end(call, side, ACCEPTED)
    return {}


def _reject(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    side = _pending(call, request["certificateId"], as_source=False)
    call.run("DELETE FROM certificates WHERE id = ?", side.certificate_id)
    _end(call, side, REJECTED, request.get("rejectReason"))
    return {}


def _pending(call: Call, identifier: str, *, as_source: bool) -> Side:
    """Return this account's side of a transfer that waits, as the giver or as the taker."""
    side = find_side(call, identifier.lower())
    if side is not None and side.status == ACCEPTED:
        raise Refusal("TransferAlreadyCompletedException", "The transfer is complete already")
    if side is None or not side.pem:
        find_certificate(call, identifier)
    here = call.identity.account_id
    if (
        side is None
        or side.status != PENDING
        or here != (side.source if as_source else side.target)
    ):
        whose = "from" if as_source else "to"
        raise Refusal(
            "InvalidRequestException",
            f"The certificate has no pending transfer {whose} this account",
        )
    return side


def _keep(call: Call, side: Side, status: str) -> None:
    call.run("DELETE FROM transfers WHERE certificate_id = ?", side.certificate_id)
    call.insert(
        "transfers",
        certificate_id=side.certificate_id,
        number=side.number,
        source=side.source,
        target=side.target,
        status=status,
        message=side.message,
        started=side.started,
        ended=side.ended,
        reason=side.reason,
    )


def _end(call: Call, side: Side, status: str, reason: str | None = None) -> None:
    call.run(
        "UPDATE transfers SET status = ?, ended = ?, reason = ? WHERE certificate_id = ?",
        *(status, call.now.isoformat(), reason, side.certificate_id),
    )


def _list_outgoing(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    page = call.page(
        "SELECT rowid, * FROM transfers WHERE status = 'pending' AND source = ?",
        call.identity.account_id,
        request=request,
        descending=not request.get("ascendingOrder", False),
    )
    outgoing = [_outgoing(call, row) for row in page.rows]
    return {"outgoingCertificates": outgoing, "nextMarker": page.marker}


def _outgoing(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    certificate = find_certificate(call, row["certificate_id"])
    return {
        "certificateArn": call.identity.arn("cert", certificate["id"]),
        "certificateId": certificate["id"],
        "transferredTo": row["target"],
        "transferDate": datetime.fromisoformat(row["started"]),
        "transferMessage": row["message"],
        "creationDate": datetime.fromisoformat(certificate["created"]),
    }


OPERATIONS: dict[str, Operation] = {
    "TransferCertificate": _transfer,
    "CancelCertificateTransfer": _cancel,
    "AcceptCertificateTransfer": _accept,
    "RejectCertificateTransfer": _reject,
    "ListOutgoingCertificates": _list_outgoing,
}
