"""The policy that the MQTT hello world needs, and no more."""

from __future__ import annotations

import re

from labkit.errors import PolicyError

__all__ = ["hello_world_policy", "resource_arn"]

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_PREFIX = re.compile(r"[A-Za-z0-9_.:-]+(/[A-Za-z0-9_.:-]+)*")
_PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov"}
_THING_NAME = "${iot:Connection.Thing.ThingName}"


def resource_arn(region: str, account_id: str, resource: str) -> str:
    """Return the ARN of an AWS IoT resource.

    Args:
        region: such as "us-east-1".
        account_id: 12 digits.
        resource: such as "client/my-thing", "topic/a/b" or "topicfilter/a/+".

    Raises:
        PolicyError: region or account id is not one.

    Source: AWS IoT Core developer guide, AWS IoT Core action resources.
    """
    if not _REGION.fullmatch(region):
        raise PolicyError(f'Region: expected one such as "us-east-1", came "{region}".')
    if not _ACCOUNT_ID.fullmatch(account_id):
        raise PolicyError(
            f"Account id: expected 12 digits, came {len(account_id)} characters. "
            "Ask for it: aws sts get-caller-identity."
        )
    partition = next(
        (name for start, name in _PARTITIONS.items() if region.startswith(f"{start}-")), "aws"
    )
    return f"arn:{partition}:iot:{region}:{account_id}:{resource}"


def hello_world_policy(region: str, account_id: str, *, prefix: str = "") -> dict[str, object]:
    """Return the least-privilege policy of the MQTT hello world.

    A device may connect under its thing's name, if its certificate is attached to that thing, and
    use the topics below that name; the hello world's is `<thing name>/example/topic`.

    Args:
        region: such as "us-east-1".
        account_id: 12 digits.
        prefix: what stands before the thing name in topics, such as "lab/bench-1"; empty for none.

    Returns:
        The policy document, ready for `json.dumps`.

    Raises:
        PolicyError: an argument is not what it should be.

    Source: AWS IoT Core developer guide, Publish/Subscribe policy examples and Thing policy
    variables.
    """
    if prefix and not _PREFIX.fullmatch(prefix):
        raise PolicyError(
            f"Topic prefix: expected levels of letters, digits and _.:- with a slash between them, "
            f'came "{prefix}".'
        )
    topics = f"{prefix}/{_THING_NAME}/*" if prefix else f"{_THING_NAME}/*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Connect",
                "Effect": "Allow",
                "Action": "iot:Connect",
                "Resource": resource_arn(region, account_id, f"client/{_THING_NAME}"),
                "Condition": {"Bool": {"iot:Connection.Thing.IsAttached": "true"}},
            },
            {
                "Sid": "PublishAndReceive",
                "Effect": "Allow",
                "Action": ["iot:Publish", "iot:Receive"],
                "Resource": resource_arn(region, account_id, f"topic/{topics}"),
            },
            {
                "Sid": "Subscribe",
                "Effect": "Allow",
                "Action": "iot:Subscribe",
                "Resource": resource_arn(region, account_id, f"topicfilter/{topics}"),
            },
        ],
    }
