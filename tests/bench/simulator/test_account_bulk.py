"""Bulk registration: parameters in S3, one task at a time, reports, and kills in the middle."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError
from simulator_fixtures import ACCOUNT_ID, ALLOW_ALL, Cloud, iot_client, refused
from test_account_issuing import request_pem

from labkit.bench.simulator.account import bulk
from labkit.bench.simulator.aws.registrar import Registrar

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from cryptography.hazmat.primitives.asymmetric import ec

pytest_plugins = ("cloud_fixtures",)

ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/registration"
TEMPLATE = json.dumps(
    {
        "Parameters": {"ThingName": {"Type": "String"}, "CSR": {"Type": "String"}},
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "Properties": {"ThingName": {"Ref": "ThingName"}},
            },
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {"CertificateSigningRequest": {"Ref": "CSR"}},
            },
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyDocument": ALLOW_ALL}},
        },
    }
)


@pytest.fixture(scope="module")
def csr() -> str:
    """A request; the same one will do for every device of these tests."""
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 only here

    key: ec.EllipticCurvePrivateKey = ec.generate_private_key(ec.SECP256R1())
    return request_pem(key)


@pytest.fixture
def s3(cloud: Cloud) -> BaseClient:
    """S3 at the account's own address, with a bucket."""
    client = iot_client(cloud.url, "s3")
    client.create_bucket(Bucket="fleet")
    return client


def start(cloud: Cloud, s3: BaseClient, lines: list[str]) -> str:
    """Put a file of parameters into S3, start a task on it and return its id."""
    s3.put_object(Bucket="fleet", Key="in/devices.json", Body="\n".join(lines).encode())
    told = cloud.iot.start_thing_registration_task(
        templateBody=TEMPLATE,
        inputFileBucket="fleet",
        inputFileKey="in/devices.json",
        roleArn=ROLE,
    )
    return str(told["taskId"])


def finished(cloud: Cloud, task_id: str) -> dict[str, Any]:
    """Wait for a task's end and return its description."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        told: dict[str, Any] = cloud.iot.describe_thing_registration_task(taskId=task_id)
        if told["status"] not in ("InProgress", "Cancelling"):
            return told
        time.sleep(0.02)
    raise AssertionError("the task did not end")


def report(cloud: Cloud, task_id: str, kind: str) -> list[dict[str, Any]]:
    """Follow the link to a report, and return its lines."""
    told = cloud.iot.list_thing_registration_task_reports(taskId=task_id, reportType=kind)
    lines: list[dict[str, Any]] = []
    for link in told["resourceLinks"]:
        with urllib.request.urlopen(link) as answer:  # noqa: S310 the account's own address
            lines += [json.loads(line) for line in answer]
    return lines


def device(name: str, csr: str) -> str:
    """Return a device's line of parameters."""
    return json.dumps({"ThingName": name, "CSR": csr})


def test_each_line_becomes_a_device(cloud: Cloud, s3: BaseClient, csr: str) -> None:
    """Good lines make thing, certificate and policy; each bad one is told with its number."""
    lines = [device("a", csr), "not JSON", "", device("b", "not a request"), device("c", csr)]
    task_id = start(cloud, s3, lines)
    told = finished(cloud, task_id)
    assert (told["status"], told["successCount"], told["failureCount"]) == ("Completed", 2, 2)
    assert told["percentageProgress"] == 100
    assert [thing["thingName"] for thing in cloud.iot.list_things()["things"]] == ["a", "c"]
    made = report(cloud, task_id, "RESULTS")
    assert [line["lineNumber"] for line in made] == [1, 5]
    arns = made[0]["response"]["ResourceArns"]
    assert arns["thing"] == cloud.arn("thing", "a")
    assert cloud.iot.list_thing_principals(thingName="a")["principals"] == [arns["certificate"]]
    failed = report(cloud, task_id, "ERRORS")
    assert [line["lineNumber"] for line in failed] == [2, 4]
    assert "not JSON" in failed[0]["errorMessage"]


def test_link_without_its_signature_leads_nowhere(cloud: Cloud, s3: BaseClient, csr: str) -> None:
    """A report holds certificates: only who was given the link may follow it."""
    task_id = start(cloud, s3, [device("a", csr)])
    finished(cloud, task_id)
    told = cloud.iot.list_thing_registration_task_reports(taskId=task_id, reportType="RESULTS")
    [link] = told["resourceLinks"]
    address, _, signature = link.partition("?X-Amz-Signature=")
    for wrong in (f"?X-Amz-Signature={'0' * len(signature)}", ""):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(address + wrong)  # noqa: S310 the account's own address


