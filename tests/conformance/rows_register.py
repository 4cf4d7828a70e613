"""Rows: RegisterCertificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expected import Seen, gives, raises
from table import row

if TYPE_CHECKING:
    from material import Leaf
    from situation import Situation
    from table import Act

MODEL = "model: RegisterCertificate"
VALIDATION = raises("CertificateValidationException", 400)
INVALID = raises("InvalidRequestException", 400)
STATE = raises("CertificateStateException", 406)


def register(s: Situation, leaf: Leaf, **parameters: object) -> Act:
    """Return the call that registers a certificate, INACTIVE unless given otherwise."""
    return lambda: s.iot.register_certificate(certificatePem=leaf.pem, **parameters)


def look(s: Situation, leaf: Leaf, **parameters: object) -> Act:
    """Return calls that register a certificate and look at it."""

    def act() -> object:
        s.iot.register_certificate(certificatePem=leaf.pem, **parameters)
        return s.described(leaf.id)

    return act


@row(
    "RegisterCertificate",
    "of a registered, ACTIVE CA",
    gives({"certificateId": Seen("id"), "certificateArn": Seen("arn")}),
    source=f"{MODEL}; the id is SHA-256 of the DER",
)
def _(s: Situation) -> Act:
    leaf = s.register_ca().issue()
    s.seen.update(id=leaf.id, arn=s.arn("cert", leaf.id))
    return register(s, leaf)


@row(
    "RegisterCertificate",
    "says nothing of its status",
    gives({"status": "INACTIVE", "caCertificateId": Seen("ca"), "certificateMode": "DEFAULT"}),
    source="model: CertificateDescription; guide: Register a client certificate",
)
def _(s: Situation) -> Act:
    ca = s.register_ca()
    s.seen["ca"] = ca.id
    return look(s, ca.issue())


for _status in ("ACTIVE", "INACTIVE", "REVOKED"):

    @row(
        "RegisterCertificate",
        f"as {_status}",
        gives({"status": _status}),
        source=f"{MODEL}, status",
    )
    def _(s: Situation, status: str = _status) -> Act:
        return look(s, s.register_ca().issue(), status=status)


for _status, _refusal, _source in (
    ("PENDING_ACTIVATION", STATE, "measured"),
    (
        "PENDING_TRANSFER",
        STATE | INVALID,
        "model: ACTIVE, INACTIVE, REVOKED can be used; open: which",
    ),
    ("BEST", INVALID, "model: CertificateStatus"),
):

    @row("RegisterCertificate", f"as {_status}", _refusal, source=_source)
    def _(s: Situation, status: str = _status) -> Act:
        return register(s, s.register_ca().issue(), status=status)


@row(
    "RegisterCertificate",
    "setAsActive, which is deprecated",
    gives({"status": "ACTIVE"}),
    source=f"{MODEL}, setAsActive",
)
def _(s: Situation) -> Act:
    return look(s, s.register_ca().issue(), setAsActive=True)


@row(
    "RegisterCertificate",
    "of a CA that is not registered",
    VALIDATION | INVALID,
    source="guide: Register a client certificate: the CA first; open: which",
)
def _(s: Situation) -> Act:
    return register(s, s.ca().issue())


@row(
    "RegisterCertificate",
    "of a CA that is INACTIVE",
    STATE | VALIDATION | INVALID,
    source="guide: Manage your CA certificates, deactivate; open: which",
)
def _(s: Situation) -> Act:
    return register(s, s.register_ca(setAsActive=False).issue())


@row(
    "RegisterCertificate",
    "of a forger with a registered CA's name",
    VALIDATION | INVALID,
    source="model: CertificateValidationException; open: which",
)
def _(s: Situation) -> Act:
    ca = s.register_ca()
    return register(s, s.ca(ca.subject).issue())


@row(
    "RegisterCertificate",
    "of one of two CAs with one subject, unnamed",
    raises("CertificateConflictException", 409),
    source=f"{MODEL}: it must be named; CertificateConflictException",
)
def _(s: Situation) -> Act:
    first = s.register_ca()
    s.register_ca(s.ca(first.subject))
    return register(s, first.issue())


@row(
    "RegisterCertificate",
    "of one of two CAs with one subject, named",
    gives({"caCertificateId": Seen("ca")}),
    source=f"{MODEL}, caCertificatePem",
)
def _(s: Situation) -> Act:
    first = s.register_ca()
    s.register_ca(s.ca(first.subject))
    s.seen["ca"] = first.id
    return look(s, first.issue(), caCertificatePem=first.pem)


@row(
    "RegisterCertificate",
    "a CA is named that did not sign it",
    VALIDATION,
    source="model: CertificateValidationException",
)
def _(s: Situation) -> Act:
    ca, other = s.register_ca(), s.register_ca()
    return register(s, ca.issue(), caCertificatePem=other.pem)


EXISTS = raises(
    "ResourceAlreadyExistsException", 409, resourceId=Seen("id"), resourceArn=Seen("arn")
)


@row("RegisterCertificate", "the same again", EXISTS)
def _(s: Situation) -> Act:
    ca = s.register_ca()
    leaf = s.leaf(ca=ca)
    s.seen.update(id=leaf.id, arn=s.arn("cert", leaf.id))
    return register(s, leaf)


@row(
    "RegisterCertificate",
    "the same again, in other line ends",
    EXISTS,
    source="the id is SHA-256 of the DER, whatever the PEM's white space",
)
def _(s: Situation) -> Act:
    leaf = s.leaf()
    s.seen.update(id=leaf.id, arn=s.arn("cert", leaf.id))
    text = leaf.pem.replace("\n", "\r\n") + "\n\n"
    return lambda: s.iot.register_certificate(certificatePem=text)


@row("RegisterCertificate", "the text hello", VALIDATION | INVALID, source="open: which")
def _(s: Situation) -> Act:
    return lambda: s.iot.register_certificate(certificatePem="hello")
