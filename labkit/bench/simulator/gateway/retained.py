"""Retained messages: the last one of each topic, for those who subscribe later.

Source: AWS IoT Core developer guide, Using MQTT retained messages. The account's quota of retained
messages is not enforced, and nothing is forgotten after three years.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.bench.simulator.mqtt import Publish

if TYPE_CHECKING:
    from labkit.bench.simulator.account import Account

__all__ = ["RetainedMessages"]


class RetainedMessages:
    """The account's retained messages; the account itself keeps them over a restart.

    Args:
        account: where they are kept.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._messages = {
            each.topic: Publish(each.topic, each.payload, each.qos, retain=True)
            for each in account.retained()
        }

    def keep(self, topic: str, payload: bytes, qos: int) -> None:
        """Keep a message in place of the topic's former one; an empty one only ends that.

        It is committed when this returns.
        """
        self._account.retain(topic, payload, qos)
        if payload:
            self._messages[topic] = Publish(topic, payload, qos, retain=True)
        else:
            self._messages.pop(topic, None)

    def find(self, topic_filter: str) -> Publish | None:
        """Return what a new subscription to a filter gets, or None.

        AWS IoT delivers it for the exact topic only, never for a filter with wildcards.
        """
        return self._messages.get(topic_filter)
