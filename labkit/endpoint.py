"""The one parser of AWS IoT endpoints: what is wrong with a text that should be a device endpoint.

Source: AWS IoT API reference, DescribeEndpoint; AWS general reference, AWS IoT Core endpoints and
quotas; botocore 1.44, `endpoints.json` and `partitions.json`.
"""

from __future__ import annotations

import difflib
import re
from typing import Final

ASK: Final = "aws iot describe-endpoint --endpoint-type iot:Data-ATS"
"""The command that prints an account's device endpoint."""

_REGIONS = (
    "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 "
    "ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 "
    "ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 "
    "eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 "
    "me-south-1 mx-central-1 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2 us-gov-east-1 "
    "us-gov-west-1 cn-north-1 cn-northwest-1"
)
REGIONS: Final = frozenset(_REGIONS.split())
"""The regions of the partitions aws, aws-us-gov and aws-cn."""

_REGION = re.compile(
    r"(?:us-(?:gov|iso|isob|isof)|eu-isoe|eusc-de|af|ap|ca|cn|eu|il|me|mx|sa|us)-"
    r"(?:(?:north|south)(?:east|west)?|east|west|central)-[1-9]"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
_PLACEHOLDER = re.compile(
    r"<.*>|\[.*\]|.*\bhere\b.*|(?:.*[ ._-])?(?:your|insert|enter|change|replace)[ _-].*"
    r"|x{3,}[-.].*|(?:prefix|account-?id|account-specific-prefix)[-.].*",
    re.IGNORECASE | re.DOTALL,
)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_PORT = "clientcredentialMQTT_BROKER_PORT"
_ADDRESS = re.compile(r"[0-9.]+")
_HOST_MAX = 253
_AWS = re.compile(
    r"(?P<prefix>[a-z0-9-]+?)(?P<kind>-ats|\.ats|\.credentials|\.jobs|-beta|)\.iot"
    r"(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?P<suffix>.+)"
)
_SUFFIX, _CHINA, _EUROPE = "amazonaws.com", "amazonaws.com.cn", "amazonaws.eu"
_NOT_ATS = (
    "-ats is missing before .iot: it is the older endpoint, whose certificate Amazon's root "
    "certificates in the firmware do not verify"
)
_SHARED = ("data", "greengrass", "api")
_CLOSE = 0.8
_CLOSE_REGION = 0.85  # below it, a new region would be taken for another one


def fault_of(text: str) -> str:
    """Return what is wrong with a device endpoint, one sentence; empty if nothing is known.

    A name of another domain, which can be a custom domain, is accepted. Whether the host is the
    account's, and exists, is not checked.
    """
    return _spelling_fault(text) or _aws_fault(text.lower())


def doubt_of(text: str) -> str:
    """Return what may be wrong with a device endpoint without a fault: a region that is not known.

    A region can be newer than `REGIONS`.
    """
    found = _AWS.fullmatch(text.lower())
    if fault_of(text) or found is None or found["region"] in REGIONS:
        return ""
    return f"the region {found['region']} is not in the list of AWS regions"


def region_fault(region: str) -> str:
    """Return that a region's name is misspelt, with the one that was meant; otherwise nothing.

    A region can be newer than `REGIONS`, so a name that resembles none has no fault.
    """
    near = difflib.get_close_matches(region, sorted(REGIONS), n=1, cutoff=_CLOSE_REGION)
    if _REGION.fullmatch(region) or not near:
        return ""
    return f"there is no region {region}; did you mean {near[0]}?"


def is_placeholder(text: str) -> bool:
    """Return whether a text is a placeholder, such as "Your AWS IoT endpoint"."""
    return '"' not in text and _PLACEHOLDER.fullmatch(text.strip()) is not None


def _spelling_fault(text: str) -> str:
    if is_placeholder(text):
        return "it is a placeholder, not a host name"
    scheme = text.partition(":")[0]
    faults = (
        ('"endpointAddress"' in text, "it is the JSON answer of the aws command, not a host name"),
        (text != text.strip(), "it has a blank or a line end before or after the host name"),
        (any(map(str.isspace, text)), "it has a blank or a line end, and a host name has none"),
        (any(quote in text for quote in "\"'`"), "it has quotes, which are not part of the name"),
        (text.startswith("arn:"), "it is an ARN, which names a resource and not a host"),
        (_SCHEME.match(text), f"it has the scheme {scheme}://, and only a host name is allowed"),
        ("@" in text, "it has an @, and only a host name is allowed"),
        (re.search(r"[/?\\]", text), "it has a slash or a path, and only a host name is allowed"),
        (re.search(r":[0-9]+$", text), f"it has a port, which belongs in {_PORT}"),
        (text.endswith("."), "it ends in a dot, and the server's certificate has none there"),
        (_ADDRESS.fullmatch(text), "it is an IP address, and the certificate is for a host name"),
        (len(text) > _HOST_MAX, f"a host name has at most {_HOST_MAX} characters"),
        (not _HOST.fullmatch(text), "it is not a host name, which has dots, letters and digits"),
    )
    return next((words for found, words in faults if found), "")


def _aws_fault(host: str) -> str:
    """Return the fault of a host name, in lower case, that is or should be one of AWS IoT."""
    found = _AWS.fullmatch(host)
    if found is None or found["suffix"] not in (_SUFFIX, _CHINA, _EUROPE):
        return _misspelt(host)
    prefix, kind, region, suffix = found.group("prefix", "kind", "region", "suffix")
    is_china = region.startswith("cn-")
    faults = (
        (kind == ".credentials", "it is the credentials provider's endpoint, not iot:Data-ATS"),
        (kind in (".jobs", "-beta") or prefix in _SHARED,
         "it is another endpoint of AWS IoT, not the account's iot:Data-ATS"),
        (is_china and suffix != _CHINA, f"hosts of the regions in China end in .{_CHINA}"),
        (region in REGIONS and not is_china and suffix == _CHINA,
         f"only hosts of the regions in China end in .{_CHINA}; this region's end in .{_SUFFIX}"),
        (region_fault(region), region_fault(region)),
        (not kind, _NOT_ATS),
    )  # fmt: skip
    return next((words for found, words in faults if found), "")


def _misspelt(name: str) -> str:
    """Return the fault of a host that resembles one of AWS and is not."""
    last = ".".join(name.split(".")[-3 if name.endswith(".cn") else -2 :])
    if last in (_SUFFIX, _CHINA, _EUROPE):
        if name.startswith(("iot.", "iot-")):
            return "it is the endpoint of the AWS IoT API, not an account's device endpoint"
        return "it is not of the form of an AWS IoT endpoint" if ".iot" in name else ""
    near = difflib.get_close_matches(last, (_SUFFIX, _CHINA), n=1, cutoff=_CLOSE)
    return f"{last} is misspelt; did you mean {near[0]}?" if near else ""
