"""The hello world of each firmware generation, and the policy that it needs, and no more."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from labkit.errors import PolicyError

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_PREFIX = re.compile(r"[A-Za-z0-9_.:-]+(/[A-Za-z0-9_.:-]+)*")
_PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov"}
_THING_NAME = "${iot:Connection.Thing.ThingName}"
_THING = "{thing}"

Request = tuple[str, str]
"""An action, and the resource that it is on, such as "topic/a/b"."""


@dataclass(frozen=True, slots=True)
class HelloWorld:
    """What the MQTT hello world of one firmware generation asks of AWS IoT.

    Attributes:
        name: the first release that has it: "v1", "201906" or "202011".
        policy_name: the name of its policy. One policy serves every device of the generation, and
            the policies of several generations can be in one account.
        client: the client id, with {thing} for the thing's name.
        subscribed: the topics that it subscribes to and receives from.
        published: the topics that it publishes to.
        will: the topic of the will that comes with CONNECT; empty for none.
        program: its source file in the firmware tree.
    """

    name: str
    policy_name: str
    client: str
    subscribed: tuple[str, ...]
    published: tuple[str, ...]
    program: str
    will: str = ""

    @property
    def connects_as_thing(self) -> bool:
        """Whether the client id is the thing's name, which thing policy variables need."""
        return self.client == _THING

    def client_id(self, thing: str) -> str:
        """Return the client id of a thing's device."""
        return self.client.replace(_THING, thing)

    def topics(self, thing: str) -> tuple[str, ...]:
        """Return the topics that a thing's device subscribes to."""
        return tuple(each.replace(_THING, thing) for each in self.subscribed)

    def at_connect(self, thing: str) -> tuple[Request, ...]:
        """Return what has to be allowed for CONNECT to be accepted: the client id and the will."""
        will = (("iot:Publish", f"topic/{self.will}"),) if self.will else ()
        return (("iot:Connect", f"client/{self.client_id(thing)}"), *will)

    def after_connect(self, thing: str) -> tuple[Request, ...]:
        """Return what has to be allowed after CONNECT, in the order in which it is asked for."""
        published = (each.replace(_THING, thing) for each in self.published)
        return (
            *(("iot:Subscribe", f"topicfilter/{each}") for each in self.topics(thing)),
            *(("iot:Publish", f"topic/{each}") for each in published),
            *(("iot:Receive", f"topic/{each}") for each in self.topics(thing)),
        )


_IOTDEMO = tuple(f"iotdemo/topic/{number}" for number in range(1, 5))
_EXAMPLE = f"{_THING}/example/topic"

GENERATIONS: Final = (
    HelloWorld(
        name="v1",
        policy_name="labkit-hello-world-v1",
        client="MQTTEcho",
        subscribed=("freertos/demos/echo",),
        published=("freertos/demos/echo",),
        program="demos/common/mqtt/aws_hello_world.c",
    ),
    HelloWorld(
        name="201906",
        policy_name="labkit-hello-world-201906",
        client=_THING,
        subscribed=_IOTDEMO,
        published=(*_IOTDEMO, "iotdemo/acknowledgements"),
        will="iotdemo/will",
        program="demos/mqtt/iot_demo_mqtt.c",
    ),
    HelloWorld(
        name="202011",
        policy_name="labkit-hello-world",
        client=_THING,
        subscribed=(_EXAMPLE,),
        published=(_EXAMPLE,),
        program="demos/coreMQTT/mqtt_demo_mutual_auth.c",
    ),
)
"""Every generation, the oldest first: v1.x, 201906.00 to 202007.00, and 202011.00 and later.

Source: Amazon FreeRTOS, the files named as `program`, in all releases.
"""

NEWEST: Final = GENERATIONS[-1]


def generation(release: str | None) -> HelloWorld:
    """Return the hello world of a release.

    Args:
        release: such as "202203.00", "201906.00_Major", "1.4.7" or "V1.4.7"; None, or a text with
            no number in it, for the newest generation.
    """
    number = re.search(r"[0-9]+", release or "")
    if number is None:
        return NEWEST
    first = [int(each.name.removeprefix("v")) for each in GENERATIONS]
    found = [
        each for each, least in zip(GENERATIONS, first, strict=True) if least <= int(number[0])
    ]
    return found[-1] if found else GENERATIONS[0]


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


def hello_world_policy(
    region: str, account_id: str, hello_world: HelloWorld = NEWEST, *, prefix: str = ""
) -> dict[str, object]:
    """Return the policy of a generation's MQTT hello world.

    Newest generation: a device may connect under its thing's name, if its certificate is attached
    to that thing, and use the topics below that name.

    Older generations: each topic is named. They are the same for every device, so devices of one
    account receive each other's messages. All devices of v1.x have one client id, which is no
    thing's name, so there the policy cannot ask for an attached thing.

    Args:
        region: such as "us-east-1".
        account_id: 12 digits.
        hello_world: the generation.
        prefix: what stands before the thing name in topics, such as "lab/bench-1"; empty for none.
            Only the newest generation can have one.

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
    if hello_world != NEWEST:
        if prefix:
            raise PolicyError(
                f"Topic prefix: expected none, got {prefix}. The hello world of {hello_world.name} "
                "has fixed topics."
            )
        return _named_topics(region, account_id, hello_world)
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


def _named_topics(region: str, account_id: str, hello_world: HelloWorld) -> dict[str, object]:
    """Return a policy that names each topic; the will is published by AWS IoT, as the device."""

    def arns(kind: str, names: tuple[str, ...]) -> list[str]:
        return [resource_arn(region, account_id, f"{kind}/{name}") for name in names]

    will = (hello_world.will,) if hello_world.will else ()
    connect: dict[str, object] = {
        "Sid": "Connect",
        "Effect": "Allow",
        "Action": "iot:Connect",
        "Resource": arns("client", (hello_world.client_id(_THING_NAME),)),
    }
    if hello_world.connects_as_thing:
        connect["Condition"] = {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}
    topics = (
        ("Publish", "topic", (*hello_world.published, *will)),
        ("Subscribe", "topicfilter", hello_world.subscribed),
        ("Receive", "topic", hello_world.subscribed),
    )
    return {
        "Version": "2012-10-17",
        "Statement": [
            connect,
            *(
                {
                    "Sid": name,
                    "Effect": "Allow",
                    "Action": f"iot:{name}",
                    "Resource": arns(kind, names),
                }
                for name, kind, names in topics
            ),
        ],
    }