def test_one_task_runs_at_a_time(cloud: Cloud, s3: BaseClient, csr: str) -> None:
    """A second one is refused while the first is worked on, and taken afterwards."""
    first = start(cloud, s3, [device(f"t{number}", csr) for number in range(300)])
    with pytest.raises(cloud.iot.exceptions.InvalidRequestException, match="in progress"):
        start(cloud, s3, [device("z", csr)])
    cloud.iot.stop_thing_registration_task(taskId=first)
    told = finished(cloud, first)
    assert told["status"] == "Cancelled"
    assert told["successCount"] < 300
    call = cloud.iot.stop_thing_registration_task
    assert refused(call, taskId=first) == ("InvalidRequestException", 400)
    second = start(cloud, s3, [device("z", csr)])
    assert finished(cloud, second)["status"] == "Completed"
    listed = cloud.iot.list_thing_registration_tasks
    assert listed()["taskIds"] == [second, first]
    assert listed(status="Cancelled")["taskIds"] == [first]


def test_task_that_a_kill_cut_short_goes_on(cloud: Cloud, s3: BaseClient, csr: str) -> None:
    """Whoever works on it next repeats no line and leaves none out."""
    cloud.accounts._registrars[0].close()  # noqa: SLF001 as if the service were killed
    task_id = start(cloud, s3, [device(name, csr) for name in "abcd"])
    for _ in range(2):
        cloud.account.run(lambda call: bulk.advance(call, task_id))
    assert finished_lines(cloud, task_id) == 2
    registrar = Registrar(cloud.account)
    registrar.start()
    told = finished(cloud, task_id)
    registrar.close()
    cloud.accounts._registrars.clear()  # noqa: SLF001 it is closed already
    assert (told["successCount"], told["failureCount"]) == (4, 0)
    assert len(report(cloud, task_id, "RESULTS")) == 4
    assert len(cloud.iot.list_certificates()["certificates"]) == 4


def finished_lines(cloud: Cloud, task_id: str) -> int:
    """Return how many lines of a task are done."""
    told = cloud.iot.describe_thing_registration_task(taskId=task_id)
    return int(told["successCount"] + told["failureCount"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"inputFileBucket": "other"},
        {"inputFileKey": "other"},
        {"templateBody": "{}"},
        {"roleArn": "arn:aws:iam::210987654321:role/registration"},
        {"roleArn": "registration-role-of-ours"},
    ],
)
def test_task_that_cannot_work_is_refused(
    cloud: Cloud, s3: BaseClient, wrong: dict[str, str]
) -> None:
    """No bucket, no file, no template, no role of this account."""
    s3.put_object(Bucket="fleet", Key="in", Body=b"{}")
    given = {
        "templateBody": TEMPLATE,
        "inputFileBucket": "fleet",
        "inputFileKey": "in",
        "roleArn": ROLE,
    }
    call = cloud.iot.start_thing_registration_task
    assert refused(call, **{**given, **wrong}) == ("InvalidRequestException", 400)


@pytest.mark.parametrize("name", ["ab", "Fleet", "fl\u0101t", "fleet-", "fleet_1", "x" * 64])
def test_name_that_no_bucket_has_is_refused(s3: BaseClient, name: str) -> None:
    """Lower case, digits, dots and hyphens, 3 to 63 of them; boto3 itself refuses some."""
    with pytest.raises((ClientError, ParamValidationError), match=r"(?i)invalid|not valid"):
        s3.create_bucket(Bucket=name)


def test_objects_are_kept_as_they_were_put(s3: BaseClient) -> None:
    """Bytes, listing, deletion; what is not there is NoSuchKey, what is not offered is refused."""
    body = bytes(range(256)) * 5000
    s3.put_object(Bucket="fleet", Key="a/b & c", Body=body)
    assert s3.get_object(Bucket="fleet", Key="a/b & c")["Body"].read() == body
    listed = s3.list_objects_v2(Bucket="fleet", Prefix="a/")["Contents"]
    assert [(each["Key"], each["Size"]) for each in listed] == [("a/b & c", len(body))]
    assert refused(s3.delete_bucket, Bucket="fleet") == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket="fleet", Key="a/b & c")
    assert refused(s3.get_object, Bucket="fleet", Key="a/b & c") == ("NoSuchKey", 404)
    assert refused(s3.get_bucket_policy, Bucket="fleet") == ("NotImplemented", 501)
    s3.delete_bucket(Bucket="fleet")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == []
    assert refused(s3.put_object, Bucket="fleet", Key="x", Body=b"") == ("NoSuchBucket", 404)
