"""One public-key dump: its rows as they come, and the verdict on them.

Only the declared length tells a row's digits from what another task printed after them without
a line break, so rows are counted out: five of 16 bytes and one of 11. Whatever is put together
is believed only after the key's 26 header bytes and the point on the curve were checked, so a
row taken wrongly ends in a refusal, never in a key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from labkit.console.shapes import PREFIX
from labkit.errors import DumpError, PublicKeyError
from labkit.keys import DER_BYTES, SPKI_HEADER, PublicKey

ROW_BYTES = 16
ROW_SIZES = (ROW_BYTES,) * (DER_BYTES // ROW_BYTES) + (DER_BYTES % ROW_BYTES,)
"""The bytes of each row of a whole dump."""

_ROWS = len(ROW_SIZES)
_LAST_ROW_BYTES = ROW_SIZES[-1]

_AGAIN = (
    "Reset the board with keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR 0 and capture the dump again"
)
_QUEUE = (
    "messages are dropped when the board's log queue is full: releases from 202107.00 print the "
    "key on every boot; lengthen the queue if it happens again"
)

_FLAGS = re.IGNORECASE | re.ASCII
_FULL_ROW = r"(?:[0-9a-f]{4} +){7}[0-9a-f]{4}(?![0-9a-f])"
_LAST_ROW = r"(?:[0-9a-f]{4} +){5}[0-9a-f]{2}"
# Digits of a clock before the row must not become its first group; text that was printed
# without a line break may stand right before it.
_NOT_IN_A_WORD = r"(?<![0-9a-z.,:])"
# A row that ends its line, with one word before it that looks like a group: a clock's year or zone.
_AFTER_ONE_WORD = r"(?<=\b[0-9a-f]{4} )(?<![0-9a-f]{4} [0-9a-f]{4} )"
_ROW_PATTERNS = {
    size: tuple(
        re.compile(pattern, _FLAGS)
        for pattern in (rf"{_AFTER_ONE_WORD}{row}(?= *$)", _NOT_IN_A_WORD + row, row)
    )
    for size, row in ((ROW_BYTES, _FULL_ROW), (_LAST_ROW_BYTES, _LAST_ROW))
}
_ROW_LINES = {
    size: re.compile(row + " ?", _FLAGS)
    for size, row in ((ROW_BYTES, _FULL_ROW), (_LAST_ROW_BYTES, _LAST_ROW))
}
_ROW_LIKE = re.compile(
    r"(?:[0-9a-f]{1,40} +){4,}[0-9a-f]{2,40}|^[\s>|]*(?P<alone>(?:[0-9a-f]{4} +)+[0-9a-f]{1,4}) *$",
    _FLAGS,
)
_CONTINUOUS = re.compile(r"[\s>|]*([0-9a-f]{2,}) *$", _FLAGS)
# A row's shape in which a character is no hex digit, such as an O for a 0.
_ROW_SHAPED = {
    size: re.compile(rf"[\s>|]*({row}) *$".replace("0-9a-f", r"0-9a-z?\uFFFD"), re.IGNORECASE)
    for size, row in ((ROW_BYTES, _FULL_ROW), (_LAST_ROW_BYTES, _LAST_ROW))
}
_NOT_HEX = re.compile(r"[^0-9a-f\s]", _FLAGS)
_NOT_HEX_MOST = 4
"""More such characters in a row, and it is somebody's words."""


