"""GetCallerIdentity of AWS STS, the one call of it that a lab makes: who am I?

IAM speaks the same protocol, and is denied: the simulated account has no identities.

Source: AWS STS API reference: GetCallerIdentity; AWS's query protocol.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from labkit.bench.simulator.http import Request, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.bench.simulator.account.context import Identity

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_USER_ID = "AIDASIMULATEDLABUSER0"
"""Shaped like an IAM user's identifier; there is no such user."""


def answer(request: Request, identity: Identity, headers: Mapping[str, str]) -> Response:
    """Answer a request to STS, or to IAM."""
    sent = {**request.query, **parse_qs(request.body.decode("ascii", "replace"))}
    action = sent.get("Action", [""])[0]
    if action == "GetCallerIdentity":
        status, body = HTTPStatus.OK, _caller_identity(identity)
    else:
        status, body = HTTPStatus.FORBIDDEN, _access_denied()
    return Response(status, body.encode(), {"Content-Type": "text/xml", **headers})


def _caller_identity(identity: Identity) -> str:
    account = identity.account_id
    return (
        f'<GetCallerIdentityResponse xmlns="{_NAMESPACE}"><GetCallerIdentityResult>'
        f"<Arn>arn:aws:iam::{account}:user/lab</Arn><UserId>{_USER_ID}</UserId>"
        f"<Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    )


def _access_denied() -> str:
    return (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type>'
        "<Code>AccessDenied</Code>"
        "<Message>The simulated account does not offer this call</Message>"
        "</Error></ErrorResponse>"
    )
