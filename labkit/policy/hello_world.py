"""The hello world of each firmware generation, and the policy that allows exactly that."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from labkit.errors import PolicyError

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov"}
_THING_NAME = "${iot:Connection.Thing.ThingName}"
_THING = "{thing}"

Request = tuple[str, str]
"""An action and its resource, such as "topic/a/b"."""


@dataclass(frozen=True, slots=True)
class HelloWorld:
    """What the MQTT hello world of one firmware generation requests from AWS IoT.

    Attributes:
        name: the first release that has it: "v1", "201906" or "202011".
        policy_name: the name of its policy. One policy serves every device of the generation, and
            the policies of several generations can be in one account.
        client: the client id, with {thing} for the thing's name.
        subscribed: the topics of its subscriptions.
        published: the topics of its publications.
        will: the topic of the will message in CONNECT; empty for none.
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
        """Return what a policy must allow for CONNECT: the client id and the will."""
        will = (("iot:Publish", f"topic/{self.will}"),) if self.will else ()
        return (("iot:Connect", f"client/{self.client_id(thing)}"), *will)

    def after_connect(self, thing: str) -> tuple[Request, ...]:
        """Return what a policy must allow after CONNECT, in the order of the requests."""
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
"""Every generation, oldest first: v1.x, 201906.00 to 202007.00, and 202011.00 and later.

Source: Amazon FreeRTOS, the files named as `program`, in all releases.
"""

NEWEST: Final = GENERATIONS[-1]


def generation(release: str | None) -> HelloWorld:
    """Return the hello world of a release.

    Args:
        release: such as "202203.00", "201906.00_Major", "1.4.7" or "V1.4.7"; None or a text
            without a number returns the newest generation.
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
        PolicyError: the region or the account id is malformed.

    Source: AWS IoT Core developer guide, AWS IoT Core action resources.
    """
    if not _REGION.fullmatch(region):
        raise PolicyError(
            f'Region: expected one such as "us-east-1", got "{region}". Correct the name.'
        )
    if not _ACCOUNT_ID.fullmatch(account_id):
        raise PolicyError(
            f"Account id: expected 12 digits, got {len(account_id)} characters. "
            "Get it with: aws sts get-caller-identity."
        )
    partition = next(
        (name for start, name in _PARTITIONS.items() if region.startswith(f"{start}-")), "aws"
    )
    return f"arn:{partition}:iot:{region}:{account_id}:{resource}"


def hello_world_policy(
    region: str, account_id: str, hello_world: HelloWorld = NEWEST
) -> dict[str, object]:
    """Return the policy of a generation's MQTT hello world: its client id and topics, no others.

    From 201906.00 on, a device can connect with its thing's name as client id if its certificate
    is attached to that thing. All devices of v1.x have the same client id, which is not a thing's
    name, so their policy cannot require an attached thing.

    The topics of the newest generation contain the thing's name. Those of older generations are the
    same for every device, so devices of one account receive each other's messages.

    Args:
        region: such as "us-east-1".
        account_id: 12 digits.
        hello_world: the generation.

    Returns:
        The policy document, ready for `json.dumps`.

    Raises:
        PolicyError: the region or the account id is malformed.

    Source: AWS IoT Core developer guide, Publish/Subscribe policy examples and Thing policy
    variables. AWS IoT publishes the will, and checks it as the device's (iot:Publish).
    """

    def statement(action: str, kind: str, names: tuple[str, ...]) -> dict[str, object]:
        arns = [resource_arn(region, account_id, f"{kind}/{name}") for name in names]
        resource = arns[0] if len(arns) == 1 else arns
        return {"Sid": action, "Effect": "Allow", "Action": f"iot:{action}", "Resource": resource}

    will = (hello_world.will,) if hello_world.will else ()
    published = tuple(each.replace(_THING, _THING_NAME) for each in hello_world.published)
    connect = statement("Connect", "client", (hello_world.client_id(_THING_NAME),))
    if hello_world.connects_as_thing:
        connect["Condition"] = {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            connect,
            statement("Publish", "topic", (*published, *will)),
            statement("Subscribe", "topicfilter", hello_world.topics(_THING_NAME)),
            statement("Receive", "topic", hello_world.topics(_THING_NAME)),
        ],
    }
