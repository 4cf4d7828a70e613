"""What the dumps and announcements of a console text add up to: which key is the device's now."""

from __future__ import annotations

from dataclasses import dataclass, replace

from labkit.console.dump import Dump, hex_rows
from labkit.console.shapes import Kind
from labkit.keys import DER_BYTES

_CAPTURE = "Reset the board, let it print on, and capture its console again"

_OUTDATED = {
    Kind.WAITING: (
        "the board said that it generates a new key pair, and no dump of the new key follows. "
        "Wait until the board prints it (180 seconds by default), then capture again"
    ),
    Kind.PRINTING: f"the board announced its public key, and no dump follows. {_CAPTURE}",
    Kind.WARNING: (
        "the board said that its certificate should be updated, which it does when it has made "
        f"a key pair or has no certificate, and the dump that belongs to it is missing. {_CAPTURE}"
    ),
    Kind.NO_PRIVATE_KEY: (
        "the board said that it has no private key any more. Read its first error about the "
        f"private key, mend the keys header, build and flash. {_CAPTURE}"
    ),
    Kind.PROVISIONED: (
        "a later boot went on without printing its public key, though this release prints it on "
        "every boot: a private key was imported, or the dump was lost. Take the private key out "
        f"of the keys header if one is there. {_CAPTURE}"
    ),
}


@dataclass(slots=True)
class _Run:
    """One run of the provisioning code: what it has printed."""

    waiting: bool = False
    printing: bool = False
    warning: bool = False
    dump: bool = False


class History:
    """Follows dumps and announcements in their order.

    Releases from 202107.00 print, in this order: Waiting (only when a key pair is made),
    Printing, the dump, Warning. Earlier ones print Warning, then the dump, and only when a pair
    was made or no certificate is stored. So an announcement without a dump after it means that a
    dump was lost, and the one before it is not known to be the device's key any more.

    Attributes:
        newest: the newest dump, whole or damaged.
        dumps: dumps seen, whole or damaged.
        recommended_subject: the common name that a secure element recommends, or None.
    """

    def __init__(self) -> None:
        self.newest: Dump | None = None
        self.dumps = 0
        self.recommended_subject: str | None = None
        self._run = _Run()
        self._prints_on_every_boot = False
        self._unanswered: tuple[Kind, int] | None = None
        self._damaged = 0
        self._before: Dump | None = None
        self._repeated_rows = 0
        self._bare = False

    def boot(self) -> None:
        """A boot begins."""
        self._run = _Run()

    def announce(self, kind: Kind, line: int) -> None:
        """Take an announcement."""
        run = self._run
        if kind is Kind.WAITING:
            self._run = run = _Run() if run.waiting or run.printing or run.dump else run
            run.waiting = True
        elif kind is Kind.PRINTING:
            self._run = run = _Run() if run.printing or run.dump else run
            run.printing = self._prints_on_every_boot = True
        elif kind is Kind.WARNING:
            self._run = run = _Run() if run.warning else run
            run.warning = True
        if self._leaves_unanswered(kind, run):
            self._unanswered = (kind, line)

    def _leaves_unanswered(self, kind: Kind, run: _Run) -> bool:
        if kind is Kind.WARNING:
            return not run.dump
        if kind is Kind.PROVISIONED:
            lost = self._prints_on_every_boot and self.dumps > 0 and not run.dump
            return lost and self._unanswered is None
        if kind is Kind.NO_PRIVATE_KEY and self._unanswered:
            return self._unanswered[0] is not kind
        return kind in _OUTDATED

    def begin_dump(self, *, numbers_complete: bool, header: bool) -> bool | None:
        """Take the beginning of a dump; return whether its key was just generated."""
        if self._run.dump:
            self._run = _Run()
        run = self._run
        run.dump = True
        self._bare = not header
        self._unanswered = None
        if run.waiting:
            return True
        return False if run.printing and numbers_complete else None

    def end_dump(self, dump: Dump) -> None:
        """Take a dump, whole or damaged; it is the newest."""
        self.dumps += 1
        self._damaged += dump.der is None
        self._before, self.newest = self.newest, dump
        self._repeated_rows = 0

    def loose_row(self, digits: str, line: int, boot: int) -> None:
        """Take a row outside a dump: it repeats the newest dump's, or is left of a newer one."""
        newest = self.newest
        size = len(digits.replace(" ", "")) // 2
        if newest is not None and newest.der is not None and not self._unanswered:
            if digits.lower() in hex_rows(newest.der):
                self._repeated_rows += 1
                return
        elif newest is not None and newest.problem_row is None and newest.problem == _LOOSE:
            rows, received = newest.rows + 1, newest.received + size
            self.newest = replace(newest, rows=rows, received=received)
            return
        elif newest is not None and newest.der is None and newest.boot == boot:
            return
        self._bare = False
        self._unanswered = None
        loose = Dump(line, boot, DER_BYTES, size, 1, None, None, problem=_LOOSE)
        self.end_dump(loose)

    def outdated(self) -> str | None:
        """Say why the newest dump is not known to be the device's key any more, or None."""
        if self._unanswered is None:
            return None
        kind, line = self._unanswered
        return f"line {line}: {_OUTDATED[kind]}."

    def notes(self, boots: int) -> tuple[str, ...]:
        """Say what a person should know who relies on the newest dump."""
        notes = []
        newest, before = self.newest, self._before
        if newest and self.dumps > 1:
            notes.append(f"{self.dumps} dumps; the newest, line {newest.line}, counts")
        if newest and before and newest.der and before.der:
            same = "the same key as" if newest.der == before.der else "another key than"
            notes.append(f"it holds {same} the dump before it, line {before.line}")
        if self._damaged and self.dumps > 1:
            notes.append(f"{self._damaged} of the dumps are damaged")
        if newest and self._bare:
            notes.append(f"line {newest.line}: rows without a header line")
        if self._repeated_rows:
            notes.append(f"{self._repeated_rows} rows of the dump are repeated after it")
        if boots > 1:
            notes.append(f"{boots} boots")
        return tuple(notes)


_LOOSE = (
    "rows of a public key stand here without the dump's beginning, so an older dump is not known "
    f"to be the device's key. {_CAPTURE}."
)
