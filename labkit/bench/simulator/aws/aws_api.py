"""AWS IoT's control plane over HTTP, so that boto3 and the `aws` command work unchanged.

Routes, parameters and answers follow botocore's model of the service (`rest_json`). A request
without a signature or with an unknown path is refused, and so is a call or a parameter that this
account does not offer. The signature itself is not verified: there are no secrets. STS answers at
the same address: the signature names the service of a request. Of STS, and of IAM, which uses the
same protocol, only GetCallerIdentity is offered.

Source: AWS STS API reference: GetCallerIdentity; AWS's query protocol.
"""

from __future__ import annotations

import logging
import re
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from labkit.bench.simulator.account import OPERATIONS, Account, Refusal
from labkit.bench.simulator.aws.rest_json import UNREADABLE, load_model, parse, serialize
from labkit.bench.simulator.http import HttpServer, Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CREDENTIAL = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/,\s]+/[0-9]{8}/(?P<region>[a-z0-9-]+)"
    r"/(?P<service>[a-z0-9-]+)/aws4_request,\s*SignedHeaders=[^,\s]+,\s*Signature=[0-9a-f]{64}"
)
_UNMODELED = {
    "MissingAuthenticationTokenException": HTTPStatus.FORBIDDEN,
    "IncompleteSignatureException": HTTPStatus.FORBIDDEN,
    "InvalidSignatureException": HTTPStatus.FORBIDDEN,
    "AccessDeniedException": HTTPStatus.FORBIDDEN,
    "UnknownOperationException": HTTPStatus.NOT_FOUND,
    UNREADABLE: HTTPStatus.BAD_REQUEST,
}
"""Errors of every AWS service, which no service's model lists."""

_UNOFFERED_PARAMETERS: Mapping[str, frozenset[str]] = {
    "AttachThingPrincipal": frozenset({"thingPrincipalType"}),
    "CreateProvisioningTemplate": frozenset({"preProvisioningHook"}),
    "CreateThing": frozenset({"thingTypeName", "billingGroupName"}),
    "DeleteThing": frozenset({"expectedVersion"}),
    "ListCACertificates": frozenset({"templateName"}),
    "ListThings": frozenset({"attributeName", "attributeValue", "thingTypeName"}),
    "RegisterCACertificate": frozenset({"certificateMode"}),
    "UpdateProvisioningTemplate": frozenset({"preProvisioningHook", "defaultVersionId"}),
}
"""Parameters that AWS offers and this account does not; to ignore them would be wrong."""

_STS = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
_USER_ID = "AIDASIMULATEDLABUSER0"
"""Shaped like an IAM user's identifier; there is no such user."""

_log = logging.getLogger(__name__)


class ApiServer:
    """Serves an account on 127.0.0.1.

    Args:
        account: the account.
        on_request: called at every request; the service measures its idle time with it.
    """

    def __init__(self, account: Account, *, on_request: Callable[[], None] | None = None) -> None:
        self._account = account
        self._on_request = on_request
        self._model = load_model("iot")
        self._server = HttpServer(self._answer, name="aws-api")

    def start(self, port: int = 0) -> str:
        """Listen on a port (0: a free one) and return the endpoint's URL."""
        return self._server.start(port)

    def close(self) -> None:
        """Stop listening and close every connection; the account stays open."""
        self._server.close()

    def _answer(self, request: Request) -> Response:
        if self._on_request is not None:
            self._on_request()
        request_id = {"x-amzn-RequestId": str(uuid.uuid4())}
        try:
            if self._authenticated_service(request) in ("sts", "iam"):
                return self._identify(request, request_id)
            return json_response(HTTPStatus.OK, self._carry_out(request), request_id)
        except Refusal as refusal:
            status = _UNMODELED.get(refusal.code) or self._model.error_status(refusal.code)
            content = {"message": refusal.message, **refusal.fields}
            headers = {**request_id, "x-amzn-ErrorType": refusal.code}
            return json_response(status, content, headers)

    def _authenticated_service(self, request: Request) -> str:
        """Return the service that a request was signed for."""
        authorization = request.headers.get("authorization", "")
        if not authorization:
            raise Refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
        signature = _CREDENTIAL.fullmatch(authorization)
        if signature is None:
            raise Refusal(
                "IncompleteSignatureException",
                "The Authorization header is not an AWS Signature Version 4",
            )
        if signature["region"] != self._account.region:
            raise Refusal(
                "InvalidSignatureException",
                f"Credential should be scoped to a valid region: this account is in "
                f"{self._account.region}, the request was signed for {signature['region']}",
            )
        return signature["service"]

    def _identify(self, request: Request, headers: Mapping[str, str]) -> Response:
        """Answer a request to STS or IAM."""
        sent = {**request.query, **parse_qs(request.body.decode("ascii", "replace"))}
        account = self._account.account_id
        if sent.get("Action") == ["GetCallerIdentity"]:
            status, body = (
                HTTPStatus.OK,
                (
                    f"<GetCallerIdentityResponse {_STS}><GetCallerIdentityResult>"
                    f"<Arn>arn:aws:iam::{account}:user/lab</Arn><UserId>{_USER_ID}</UserId>"
                    f"<Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
                ),
            )
        else:
            status, body = (
                HTTPStatus.FORBIDDEN,
                (
                    f"<ErrorResponse {_STS}><Error><Type>Sender</Type><Code>AccessDenied</Code>"
                    "<Message>The simulated account does not offer this call</Message>"
                    "</Error></ErrorResponse>"
                ),
            )
        return Response(status, body.encode(), {"Content-Type": "text/xml", **headers})

    def _carry_out(self, request: Request) -> dict[str, object]:
        route = self._model.route(request.method, request.raw_path)
        if route is None:
            raise Refusal(
                "UnknownOperationException", f"AWS IoT has no {request.method} {request.path}"
            )
        name = route.operation.name
        if name not in OPERATIONS:
            raise Refusal("AccessDeniedException", f"The simulated account does not offer {name}")
        parameters = parse(route, request)
        if unoffered := sorted(_UNOFFERED_PARAMETERS.get(name, frozenset()) & set(parameters)):
            raise Refusal(
                "AccessDeniedException",
                f"The simulated account does not offer {name} with {', '.join(unoffered)}",
            )
        try:
            result = self._account.call(name, parameters)
        except Refusal as refusal:
            listed = {shape.name for shape in route.operation.error_shapes} | set(_UNMODELED)
            if refusal.code not in listed:
                _log.error("%s answers %s, which its model does not list", name, refusal.code)
            raise
        return serialize(route.operation, result)
