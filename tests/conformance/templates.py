"""Provisioning templates for the situations."""

from __future__ import annotations

import json

__all__ = ["jitp", "template"]


def template(policy: str = "", *parameters: str) -> str:
    """Return a template that makes a thing and a certificate of a request, with a policy or not."""
    declared = {name: {"Type": "String"} for name in ("ThingName", "CSR", *parameters)}
    resources: dict[str, object] = {
        "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "ThingName"}}},
        "certificate": {
            "Type": "AWS::IoT::Certificate",
            "Properties": {"CertificateSigningRequest": {"Ref": "CSR"}, "Status": "ACTIVE"},
        },
    }
    if policy:
        named = {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": policy}}
        resources["policy"] = named
    return json.dumps({"Parameters": declared, "Resources": resources})


def jitp(policy: str, *also: str) -> str:
    """Return a template for just-in-time provisioning: the thing is called as the subject is."""
    names = ("CommonName", "Id", *also)
    named = {f"AWS::IoT::Certificate::{name}": {"Type": "String"} for name in names}
    return json.dumps(
        {
            "Parameters": named,
            "Resources": {
                "thing": {
                    "Type": "AWS::IoT::Thing",
                    "Properties": {"ThingName": {"Ref": "AWS::IoT::Certificate::CommonName"}},
                },
                "certificate": {
                    "Type": "AWS::IoT::Certificate",
                    "Properties": {
                        "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"},
                        "Status": "ACTIVE",
                    },
                },
                "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": policy}},
            },
        }
    )
