"""Read a console log for diagnosis: the signs of the newest boot, and the dumps of all boots.

Memory does not grow with the log: only the first and the last line of each sign are stored, and a
few unexplained lines.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labkit.console import Kind, Reader
from labkit.diagnosis.finding import Item
from labkit.diagnosis.recognition import host_of, is_complaint, is_known, sign_of
from labkit.diagnosis.signs import FAILURES, PROGRESS, REFUSALS, SIGN_OF_KIND, Sign
from labkit.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labkit.console import Console, Dump, Event

_BLOCK = 1 << 16
_LONGEST_SHOWN = 160
_LINES_KEPT = 8
_DUMPS_KEPT = 64


@dataclass(slots=True)
class Boot:
    """The signs of one boot.

    Attributes:
        number: counted from 1; 0 if the log has no message numbers.
        signs: the last line of each sign that still counts.
        firsts: the first line of each.
        hosts: endpoint names, by the sign of the line with the name.
        errors: the last unexplained lines about an error.
    """

    number: int
    signs: dict[Sign, Item] = field(default_factory=dict)
    firsts: dict[Sign, Item] = field(default_factory=dict)
    hosts: dict[Sign, str] = field(default_factory=dict)
    errors: deque[Item] = field(default_factory=lambda: deque(maxlen=_LINES_KEPT))
    _last: deque[Event] = field(default_factory=lambda: deque(maxlen=3))
    _tasks: set[str | None] = field(default_factory=set)

    def has(self, *signs: Sign) -> bool:
        """Return whether the boot showed one of these signs."""
        return any(sign in self.signs for sign in signs)

    @property
    def last(self) -> list[Item]:
        """The last lines."""
        return [_line(event) for event in self._last]

    def lines_of(self, *signs: Sign) -> list[Item]:
        """Return the first and the last line of these signs, in order, without duplicates."""
        lines = {side[sign] for side in (self.firsts, self.signs) for sign in signs if sign in side}
        return sorted(lines, key=lambda line: line.line or 0)

    @property
    def failures(self) -> list[Item]:
        """The lines of every failure that was not overcome, in order."""
        return self.lines_of(*FAILURES)

    def see(self, event: Event) -> None:
        """Process a message."""
        if event.kind is Kind.ROW or not event.text:
            return
        self._last.append(event)
        sign = sign_of(event.text) or SIGN_OF_KIND.get(event.kind)
        if sign is not None:
            self._take(sign, host_of(event.text), _line(event))
            self._tasks.add(event.task)
        elif event.task in self._tasks and is_complaint(event.text) and not is_known(event.text):
            self.errors.append(_line(event))

    def _take(self, sign: Sign, host: str | None, line: Item) -> None:
        if sign in PROGRESS:
            for failure in (FAILURES - REFUSALS).intersection(self.signs):
                del self.signs[failure], self.firsts[failure]
            self.errors.clear()
        if sign is Sign.CERTIFICATE_WRITTEN:
            # Before it was stored, a missing certificate is not a failure.
            self.signs.pop(Sign.NO_CERTIFICATE_FILE, None)
            self.firsts.pop(Sign.NO_CERTIFICATE_FILE, None)
        self.signs[sign] = line
        self.firsts.setdefault(sign, line)
        if host is not None:
            self.hosts[sign] = host


@dataclass(frozen=True, slots=True)
class Log:
    """A console log.

    Attributes:
        boot: the newest boot.
        boots: the number of boots; 0 without message numbers.
        dumps: the dumps of all boots, the newest last; a long log loses the oldest.
        console: the result of `labkit.console`.
        failed_before: the number of earlier boots that failed.
        accepted_before: the number of earlier boots with an accepted MQTT connection.
    """

    boot: Boot
    boots: int
    dumps: tuple[Dump, ...]
    console: Console
    failed_before: int = 0
    accepted_before: int = 0

    @property
    def key(self) -> bytes | None:
        """The device's key, DER; None if the log does not have it."""
        try:
            return self.console.public_key().der
        except ConsoleError:
            return None

    @property
    def newest(self) -> Dump | None:
        """The newest dump, whole or damaged."""
        return self.dumps[-1] if self.dumps else None

    @property
    def key_change(self) -> tuple[Dump, Dump] | None:
        """The newest boot's dump and the one before, if boots and keys differ; otherwise None."""
        whole = [dump for dump in self.dumps if dump.der is not None]
        if len(whole) < 2 or whole[-1] is not self.newest:  # noqa: PLR2004 two dumps to compare
            return None
        before, newest = whole[-2:]
        is_of_this_boot = newest.boot == self.boot.number and before.boot != newest.boot
        return (before, newest) if is_of_this_boot and before.der != newest.der else None

    @property
    def earlier_keys(self) -> dict[bytes, Dump]:
        """The other keys of earlier dumps, each with its last dump."""
        newest = self.newest
        before = {dump.der: dump for dump in self.dumps[:-1] if dump.der is not None}
        return {der: dump for der, dump in before.items() if newest is None or der != newest.der}


def read_log(text: str | bytes) -> Log:
    """Read a console log, in linear time and constant memory.

    Args:
        text: the whole log, as `labkit.console.parse` accepts it.
    """
    reader, boot, failed, accepted = Reader(), Boot(0), 0, 0
    dumps: deque[Dump] = deque(maxlen=_DUMPS_KEPT)
    for event in _events(reader, text):
        if event.dump is not None:
            dumps.append(event.dump)
        if event.boot > boot.number > 0:
            failed += bool(boot.failures)
            accepted += boot.has(Sign.MQTT_CONNECTED, Sign.COMPLETED)
            boot = Boot(event.boot)
        boot.number = event.boot
        boot.see(event)
    console = reader.close()
    if console.newest is not None and (not dumps or dumps[-1] != console.newest):
        dumps.append(console.newest)
    return Log(boot, boot.number, tuple(dumps), console, failed, accepted)


def _events(reader: Reader, text: str | bytes) -> Iterable[Event]:
    for at in range(0, len(text), _BLOCK):
        yield from reader.feed(text[at : at + _BLOCK])
    # The last line counts even without a line end.
    yield from reader.feed("\n" if isinstance(text, str) else _line_end(text))


def _line_end(text: bytes) -> bytes:
    """Return a line end in the encoding of the text, which may be UTF-16."""
    if text.startswith(b"\xff\xfe"):
        return b"\n\0"
    return b"\0\n" if text.startswith(b"\xfe\xff") else b"\n"


def _line(event: Event) -> Item:
    """Return a message with its prefix, cut at 160 characters."""
    text = str(event)
    if len(text) > _LONGEST_SHOWN:
        text = text[: _LONGEST_SHOWN - 1] + "…"
    return Item(text, "console", event.line)
