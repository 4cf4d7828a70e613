"""The addresses of the account's data plane.

Source: AWS IoT API reference: DescribeEndpoint. Newer accounts refuse the types `iot:Data` and
`iot:Jobs`, which the service model still lists. No source states what a call without a type then
returns: here it is the ATS address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.bench.simulator.account.context import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.bench.simulator.account.context import Call, Operation

_SETTING = "endpoint"
_LENGTH = 14
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_ATS = "iot:Data-ATS"
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
        raise Refusal("InvalidRequestException", f"Endpoint type {kind!r} is not one of {known}")
    return {"endpointAddress": _address(call, kind)}


def _address(call: Call, kind: str) -> str:
    prefix = call.setting(_SETTING, lambda: _new_prefix(call))
    return f"{prefix}{_MIDDLES[kind]}.{call.identity.region}.amazonaws.com"


def _new_prefix(call: Call) -> str:
    octets = call.randomness.draw(call.identity.account_id, _SETTING, _LENGTH)
    return "a" + "".join(_ALPHABET[octet % len(_ALPHABET)] for octet in octets[1:])


OPERATIONS: dict[str, Operation] = {"DescribeEndpoint": _describe}
