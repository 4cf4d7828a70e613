"""Damaged dumps: each is refused, and the message says where and what to do."""

from __future__ import annotations

import pytest
from console_shapes import HEADER, WARNING, dump, key, rows, text
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import console
from labkit.errors import ConsoleError, DumpError

KEY, OLD = key("new"), key("old")
OLDER_LOG = text(dump(OLD, "3 9 [iot_thread] "))
DIGITS = "0123456789abcdef"


def _refusal(lines: list[str], before: str = OLDER_LOG) -> DumpError:
    """Return the refusal of a dump that follows an older, whole one."""
    with pytest.raises(DumpError) as caught:
        console.parse(before + text(lines)).public_key()
    assert "capture the dump again" in str(caught.value) or "capture its console" in str(
        caught.value
    )
    return caught.value


@given(at=st.integers(0, 181), other=st.integers(1, 15))
@settings(max_examples=200, deadline=None)
def test_any_change_of_a_digit_is_refused(at: int, other: int) -> None:
    """Any digit to any other digit: the header, the unused bits or the curve says so."""
    digits = KEY.der.hex()
    changed = digits[:at] + format(int(digits[at], 16) ^ other, "x") + digits[at + 1 :]
    lines = [HEADER, *rows_of_hex(changed)]
    error = _refusal(lines)
    assert error.row == (at // 32 + 1 if at < 52 else error.row)


def rows_of_hex(digits: str) -> list[str]:
    """Put digits into rows as the firmware does."""
    pairs = bytes.fromhex(digits).hex(" ", -2)
    return [pairs[at : at + 40] for at in range(0, len(pairs), 40)]


def test_the_unused_bits_byte_is_checked() -> None:
    """OpenSSL accepts 01 there (182 flips, one accepted); here it names the byte."""
    digits = KEY.der.hex()
    error = _refusal([HEADER, *rows_of_hex(digits[:50] + "01" + digits[52:])])
    assert "row 2, byte 10: expected 00, got 01" in str(error)


@pytest.mark.parametrize("row", range(1, 7))
def test_a_lost_byte_names_its_row(row: int) -> None:
    """`row 4: 15 bytes, expected 16`, wherever in the row the byte was lost."""
    size = 11 if row == 6 else 16
    for at in range(0, len(rows(KEY)[row - 1]) - 1, 5):
        lines = dump(KEY)
        lines[row] = lines[row][:at] + lines[row][at + 2 :]
        error = _refusal([*lines, f"8 911 [IP-task] {WARNING}"])
        assert f"row {row}: {size - 1} bytes, expected {size}" in str(error)
        assert (error.row, error.received, error.declared, error.line) == (row, 90, 91, 8)


def test_a_short_row_is_counted_without_what_is_glued_to_it() -> None:
    """A message number after a short row is none of its digits."""
    lines = dump(KEY)
    lines[3] = f"{lines[3][:5]}{lines[3][7:]}16 917 [ETHER_RECEI] Heap: current 233772"
    assert "row 3: 15 bytes, expected 16" in str(_refusal(lines))


@given(row=st.integers(1, 6), at=st.integers(0, 38))
@settings(max_examples=100, deadline=None)
def test_a_lost_or_doubled_character_is_refused_or_harmless(row: int, at: int) -> None:
    """One character lost or printed twice: the right key (a blank), or a refusal."""
    for cut, kept in ((at + 1, at), (at, at + 1)):
        lines = dump(KEY)
        lines[row] = lines[row][:kept] + lines[row][cut:]
        try:
            assert console.parse(OLDER_LOG + text(lines)).public_key() == KEY
        except DumpError as error:
            assert error.declared == 91  # noqa: PT017 either outcome is right


@pytest.mark.parametrize("lost", range(1, 7))
def test_a_lost_row_is_missing(lost: int) -> None:
    """Five rows: how many of 91 bytes were received, and that a row is missing."""
    lines = dump(KEY)
    del lines[lost]
    error = _refusal([*lines, f"8 911 [IP-task] {WARNING}"])
    received = 80 if lost == 6 else 75
    assert f"got 5 rows, {received} of 91 bytes" in str(error)
    assert "missing" in str(error)
    assert "log queue" in str(error)
    assert error.received == received


@given(kept=st.sets(st.integers(0, 6)))
@settings(max_examples=128, deadline=None)
def test_any_lost_lines_are_refused(kept: set[int]) -> None:
    """Any set of lines that is not the six rows gives no key, unless nothing is left."""
    lines = [line for i, line in enumerate(dump(KEY, "7 910 [iot_thread] ")) if i in kept]
    log = console.parse(OLDER_LOG + text(lines))
    if kept >= set(range(1, 7)):
        assert log.public_key() == KEY
    elif kept:
        with pytest.raises(DumpError):
            log.public_key()


@given(order=st.permutations(range(6)))
@settings(max_examples=150, deadline=None)
def test_rows_in_another_order_are_refused(order: list[int]) -> None:
    """Swapped rows never make a key."""
    lines = [HEADER, *[rows(KEY)[i] for i in order]]
    log = console.parse(OLDER_LOG + text(lines))
    if order == sorted(order):
        assert log.public_key() == KEY
    else:
        with pytest.raises(DumpError):
            log.public_key()


@pytest.mark.parametrize("row", range(2, 6))
def test_a_repeated_row_is_refused(row: int) -> None:
    """A row twice: the count of rows no longer fits the declared length."""
    lines = dump(KEY)
    lines.insert(row, lines[row])
    _refusal(lines)


@pytest.mark.parametrize("at", range(7))
def test_a_log_that_ends_in_a_dump_says_so(at: int) -> None:
    """Cut off after any line, or inside any row: wait or copy all of it."""
    lines = dump(KEY)
    for end in (text(lines[:at]) + lines[at][:13], text(lines[: at + 1])[:-3]):
        if at == 0 or end.endswith(lines[6][-2:]):
            continue
        with pytest.raises(DumpError, match=r"ends inside the dump|expected 1[16]"):
            console.parse(OLDER_LOG + end).public_key()
    error = _refusal(lines[: min(at, 5) + 1])
    assert "the text ends inside the dump" in str(error)
    assert "Wait until the board has printed the dump" in str(error)


def test_a_wrong_digit_is_not_read_as_text() -> None:
    """A character that is no hex digit makes its row short."""
    for row in range(1, 7):
        lines = dump(KEY)
        lines[row] = lines[row][:12] + "?" + lines[row][13:]
        assert _refusal([*lines, f"8 911 [IP-task] {WARNING}"]).row == row


def test_no_message_holds_the_key() -> None:
    """What is shown of a damaged dump holds no row of it."""
    lines = dump(KEY)
    lines[5] = lines[5][2:]
    shown = str(_refusal(lines)) + repr(console.parse(text(lines)).newest)
    assert not any(group in shown for row in rows(KEY) for group in row.split())


@given(st.lists(st.sampled_from([*dump(KEY), *dump(OLD), WARNING, "", "1 2 [x] y"]), max_size=30))
@settings(max_examples=150, deadline=None)
def test_no_mixture_of_lines_makes_another_key(lines: list[str]) -> None:
    """Whatever is mixed, only a key that was dumped can come out."""
    try:
        assert console.parse(text(lines)).public_key() in (KEY, OLD)
    except ConsoleError as error:
        assert str(error)  # noqa: PT017 either outcome is right