@dataclass(frozen=True, slots=True, repr=False)
class Dump:
    """A public-key dump in console text, whole or damaged.

    Attributes:
        line: its header's line, counted from 1; its first row's where the header is missing.
        boot: the boot that printed it, counted from 1; 0 where no message numbers are.
        declared: bytes that its header declares; 91 where the header is missing.
        received: bytes that came.
        rows: rows that came.
        der: 91 bytes, DER SubjectPublicKeyInfo, checked; None where the dump is damaged.
        generated: True: the board said before it that it generates a key pair. False: a release
            that says so whenever it does (202107.00 and later) did not, and no message of that
            boot is missing. None: cannot be told. Releases to 202012.01 never say it: they dump
            when a pair was made and also when no certificate is stored.
        problem: what is wrong and what to do, or None.
        problem_row: the row at fault, counted from 1, or None.
        came: the rows' characters as they came, without blanks, good or bad.
    """

    line: int
    boot: int
    declared: int
    received: int
    rows: int
    der: bytes | None
    generated: bool | None
    problem: str | None = None
    problem_row: int | None = None
    came: tuple[str, ...] = ()

    @property
    def hex_rows(self) -> tuple[str, ...]:
        """The six rows as the documentation shows them; empty where the dump is damaged."""
        return () if self.der is None else hex_rows(self.der)

    def public_key(self) -> PublicKey:
        """Return the key.

        Raises:
            DumpError: the dump is damaged; the message names the row and what to do.
        """
        if self.der is None:
            raise DumpError(
                f"public-key dump in line {self.line}: {self.problem}",
                row=self.problem_row,
                received=self.received,
                declared=self.declared,
                line=self.line,
            )
        return PublicKey.from_der(self.der)

    def __repr__(self) -> str:
        """Return one line: where, how many bytes, the key's short fingerprint."""
        size = f"{self.received} of {self.declared} bytes"
        if self.der is None:
            return f"<Dump line {self.line}: damaged, {size}>"
        return f"<Dump line {self.line}: {size}, SHA-256 {self.public_key().short} …>"


def hex_rows(der: bytes) -> tuple[str, ...]:
    """Write a key's bytes as the console does, six rows, without line ends and end blanks."""
    return tuple(der[at : at + ROW_BYTES].hex(" ", -2) for at in range(0, len(der), ROW_BYTES))


@dataclass(slots=True)
class _Row:
    """A row as it came: its digits, and how many it should have."""

    digits: str
    expected: int

    @property
    def fits(self) -> bool:
        return len(self.digits) == self.expected and self.not_hex is None

    @property
    def not_hex(self) -> str | None:
        found = _NOT_HEX.search(self.digits)
        return found and found[0]


