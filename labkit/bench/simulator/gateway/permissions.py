"""What an MQTT connection may do: AWS IoT's limits, its reserved topics, and the policies.

A refusal closes the connection: MQTT 3.1.1 has no other way to refuse a PUBLISH, and AWS IoT also
does so for CONNECT and SUBSCRIBE.

Source: AWS IoT Core developer guide: MQTT; Reserved topics; AWS IoT Core quotas. An unauthorized
SUBSCRIBE closes the connection (aws/aws-iot-device-sdk-js issues 125 and 191).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.bench.simulator.gateway import topics

if TYPE_CHECKING:
    from labkit.bench.simulator.account import Account
    from labkit.bench.simulator.account.connections import Grants
    from labkit.bench.simulator.gateway.admission import Admission
    from labkit.bench.simulator.mqtt import Connect, Publish, Will
    from labkit.policy import Decision

_MAX_CLIENT_ID = 128
_MAX_PAYLOAD = 128 * 1024
_MAX_QOS = 1


class RefusedError(Exception):
    """The connection must be closed; the message is the reason."""


class Permissions:
    """The current permissions of one connection.

    Args:
        account: has the policies.
        admission: the decision about the client's certificate.
        client_id: the client id of its CONNECT.
    """

    def __init__(self, account: Account, admission: Admission, client_id: str) -> None:
        self._account = account
        self._admission = admission
        self._client_id = client_id
        self._grants: Grants | None = None

    def forget(self) -> None:
        """Ask the account again at the next decision."""
        self._grants = None

    def check_connect(self, packet: Connect) -> None:
        """Check a CONNECT: its client id and its will.

        Open: whether AWS IoT checks a will at CONNECT or when it is published. Here it is at
        CONNECT, so that the client notices.

        Raises:
            RefusedError: it is not allowed.
        """
        size = len(self._client_id.encode())
        if not 0 < size <= _MAX_CLIENT_ID or self._client_id.startswith("$"):
            raise RefusedError(
                f"the client id has {size} bytes, expected 1 to {_MAX_CLIENT_ID}, and no leading $"
            )
        self._require("iot:Connect", f"client/{self._client_id}")
        if packet.will is not None:
            self.check_message(packet.will)

    def check_message(self, message: Publish | Will) -> None:
        """Check a message or a will.

        Raises:
            RefusedError: it is not allowed.
        """
        if message.qos > _MAX_QOS:
            raise RefusedError("QoS 2 is not supported")
        if len(message.payload) > _MAX_PAYLOAD:
            raise RefusedError(f"the payload has {len(message.payload)} bytes, more than 128 KB")
        if not topics.is_within_limits(message.topic):
            raise RefusedError("the topic has more than 256 bytes or 7 slashes")
        if message.topic.startswith("$"):
            raise RefusedError(
                f"nothing can be published to the reserved topic {message.topic}: "
                "the simulated AWS IoT has no service there"
            )
        if message.retain:
            raise RefusedError("the simulated AWS IoT does not retain messages")
        self._require("iot:Publish", f"topic/{message.topic}")

    def check_filter(self, name: str, qos: int) -> None:
        """Check a topic filter.

        Raises:
            RefusedError: it is not allowed.
        """
        if qos > _MAX_QOS:
            raise RefusedError("QoS 2 is not supported")
        if not topics.is_filter(name) or not topics.is_within_limits(name):
            raise RefusedError(f"SUBSCRIBE has an invalid topic filter: {name!r}")
        if name.startswith("$") and not name.startswith(topics.EVENTS):
            raise RefusedError(
                f"nothing is published to the reserved topic {name}: "
                f"the simulated AWS IoT publishes below {topics.EVENTS} only"
            )
        self._require("iot:Subscribe", f"topicfilter/{name}")

    def may_receive(self, topic: str) -> bool:
        """Return whether a message of a topic may be delivered."""
        return bool(self._decide("iot:Receive", f"topic/{topic}"))

    def _require(self, action: str, resource: str) -> None:
        decision = self._decide(action, resource)
        if not decision.allowed:
            raise RefusedError(f"{action} on {resource}: {decision.reason}")

    def _decide(self, action: str, resource: str) -> Decision:
        if self._grants is None:
            self._grants = self._account.grants(self._admission.arn, self._client_id)
        arn = self._account.identity.resource(resource)
        variables = self._admission.variables or {}
        return self._grants.decide(action, arn, self._client_id, variables)
