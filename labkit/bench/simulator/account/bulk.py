"""Bulk registration: one template, and a file in S3 with the parameters of a device a line.

A task is worked on line by line, each in a transaction of its own that also moves the task on, so
that a kill in the middle neither repeats nor leaves out a line. Who works on it is
`labkit.bench.simulator.aws.registrar`.

Source: AWS IoT API reference: StartThingRegistrationTask and its siblings; AWS IoT Core developer
guide, Bulk registration. What a second task at the same time is answered, and what the lines of a
report look like, no source says: an InvalidRequestException, and the line's number beside the
answer or the error that RegisterThing would give.
"""

from __future__ import annotations

import hmac
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from labkit.bench.simulator.account.context import Call, Change, Kind, Operation
from labkit.bench.simulator.account.objects import get_object
from labkit.bench.simulator.account.refusal import Refusal
from labkit.bench.simulator.account.registration import load_template, provision
from labkit.bench.simulator.account.roles import require_role

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

__all__ = ["OPERATIONS", "REPORTS", "advance", "report", "report_signature", "unfinished_task"]

REPORTS = "aws-iot-registration-reports"
"""The bucket that links to reports name; it is AWS IoT's, not the account's."""

_INVALID = "InvalidRequestException"
_SECRET = "report links"  # noqa: S105 a setting's name


def unfinished_task(call: Call) -> str | None:
    """Return the id of the task that is to be worked on, or None."""
    row = call.one("SELECT id FROM registration_tasks WHERE status IN ('InProgress', 'Cancelling')")
    return None if row is None else str(row["id"])


def advance(call: Call, task_id: str) -> None:
    """Register the next device of a task, or end the task."""
    task = _find(call, task_id)
    if task["status"] == "Cancelling":
        _set_status(call, task_id, "Cancelled")
        return
    end = task["input"].find(b"\n", task["position"])
    end = len(task["input"]) if end < 0 else end
    line = task["input"][task["position"] : end].strip()
    number = task["lines"] + 1
    succeeded = _register_line(call, task, line, number) if line else None
    call.run(
        "UPDATE registration_tasks SET position = ?, lines = ?, successes = successes + ?, "
        "failures = failures + ?, modified = ? WHERE id = ?",
        *(end + 1, number, succeeded is True, succeeded is False),
        *(call.now.isoformat(), task_id),
    )
    if end >= len(task["input"]):
        _set_status(call, task_id, "Completed")


def report(call: Call, task_id: str, kind: str) -> str:
    """Return a report, a JSON object a line; empty where there is none.

    Args:
        call: the call.
        task_id: the task.
        kind: "RESULTS" or "ERRORS".
    """
    rows = call.all(
        "SELECT text FROM registration_reports WHERE task = ? AND type = ? ORDER BY line",
        *(task_id, kind),
    )
    return "".join(f"{row['text']}\n" for row in rows)


def report_signature(call: Call, path: str) -> str:
    """Return what a link to a report is signed with: only who was given it can follow it."""
    row = call.one("SELECT value FROM settings WHERE name = ?", _SECRET)
    if row is None:
        secret = call.randomness.draw(call.identity.account_id, _SECRET, 32).hex()
        call.insert("settings", name=_SECRET, value=secret)
    else:
        secret = row["value"]
    return hmac.digest(secret.encode(), path.encode(), "sha256").hex()


def _register_line(call: Call, task: sqlite3.Row, line: bytes, number: int) -> bool:
    """Register one device; return whether it worked, with a line in the report for it."""
    try:
        with call.attempt():
            made = provision(call, load_template(task["template"]), _parameters(line))
    except Refusal as refusal:
        told = {"lineNumber": number, "errorCode": refusal.code, "errorMessage": refusal.message}
        kind = "ERRORS"
    else:
        response = {"CertificatePem": made.certificate_pem, "ResourceArns": dict(made.arns)}
        told, kind = {"lineNumber": number, "response": response}, "RESULTS"
    call.insert(
        "registration_reports", task=task["id"], type=kind, line=number, text=json.dumps(told)
    )
    return kind == "RESULTS"


