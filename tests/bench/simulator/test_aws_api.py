from __future__ import annotations

import http.client
import json
import re

import pytest
from simulator_fixtures import (
    ACCOUNT_ID,
    REGION,
    Cloud,
    iot_client,
    refused,
)

from labkit.bench.simulator.account import OPERATIONS
from labkit.support.seams import service_model

pytest_plugins = ("cloud_fixtures",)


def test_endpoint_is_the_same_every_time(cloud: Cloud) -> None:
    """The address has AWS's form, is the gateway's name, and stays."""
    address = cloud.iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
    assert re.fullmatch(rf"[a-z0-9]{{14}}-ats\.iot\.{REGION}\.amazonaws\.com", address)
    assert address == cloud.gateway.endpoint_name
    assert cloud.iot.describe_endpoint()["endpointAddress"] == address


def test_caller_is_the_accounts(cloud: Cloud) -> None:
    """STS tells the account's number, and nothing else is offered of it."""
    sts = iot_client(cloud.url, "sts")
    assert sts.get_caller_identity()["Account"] == ACCOUNT_ID
    assert refused(sts.get_session_token) == ("AccessDenied", 403)


def test_signature_for_another_region_is_refused(cloud: Cloud) -> None:
    """An account's service is in one region."""
    elsewhere = iot_client(cloud.url, region="eu-central-1")
    assert refused(elsewhere.get_registration_code) == ("InvalidSignatureException", 403)


SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/iot/aws4_request, "
    "SignedHeaders=host, Signature=" + "0" * 64
)


def raw(
    cloud: Cloud, method: str, path: str, body: bytes = b"", signature: str = SIGNATURE
) -> tuple[int, str | None]:
    """Return the status and the error's name for a request that boto3 would not send."""
    connection = http.client.HTTPConnection(cloud.url.removeprefix("http://"), timeout=5)
    headers = {"Authorization": signature} if signature else {}
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    json.loads(answer.read())
    connection.close()
    return answer.status, answer.getheader("x-amzn-ErrorType")


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/nonsense", b"", (404, "UnknownOperationException")),
        ("PATCH", "/endpoint", b"", (404, "UnknownOperationException")),
        ("POST", "/things/LED", b"{", (400, "SerializationException")),
        ("POST", "/things/LED", b"[]", (400, "SerializationException")),
        ("POST", "/things/LED", b"[" * 100_000, (400, "SerializationException")),
        ("POST", "/things/LED", b'{"attributePayload": 1}', (400, "SerializationException")),
        ("POST", "/policies/p", b"{}", (400, "InvalidRequestException")),
        ("POST", "/policies/p", b'{"policyDocument": 1}', (400, "SerializationException")),
        ("GET", "/certificates?pageSize=x", b"", (400, "InvalidRequestException")),
        ("GET", "/certificates?pageSize=0", b"", (400, "InvalidRequestException")),
        ("GET", "/certificates?pageSize=251", b"", (400, "InvalidRequestException")),
        ("GET", "/certificates?marker=%21", b"", (400, "InvalidRequestException")),
        ("GET", "/certificates/abc", b"", (400, "InvalidRequestException")),
        ("GET", "/policies/%00", b"", (400, "InvalidRequestException")),
        ("GET", "/things/x%2Fy", b"", (400, "InvalidRequestException")),
    ],
)
def test_nonsense_is_refused_as_aws_refuses_it(
    cloud: Cloud, method: str, path: str, body: bytes, expected: tuple[int, str]
) -> None:
    """Whatever is sent, the answer is one of AWS's errors and never a fault."""
    assert raw(cloud, method, path, body) == expected


def test_request_without_a_signature_is_refused(cloud: Cloud) -> None:
    """AWS answers 403 before it looks at the call."""
    expected = (403, "MissingAuthenticationTokenException")
    assert raw(cloud, "GET", "/endpoint", signature="") == expected
    assert raw(cloud, "GET", "/endpoint", signature="Bearer x")[1] == "IncompleteSignatureException"
    assert raw(cloud, "GET", "/endpoint") == (200, None)


def test_every_offered_call_is_one_of_the_models() -> None:
    """A misspelt operation would never be reached."""
    assert set(OPERATIONS) <= set(service_model("iot").operation_names)
