"""Message numbers: where a boot begins, and whether a message was lost in it."""

from __future__ import annotations

from collections import deque

_OUT_OF_ORDER = 3
"""Tasks may overtake each other between numbering and queueing a message, by this many."""

_OUT_OF_ORDER_TICKS = 10
_GLUED_AHEAD = 64


class MessageNumbers:
    """Follows the message numbers, which start at 0 with every boot.

    Attributes:
        boots: boots seen; 0 while no prefix was.
        complete: whether no message of this boot was lost so far.
    """

    def __init__(self) -> None:
        self.boots = 0
        self._last = -1
        self._tick = 0
        self._seen = 0
        self._recent: deque[int] = deque(maxlen=2 * _OUT_OF_ORDER)

    @property
    def complete(self) -> bool:
        """Whether every message of this boot, from number 0, was seen."""
        return self.boots > 0 and self._seen == self._last + 1

    def see(self, number_digits: str | bytes, tick: int) -> bool:
        """Take a message's number; return whether a boot begins with it.

        Args:
            number_digits: the digits before the tick; text that was glued to the number's front
                may have left digits of its own there.
            tick: the tick count.
        """
        number = self._unglue(number_digits, tick)
        begins = self._begins_boot(number, tick)
        if begins:
            self.boots += 1
            self._last, self._seen = -1, 0
            self._recent.clear()
        self._last = max(self._last, number)
        self._tick = tick
        self._seen += 1
        self._recent.append(number)
        return begins

    def see_all(self, numbers: list[tuple[bytes, bytes]]) -> bool:
        """Take many; return whether a boot begins among them."""
        if self._continues(numbers):
            return False
        begins = [self.see(number, int(tick)) for number, tick in numbers]
        return any(begins)

    def _continues(self, numbers: list[tuple[bytes, bytes]]) -> bool:
        """Take the numbers at once where they go on one by one, as most do."""
        values = [int(number) for number, _ in numbers]
        first = self._last + 1
        if self.boots == 0 or values != list(range(first, first + len(values))):
            return False
        if values:
            self._last, self._tick = values[-1], int(numbers[-1][1])
            self._seen += len(values)
            self._recent.extend(values[-2 * _OUT_OF_ORDER :])
        return True

    def _begins_boot(self, number: int, tick: int) -> bool:
        """Tell a boot from messages that overtook each other and from a digit that was lost.

        A boot sets the message number and the tick count back, both. One of them alone is
        believed only where nothing contradicts it.
        """
        if self.boots == 0:
            return True
        if number == self._last + 1:
            return False
        falls = self._last - number > _OUT_OF_ORDER or number in self._recent
        ticks = self._tick - tick
        if number == 0:
            return falls and ticks >= 0
        return ticks > _OUT_OF_ORDER_TICKS or (falls and ticks > 0)

    def _unglue(self, digits: str | bytes, tick: int) -> int:
        """Return the number without digits of other text, such as the `52` of `5216 17 [task]`."""
        number = int(digits)
        if self.boots == 0 or number <= self._last + _GLUED_AHEAD or tick < self._tick:
            return number
        for start in reversed(range(1, len(digits))):
            tail = int(digits[start:])
            if self._last < tail <= self._last + _GLUED_AHEAD:
                return tail
        return number
