"""Provisioning templates for the situations."""

from __future__ import annotations

import json

__all__ = ["CERTIFICATE", "fleet", "jitp"]


CERTIFICATE = {
    "Type": "AWS::IoT::Certificate",
    "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "ACTIVE"},
}
"""The certificate that is there already: in a kept template AWS takes no other."""


def _kept(parameters: dict[str, object], thing: str, **more: object) -> str:
    named = {"ThingName": {"Ref": thing}}
    resources = {"thing": {"Type": "AWS::IoT::Thing", "Properties": named}, **more}
    return json.dumps({"Parameters": parameters, "Resources": resources})


def jitp(policy: str, *also: str) -> str:
    """Return a template for just-in-time provisioning: the thing is called as the subject is."""
    names = ("CommonName", "Id", *also)
    declared = {f"AWS::IoT::Certificate::{name}": {"Type": "String"} for name in names}
    attached = {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": policy}}
    thing = "AWS::IoT::Certificate::CommonName"
    return _kept(declared, thing, certificate=CERTIFICATE, policy=attached)


def fleet(**resources: object) -> str:
    """Return a template for fleet provisioning, with one certificate unless given otherwise."""
    declared = {"SerialNumber": {"Type": "String"}, "AWS::IoT::Certificate::Id": {"Type": "String"}}
    return _kept(declared, "SerialNumber", **(resources or {"certificate": CERTIFICATE}))
