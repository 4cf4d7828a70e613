"""The addresses of the account's data plane.

Source: AWS IoT API reference: DescribeEndpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.simulator.account.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.simulator.account.context import Call, Operation

__all__ = ["OPERATIONS", "data_endpoint"]

_SETTING = "endpoint"
_LENGTH = 14
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_MIDDLES = {
    "iot:Data": ".iot",
    "iot:Data-ATS": "-ats.iot",
    "iot:CredentialProvider": ".credentials.iot",
    "iot:Jobs": ".jobs.iot",
}
_DEFAULT = "iot:Data"


def data_endpoint(call: Call) -> str:
    """Return the address that devices connect to (`iot:Data-ATS`)."""
    return _address(call, "iot:Data-ATS")


def _describe(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    kind = request.get("endpointType", _DEFAULT)
    if kind not in _MIDDLES:
        known = ", ".join(_MIDDLES)
        raise Refusal("InvalidRequestException", f"Endpoint type {kind!r} is none of {known}")
    return {"endpointAddress": _address(call, kind)}


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


OPERATIONS: dict[str, Operation] = {"DescribeEndpoint": _describe}