@dataclass(slots=True)
class Collector:
    """A dump whose rows are still coming.

    Attributes:
        line: line of its header or first row.
        boot: the boot that prints it.
        task: the task that prints it, or None.
        declared: bytes that its header declares.
        generated: as in `Dump`.
        continuous: rows of any length, as `xxd -ps` writes them.
    """

    line: int
    boot: int
    task: str | None
    declared: int
    generated: bool | None
    continuous: bool = False
    _rows: list[_Row] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """Whether all rows came, good or bad."""
        if self.continuous:
            return self._digits_left() == 0
        return len(self._rows) == _ROWS

    @property
    def count(self) -> int:
        """Rows that came."""
        return len(self._rows)

    def find(self, text: str, start: int) -> tuple[int, int] | None:
        """Find the next row's digits, or what is left of them.

        Returns:
            Where they begin and end, or None if the text from `start` on holds none.
        """
        if self.continuous:
            match = _CONTINUOUS.match(text, start)
            if match is None:
                return None
            return match.start(1), min(match.end(1), match.start(1) + self._digits_left())
        for pattern in _ROW_PATTERNS[self._bytes_expected()]:
            if match := pattern.search(text, start):
                return match.span()
        if span := self._find_not_hex(text, start):
            return span
        match = _ROW_LIKE.search(text, start)
        if match is None:
            return None
        begin, end = match.span("alone" if match["alone"] else 0)
        prefix = PREFIX.search(text, begin + 1)
        return begin, min(end, prefix.start()) if prefix else end

    def _find_not_hex(self, text: str, start: int) -> tuple[int, int] | None:
        """Find a row of the right shape in which a few characters are no hex digits."""
        match = _ROW_SHAPED[self._bytes_expected()].match(text, start)
        if match is None or not 0 < len(_NOT_HEX.findall(match[1])) <= _NOT_HEX_MOST:
            return None
        return match.span(1)

    def is_row(self, text: str) -> bool:
        """Whether a line is the next row and nothing else, which it mostly is."""
        pattern = _ROW_LINES[self._bytes_expected()]
        return not self.continuous and pattern.fullmatch(text) is not None

    def take(self, text: str) -> None:
        """Take a row that `find` found."""
        digits = "".join(text.split()).lower()
        expected = len(digits) if self.continuous else 2 * self._bytes_expected()
        self._rows.append(_Row(digits, expected))

    def _bytes_expected(self) -> int:
        return _LAST_ROW_BYTES if len(self._rows) >= _ROWS - 1 else ROW_BYTES

    def _digits_left(self) -> int:
        return 2 * DER_BYTES - sum(len(row.digits) for row in self._rows)

    def finish(self, *, log_ended: bool = False) -> Dump:
        """Judge what came.

        Args:
            log_ended: the text ended here, so that rows may only not have come yet.
        """
        received = sum(len(row.digits) for row in self._rows) // 2
        der: bytes | None = None
        found = self._structural_problem(received, log_ended=log_ended)
        if found is None:
            der = bytes.fromhex("".join(row.digits for row in self._rows))
            found = _content_problem(der)
        row, problem = found or (None, None)
        return Dump(
            line=self.line,
            boot=self.boot,
            declared=self.declared,
            received=received,
            rows=len(self._rows),
            der=None if problem else der,
            generated=self.generated,
            problem=problem,
            problem_row=row,
            came=tuple(each.digits for each in self._rows),
        )

    def _structural_problem(
        self, received: int, *, log_ended: bool
    ) -> tuple[int | None, str] | None:
        """Say which row is at fault and how, or None where 91 bytes came in good rows."""
        came = f"{_rows_text(len(self._rows))}, {received} of {DER_BYTES} bytes"
        if self.declared != DER_BYTES:
            return None, (
                f"the header declares {self.declared} bytes, expected {DER_BYTES} "
                f"(a P-256 key). The header line was damaged. {_AGAIN}."
            )
        if self._misses_a_middle_row():
            return None, f"{came} came: a row is missing. {_AGAIN}; {_QUEUE}."
        for number, row in enumerate(self._rows, start=1):
            if not row.fits:
                return number, f"row {number}: {_row_problem(row, came)} {_AGAIN}."
        if received < DER_BYTES:
            missing = len(self._rows) + 1
            if log_ended:
                return missing, (
                    f"the text ends inside the dump, {came} came; row {missing} is the next. "
                    "Let the board print on, or copy all of it. If it prints no more, rows "
                    "were lost. "
                    f"{_AGAIN}; {_QUEUE}."
                )
            where = f"row {missing} or one before it is" if self._rows else "all six are"
            return (
                missing,
                f"{came} came: {where} missing. {_AGAIN}; {_QUEUE}.",
            )
        return None

    def _misses_a_middle_row(self) -> bool:
        """Whether a row of the last row's length stands in an earlier row's place."""
        *earlier, last = self._rows or [_Row("", 0)]
        return (
            not self.continuous
            and len(self._rows) < _ROWS
            and len(last.digits) == 2 * _LAST_ROW_BYTES
            and all(row.fits for row in earlier)
        )


def _row_problem(row: _Row, came: str) -> str:
    if row.not_hex:
        changed = "A character was changed in the copy."
        return f"{row.not_hex!r} is not a hex digit ({came} came). {changed}"
    return (
        f"{wrong_size(len(row.digits), row.expected // 2)} ({came} came). "
        "Digits were lost or added in the copy."
    )


def _content_problem(der: bytes) -> tuple[int | None, str] | None:
    for offset, (expected, got) in enumerate(zip(SPKI_HEADER, der, strict=False)):
        if expected != got:
            row = offset // ROW_BYTES + 1
            return row, (
                f"row {row}, byte {offset % ROW_BYTES + 1}: expected {expected:02x}, got "
                f"{got:02x} (the first {len(SPKI_HEADER)} bytes are the same for every P-256 "
                f"key). A digit was changed, or rows are swapped. {_AGAIN}."
            )
    try:
        PublicKey.from_der(der)
    except PublicKeyError:
        return None, (
            f"{DER_BYTES} of {DER_BYTES} bytes came, but rows 2 to {_ROWS} hold no point of the "
            "curve P-256: a digit in them was changed, or rows are swapped, repeated or missing. "
            f"{_AGAIN}."
        )
    return None


def _rows_text(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def wrong_size(digits: int, expected: int) -> str:
    """Return how many bytes some hex digits are, and how many bytes were expected."""
    half = " and a half" if digits % 2 else ""
    return f"{digits // 2} bytes{half}, expected {expected}"
