"""The class of a symptom, and conditions on a log beyond single signs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from labkit.diagnosis.signs import Sign

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.diagnosis.log import Log

CERTIFICATE: Final = "certificate"
HEADERS: Final = "headers"
ACCOUNT: Final = "account"


@dataclass(frozen=True, slots=True)
class Symptom:
    """A symptom.

    Attributes:
        says: the symptom in words.
        signs: at least one of these signs must be there.
        causes: the possible causes with their weights without further evidence, in the order in
            which to fix them.
        asks: the evidence that distinguishes them, in the order in which to ask for it.
        besides: a further sign that must be there.
        unless: signs that must not be there.
        when: a further condition on the log.
    """

    says: str
    signs: tuple[Sign, ...]
    causes: dict[str, float]
    asks: tuple[str, ...] = ()
    besides: Sign | None = None
    unless: tuple[Sign, ...] = ()
    when: Callable[[Log], bool] | None = None

    @property
    def is_conditional(self) -> bool:
        """Whether it needs more than one of its signs."""
        return bool(self.besides or self.unless or self.when)

    def is_shown_by(self, log: Log) -> bool:
        """Return whether the newest boot has the symptom."""
        boot = log.boot
        return (
            boot.has(*self.signs)
            and (self.besides is None or boot.has(self.besides))
            and not boot.has(*self.unless)
            and (self.when is None or self.when(log))
        )


def unresolved_is(pattern: str) -> Callable[[Log], bool]:
    """Return a condition: the whole unresolved endpoint matches a pattern."""
    endpoint = re.compile(pattern, re.IGNORECASE)
    return lambda log: endpoint.fullmatch(log.boot.hosts.get(Sign.UNRESOLVED, "-")) is not None


def made_a_key(log: Log) -> bool:
    """Return whether the newest boot made a key pair and then presented a certificate.

    A board without a certificate also prints the warning; its handshake fails in another way, or
    this boot wrote no certificate.
    """
    boot = log.boot
    return boot.has(Sign.WAITING) or (boot.has(Sign.WARNING) and boot.has(Sign.CERTIFICATE_WRITTEN))


def has_damaged_dump(log: Log) -> bool:
    """Return whether the newest boot's dump is damaged, or announced and missing."""
    newest = log.newest
    if newest is not None and newest.boot == log.boot.number:
        return newest.der is None or log.console.outdated is not None
    announced = log.boot.has(Sign.WAITING, Sign.SHOWING, Sign.WARNING, Sign.HEADER)
    return announced and log.console.outdated is not None


def still_waits(log: Log) -> bool:
    """Return whether the delay before a key pair is the last sign about keys."""
    lines = log.boot.lines_of(Sign.WAITING, Sign.HEADER)
    return lines[-1:] == [log.boot.signs.get(Sign.WAITING)]
