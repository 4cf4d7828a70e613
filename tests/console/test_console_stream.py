"""Streaming: any cut of the text gives the same, in memory that does not grow."""

from __future__ import annotations

import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from console_shapes import PRINTING, WARNING, boot_201910, boot_202107, dump, key, rows, text
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import console
from labkit.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY, OLD = key("new"), key("old")
LOG = (
    text(["boot \u00e9", "\x1b[1m..3 5 [a] x"], boot_202107(OLD, makes_pair=True), end="\r")
    + text(boot_202107(KEY, makes_pair=False))
    + text(["9 2000 [ETHER] \U0001f600", *rows(KEY)[4:]], end="\n")
).encode()


def _result(reader: console.Reader) -> tuple[object, ...]:
    found = reader.close()
    try:
        return found, found.public_key()
    except ConsoleError as error:
        return found, str(error)


def _in_pieces(data: bytes, sizes: list[int], *, every_line: bool) -> tuple[object, ...]:
    reader, events, at = console.Reader(every_line=every_line), [], 0
    for size in sizes:
        events += reader.feed(data[at : at + size])
        at += size
    events += reader.feed(data[at:])
    return events, *_result(reader)


@pytest.mark.parametrize("every_line", [True, False])
def test_byte_by_byte_is_the_same(*, every_line: bool) -> None:
    """Cut after every byte, also inside CRLF, a character and an escape sequence."""
    whole = _in_pieces(LOG, [], every_line=every_line)
    assert whole[-1] == KEY
    assert _in_pieces(LOG, [1] * len(LOG), every_line=every_line) == whole


FRAGMENTS = [
    *dump(KEY), *dump(OLD, "0 3 [] "), *boot_201910(OLD), PRINTING, WARNING, "", "\r", "\n", "\r\n",
    "12 345 [Tmr Svc] x", "5c16 17 [ETHER_RECEI] Heap", "0 1 [t] ", "\x1b[0m", "\x1b", "\t", "\0",
    "3059 3013", "> ", KEY.der.hex(), "TLS_Connect fail", " [", "5216 9 [", "\u00e9", "b" * 70_000,
]  # fmt: skip


