"""Client certificates that are registered with the account.

Source: AWS IoT API reference: RegisterCertificate, DescribeCertificate, UpdateCertificate,
DeleteCertificate; AWS IoT Core developer guide, register a client certificate signed by a
registered CA.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding

from labkit import certificates
from labkit.bench.simulator.account.context import Call, Change, Kind, Operation, Refusal
from labkit.bench.simulator.account.x509_rules import invalid, load
from labkit.errors import CertificateError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from cryptography import x509

_SETTABLE = ("ACTIVE", "INACTIVE", "REVOKED")


def find_principal(call: Call, arn: str) -> sqlite3.Row:
    """Return the certificate that an ARN names as a principal.

    Raises:
        Refusal: InvalidRequestException if it is not a certificate's ARN of this account,
            ResourceNotFoundException if the certificate is not registered.
    """
    identifier = call.identity.name_in(arn, "cert")
    if identifier is None:
        raise Refusal(
            "InvalidRequestException",
            f"The principal is not the ARN of a certificate of this account and region: {arn}",
        )
    return find_certificate(call, identifier)


def find_certificate(call: Call, identifier: str) -> sqlite3.Row:
    """Return a certificate of the account by its id.

    Raises:
        Refusal: ResourceNotFoundException.
    """
    return call.find(
        "SELECT * FROM certificates WHERE id = ?",
        identifier.lower(),
        missing=f"Certificate does not exist (id={identifier})",
    )


def add(
    call: Call,
    certificate: x509.Certificate,
    *,
    status: str,
    authority: sqlite3.Row | None = None,
) -> dict[str, Any]:
    """Add a certificate to the registry.

    Args:
        call: the call.
        certificate: the certificate.
        status: such as "INACTIVE".
        authority: the registered CA that signed it; None for the account's own authority.

    Returns:
        `certificateArn` and `certificateId`.
    """
    identifier = certificates.certificate_id(certificate)
    now = call.now.isoformat()
    call.insert(
        "certificates",
        id=identifier,
        der=certificate.public_bytes(Encoding.DER),
        pem=certificates.to_pem(certificate),
        ca_id=authority["id"] if authority else None,
        ca_der=authority["der"] if authority else None,
        status=status,
        mode="DEFAULT",
        created=now,
        modified=now,
        version=1,
        generation=call.identifier(f"certificate {identifier}"),
    )
    return {"certificateArn": call.identity.arn("cert", identifier), "certificateId": identifier}


def set_status(call: Call, identifier: str, status: str) -> None:
    """Set a certificate's status, and notify the gateway."""
    call.run(
        "UPDATE certificates SET status = ?, modified = ?, version = version + 1 WHERE id = ?",
        *(status, call.now.isoformat(), identifier),
    )
    call.changes.append(Change(Kind.STATUS, call.identity.arn("cert", identifier)))


