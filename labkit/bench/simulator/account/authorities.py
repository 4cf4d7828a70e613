"""Certificate authorities (CAs) that are registered with the account.

Source: AWS IoT API reference: RegisterCACertificate and the operations on CA certificates; AWS IoT
Core developer guide, register your CA certificate.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding

from labkit import certificates
from labkit.bench.simulator.account.context import Refusal
from labkit.bench.simulator.account.tags import set_tags
from labkit.bench.simulator.account.templates import check_registration_config
from labkit.bench.simulator.account.x509_rules import invalid, load, require_ca, require_valid_at
from labkit.errors import CertificateError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from cryptography import x509

    from labkit.bench.simulator.account.context import Call, Operation

REGISTRATION_CODE = "registration code"
"""The account's setting with the registration code."""

_MAX_OF_ONE_SUBJECT = 10
"""CA certificates with the same subject in one account and region (AWS IoT quotas)."""


def _get_registration_code(call: Call, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"registrationCode": _registration_code(call)}


def _registration_code(call: Call) -> str:
    return call.setting(
        REGISTRATION_CODE,
        lambda: call.randomness.draw(call.identity.account_id, REGISTRATION_CODE, 32).hex(),
    )


def _register(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    if "verificationCertificate" not in request:
        raise Refusal(
            "InvalidRequestException",
            "A verification certificate is required in the certificate mode DEFAULT",
        )
    check_registration_config(call, request.get("registrationConfig"))
    ca = load(request["caCertificate"], "The CA certificate")
    identifier = certificates.certificate_id(ca)
    arn = call.identity.arn("cacert", identifier)
    if call.one("SELECT 1 FROM ca_certificates WHERE id = ?", identifier):
        raise Refusal(
            "ResourceAlreadyExistsException",
            "The CA certificate is already registered",
            resourceId=identifier,
            resourceArn=arn,
        )
    require_ca(ca)
    require_valid_at(ca, call.now, "The CA certificate")
    _check_verification(call, request["verificationCertificate"], ca)
    _check_limit(call, ca)
    _insert(call, request, ca, identifier)
    set_tags(call, arn, request.get("tags", []))
    return {"certificateArn": arn, "certificateId": identifier}


def _check_verification(call: Call, pem: str, ca: x509.Certificate) -> None:
    """Check that the caller holds the CA's key: it signed the registration code."""
    verification = load(pem, "The verification certificate")
    try:
        certificates.verify_issued_by(verification, ca)
    except CertificateError as error:
        raise invalid(f"The verification certificate is not signed by the CA: {error}") from error
    require_valid_at(verification, call.now, "The verification certificate")
    try:
        named = certificates.common_name(verification.subject)
    except CertificateError as error:
        raise Refusal("RegistrationCodeValidationException", str(error)) from error
    if named != _registration_code(call):
        raise Refusal(
            "RegistrationCodeValidationException",
            "The verification certificate's common name is not the registration code of this "
            "account",
        )


def _check_limit(call: Call, ca: x509.Certificate) -> None:
    subject = ca.subject.public_bytes()
    rows = call.all("SELECT 1 FROM ca_certificates WHERE subject = ?", subject)
    if len(rows) >= _MAX_OF_ONE_SUBJECT:
        raise Refusal(
            "LimitExceededException",
            f"{_MAX_OF_ONE_SUBJECT} CA certificates with this subject are registered",
        )


def _insert(call: Call, request: Mapping[str, Any], ca: x509.Certificate, identifier: str) -> None:
    now = call.now.isoformat()
    call.insert(
        "ca_certificates",
        id=identifier,
        der=_der(ca),
        pem=certificates.to_pem(ca),
        subject=ca.subject.public_bytes(),
        status="ACTIVE" if request.get("setAsActive") else "INACTIVE",
        mode="DEFAULT",
        auto_registration="ENABLE" if request.get("allowAutoRegistration") else "DISABLE",
        registration_config=json.dumps(request.get("registrationConfig")),
        created=now,
        modified=now,
        version=1,
        generation=call.identifier(f"CA certificate {identifier}"),
    )


def _describe(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    row = _find(call, request["certificateId"])
    ca = certificates.load_certificate(row["der"])
    description = {
        "certificateArn": call.identity.arn("cacert", row["id"]),
        "certificateId": row["id"],
        "status": row["status"],
        "certificatePem": row["pem"],
        "ownedBy": call.identity.account_id,
        "creationDate": datetime.fromisoformat(row["created"]),
        "autoRegistrationStatus": row["auto_registration"],
        "lastModifiedDate": datetime.fromisoformat(row["modified"]),
        "customerVersion": row["version"],
        "generationId": row["generation"],
        "validity": {"notBefore": ca.not_valid_before_utc, "notAfter": ca.not_valid_after_utc},
        "certificateMode": row["mode"],
    }
    return {
        "certificateDescription": description,
        "registrationConfig": json.loads(row["registration_config"]),
    }


def _update(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    row = _find(call, request["certificateId"])
    if request.get("removeAutoRegistration") and "registrationConfig" in request:
        raise Refusal(
            "InvalidRequestException",
            "registrationConfig and removeAutoRegistration cannot be used together",
        )
    check_registration_config(call, request.get("registrationConfig"))
    automatic = request.get("newAutoRegistrationStatus", row["auto_registration"])
    config = request.get("registrationConfig", json.loads(row["registration_config"]))
    if request.get("removeAutoRegistration"):
        automatic, config = "DISABLE", None
    call.run(
        "UPDATE ca_certificates SET status = ?, auto_registration = ?, registration_config = ?, "
        "modified = ?, version = version + 1 WHERE id = ?",
        *(request.get("newStatus", row["status"]), automatic, json.dumps(config)),
        *(call.now.isoformat(), row["id"]),
    )
    return {}


def _delete(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    row = _find(call, request["certificateId"])
    if row["status"] == "ACTIVE":
        raise Refusal(
            "CertificateStateException",
            f"CA certificate must be deactivated (INACTIVE) before deletion (id={row['id']})",
        )
    call.run("DELETE FROM ca_certificates WHERE id = ?", row["id"])
    set_tags(call, call.identity.arn("cacert", row["id"]), [])
    return {}


def _list(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    return call.listing(
        "certificates",
        lambda row: {
            "certificateArn": call.identity.arn("cacert", row["id"]),
            "certificateId": row["id"],
            "status": row["status"],
            "creationDate": datetime.fromisoformat(row["created"]),
        },
        "SELECT rowid, * FROM ca_certificates WHERE 1",
        request={"ascendingOrder": False, **request},
    )


def _find(call: Call, identifier: str) -> sqlite3.Row:
    return call.find(
        "SELECT * FROM ca_certificates WHERE id = ?",
        identifier.lower(),
        missing=f"CA certificate does not exist (id={identifier})",
    )


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


OPERATIONS: dict[str, Operation] = {
    "GetRegistrationCode": _get_registration_code,
    "RegisterCACertificate": _register,
    "DescribeCACertificate": _describe,
    "UpdateCACertificate": _update,
    "DeleteCACertificate": _delete,
    "ListCACertificates": _list,
}
