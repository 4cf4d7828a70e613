"""TestAuthorization and GetEffectivePolicies: what a device may do.

The gateway uses the same decision function.

Source: AWS IoT API reference: TestAuthorization, GetEffectivePolicies, AuthResult.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit import certificates as x509_certificates
from labkit import policy
from labkit.bench.simulator.account.certificates import find_principal
from labkit.bench.simulator.account.connections import Grants, grants
from labkit.bench.simulator.account.context import Refusal
from labkit.bench.simulator.account.policies import find_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.bench.simulator.account.context import Call, Operation

_ACTIONS = {
    "CONNECT": "iot:Connect",
    "PUBLISH": "iot:Publish",
    "SUBSCRIBE": "iot:Subscribe",
    "RECEIVE": "iot:Receive",
}


def _test(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    row = find_principal(call, _principal(request))
    client_id = request.get("clientId", "")
    held = _requested_grants(call, request, grants(call, request["principal"], client_id))
    variables = x509_certificates.policy_variables(x509_certificates.load_certificate(row["der"]))
    context = policy.connection_context(client_id, attached=held.attached, certificate=variables)
    results = [_result(call, held, info, context) for info in request["authInfos"]]
    return {"authResults": results}


def _principal(request: Mapping[str, Any]) -> str:
    if "principal" not in request:
        raise Refusal(
            "InvalidRequestException",
            "A principal is needed: a certificate's ARN (Cognito identities are not supported)",
        )
    return str(request["principal"])


def _requested_grants(call: Call, request: Mapping[str, Any], now: Grants) -> Grants:
    """Return the grants with the policies that the request adds and skips."""
    skipped = set(request.get("policyNamesToSkip", []))
    added = [name for name in request.get("policyNamesToAdd", []) if name not in skipped]
    attached = [each for each in now.policies if each.name not in {*skipped, *added}]
    return Grants((*attached, *(_in_force(call, name) for name in added)), now.attached)


def _in_force(call: Call, name: str) -> policy.Policy:
    return policy.parse(find_document(call, name), name=name)


def _result(
    call: Call, held: Grants, info: Mapping[str, Any], context: Mapping[str, str]
) -> dict[str, Any]:
    """Decide one action on all its resources; the strictest decision counts."""
    if "actionType" not in info:
        raise Refusal("InvalidRequestException", "authInfos: an actionType is needed")
    action = _ACTIONS[info["actionType"]]
    decisions = [
        policy.evaluate(held.policies, action, resource, context) for resource in info["resources"]
    ]
    allowing = {each.policy for each in decisions if each.allowed and each.policy}
    denying = {each.policy for each in decisions if not each.allowed and each.policy}
    if denying:
        verdict = "EXPLICIT_DENY"
    elif all(decisions):
        verdict = "ALLOWED"
    else:
        verdict = "IMPLICIT_DENY"
    silent = {each.name for each in held.policies if each.name} - allowing - denying
    return {
        "authInfo": dict(info),
        "allowed": {"policies": _named(call, allowing)},
        "denied": {
            "implicitDeny": {"policies": _named(call, silent)},
            "explicitDeny": {"policies": _named(call, denying)},
        },
        "authDecision": verdict,
        "missingContextValues": policy.missing_values(held.policies, action, context),
    }


def _named(call: Call, names: set[str]) -> list[dict[str, str]]:
    return [
        {"policyName": name, "policyArn": call.identity.arn("policy", name)}
        for name in sorted(names)
    ]


def _effective(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """List the policies of a certificate; without thing groups a thing has none of its own."""
    if not {"principal", "thingName", "cognitoIdentityPoolId"} & set(request):
        raise Refusal("InvalidRequestException", "A principal or a thing name is needed")
    name = request.get("thingName")
    if name is not None and not call.one("SELECT 1 FROM things WHERE name = ?", name):
        raise Refusal("ResourceNotFoundException", f"Thing {name} cannot be found.")
    if "principal" not in request:
        return {"effectivePolicies": []}
    find_principal(call, request["principal"])
    attached = call.all(
        "SELECT policy FROM policy_attachments WHERE target = ? ORDER BY policy",
        request["principal"],
    )
    return {"effectivePolicies": [_in_effect(call, row["policy"]) for row in attached]}


def _in_effect(call: Call, name: str) -> dict[str, str]:
    return {
        "policyName": name,
        "policyArn": call.identity.arn("policy", name),
        "policyDocument": find_document(call, name),
    }


OPERATIONS: dict[str, Operation] = {
    "TestAuthorization": _test,
    "GetEffectivePolicies": _effective,
}
