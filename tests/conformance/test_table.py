"""The table itself: it covers what is offered, and no judge passes it by luck."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import pytest
from differences import Difference, judged, report
from expected import Seen, difference, gives, holds, matching, raises
from explanations import KNOWN, explanation
from judge import Judge, NotAskedError
from situation import Situation
from situation import policy as document
from table import Row, load

from labkit.bench.simulator.account import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
ROWS = load()
MODEL = botocore.session.get_session().get_service_model("iot")
NOBODYS = {
    "ThrottlingException",
    "UnauthorizedException",
    "ServiceUnavailableException",
    "InternalFailureException",
}
"""Errors that a caller cannot bring about by what is asked for."""


def test_it_is_a_table_of_this_size() -> None:
    """There are hundreds of rows, each stated once, each with its source."""
    assert len(ROWS) >= 150
    assert [text for text, count in Counter(map(str, ROWS)).items() if count > 1] == []
    assert [str(row) for row in ROWS if not row.source] == []


@pytest.mark.parametrize("call", sorted(OPERATIONS))
def test_every_operation_offered_has_its_rows(call: str) -> None:
    """Each has a success, and a refusal where the model lists an error of the caller's."""
    rows = [row for row in ROWS if row.call == call]
    assert [row for row in rows if not row.expected.is_refusal], "no row in which it succeeds"
    operation = MODEL.operation_model(call)
    listed = {shape.name for shape in operation.error_shapes} - NOBODYS
    if not operation.input_shape or not operation.input_shape.members:
        listed -= {"InvalidRequestException"}
    if listed:
        assert [row for row in rows if row.expected.is_refusal], f"of {sorted(listed)} no row"


def test_refusals_are_those_of_the_model() -> None:
    """Each refusal of an operation is one that the model lists for it, with the model's status."""
    wrong = []
    for row in ROWS:
        if row.call not in MODEL.operation_names:
            continue
        listed = {
            shape.name: shape.metadata["error"]["httpStatusCode"]
            for shape in MODEL.operation_model(row.call).error_shapes
        }
        wrong += [
            f"{row}: {it}" for it in row.expected.refusals if listed.get(it.code) != it.status
        ]
    # Any service may answer so what it cannot read.
    assert [it for it in wrong if "SerializationException" not in it] == []


def row_of(make: Any, expected: Any) -> Row:  # noqa: ANN401 a row's own
    """Return a row that is in no table."""
    return Row("DescribeEndpoint", "made up", expected, "none", make)


def test_a_call_that_is_not_free_is_stopped_at_a_real_account(judge: Judge) -> None:
    """Before it is sent; the twin, at ours, makes the thing."""
    row = row_of(lambda s: lambda: s.thing(), gives("x"))  # noqa: PLW0108 as rows are
    with pytest.raises(NotAskedError, match="CreateThing costs something"):
        judged(row, replace(judge, real=True))
    with Situation(judge) as situation:
        assert situation.thing()
        assert situation.undo.everything() == []


def test_everything_is_undone(judge: Judge) -> None:
    """What a row makes is gone afterwards, in AWS's order, although all hangs together."""
    with Situation(judge) as situation:
        leaf = situation.leaf()
        arn, policy, thing = situation.arn("cert", leaf.id), situation.policy(), situation.thing()
        other = situation.name("other")
        situation.unchecked.create_policy(
            policyName=other, policyDocument=document(("iot:Connect", "*"))
        )
        situation.iot.attach_policy(policyName=policy, target=arn)
        situation.iot.attach_thing_principal(thingName=thing, principal=arn)
        assert situation.undo.everything() == []
        iot = situation.iot
        left = (
            iot.list_certificates()["certificates"],
            iot.list_ca_certificates()["certificates"],
            iot.list_policies()["policies"],
            iot.list_things()["things"],
        )
        assert not any(
            thing in str(one) or policy in str(one) or leaf.id in str(one) for one in left
        )


def test_what_cannot_be_undone_is_said(judge: Judge) -> None:
    """A row that leaves something behind is red at ours."""

    def make(s: Situation) -> Any:  # noqa: ANN401 an act
        s.undo.add("ca", "abc")
        return lambda: "x"

    found = judged(row_of(make, gives("x")), judge)
    assert found is not None
    assert "not everything could be undone" in found.got
    assert "ca abc" in str(found)


