"""As much of Amazon S3 as bulk registration needs: buckets, objects, and links to reports.

It keeps its objects where the account keeps everything, so that a kill loses none; and it is a
hundred lines, where a whole S3 of a library would cost every lab its installation.

Source: Amazon S3 API reference, REST API and its error responses; path-style addresses.
"""

from __future__ import annotations

import hmac
from http import HTTPStatus
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from labkit.bench.simulator.account import bulk, objects
from labkit.bench.simulator.account.refusal import Refusal
from labkit.bench.simulator.http import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from labkit.bench.simulator.account import Account
    from labkit.bench.simulator.account.context import Call

__all__ = ["account_in_link", "answer", "answer_link", "is_link"]

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_STATUS = {
    "AccessDenied": HTTPStatus.FORBIDDEN,
    "InvalidBucketName": HTTPStatus.BAD_REQUEST,
    "BucketNotEmpty": HTTPStatus.CONFLICT,
    "NoSuchBucket": HTTPStatus.NOT_FOUND,
    "NoSuchKey": HTTPStatus.NOT_FOUND,
    "NotImplemented": HTTPStatus.NOT_IMPLEMENTED,
}
_OFFERED = frozenset({"list-type", "prefix", "encoding-type", "max-keys", "x-id"})
"""Names in a query that change nothing here; any other asks for what is not offered."""


def is_link(request: Request) -> bool:
    """Return whether a request follows a link to a report, which is signed in its query."""
    return "authorization" not in request.headers and "X-Amz-Signature" in request.query


def account_in_link(request: Request) -> str:
    """Return the number of the account whose report a link leads to."""
    return _parts_of_link(request)[1]


def answer_link(account: Account, request: Request, headers: Mapping[str, str]) -> Response:
    """Answer a request that follows a link to a report."""
    return _answered(account, _report, request, headers)


def answer(account: Account, request: Request, headers: Mapping[str, str]) -> Response:
    """Answer a request to S3."""
    return _answered(account, _carry_out, request, headers)


def _answered(
    account: Account,
    work: Callable[[Call, Request], Response],
    request: Request,
    headers: Mapping[str, str],
) -> Response:
    try:
        response = account.run(lambda call: work(call, request))
    except Refusal as refusal:
        about = f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>"
        body = f"<Error>{about}</Error>"
        response = Response(_STATUS[refusal.code], body.encode(), {"Content-Type": "text/xml"})
    return Response(response.status, response.body, {**response.headers, **headers})


def _report(call: Call, request: Request) -> Response:
    signature = bulk.report_signature(call, request.path)
    bucket, _, task_id, kind = _parts_of_link(request)
    given = request.query["X-Amz-Signature"][0]
    if bucket != bulk.REPORTS or not hmac.compare_digest(signature.encode(), given.encode()):
        raise Refusal("AccessDenied", "Access Denied")
    return Response(
        HTTPStatus.OK,
        bulk.report(call, task_id, kind).encode(),
        {"Content-Type": "application/json"},
    )


def _parts_of_link(request: Request) -> tuple[str, str, str, str]:
    bucket, account_id, task_id, kind = [*request.path.split("/"), *[""] * 4][1:5]
    return bucket, account_id, task_id, kind


def _carry_out(call: Call, request: Request) -> Response:
    _, _, rest = request.path.partition("/")
    bucket, _, key = rest.partition("/")
    unoffered = set(request.query) - _OFFERED
    chunked = request.headers.get("content-encoding", "") == "aws-chunked"
    if unoffered or chunked or "x-amz-copy-source" in request.headers:
        raise Refusal(
            "NotImplemented", "The simulated account does not offer this call of Amazon S3"
        )
    if not bucket:
        return _buckets(call, request)
    return _object(call, request, bucket, key) if key else _bucket(call, request, bucket)


def _buckets(call: Call, request: Request) -> Response:
    if request.method != "GET":
        raise _not_allowed()
    listed = "".join(
        f"<Bucket><Name>{escape(name)}</Name><CreationDate>{_time(created)}</CreationDate></Bucket>"
        for name, created in objects.list_buckets(call)
    )
    return _xml("ListAllMyBucketsResult", f"<Buckets>{listed}</Buckets>")


def _bucket(call: Call, request: Request, bucket: str) -> Response:
    match request.method:
        case "PUT":
            objects.create_bucket(call, bucket)
            return Response(headers={"Location": f"/{bucket}"})
        case "HEAD":
            objects.find_bucket(call, bucket)
            return Response()
        case "GET":
            return _listing(call, request, bucket)
        case "DELETE":
            objects.delete_bucket(call, bucket)
            return Response(HTTPStatus.NO_CONTENT)
    raise _not_allowed()


def _listing(call: Call, request: Request, bucket: str) -> Response:
    prefix = request.query.get("prefix", [""])[0]
    listed = objects.list_objects(call, bucket, prefix)
    contents = "".join(
        f"<Contents><Key>{escape(each.key)}</Key><LastModified>{_time(each.modified)}"
        f"</LastModified><ETag>&quot;{each.etag}&quot;</ETag><Size>{len(each.body)}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
        for each in listed
    )
    about = (
        f"<Name>{escape(bucket)}</Name><Prefix>{escape(prefix)}</Prefix>"
        f"<KeyCount>{len(listed)}</KeyCount><IsTruncated>false</IsTruncated>"
    )
    return _xml("ListBucketResult", about + contents)


def _object(call: Call, request: Request, bucket: str, key: str) -> Response:
    match request.method:
        case "PUT":
            etag = objects.put_object(call, bucket, key, request.body)
            return Response(headers={"ETag": f'"{etag}"'})
        case "GET" | "HEAD":
            found = objects.get_object(call, bucket, key)
            headers = {
                "ETag": f'"{found.etag}"',
                "Last-Modified": f"{found.modified:%a, %d %b %Y %H:%M:%S GMT}",
                "Content-Type": "binary/octet-stream",
            }
            return Response(HTTPStatus.OK, found.body, headers)
        case "DELETE":
            objects.delete_object(call, bucket, key)
            return Response(HTTPStatus.NO_CONTENT)
    raise _not_allowed()


def _not_allowed() -> Refusal:
    return Refusal("AccessDenied", "Access Denied")


def _xml(name: str, content: str) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="{_NAMESPACE}">{content}</{name}>'
    return Response(HTTPStatus.OK, body.encode(), {"Content-Type": "application/xml"})


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
