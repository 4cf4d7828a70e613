"""Rows: CA certificates that AWS does not take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expected import Seen, raises
from material import rsa_key
from situation import ROLE
from table import row

if TYPE_CHECKING:
    from situation import Situation
    from table import Act

GUIDE = "guide: Manage your CA certificates"
MODEL = "model: RegisterCACertificate"
INVALID = raises("CertificateValidationException", 400) | raises("InvalidRequestException", 400)


@row(
    "RegisterCACertificate",
    "the verification certificate's CN is not the registration code",
    raises("RegistrationCodeValidationException", 400),
    source="model: RegistrationCodeValidationException",
)
def _(s: Situation) -> Act:
    ca = s.ca()
    return s.registration(ca, verificationCertificate=ca.verification("0" * 64))


@row(
    "RegisterCACertificate",
    "the verification certificate's CN is the code in capitals",
    raises("RegistrationCodeValidationException", 400),
    source="model: RegistrationCodeValidationException; open: the stricter side",
)
def _(s: Situation) -> Act:
    ca = s.ca()
    return s.registration(ca, verificationCertificate=ca.verification(s.code().upper()))


@row(
    "RegisterCACertificate",
    "another CA of the same name has signed the verification certificate",
    raises("CertificateValidationException", 400),
    source=GUIDE,
)
def _(s: Situation) -> Act:
    ca = s.ca()
    return s.registration(ca, verificationCertificate=s.ca(ca.subject).verification(s.code()))


@row(
    "RegisterCACertificate",
    "without a verification certificate",
    raises("InvalidRequestException", 400),
    source=f"{MODEL}: must not be empty in DEFAULT mode",
)
def _(s: Situation) -> Act:
    ca = s.ca()
    return lambda: s.iot.register_ca_certificate(caCertificate=ca.pem)


@row(
    "RegisterCACertificate",
    "an unknown mode",
    raises("InvalidRequestException", 400),
    source="model: CertificateMode",
)
def _(s: Situation) -> Act:
    return s.registration(s.ca(), certificateMode="BOTH")


@row(
    "RegisterCACertificate",
    "the same CA again",
    raises("ResourceAlreadyExistsException", 409, resourceId=Seen("id"), resourceArn=Seen("arn")),
    source="model: ResourceAlreadyExistsException",
)
def _(s: Situation) -> Act:
    ca = s.register_ca()
    s.seen.update(id=ca.id, arn=s.arn("cacert", ca.id))
    return s.registration(ca)


@row(
    "RegisterCACertificate",
    "the same CA again, with CRLF line ends",
    raises("ResourceAlreadyExistsException", 409, resourceId=Seen("id")),
    source="the id is SHA-256 of the DER, whatever the PEM's white space",
)
def _(s: Situation) -> Act:
    ca = s.register_ca()
    s.seen["id"] = ca.id
    return s.registration(ca, caCertificate=ca.pem.replace("\n", "\r\n"))


@row("RegisterCACertificate", "the text hello", INVALID, source="open: which")
def _(s: Situation) -> Act:
    return s.registration(s.ca(), caCertificate="hello")


@row(
    "RegisterCACertificate",
    "the text hello for a verification certificate",
    INVALID,
    source="open: which of the two",
)
def _(s: Situation) -> Act:
    return s.registration(s.ca(), verificationCertificate="hello")


@row(
    "RegisterCACertificate",
    "basic constraints say CA:FALSE",
    INVALID,
    source="open: widely reported, stated nowhere",
)
def _(s: Situation) -> Act:
    return s.registration(s.ca(ca=False))


@row(
    "RegisterCACertificate",
    "no basic constraints",
    INVALID,
    source="open: widely reported, stated nowhere",
)
def _(s: Situation) -> Act:
    return s.registration(s.ca(ca=None))


@row("RegisterCACertificate", "a CA that has expired", INVALID, source="open: the stricter side")
def _(s: Situation) -> Act:
    return s.registration(s.ca(age_days=20, valid_days=10))


@row(
    "RegisterCACertificate",
    "an RSA-1024 CA",
    INVALID,
    source="guide: X.509 client certificates, keys of at least 2,048 bits; open: which",
)
def _(s: Situation) -> Act:
    return s.registration(s.ca(key=rsa_key(1024)))


@row(
    "RegisterCACertificate",
    "the eleventh with one subject",
    raises("LimitExceededException", 410),
    source="quotas; model: RegisterCACertificate",
)
def _(s: Situation) -> Act:
    for _ in range(10):
        s.register_ca(s.ca("CN=conformance eleven"))
    return s.registration(s.ca("CN=conformance eleven"))


@row(
    "RegisterCACertificate",
    "with the name of a missing template",
    raises("ResourceNotFoundException", 404) | raises("InvalidRequestException", 400),
    source=f"{MODEL}: ResourceNotFoundException; open: or an invalid request",
)
def _(s: Situation) -> Act:
    return s.registration(
        s.ca(), registrationConfig={"templateName": "nobody"}, allowAutoRegistration=True
    )


@row(
    "RegisterCACertificate",
    "with a template's body and a name as well",
    raises("InvalidRequestException", 400),
    source="guide: Just-in-time provisioning: the one or the other; open",
)
def _(s: Situation) -> Act:
    config = {"templateName": "nobody", "templateBody": "{}", "roleArn": ROLE}
    return s.registration(s.ca(), registrationConfig=config, allowAutoRegistration=True)
