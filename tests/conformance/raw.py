"""Requests that boto3 would not send, signed as boto3 signs, answered as boto3 answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

if TYPE_CHECKING:
    from judge import Judge

__all__ = ["send"]

_HTTP = URLLib3Session(timeout=10)
OK = 300


def send(judge: Judge, method: str, path: str, body: str = "", *, signed: bool = True) -> object:
    """Send a request to a judge's IoT API.

    Args:
        judge: who is asked.
        method: the HTTP method.
        path: with its query.
        body: sent as it is.
        signed: whether it carries a signature.

    Returns:
        The answer's JSON.

    Raises:
        ClientError: a refusal; the error's code comes from its header or its body.
    """
    url = judge.iot.meta.endpoint_url + path
    request = AWSRequest(method, url, data=body.encode(), headers={"Host": url.split("/")[2]})
    if signed:
        SigV4Auth(judge.session.get_credentials(), "iot", judge.region).add_auth(request)
    answer = _HTTP.send(request.prepare())
    try:
        parsed = json.loads(answer.content or b"{}")
    except ValueError:
        parsed = {}
    if answer.status_code < OK:
        return parsed
    named = answer.headers.get("x-amzn-ErrorType") or parsed.get("__type") or ""
    raise ClientError(
        {
            "Error": {"Code": str(named).split(":")[0].rpartition("#")[2]},
            "ResponseMetadata": {"HTTPStatusCode": answer.status_code},
        },
        path,
    )
