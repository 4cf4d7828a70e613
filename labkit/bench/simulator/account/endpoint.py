"""The addresses of the account's data plane, and its domain configuration.

Source: AWS IoT API reference: DescribeEndpoint, DescribeDomainConfiguration. An account has the
domain configuration `iot:Data-ATS` from the start; others are not offered. The types `iot:Data`
and `iot:Jobs`, which the service model still names, are refused by newer accounts. What a call
without a type is answered then, no source says: the ATS address here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.bench.simulator.account.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.bench.simulator.account.context import Call, Operation

__all__ = ["OPERATIONS", "data_endpoint"]

_SETTING = "endpoint"
_LENGTH = 14
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_ATS = "iot:Data-ATS"
_TLS_POLICY = "IoTSecurityPolicy_TLS13_1_2_2022_10"
"""TLS 1.3 and 1.2 (developer guide, Transport security in AWS IoT Core)."""

_MIDDLES = {
    _ATS: "-ats.iot",
    "iot:CredentialProvider": ".credentials.iot",
}


def data_endpoint(call: Call) -> str:
    """Return the address that devices connect to (`iot:Data-ATS`)."""
    return _address(call, _ATS)


def _describe(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    kind = request.get("endpointType", _ATS)
    if kind not in _MIDDLES:
        known = ", ".join(_MIDDLES)
        raise Refusal("InvalidRequestException", f"Endpoint type {kind!r} is none of {known}")
    return {"endpointAddress": _address(call, kind)}


def _describe_domain(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    if request["domainConfigurationName"] != _ATS:
        raise Refusal(
            "ResourceNotFoundException",
            f"Domain configuration {request['domainConfigurationName']} not found",
        )
    return _domain(call) | {
        "domainName": data_endpoint(call),
        "serverCertificates": [],
        "domainConfigurationStatus": "ENABLED",
        "domainType": "ENDPOINT",
        "tlsConfig": {"securityPolicy": _TLS_POLICY},
    }


def _list_domains(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    wanted = request.get("serviceType", "DATA") == "DATA"
    return {"domainConfigurations": [_domain(call)] if wanted else []}


def _domain(call: Call) -> dict[str, Any]:
    return {
        "domainConfigurationName": _ATS,
        "domainConfigurationArn": call.identity.arn("domainconfiguration", _ATS),
        "serviceType": "DATA",
    }


def _address(call: Call, kind: str) -> str:
    return f"{_prefix(call)}{_MIDDLES[kind]}.{call.identity.region}.amazonaws.com"


def _prefix(call: Call) -> str:
    row = call.one("SELECT value FROM settings WHERE name = ?", _SETTING)
    if row is not None:
        return str(row["value"])
    octets = call.randomness.draw(call.identity.account_id, _SETTING, _LENGTH)
    prefix = "a" + "".join(_ALPHABET[octet % len(_ALPHABET)] for octet in octets[1:])
    call.insert("settings", name=_SETTING, value=prefix)
    return prefix


OPERATIONS: dict[str, Operation] = {
    "DescribeEndpoint": _describe,
    "DescribeDomainConfiguration": _describe_domain,
    "ListDomainConfigurations": _list_domains,
}
