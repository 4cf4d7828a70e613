"""`labkit.endpoint`: what is a device endpoint, and what is wrong with a text that is not one."""

from __future__ import annotations

import json
from pathlib import Path

import botocore
import pytest

from labkit.endpoint import doubt_of, fault_of, region_fault

HOST = "a1b2c3d4e5f6g7-ats.iot.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    "text",
    [
        HOST,
        HOST.upper(),
        "a1b2c3d4e5f6g7.ats.iot.cn-north-1.amazonaws.com.cn",
        "a1b2c3d4e5f6g7-ats.iot.us-gov-west-1.amazonaws.com",
        "a1b2c3d4e5f6g7-ats.iot-fips.us-east-1.amazonaws.com",
        "mqtt.lab.example.com",
    ],
)
def test_device_endpoints(text: str) -> None:
    """Hosts of every partition and of other domains have neither fault nor doubt."""
    assert (fault_of(text), doubt_of(text)) == ("", "")


@pytest.mark.parametrize("end", ["eusc-de-east-1.amazonaws.eu", "us-iso-east-1.c2s.ic.gov"])
def test_hosts_of_other_partitions_have_no_fault(end: str) -> None:
    """The suffix of another partition is not a misspelt amazonaws.com."""
    assert fault_of(f"a1b2c3d4e5f6g7-ats.iot.{end}") == ""


def test_no_region_of_botocore_has_a_fault() -> None:
    """Every region of every partition is accepted, and so is a new one in another place."""
    file = Path(botocore.__file__).with_name("data") / "partitions.json"
    partitions = json.loads(file.read_text())["partitions"]
    regions = [name for each in partitions for name in each["regions"] if "global" not in name]
    assert len(regions) > 30
    assert [name for name in [*regions, "nz-south-1"] if region_fault(name)] == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"https://{HOST}", "the scheme https://"),
        (f"mqtts://{HOST}:8883", "the scheme mqtts://"),
        (f"{HOST}:443", "has a port"),
        (f"{HOST}/", "has a slash"),
        (f"{HOST}/mqtt", "has a slash or a path"),
        (f" {HOST}", "has a blank or a line end before or after"),
        (f"{HOST}\n", "has a blank or a line end before or after"),
        (HOST.replace("-ats", " -ats"), "a host name has none"),
        (f'"{HOST}"', "has quotes"),
        (f'{{"endpointAddress": "{HOST}"}}', "JSON answer"),
        ("arn:aws:iot:us-east-1:123456789012:thing/x", "is an ARN"),
        (f"{HOST}.", "ends in a dot"),
        ("192.0.2.7", "an IP address"),
        ("a1b2c3d4e5f6g7", "not a host name"),
        (f"{HOST};", "not a host name"),
        ("Your AWS IoT endpoint", "a placeholder"),
        ("<endpoint>", "a placeholder"),
        ("your-endpoint-ats.iot.us-east-1.amazonaws.com", "a placeholder"),
        ("xxxxxxxxxxxxxx-ats.iot.us-east-1.amazonaws.com", "a placeholder"),
        (HOST.replace("-ats", ""), "-ats is missing"),
        (HOST.replace("-ats", ".credentials"), "the credentials provider"),
        ("data-ats.iot.us-east-1.amazonaws.com", "another endpoint of AWS IoT"),
        ("iot.us-east-1.amazonaws.com", "the AWS IoT API"),
        (HOST.replace("east", "est"), "no region us-est-1; did you mean us-"),
        (HOST.replace("us-east-1", "useast1"), "no region useast1; did you mean us-east-1?"),
        ("a1.ats.iot.cn-north-1.amazonaws.com", "end in .amazonaws.com.cn"),
        (f"{HOST}.cn", "only hosts of the regions in China"),
        (HOST.replace("amazonaws", "amazonws"), "amazonws.com is misspelt"),
        ("a1-ats.iot.amazonaws.com", "not of the form"),
    ],
)
def test_faults(text: str, fault: str) -> None:
    """Each fault is named."""
    assert fault in fault_of(text)


def test_a_region_that_may_be_new() -> None:
    """A region that is spelled like one and is not in the list is a doubt, not a fault."""
    text = HOST.replace("us-east-1", "us-east-9")
    assert fault_of(text) == ""
    assert doubt_of(text) == "the region us-east-9 is not in the list of AWS regions"
