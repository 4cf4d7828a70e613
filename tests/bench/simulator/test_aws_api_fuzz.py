"""Whatever is asked of the account's HTTP server, it answers, and never with a fault of its own."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulator_fixtures import ACCOUNT_ID, REGION, Cloud

from labkit.bench.simulator.account import OPERATIONS
from labkit.support.seams import service_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL = service_model("iot")
NAMES = sorted(MODEL.operation_names)
SOME_ARN = f"arn:aws:iot:{REGION}:{ACCOUNT_ID}:cert/{'0' * 64}"
TEXTS = st.one_of(
    st.sampled_from(
        ["", "led", "hello", "0" * 64, SOME_ARN, ACCOUNT_ID, "-----BEGIN CERTIFICATE-----", "{}",
         "cm93IDE=", "iot:Data-ATS", "ACTIVE", "PUBLISH", "x" * 300, "\ud800", "\0", "é☃"]
    ),
    st.text(max_size=20),
)  # fmt: skip
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """One account for all of it: what earlier requests left behind is part of the trial."""
    folder: Path = tmp_path_factory.mktemp("fuzzed")
    cloud = Cloud(folder)
    yield cloud
    cloud.close()


def plausible(shape: Any, depth: int = 0) -> st.SearchStrategy[Any]:  # noqa: ANN401 a shape of botocore's
    """Return values of a shape's type, and now and then any other."""
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "string": st.one_of(TEXTS, st.sampled_from(shape.metadata.get("enum") or ["x"])),
        "boolean": st.booleans(),
        "integer": st.integers(-5, 10**12),
        "long": st.integers(-5, 10**20),
        "timestamp": st.one_of(st.floats(allow_nan=False), TEXTS),
    }
    if shape.type_name == "list" and depth < 3:
        return st.lists(plausible(shape.member, depth + 1), max_size=2)
    if shape.type_name == "map" and depth < 3:
        return st.dictionaries(TEXTS, plausible(shape.value, depth + 1), max_size=2)
    if shape.type_name == "structure" and depth < 3:
        members = {name: plausible(each, depth + 1) for name, each in shape.members.items()}
        return st.fixed_dictionaries({}, optional=members)
    return st.one_of(kinds.get(shape.type_name, ANYTHING), ANYTHING)


@st.composite
def requests(draw: st.DrawFn, names: list[str]) -> tuple[str, str, str, bytes]:
    """Return operation, method, target and body of a request for one of the operations."""
    operation = MODEL.operation_model(draw(st.sampled_from(names)))
    members = operation.input_shape.members if operation.input_shape else {}
    path, _, fixed = operation.http["requestUri"].partition("?")
    query, body = [fixed] if fixed else [], {}
    for name, shape in members.items():
        where = shape.serialization.get("location")
        key = shape.serialization.get("name", name)
        if where == "uri":
            value = quote(draw(TEXTS).encode("utf-8", "surrogatepass") or b"x", safe="")
            path = path.replace(f"{{{key}}}", value).replace(f"{{{key}+}}", value)
        elif where is None and draw(st.integers(0, 3)):
            body[key] = draw(plausible(shape))
        elif where == "querystring" and draw(st.booleans()):
            query.append(urlencode({key: draw(TEXTS).encode("utf-8", "surrogatepass")}))
    content = json.dumps(body).encode() if draw(st.integers(0, 9)) else draw(st.binary(max_size=30))
    target = f"{path}?{'&'.join(query)}" if query else path
    return operation.name, operation.http["method"], target, content


def send(cloud: Cloud, method: str, target: str, body: bytes, service: str = "iot") -> int:
    """Send a request as nobody's library would, and return the status of the answer."""
    connection = http.client.HTTPConnection(cloud.url.removeprefix("http://"), timeout=10)
    signature = (
        f"AWS4-HMAC-SHA256 Credential=AKID/20260101/{REGION}/{service}/aws4_request, "
        f"SignedHeaders=host, Signature={'0' * 64}"
    )
    connection.request(method, target, body=body, headers={"Authorization": signature})
    status = connection.getresponse().status
    connection.close()
    return status


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(request=requests(sorted(OPERATIONS)))
def test_offered_operation_never_fails(cloud: Cloud, request: tuple[str, str, str, bytes]) -> None:
    """Every operation that is offered takes or refuses whatever it is given."""
    name, method, target, body = request
    assert send(cloud, method, target, body) < 500, name


@settings(max_examples=60, deadline=None)
@given(request=requests(sorted(set(NAMES) - set(OPERATIONS))))
def test_other_operation_is_refused(cloud: Cloud, request: tuple[str, str, str, bytes]) -> None:
    """What the model knows and the account does not offer is refused, whatever it is given."""
    name, method, target, body = request
    assert 400 <= send(cloud, method, target, body) < 500, name


@settings(max_examples=100, deadline=None)
@given(
    method=st.sampled_from(["GET", "PUT", "HEAD", "POST", "DELETE"]),
    path=st.lists(TEXTS, max_size=3),
    query=st.dictionaries(st.sampled_from(["prefix", "list-type", "policy", "x"]), TEXTS),
    body=st.binary(max_size=50),
    service=st.sampled_from(["s3", "sts", "iam", "lambda", ""]),
)
def test_other_services_answer(
    cloud: Cloud, *, method: str, path: list[str], query: dict[str, str], body: bytes, service: str
) -> None:
    """S3, STS, IAM and services that there are not: an answer, 501 at the most."""
    segments = (quote(each.encode("utf-8", "surrogatepass"), safe="") for each in path)
    asked = urlencode({key: value.encode("utf-8", "surrogatepass") for key, value in query.items()})
    status = send(cloud, method, f"/{'/'.join(segments)}?{asked}", body, service or "iot")
    assert status < 500 or status == http.client.NOT_IMPLEMENTED
