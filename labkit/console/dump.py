"""Collect the rows of one public-key dump and check them.

Another task may print text right behind a row, without a line break. Only the declared length
separates the two, so rows have fixed sizes: five of 16 bytes and one of 11. The key's 26 header
bytes and the point on the curve are checked afterwards, so a row that was cut wrongly leads to an
error, never to a wrong key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from labkit.console.shapes import PREFIX
from labkit.errors import DumpError, PublicKeyError
from labkit.keys import DER_BYTES, SPKI_HEADER, PublicKey

ROW_BYTES = 16
ROW_SIZES = (ROW_BYTES,) * (DER_BYTES // ROW_BYTES) + (DER_BYTES % ROW_BYTES,)
"""The size in bytes of each row of a complete dump."""

_ROWS = len(ROW_SIZES)
_LAST_ROW_BYTES = ROW_SIZES[-1]

_AGAIN = (
    "Set keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR to 0, reset the board and capture the dump "
    "again"
)
_QUEUE = (
    "If rows are missing again, lengthen the board's log queue: the board drops messages when the "
    "queue is full"
)

_FLAGS = re.IGNORECASE | re.ASCII
_FULL_ROW = r"(?:[0-9a-f]{4} +){7}[0-9a-f]{4}(?![0-9a-f])"
_LAST_ROW = r"(?:[0-9a-f]{4} +){5}[0-9a-f]{2}"
# A timestamp's digits before the row are not its first group. Text without a line break may be
# right before the row.
_NOT_IN_A_WORD = r"(?<![0-9a-z.,:])"
# A row at the end of its line, after one word that looks like a group: a timestamp's year or zone.
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
# A row in which a character is not a hex digit, such as an O for a 0.
_ROW_SHAPED = {
    size: re.compile(rf"[\s>|]*({row}) *$".replace("0-9a-f", r"0-9a-z?\uFFFD"), re.IGNORECASE)
    for size, row in ((ROW_BYTES, _FULL_ROW), (_LAST_ROW_BYTES, _LAST_ROW))
}
_NOT_HEX = re.compile(r"[^0-9a-f\s]", _FLAGS)
_NOT_HEX_MOST = 4
"""With more such characters, the text is not a damaged row."""


@dataclass(frozen=True, slots=True, repr=False)
class Dump:
    """A public-key dump in console text, complete or damaged.

    Attributes:
        line: the line of its header, counted from 1; of its first row if the header is missing.
        boot: the boot that printed it, counted from 1; 0 if there are no message numbers.
        declared: the bytes that its header declares; 91 if the header is missing.
        received: the bytes received.
        rows: the rows received.
        der: 91 bytes, DER SubjectPublicKeyInfo, checked; None if the dump is damaged.
        generated: True if the board announced a new key pair before it. False if the release
            (202107.00 or later) announces new pairs, did not, and no message of that boot is
            missing. None if unknown: releases to 202012.01 never announce a pair, and print the
            dump for a new pair and for a missing certificate.
        problem: what is wrong and what to do, or None.
        problem_row: the damaged row, counted from 1, or None.
        characters: the characters of each row received, without blanks.
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
    characters: tuple[str, ...] = ()

    @property
    def hex_rows(self) -> tuple[str, ...]:
        """The six rows as in the documentation; empty if the dump is damaged."""
        return () if self.der is None else hex_rows(self.der)

    def public_key(self) -> PublicKey:
        """Return the key.

        Raises:
            DumpError: the dump is damaged. The message names the row.
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
        """Return one line: the line number, the bytes, the short fingerprint."""
        size = f"{self.received} of {self.declared} bytes"
        if self.der is None:
            return f"<Dump line {self.line}: damaged, {size}>"
        return f"<Dump line {self.line}: {size}, SHA-256 {self.public_key().short} …>"


def hex_rows(der: bytes) -> tuple[str, ...]:
    """Return a key's bytes as the console prints them: six rows, without blanks at their ends."""
    return tuple(der[at : at + ROW_BYTES].hex(" ", -2) for at in range(0, len(der), ROW_BYTES))


