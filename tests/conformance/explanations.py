"""Why another judge differs, in a few words, as read from its answers and its source."""

from __future__ import annotations

import re

__all__ = ["explanation"]

MOTO = {
    r"FromCsr: the text hello": "fails on text that is not a request",
    r"another type": "ignores the body's types",
    r"500 500$": "not offered: a page of HTML with status 500",
    r"^GetRegistrationCode": "another code at every call, and a UUID",
    r"^DescribeEndpoint": "another endpoint at every call",
    r"-> +404$": "an unknown path, or a call without a signature, is not AWS's error",
    r"^\(malformed\)": "ignores the body",
    r"invalid ARN|invalid id.*404": "looks for it, whatever its form",
    r"^RegisterCACert.*accepted": "accepts any text as a CA; ignores the verification certificate",
    r"^RegisterCertificate.*accepted": "ignores chain, no CA and no status",
    r"FromCsr: an? .* key.*-> key": "ignores the request's key and certifies an RSA key of its own",
    r"FromCsr.*accepted": "ignores request",
    r"when it ends": "ends after a year",
    r"setAsActive is neither": "reads anything but true as false",
    r"certificateMode: missing": "knows no mode",
    r"isDefaultVersion": "leaves isDefaultVersion out where it is false",
    r"^CreatePolicy.*accepted": "checks neither a policy's name nor its document",
    r"^(Update|Delete)Certificate.*accepted": "any status may follow any other",
    r"page of|marker": "ignores page size and no marker, and pages not everything",
    r"AttachPolicy: the eleventh": "knows no limit",
    r"accepted: \w+: \[\]": "an empty list for what is not there",
    r"with forceDelete": "leaves the policy attached to a certificate that is gone",
    r"^CreateThing: the same again": "a thing made again has another id",
    r"^(Create|Delete)Thing.*accepted": "checks no name and no attribute",
    r"^DeleteThing: there": "deleting is not idempotent",
    r"InvalidRequestException 409": "another HTTP status",
    r"own: False": "lists a CA's certificates only where ids are as it makes them",
    r"Register|CA|Certificate|KeysAnd": "its ids are not SHA-256 of the DER (this is configurable)",
}

MINISTACK = {
    r"a template's name": "does not filter by template",
    r"^CreateProvisioningTemplate": "ignores length, no role and no type",
    r"^(TestAuthorization|GetEffective)": "not offered",
    r"^DescribeEndpoint": "its own host's name",
    r"^\(unknown\)": "InvalidRequestException for what it does not know",
    r"without a signature": "routes by the signature",
    r"^\(malformed\): (a body|a member)": "ignores the body",
    r"page of|marker": "ignores page size and no marker, and pages not everything",
    r"accepted: \w+: \[\]": "an empty list for what is not there",
    r"^Detach.*invalid ARN": "ignores target",
    r"invalid ARN|invalid id": "looks for it, whatever its form",
    r"AttachPolicy: the eleventh|eleventh|the sixth|2,049": "knows no such limit",
    r"a number is not given twice": "counts the versions that there are",
    r"validity": "says nothing of validity",
    r"is removed": "keeps the configuration",
    r"^RegisterCACert": "ignores constraints, dates, key sizes nor templates",
    r"^RegisterCertificate.*406": "another refusal",
    r"^RegisterCertificate": "a chain is verified only where the CA is named; any status",
    r"^UpdateCertificate": "any status may follow any other",
    r"^CreatePolicy.*accepted": "checks the JSON, not the statements",
    r"becomes INACTIVE": "does not disconnect",
    r"^CONNECT: without (a c|SNI)": "asks for no certificate, no SNI",
    r"^CONNECT: (twice|the subject)": "just-in-time registration, without provisioning",
    r"128 KB|eight slashes|9 filters|129 bytes": "knows no such limit",
    r"^CONNECT.*-> closed without": "refuses after CONNECT, not in the handshake",
    r"Timestamp": "leaves the time of registration out",
    r"^\(malformed\)": "lives on after malformed MQTT",
    r"when it ends": "ends after some years",
    r"setAsActive is neither": "reads anything but true as false",
    r"^CreateThing": "checks no attribute",
}

KNOWN = {"moto": MOTO, "ministack": MINISTACK}


def explanation(judge: str, row: str, got: str) -> str:
    """Return why a judge differs in a row; empty if it is not known yet.

    Args:
        judge: its name.
        row: the row, as text.
        got: what the judge did.
    """
    text = f"{row} -> {got}".replace("\n", " ")
    return next((why for it, why in KNOWN.get(judge, {}).items() if re.search(it, text)), "")
