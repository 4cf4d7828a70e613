"""The subscriptions of all sessions."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

from labkit.bench.simulator.gateway import topics

if TYPE_CHECKING:
    from collections.abc import Mapping

S = TypeVar("S")

_NONE: Mapping[str, int] = MappingProxyType({})


class Subscriptions(Generic[S]):
    """The filters of all subscribers, each with the QoS that was granted."""

    def __init__(self) -> None:
        self._filters: dict[S, dict[str, int]] = {}

    def of(self, subscriber: S) -> Mapping[str, int]:
        """Return a subscriber's filters, each with its QoS."""
        return self._filters.get(subscriber, _NONE)

    def add(self, subscriber: S, topic_filter: str, qos: int) -> None:
        """Subscribe to a filter; a subscription that exists already gets the new QoS."""
        self._filters.setdefault(subscriber, {})[topic_filter] = qos

    def remove(self, subscriber: S, topic_filter: str) -> None:
        """End a subscription, if there is one."""
        self._filters.get(subscriber, {}).pop(topic_filter, None)

    def forget(self, subscriber: S) -> None:
        """End all subscriptions of a subscriber."""
        self._filters.pop(subscriber, None)

    def matching(self, topic: str) -> dict[S, int]:
        """Return the subscribers of a topic, each with the highest QoS of its matching filters."""
        granted = {
            subscriber: [qos for name, qos in filters.items() if topics.matches(name, topic)]
            for subscriber, filters in self._filters.items()
        }
        return {subscriber: max(each) for subscriber, each in granted.items() if each}
