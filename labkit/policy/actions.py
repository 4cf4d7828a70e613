"""The actions of an MQTT connection, and what each is asked on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTIONS: Mapping[str, str] = {
    "iot:Connect": "client",
    "iot:Publish": "topic",
    "iot:Receive": "topic",
    "iot:Subscribe": "topicfilter",
}
"""Each action of an MQTT connection, with the kind of resource that it is asked on.

Source: AWS IoT Core developer guide, AWS IoT Core policy actions, AWS IoT Core action resources.
"""


def asked_resource(action: str, client_id: str, topic: str) -> str:
    """Return what an action of a connection is asked on, such as "topic/a/b".

    Args:
        action: one of `ACTIONS`.
        client_id: the connection's client id.
        topic: the topic, or the topic filter of a subscription.

    Raises:
        PolicyError: a connection has no such action.
    """
    kind = ACTIONS.get(action)
    if kind is None:
        raise PolicyError(f'Action: expected one of {", ".join(ACTIONS)}, came "{action}".')
    return f"{kind}/{client_id if kind == 'client' else topic}"
