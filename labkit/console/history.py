"""Follow dumps and announcements to decide which key is the device's current one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from labkit.console.dump import Dump, hex_rows
from labkit.console.shapes import Kind
from labkit.keys import DER_BYTES

DEVICE_TITLE = "device public key"
"""How the title of the device's own dump begins, in lower case."""

_CAPTURE = "Reset the board, wait until it is quiet, and capture its console again"

_SKIPPED = "another key than the device's, by its title, was skipped"

_OUTDATED = {
    Kind.WAITING: (
        "the board announced that it generates a new key pair, and no dump of the new key "
        "follows. Wait until the board prints it (180 seconds by default), then capture again"
    ),
    Kind.PRINTING: f"the board announced its public key, and no dump follows. {_CAPTURE}",
    Kind.WARNING: (
        "the board warned that its certificate should be updated, as it does for a new key pair "
        f"or without a certificate, and the dump for this warning is missing. {_CAPTURE}"
    ),
    Kind.NO_PRIVATE_KEY: (
        "the board reported that it no longer has a private key. Read its first error about the "
        f"private key, fix the keys header, build and flash. {_CAPTURE}"
    ),
    Kind.PROVISIONED: (
        "a later boot did not print its public key, although this release prints it on every "
        "boot: a private key was imported, or the dump was lost. Remove the private key from the "
        f"keys header if it has one. {_CAPTURE}"
    ),
}


@dataclass(slots=True)
class _Run:
    """What one run of the provisioning code has printed so far."""

    waiting: bool = False
    printing: bool = False
    warning: bool = False
    dump: bool = False


class History:
    """Tracks dumps and announcements in order.

    Releases from 202107.00 print Waiting (only for a new key pair), Printing, the dump, Warning.
    Earlier releases print Warning, then the dump, and only for a new pair or without a
    certificate. So an announcement without a dump after it means that a dump was lost, and that an
    older dump may not be the device's key.

    Attributes:
        newest: the newest dump, complete or damaged.
        dumps: the number of dumps, complete or damaged.
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
        self._title = ""
        self._by_a_tool = False
        self._titled: Dump | None = None
        self._whole: Dump | None = None
        self._other: Dump | None = None
        self._skipped = ""

    def boot(self) -> None:
        """Process the beginning of a boot."""
        self._run = _Run()

    def announce(self, kind: Kind, line: int) -> None:
        """Process an announcement."""
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

    def begin_dump(
        self, *, numbers_complete: bool, title: str, by_a_tool: bool = False
    ) -> bool | None:
        """Process the beginning of a dump; return whether its key was just generated.

        Args:
            numbers_complete: whether no message of the boot is missing.
            title: the title in its header line; empty if the header line is missing.
            by_a_tool: whether it is printed as `xxd` prints a file.
        """
        if self._run.dump:
            self._run = _Run()
        run = self._run
        run.dump = True
        self._title, self._by_a_tool = title, by_a_tool
        self._unanswered = None
        if run.waiting:
            return True
        return False if run.printing and numbers_complete else None

    def end_dump(self, dump: Dump) -> None:
        """Process the end of a dump, complete or damaged."""
        self.dumps += 1
        self._damaged += dump.der is None
        self._before, self.newest = self.newest, dump
        self._repeated_rows = 0
        if dump.der:
            if self._whole and self._whole.der != dump.der:
                self._other = self._whole
            self._whole = dump
        if self._has_device_title:
            self._titled = dump

    @property
    def _has_device_title(self) -> bool:
        return self._title.lower().startswith(DEVICE_TITLE)

    def skip_dump(self, line: int, title: str) -> None:
        """Process the end of a dump whose title names another key than the device's."""
        self._skipped = f"line {line}, {title!a}"

    def loose_row(self, digits: str, line: int, boot: int) -> None:
        """Process a row outside a dump: it repeats the newest dump's, or belongs to a lost dump."""
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
        self._title = DEVICE_TITLE
        self._unanswered = None
        loose = Dump(line, boot, DER_BYTES, size, 1, None, None, problem=_LOOSE)
        self.end_dump(loose)

    def outdated(self) -> str | None:
        """Return why the newest dump may not be the device's key any more, or None."""
        if self._unanswered:
            kind, line = self._unanswered
            return f"line {line}: {_OUTDATED[kind]}."
        titled, newest = self._titled, self.newest
        if newest is None and self._skipped:
            return f"{_SKIPPED}: {self._skipped}. {_CAPTURE}."
        if not (self._by_a_tool and titled and newest and newest.der != titled.der):
            return None
        return (
            "it is printed as xxd prints a file, and holds another key than the board's dump in "
            f"line {titled.line}. Remove the lines of the key that you do not mean, and run the "
            "command again."
        )

    def notes(self, boots: int) -> tuple[str, ...]:
        """Return what to know before using the newest dump."""
        notes = []
        newest, before = self.newest, self._before
        if newest and self.dumps > 1:
            notes.append(f"{self.dumps} dumps; the newest, line {newest.line}, counts")
        if newest and newest.der and self._other:
            notes.append(f"it holds another key than the dump before it, line {self._other.line}")
        elif newest and before and newest.der and before.der:
            notes.append(f"it holds the same key as the dump before it, line {before.line}")
        if self._damaged and self.dumps > 1:
            notes.append(f"{self._damaged} of the dumps are damaged")
        if newest and not self._title:
            notes.append(f"line {newest.line}: rows without a header line")
        elif newest and not self._has_device_title:
            notes.append(f"line {newest.line}: the title is {self._title!a}, not the device's")
        if self._skipped:
            notes.append(f"{_SKIPPED}: {self._skipped}")
        if self._repeated_rows:
            notes.append(f"{self._repeated_rows} rows of the dump are repeated after it")
        if boots > 1:
            notes.append(f"{boots} boots")
        return tuple(notes)


_LOOSE = (
    "there are rows of a public key without the beginning of the dump, so an older dump may not be "
    f"the device's key. {_CAPTURE}."
)