@given(
    parts=st.lists(st.sampled_from(FRAGMENTS), max_size=25),
    end=st.sampled_from(["\r\n", "\n", "\r", ""]),
    sizes=st.lists(st.integers(0, 90), max_size=40),
    every_line=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_any_cut_is_the_same(
    parts: list[str], end: str, sizes: list[int], *, every_line: bool
) -> None:
    """Any text in any pieces gives the same events, dumps and verdict as at once."""
    data = end.join(parts).encode()
    whole = _in_pieces(data, [], every_line=every_line)
    assert _in_pieces(data, sizes, every_line=every_line) == whole
    # What passes lines quickly and what looks at each of them must agree.
    assert _in_pieces(data, [], every_line=not every_line)[1:] == whole[1:]
    assert console.parse(data) == whole[1]
    assert console.parse(data.decode()) == whole[1]


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_read(noise: bytes) -> None:
    """Noise never raises anything but the refusal, and never hides a dump after it."""
    with pytest.raises(ConsoleError):
        console.parse(noise).public_key()
    log = noise + b"\r\n" + text(dump(KEY)).encode()
    if noise[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        assert console.parse(log).public_key() == KEY


def test_an_event_comes_as_soon_as_its_line_ends() -> None:
    """The dump is known with the last row's CR, before anything else is printed."""
    reader = console.Reader()
    kinds = []
    for line in dump(KEY):
        kinds += [event.kind for event in reader.feed(f"{line}\r")]
    assert kinds == ["header", *["row"] * 6]
    assert reader.feed("\n8 911 [IP-task] Glued: 9 912 [a] Two\r\n")[-1].text == "Two"
    reader = console.Reader()
    *_, last = reader.feed(text(dump(KEY)))
    assert last.dump is not None
    assert last.dump.public_key() == KEY


def test_an_event_says_which_task_printed_what() -> None:
    """Glued pieces are events of their own, with number, tick and task."""
    lines = dump(KEY, "3 6 [iot_thread] ")
    lines[2] += "4 9 [ETHER_RECEI] Heap: current 233774"
    events = console.Reader().feed(text(lines))
    assert [(e.line, e.kind, e.number, e.tick, e.task) for e in events[:4]] == [
        (1, "header", 3, 6, "iot_thread"),
        (2, "row", None, None, None),
        (3, "row", None, None, None),
        (3, "text", 4, 9, "ETHER_RECEI"),
    ]
    assert str(events[3]) == "4 9 [ETHER_RECEI] Heap: current 233774"
    assert events[2].text == rows(KEY)[1].rstrip()


@pytest.mark.parametrize("prefix", ["7 910 [IP-task] ", ""])
@pytest.mark.parametrize(
    "message", ["8 911 [IP-task] Next", WARNING, PRINTING.split("\n", maxsplit=1)[0]]
)
def test_a_message_that_comes_after_the_rows_ends_a_damaged_dump(prefix: str, message: str) -> None:
    """The same task's next message, or what only follows a dump; another task's does not."""
    lines = [*dump(KEY, prefix)[:4], "8 911 [other] Between", "words"]
    *_, last = reader_events = console.Reader().feed(text([*lines, message]))
    assert not any(event.dump for event in reader_events[:-1])
    if prefix or "Next" not in message:
        assert last.dump is not None
        assert (last.dump.der, last.dump.rows) == (None, 3)
    else:
        assert last.dump is None


def test_a_closed_reader_takes_no_more() -> None:
    """Feeding after close is a mistake of the caller; closing twice gives the same."""
    reader = console.Reader()
    reader.feed(text(dump(KEY)))
    assert reader.close() == reader.close()
    with pytest.raises(ValueError, match="closed"):
        reader.feed("x")


def _noise(size: int) -> Iterator[bytes]:
    number = 0
    while size > 0:
        lines = [
            b"%d %d [ETHER_RECEI] Heap: current 2337%02d lowest 233248\r\n" % (n, 3 * n, n % 97)
            for n in range(number, number + 1000)
        ]
        number += 1000
        block = b"".join(lines)
        size -= len(block)
        yield block


def _with_dump(blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield from blocks
    yield text(boot_202107(KEY, makes_pair=False)).encode()


@pytest.mark.slow
@pytest.mark.parametrize(
    "blocks",
    [
        lambda: _noise(8_000_000),
        lambda: iter([b"x" * 1_000_000] * 20),
        lambda: iter([b"3059 3013 0607 2a86 " * 1000] * 10),
        lambda: iter([b"0 1 [] Device public key, 91 bytes:\n", *_noise(1_000_000)]),
        lambda: iter([b"1 2 [a] " * 10_000] * 10),
        lambda: iter([b"f" * 1_000_000] * 3),
    ],
    ids=["lines", "endless line", "endless rows", "header alone", "prefixes", "hex digits"],
)
def test_memory_does_not_grow(blocks: object) -> None:
    """Megabytes of anything, then a dump: right key, at most a few MB of memory."""
    assert callable(blocks)
    tracemalloc.start()
    try:
        found = console.parse(part for b in _with_dump(blocks()) for part in (b,))
        assert tracemalloc.get_traced_memory()[1] < 6_000_000
    finally:
        tracemalloc.stop()
    if found.dumps == 1:
        assert found.public_key() == KEY


@pytest.mark.slow
def test_a_log_of_100_mb_is_read_in_seconds() -> None:
    """100 MB, then a dump: within 20 s even on a busy machine (2 s on a quiet one)."""
    start = time.process_time()
    assert console.parse(_with_dump(_noise(100_000_000))).public_key() == KEY
    assert time.process_time() - start < 20