def _register(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    status = _requested_status(request)
    certificate = _new(call, request["certificatePem"])
    authority = _authority(call, certificate, request.get("caCertificatePem"))
    return add(call, certificate, status=status, authority=authority)


def _new(call: Call, pem: str) -> x509.Certificate:
    """Read a certificate that is not registered yet."""
    certificate = load(pem, "The certificate")
    identifier = certificates.certificate_id(certificate)
    if call.one("SELECT 1 FROM certificates WHERE id = ?", identifier):
        raise Refusal(
            "ResourceAlreadyExistsException",
            "The certificate is already provisioned or registered",
            resourceId=identifier,
            resourceArn=call.identity.arn("cert", identifier),
        )
    return certificate


def _requested_status(request: Mapping[str, Any]) -> str:
    """Return the requested status; `setAsActive` is the deprecated form of ACTIVE."""
    status = request.get("status", "ACTIVE" if request.get("setAsActive") else "INACTIVE")
    if status not in _SETTABLE:
        raise Refusal(
            "CertificateStateException",
            f"A certificate cannot be registered as {status}; use ACTIVE, INACTIVE or REVOKED",
        )
    return str(status)


def _authority(call: Call, certificate: x509.Certificate, ca_pem: str | None) -> sqlite3.Row:
    """Return the registered, ACTIVE CA that signed a certificate."""
    if ca_pem is None:
        row = _authority_by_subject(call, certificate)
    else:
        named = certificates.certificate_id(load(ca_pem, "The CA certificate"))
        found = call.one("SELECT * FROM ca_certificates WHERE id = ?", named)
        if found is None:
            raise invalid("The CA certificate is not registered with this account")
        row = found
    try:
        certificates.verify_issued_by(certificate, certificates.load_certificate(row["der"]))
    except CertificateError as error:
        raise invalid(f"The CA did not sign the certificate: {error}") from error
    if row["status"] != "ACTIVE":
        raise Refusal(
            "CertificateStateException",
            f"The CA certificate that signed the certificate is {row['status']} (id={row['id']})",
        )
    return row


def _authority_by_subject(call: Call, certificate: x509.Certificate) -> sqlite3.Row:
    """Return the only CA whose subject is the certificate's issuer."""
    rows = call.all(
        "SELECT * FROM ca_certificates WHERE subject = ?", certificate.issuer.public_bytes()
    )
    if not rows:
        raise invalid(
            "No CA certificate with the certificate's issuer is registered with this account: "
            f"{certificates.subject_text(certificate.issuer)}"
        )
    if len(rows) > 1:
        raise Refusal(
            "CertificateConflictException",
            f"{len(rows)} CA certificates with the certificate's issuer are registered; name "
            "the one that signed it in caCertificatePem",
        )
    return rows[0]


def _describe(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    row = find_certificate(call, request["certificateId"])
    certificate = certificates.load_certificate(row["der"])
    validity = {
        "notBefore": certificate.not_valid_before_utc,
        "notAfter": certificate.not_valid_after_utc,
    }
    description = _summary(call, row) | {
        "caCertificateId": row["ca_id"],
        "certificatePem": row["pem"],
        "ownedBy": call.identity.account_id,
        "lastModifiedDate": datetime.fromisoformat(row["modified"]),
        "customerVersion": row["version"],
        "generationId": row["generation"],
        "validity": validity,
    }
    return {"certificateDescription": description}


def _summary(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    return {
        "certificateArn": call.identity.arn("cert", row["id"]),
        "certificateId": row["id"],
        "status": row["status"],
        "certificateMode": row["mode"],
        "creationDate": datetime.fromisoformat(row["created"]),
    }


def _update(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """Set a status; callers cannot set a PENDING_ status, and REVOKED is final."""
    row, status = find_certificate(call, request["certificateId"]), request["newStatus"]
    if status not in _SETTABLE:
        raise Refusal(
            "InvalidRequestException", f"A certificate cannot be set to {status} by a call"
        )
    if row["status"] == "REVOKED" and status != "REVOKED":
        raise Refusal(
            "CertificateStateException",
            f"REVOKED is final; register a new certificate (id={row['id']})",
        )
    set_status(call, row["id"], status)
    return {}


def _delete(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    row = find_certificate(call, request["certificateId"])
    arn = call.identity.arn("cert", row["id"])
    if row["status"] == "ACTIVE":
        raise Refusal(
            "CertificateStateException",
            f"Certificate must be INACTIVE or REVOKED before deletion, not {row['status']} "
            f"(id={row['id']})",
        )
    if call.one("SELECT 1 FROM thing_principals WHERE principal = ?", arn):
        raise _attached("Things", row["id"])
    if not request.get("forceDelete") and call.one(
        "SELECT 1 FROM policy_attachments WHERE target = ?", arn
    ):
        raise _attached("Certificate policies", row["id"])
    call.run("DELETE FROM policy_attachments WHERE target = ?", arn)
    call.run("DELETE FROM certificates WHERE id = ?", row["id"])
    call.changes.append(Change(Kind.DELETED, arn))
    return {}


def _attached(what: str, identifier: str) -> Refusal:
    return Refusal(
        "DeleteConflictException",
        f"{what} must be detached before deletion (id={identifier})",
    )


def _list(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return _listing(call, "SELECT rowid, * FROM certificates WHERE 1", request=request)


def _list_by_ca(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    query, ca_id = "SELECT rowid, * FROM certificates WHERE ca_id = ?", request["caCertificateId"]
    return _listing(call, query, ca_id.lower(), request=request)


def _listing(call: Call, query: str, *values: str, request: Mapping[str, Any]) -> dict[str, Any]:
    newest_first = {"ascendingOrder": False, **request}
    return call.listing(
        "certificates", lambda row: _summary(call, row), query, *values, request=newest_first
    )


OPERATIONS: dict[str, Operation] = {
    "RegisterCertificate": _register,
    "DescribeCertificate": _describe,
    "UpdateCertificate": _update,
    "DeleteCertificate": _delete,
    "ListCertificates": _list,
    "ListCertificatesByCA": _list_by_ca,
}
