"""Who has subscribed to what, found by topic without asking everyone."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Subscriptions"]

S = TypeVar("S")

_NONE: Mapping[str, int] = MappingProxyType({})


class _Level(Generic[S]):
    """One level of the tree of filters: who ends here, and what comes below."""

    __slots__ = ("below", "here")

    def __init__(self) -> None:
        self.below: dict[str, _Level[S]] = {}
        self.here: dict[S, int] = {}


class Subscriptions(Generic[S]):
    """The subscriptions of all subscribers, as a tree of the levels of their filters.

    A message costs what its own levels and its receivers cost, however many others there are.
    """

    def __init__(self) -> None:
        self._root: _Level[S] = _Level()
        self._filters: dict[S, dict[str, int]] = {}

    def of(self, subscriber: S) -> Mapping[str, int]:
        """Return a subscriber's filters, each with its QoS."""
        return self._filters.get(subscriber, _NONE)

    def add(self, subscriber: S, topic_filter: str, qos: int) -> None:
        """Subscribe to a filter; a subscription that is there already gets the new QoS.

        Args:
            subscriber: who.
            topic_filter: a valid one, see `topics.is_filter`.
            qos: the granted one.
        """
        level = self._root
        for name in topic_filter.split("/"):
            level = level.below.setdefault(name, _Level())
        level.here[subscriber] = qos
        self._filters.setdefault(subscriber, {})[topic_filter] = qos

    def remove(self, subscriber: S, topic_filter: str) -> None:
        """End a subscription, if there is one; what nobody needs of the tree is cut off."""
        if self._filters.get(subscriber, {}).pop(topic_filter, None) is None:
            return
        names = topic_filter.split("/")
        path = [self._root]
        for name in names:
            path.append(path[-1].below[name])
        del path[-1].here[subscriber]
        for above, name in zip(reversed(path[:-1]), reversed(names), strict=True):
            level = above.below[name]
            if level.here or level.below:
                return
            del above.below[name]

    def forget(self, subscriber: S) -> None:
        """End all subscriptions of a subscriber."""
        for topic_filter in tuple(self.of(subscriber)):
            self.remove(subscriber, topic_filter)
        self._filters.pop(subscriber, None)

    def wanting(self, topic: str) -> dict[S, int]:
        """Return who wants the messages of a topic, with the highest QoS of their filters.

        A topic belongs to a filter under the same rules as in `topics.matches`.
        """
        wanted: dict[S, int] = {}
        for level in self._matching(topic):
            for subscriber, qos in level.here.items():
                wanted[subscriber] = max(qos, wanted.get(subscriber, 0))
        return wanted

    def _matching(self, topic: str) -> Iterator[_Level[S]]:
        reached = [self._root]
        for name in topic.split("/"):
            wild = () if reached == [self._root] and name.startswith("$") else ("+",)
            if wild:
                yield from (level.below["#"] for level in reached if "#" in level.below)
            reached = [
                level.below[each]
                for level in reached
                for each in (name, *wild)
                if each in level.below
            ]
        yield from reached
