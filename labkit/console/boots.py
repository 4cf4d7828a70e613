"""Find the beginning of each boot, and lost messages, by the message numbers."""

from __future__ import annotations

from collections import deque

_OUT_OF_ORDER = 3
"""The log task may print messages out of order by this many numbers."""

_OUT_OF_ORDER_TICKS = 10
_GLUED_AHEAD = 64


class MessageNumbers:
    """Tracks the message numbers, which start at 0 with every boot.

    Attributes:
        boots: the number of boots so far; 0 before the first message number.
    """

    def __init__(self) -> None:
        self.boots = 0
        self._last = -1
        self._tick = 0
        self._seen = 0
        self._recent: deque[int] = deque(maxlen=2 * _OUT_OF_ORDER)

    @property
    def complete(self) -> bool:
        """Whether no message of this boot is missing so far."""
        return self.boots > 0 and self._seen == self._last + 1

    def see(self, number_digits: str | bytes, tick: int) -> bool:
        """Process a message number; return whether a boot begins with it.

        Args:
            number_digits: the digits before the tick; they may begin with digits of other text
                that is glued to the number.
            tick: the tick count.
        """
        number = self._without_glued_digits(number_digits, tick)
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
        """Process many message numbers; return whether a boot begins among them."""
        if self._continues(numbers):
            return False
        begins = [self.see(number, int(tick)) for number, tick in numbers]
        return any(begins)

    def _continues(self, numbers: list[tuple[bytes, bytes]]) -> bool:
        """Process the numbers at once if they are consecutive, as most are."""
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
        """Return whether a boot begins; it resets both the message number and the tick count.

        Messages out of order or with a lost digit change only one of them. That counts as a boot
        only if the other does not contradict it.
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

    def _without_glued_digits(self, digits: str | bytes, tick: int) -> int:
        """Return the number without glued digits, such as the `52` in `5216 17 [task]`."""
        number = int(digits)
        if self.boots == 0 or number <= self._last + _GLUED_AHEAD or tick < self._tick:
            return number
        for start in reversed(range(1, len(digits))):
            tail = int(digits[start:])
            if self._last < tail <= self._last + _GLUED_AHEAD:
                return tail
        return number