def _parameters(line: bytes) -> dict[str, str]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Refusal(_INVALID, f"The line is not JSON: {error}") from error
    if not isinstance(values, dict) or not all(isinstance(it, str) for it in values.values()):
        raise Refusal(_INVALID, "The line is not a JSON object of texts")
    return values


def _start(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    if unfinished_task(call) is not None:
        raise Refusal(_INVALID, "Another registration task is in progress; one runs at a time")
    load_template(request["templateBody"])
    require_role(call, request["roleArn"])
    try:
        given = get_object(call, request["inputFileBucket"], request["inputFileKey"])
    except Refusal as refusal:
        raise Refusal(_INVALID, f"The input file cannot be read: {refusal.message}") from refusal
    count = call.one("SELECT coalesce(max(rowid), 0) AS tasks FROM registration_tasks")
    task_id = call.identifier(f"registration task {count['tasks'] if count else 0}")
    now = call.now.isoformat()
    call.insert(
        "registration_tasks",
        id=task_id,
        template=request["templateBody"],
        bucket=request["inputFileBucket"],
        key=request["inputFileKey"],
        role_arn=request["roleArn"],
        input=given.body.rstrip(b"\n"),
        status="InProgress",
        created=now,
        modified=now,
        position=0,
        lines=0,
        successes=0,
        failures=0,
    )
    call.changes.append(Change(Kind.TASKS, task_id))
    return {"taskId": task_id}


def _stop(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    task = _find(call, request["taskId"])
    if task["status"] != "InProgress":
        raise Refusal(_INVALID, f"The registration task is {task['status']}, not InProgress")
    _set_status(call, task["id"], "Cancelling")
    return {}


def _describe(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    task = _find(call, request["taskId"])
    size = len(task["input"])
    return {
        "taskId": task["id"],
        "creationDate": datetime.fromisoformat(task["created"]),
        "lastModifiedDate": datetime.fromisoformat(task["modified"]),
        "templateBody": task["template"],
        "inputFileBucket": task["bucket"],
        "inputFileKey": task["key"],
        "roleArn": task["role_arn"],
        "status": task["status"],
        "successCount": task["successes"],
        "failureCount": task["failures"],
        "percentageProgress": min(100, 100 * task["position"] // size) if size else 100,
    }


def _list(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    query, values = "SELECT rowid, id FROM registration_tasks WHERE 1", list[str]()
    if "status" in request:
        query, values = f"{query} AND status = ?", [request["status"]]
    page = call.page(query, *values, request=request, descending=True)
    return {"taskIds": [row["id"] for row in page.rows], "nextToken": page.marker}


def _list_reports(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    task_id, kind = request["taskId"], request["reportType"]
    if call.one("SELECT 1 FROM registration_tasks WHERE id = ?", task_id) is None:
        raise Refusal(_INVALID, f"There is no registration task {task_id}")
    links = [_link(call, task_id, kind)] if report(call, task_id, kind) else []
    return {"resourceLinks": links, "reportType": kind}


def _link(call: Call, task_id: str, kind: str) -> str:
    """Return a link as S3 signs one; this one does not expire."""
    path = f"/{REPORTS}/{call.identity.account_id}/{task_id}/{kind}"
    return f"{call.identity.url}{path}?X-Amz-Signature={report_signature(call, path)}"


def _set_status(call: Call, task_id: str, status: str) -> None:
    call.run(
        "UPDATE registration_tasks SET status = ?, modified = ? WHERE id = ?",
        *(status, call.now.isoformat(), task_id),
    )


def _find(call: Call, task_id: str) -> sqlite3.Row:
    row = call.one("SELECT * FROM registration_tasks WHERE id = ?", task_id)
    if row is None:
        raise Refusal("ResourceNotFoundException", f"There is no registration task {task_id}")
    return row


OPERATIONS: dict[str, Operation] = {
    "StartThingRegistrationTask": _start,
    "StopThingRegistrationTask": _stop,
    "DescribeThingRegistrationTask": _describe,
    "ListThingRegistrationTasks": _list,
    "ListThingRegistrationTaskReports": _list_reports,
}