class Yes(BaseHTTPRequestHandler):
    """Answers 200 {} to everything."""

    answer: tuple[int, bytes] = (200, b"{}")
    code = ""

    def do_any(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.answer[0])
        self.send_header("Content-Length", str(len(self.answer[1])))
        if self.code:
            self.send_header("x-amzn-ErrorType", self.code)
        self.end_headers()
        self.wfile.write(self.answer[1])

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_any  # noqa: N815 http.server's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class No(Yes):
    """Refuses everything."""

    answer = (403, json.dumps({"message": "no"}).encode())
    code = "ForbiddenException"


@contextmanager
def broken(handler: type[BaseHTTPRequestHandler]) -> Iterator[Judge]:
    """Run a judge that does not judge."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    session = boto3.session.Session("x", "x", region_name="us-east-1")
    judge = Judge("broken", session, f"http://127.0.0.1:{server.server_port}", "123456789012")
    try:
        yield judge
    finally:
        judge.close()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("handler", [Yes, No])
def test_no_row_passes_at_a_broken_judge(handler: type[BaseHTTPRequestHandler]) -> None:
    """A judge that says yes to everything, or no to everything, passes no row at all."""
    passed, asked = [], 0
    with broken(handler) as judge:
        for row in ROWS:
            with suppress(NotAskedError):
                asked += 1
                if judged(row, judge) is None:
                    passed.append(str(row))
    assert passed == []
    assert asked > 150


@pytest.mark.parametrize(
    ("expected", "answer", "got"),
    [
        (gives({"a": 1}), {"a": 1, "b": 2}, None),
        (gives({"a": 1}), {"a": True}, "a: True"),
        (gives({"a": 1}), {"b": 2}, "a: missing"),
        (gives({"a": 1, "b": {"c": 2}}), {"a": 1, "b": {"c": 3}}, "b: c: 3"),
        (gives(holds("x")), ["y", "x"], None),
        (gives(holds("x", "z")), ["y", "x"], "[y, x]"),
        (gives([Seen("id")]), ["7"], None),
        (gives([Seen("id")]), ["7", "7"], "[7, 7]"),
        (gives({"a": matching("[0-9]+")}), {"a": "12"}, None),
        (gives({"a": matching("[0-9]+")}), {"a": "12x"}, "a: 12x"),
        (raises("X", 400), {"a": 1}, "accepted: a: 1"),
    ],
)
def test_answers_are_compared(expected: Any, answer: object, got: str | None) -> None:  # noqa: ANN401 either kind
    """What is asked for is compared, a difference is reported, other members are ignored."""
    assert difference(expected, lambda: answer, {"id": "7"}) == got


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (raises("ResourceNotFoundException", 404), None),
        (raises("X", 400) | raises("ResourceNotFoundException", 404), None),
        (raises("ResourceNotFoundException", 400), "ResourceNotFoundException 404"),
        (raises("ResourceNotFoundException", 404, resourceId="x"), "ResourceNotFoundException 404"),
        (gives({}), "ResourceNotFoundException 404"),
    ],
)
def test_refusals_are_compared(judge: Judge, expected: Any, got: str | None) -> None:  # noqa: ANN401 either kind
    """Code, status and fields have to be those of one of the refusals expected."""

    def act() -> object:
        return judge.iot.describe_thing(thingName="nobody")

    assert difference(expected, act, {}) == got


def test_a_report_is_the_same_at_every_run() -> None:
    """It is a table in Markdown, without ids, names and times that change."""
    row = row_of(None, gives({"a": "b|c"}))
    text = report("other", [Difference(row, f"id {'ab' * 32}, conformance-1a2b3c-7-thing\nend")])
    assert text.splitlines()[0] == "# What other does differently"
    assert text.splitlines()[-1] == "| DescribeEndpoint | made up | a: b/c | id …, … end |  |"
    assert not re.search("[0-9a-f]{64}", text)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_kept_reports_are_explained(name: str) -> None:
    """Each difference that was found when the other judges were last asked has its cause."""
    lines = (HERE / f"differences-{name}.md").read_text(encoding="utf-8").splitlines()[4:]
    assert len(lines) > 50
    assert [line for line in lines if line.endswith("|  |")] == []


def test_an_explanation_is_for_its_judge() -> None:
    """An unknown judge or row has no explanation."""
    row = "GetRegistrationCode: asked again"
    assert explanation("moto", row, "x") == "another code at every call, and a UUID"
    assert explanation("other", row, "x") == ""
    assert explanation("ministack", row, "x") == ""
