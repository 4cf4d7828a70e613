"""AWS IoT's control plane over HTTP, so that boto3 and the `aws` command work unchanged.

Routes, parameters and answers follow botocore's own model of the service (`rest_json`). What AWS
would refuse before it looks at the call is refused here: no signature, an unknown path, a call
that this account does not offer. The signature itself is not verified: there are no secrets. STS
and S3 answer at the same address: the signature says which service a request is meant for.
"""

from __future__ import annotations

import logging
import re
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING

from labkit.bench.simulator.account import OPERATIONS, Account, Refusal
from labkit.bench.simulator.aws import s3, sts
from labkit.bench.simulator.aws.rest_json import UNREADABLE, load_model, parse, serialize
from labkit.bench.simulator.http import HttpServer, Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.bench.simulator.aws.accounts import Accounts

__all__ = ["ApiServer"]

_CREDENTIAL = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/[0-9]{8}/(?P<region>[a-z0-9-]+)"
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
"""Errors that every AWS service may give and no service's model lists."""

_MAX_BODY_BYTES = 32 << 20
"""The parameters of tens of thousands of devices, in S3."""

_log = logging.getLogger(__name__)


class ApiServer:
    """Serves accounts on 127.0.0.1.

    Args:
        accounts: the lab's account and the others.
        on_request: called at every request, for whoever counts idle time.
    """

    def __init__(self, accounts: Accounts, *, on_request: Callable[[], None] | None = None) -> None:
        self._accounts = accounts
        self._on_request = on_request
        self._model = load_model("iot")
        self._server = HttpServer(self._answer, name="aws-api", max_body_bytes=_MAX_BODY_BYTES)

    def start(self, port: int = 0) -> str:
        """Listen on a port (0: a free one) and return the endpoint's URL."""
        url = self._server.start(port)
        self._accounts.are_at(url)
        return url

    def close(self) -> None:
        """Stop listening and close every connection; the account stays open."""
        self._server.close()

    def _answer(self, request: Request) -> Response:
        if self._on_request is not None:
            self._on_request()
        request_id = {"x-amzn-RequestId": str(uuid.uuid4())}
        try:
            if s3.is_link(request):
                account = self._accounts.of(s3.account_in_link(request))
                return s3.answer_link(account, request, request_id)
            account, service = self._authenticate(request)
            if service in ("sts", "iam"):
                return sts.answer(request, account.identity, request_id)
            if service == "s3":
                return s3.answer(account, request, request_id)
            return json_response(HTTPStatus.OK, self._carry_out(account, request), request_id)
        except Refusal as refusal:
            status = _UNMODELED.get(refusal.code) or self._model.error_status(refusal.code)
            content = {"message": refusal.message, **refusal.fields}
            headers = {**request_id, "x-amzn-ErrorType": refusal.code}
            return json_response(status, content, headers)

    def _authenticate(self, request: Request) -> tuple[Account, str]:
        """Return the account that a request speaks for, and the service that it is meant for."""
        authorization = request.headers.get("authorization", "")
        if not authorization:
            raise Refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
        signature = _CREDENTIAL.fullmatch(authorization)
        if signature is None:
            raise Refusal(
                "IncompleteSignatureException",
                "The Authorization header is not an AWS Signature Version 4",
            )
        account = self._accounts.of(signature["key"])
        if signature["region"] != account.region:
            raise Refusal(
                "InvalidSignatureException",
                f"Credential should be scoped to a valid region: this account is in "
                f"{account.region}, the request was signed for {signature['region']}",
            )
        return account, signature["service"]

    def _carry_out(self, account: Account, request: Request) -> dict[str, object]:
        route = self._model.route(request.method, request.raw_path)
        if route is None:
            raise Refusal(
                "UnknownOperationException", f"AWS IoT has no {request.method} {request.path}"
            )
        name = route.operation.name
        if name not in OPERATIONS:
            raise Refusal("AccessDeniedException", f"The simulated account does not offer {name}")
        try:
            result = self._accounts.call(account, name, parse(route, request))
        except Refusal as refusal:
            listed = {shape.name for shape in route.operation.error_shapes} | set(_UNMODELED)
            if refusal.code not in listed:
                _log.error("%s answers %s, which its model does not list", name, refusal.code)
            raise
        return serialize(route.operation, result)
