"""Rows: many things at once, from newline-delimited JSON in S3."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import material
from expected import Seen, gives, holds, matching, raises
from material import ec_key
from situation import ROLE
from table import row
from templates import template

if TYPE_CHECKING:
    from situation import Situation
    from table import Act

INVALID = raises("InvalidRequestException", 400)
START = "model: StartThingRegistrationTask; guide: Bulk registration"
PATIENCE_S = 10.0
PARTS = {"Completed", "Failed", "Cancelled"}


def line(s: Situation, thing: str = "") -> str:
    """Return one device's line."""
    request = material.request(ec_key("device"))
    return json.dumps({"ThingName": thing or s.name("thing"), "CSR": request})


def upload(s: Situation, *lines: str) -> dict[str, str]:
    """Put lines into S3 and return what a task that reads them is started with."""
    bucket = "conformance-bulk"
    s.judge.s3.create_bucket(Bucket=bucket)
    key = s.name("lines.json")
    s.judge.s3.put_object(Bucket=bucket, Key=key, Body="\n".join(lines).encode())
    return {
        "templateBody": template(),
        "inputFileBucket": bucket,
        "inputFileKey": key,
        "roleArn": ROLE,
    }


def ended(s: Situation, task: str) -> dict[str, Any]:
    """Wait for a task's end and return its description."""
    end = time.monotonic() + PATIENCE_S
    while True:
        found = s.iot.describe_thing_registration_task(taskId=task)
        if found["status"] in PARTS or time.monotonic() > end:
            return dict(found)
        time.sleep(0.02)


def run(s: Situation, *lines: str) -> dict[str, Any]:
    """Run a task to its end; what it has made is undone with the row."""
    task = s.iot.start_thing_registration_task(**upload(s, *lines))["taskId"]
    found = ended(s, task)
    remember(s, lines)
    return found


def remember(s: Situation, lines: tuple[str, ...]) -> None:
    """Have the things of some lines, and their certificates, undone with the row."""
    for text in lines:
        try:
            thing = json.loads(text).get("ThingName", "")
            principals = s.iot.list_thing_principals(thingName=thing)["principals"]
        except (ValueError, s.iot.exceptions.ClientError):
            continue
        s.undo.add("thing", thing)
        for arn in principals:
            s.undo.add("certificate", arn.rpartition("/")[2])


@row(
    "StartThingRegistrationTask",
    "two lines",
    gives({"status": "Completed", "successCount": 2, "failureCount": 0, "percentageProgress": 100}),
    source=START,
)
def _(s: Situation) -> Act:
    lines = line(s), line(s)
    return lambda: run(s, *lines)


@row(
    "StartThingRegistrationTask",
    "a line that is no JSON among others",
    gives({"status": "Completed", "successCount": 1, "failureCount": 1}),
    source=START,
)
def _(s: Situation) -> Act:
    lines = "hello", line(s)
    return lambda: run(s, *lines)


@row(
    "StartThingRegistrationTask",
    "the thing has its certificate",
    gives({"principals": [matching("arn:aws:iot:.*:cert/[0-9a-f]{64}")]}),
    source=START,
)
def _(s: Situation) -> Act:
    thing = s.name("thing")
    run(s, line(s, thing))
    return lambda: s.iot.list_thing_principals(thingName=thing)


@row("StartThingRegistrationTask", "a template that is the text hello", INVALID, source=START)
def _(s: Situation) -> Act:
    given = upload(s, line(s)) | {"templateBody": "hello"}
    return lambda: s.iot.start_thing_registration_task(**given)


@row("StartThingRegistrationTask", "a role that is no ARN", INVALID, source="model: RoleArn")
def _(s: Situation) -> Act:
    given = upload(s, line(s)) | {"roleArn": "Provisioning-of-my-devices"}
    return lambda: s.iot.start_thing_registration_task(**given)


@row(
    "DescribeThingRegistrationTask",
    "what it was started with",
    gives({"inputFileKey": Seen("key"), "templateBody": template(), "roleArn": ROLE}),
    source="model: DescribeThingRegistrationTask",
)
def _(s: Situation) -> Act:
    text = line(s)
    given = upload(s, text)
    s.seen["key"] = given["inputFileKey"]

    def act() -> object:
        task = s.iot.start_thing_registration_task(**given)["taskId"]
        found = ended(s, task)
        remember(s, (text,))
        return found

    return act


for _kind, _count in (("RESULTS", 1), ("ERRORS", 1)):

    @row(
        "ListThingRegistrationTaskReports",
        f"the {_kind.lower()}, a line each, behind a link",
        gives({"reportType": _kind, "lines": _count}),
        source="model: ListThingRegistrationTaskReports; guide: Bulk registration",
    )
    def _(s: Situation, kind: str = _kind) -> Act:
        task = run(s, line(s), "hello")["taskId"]

        def act() -> object:
            answer = s.iot.list_thing_registration_task_reports(taskId=task, reportType=kind)
            texts = [fetched(link) for link in answer["resourceLinks"]]
            lines = [one for text in texts for one in text.splitlines() if json.loads(one)]
            return {"reportType": answer.get("reportType"), "lines": len(lines)}

        return act


def fetched(link: str) -> str:
    """Return the text behind a link of a simulated S3."""
    if not link.startswith("http://127.0.0.1"):
        raise ValueError(f"a link to elsewhere: {link}")
    with urllib.request.urlopen(link, timeout=PATIENCE_S) as answer:  # noqa: S310 checked above
        return str(answer.read().decode())


@row(
    "ListThingRegistrationTasks",
    "those that have ended",
    gives({"taskIds": holds(Seen("task"))}),
    source="model: ListThingRegistrationTasks",
)
def _(s: Situation) -> Act:
    s.seen["task"] = run(s, line(s))["taskId"]
    return lambda: s.iot.list_thing_registration_tasks(status="Completed")


@row(
    "ListThingRegistrationTasks",
    "a status that there is not",
    INVALID,
    source="model: Status",
)
def _(s: Situation) -> Act:
    return lambda: s.iot.list_thing_registration_tasks(status="Perhaps")


MANY = 400
"""Lines: enough that a task is at work while the next call comes."""


def at_work(s: Situation) -> tuple[str, tuple[str, ...]]:
    """Start a task that takes a while and return its id and its lines."""
    lines = tuple(line(s) for _ in range(MANY))
    given = upload(s, *lines)
    return s.iot.start_thing_registration_task(**given)["taskId"], lines


@row(
    "StartThingRegistrationTask",
    "while another is at work",
    INVALID,
    source="quotas: one task at a time",
)
def _(s: Situation) -> Act:
    second = upload(s, line(s))
    task, lines = at_work(s)

    def act() -> object:
        try:
            return s.iot.start_thing_registration_task(**second)
        finally:
            s.iot.stop_thing_registration_task(taskId=task)
            ended(s, task)
            remember(s, lines)

    return act


@row(
    "StopThingRegistrationTask",
    "one that is at work",
    gives({"status": matching("Cancelled|Cancelling")}),
    source="model: StopThingRegistrationTask, Status",
)
def _(s: Situation) -> Act:
    task, lines = at_work(s)

    def act() -> object:
        s.iot.stop_thing_registration_task(taskId=task)
        found = ended(s, task)
        remember(s, lines)
        return found

    return act