@dataclass(slots=True)
class _Row:
    """A row: its digits, and the expected number of digits."""

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
    """A dump that is not complete yet.

    Attributes:
        line: the line of its header or first row.
        boot: the boot that prints it.
        task: the task that prints it, or None.
        declared: the bytes that its header declares.
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
        """Whether all rows were received, intact or damaged."""
        if self.continuous:
            return self._digits_left() == 0
        return len(self._rows) == _ROWS

    @property
    def count(self) -> int:
        """The rows received."""
        return len(self._rows)

    def find(self, text: str, start: int) -> tuple[int, int] | None:
        """Find the next row's digits, or the rest of a damaged row.

        Returns:
            Start and end of the digits, or None if the text from `start` on has none.
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
        """Find a row in which a few characters are not hex digits."""
        match = _ROW_SHAPED[self._bytes_expected()].match(text, start)
        if match is None or not 0 < len(_NOT_HEX.findall(match[1])) <= _NOT_HEX_MOST:
            return None
        return match.span(1)

    def is_row(self, text: str) -> bool:
        """Whether a line is the next row and nothing else, the usual case."""
        pattern = _ROW_LINES[self._bytes_expected()]
        return not self.continuous and pattern.fullmatch(text) is not None

    def take(self, text: str) -> None:
        """Add a row that `find` found."""
        digits = "".join(text.split()).lower()
        expected = len(digits) if self.continuous else 2 * self._bytes_expected()
        self._rows.append(_Row(digits, expected))

    def _bytes_expected(self) -> int:
        return _LAST_ROW_BYTES if len(self._rows) >= _ROWS - 1 else ROW_BYTES

    def _digits_left(self) -> int:
        return 2 * DER_BYTES - sum(len(row.digits) for row in self._rows)

    def finish(self, *, log_ended: bool = False) -> Dump:
        """Check the rows received, and return the dump.

        Args:
            log_ended: whether the text ends here, so that rows may still follow.
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
            characters=tuple(each.digits for each in self._rows),
        )

    def _structural_problem(
        self, received: int, *, log_ended: bool
    ) -> tuple[int | None, str] | None:
        """Return the damaged row and the problem, or None if 91 bytes are in intact rows."""
        size = f"{_rows_text(len(self._rows))}, {received} of {DER_BYTES} bytes"
        if self.declared != DER_BYTES:
            return None, (
                f"the header declares {self.declared} bytes, expected {DER_BYTES} "
                f"(a P-256 key). The header line was damaged. {_AGAIN}."
            )
        if self._misses_a_middle_row():
            return None, f"got {size}: a row is missing. {_AGAIN}. {_QUEUE}."
        for number, row in enumerate(self._rows, start=1):
            if not row.fits:
                return number, f"row {number}: {_row_problem(row, size)} {_AGAIN}."
        if received < DER_BYTES:
            missing = len(self._rows) + 1
            if log_ended:
                return missing, (
                    f"the text ends inside the dump: got {size}, row {missing} is next. "
                    "Wait until the board has printed the dump, or copy all of it. If no more rows "
                    f"follow, they were lost. {_AGAIN}. {_QUEUE}."
                )
            where = f"row {missing} or one before it is" if self._rows else "all six are"
            return (
                missing,
                f"got {size}: {where} missing. {_AGAIN}. {_QUEUE}.",
            )
        return None

    def _misses_a_middle_row(self) -> bool:
        """Whether the last row received has the size of row 6 and comes earlier."""
        *earlier, last = self._rows or [_Row("", 0)]
        return (
            not self.continuous
            and len(self._rows) < _ROWS
            and len(last.digits) == 2 * _LAST_ROW_BYTES
            and all(row.fits for row in earlier)
        )


def _row_problem(row: _Row, size: str) -> str:
    if row.not_hex:
        changed = "A character was changed in the copy."
        return f"{row.not_hex!r} is not a hex digit (got {size}). {changed}"
    return (
        f"{wrong_size(len(row.digits), row.expected // 2)} (got {size}). "
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
            f"got {DER_BYTES} of {DER_BYTES} bytes, but rows 2 to {_ROWS} are not a point on the "
            "curve P-256: a digit was changed, or rows are swapped, repeated or missing. "
            f"{_AGAIN}."
        )
    return None


def _rows_text(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def wrong_size(digits: int, expected: int) -> str:
    """Return the size of some hex digits in bytes, and the expected size."""
    half = " and a half" if digits % 2 else ""
    return f"{digits // 2} bytes{half}, expected {expected}"
