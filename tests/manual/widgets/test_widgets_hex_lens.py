"""The hex lens: every byte has its field, damage is marked in place, and no secret is shown."""

from __future__ import annotations

import re

import pytest
from console_shapes import key, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import console, keys
from labkit.console.rows import dump_rows, sure_fields
from labkit.errors import LabError, PublicKeyError
from labkit.manual import widgets

KEY = key("new")
ROWS = [row.rstrip() for row in rows(KEY)]


def dump(*lines: str) -> console.Dump:
    """Return the newest dump of rows under a header."""
    return console.parse("Device public key, 91 bytes:\n" + "\n".join(lines) + "\n").newest


def words(*lines: str) -> list[str]:
    """Return the verdict on each row."""
    return [row.word for row in dump_rows(dump(*lines))]


DAMAGES = {
    "short": ([*ROWS[:3], ROWS[3][:-1], *ROWS[4:]], 4, "short", "15 bytes and a half, expected 16"),
    "long": ([*ROWS[:2], ROWS[2] + "99", *ROWS[3:]], 3, "long", "expected 16"),
    "not hex": ([*ROWS[:4], "O" + ROWS[4][1:], ROWS[5]], 5, "not hex", "'o' is not a hex digit"),
    "last not hex": ([*ROWS[:5], ROWS[5][:-1] + "g"], 6, "not hex", "'g' is not a hex digit"),
    "changed": ([ROWS[0][:8] + "4" + ROWS[0][9:], *ROWS[1:]], 1, "changed", "byte 4: expected 13"),
    "repeated": ([*ROWS[:3], ROWS[2], *ROWS[4:]], 4, "repeated", "the same as row 3"),
    "no first row": (ROWS[1:], 1, "out of order", "this is row 2"),
    "no second row": ([ROWS[0], *ROWS[2:]], 2, "out of order", "row 2 begins 8648 ce3d"),
    "no third row": ([*ROWS[:2], *ROWS[3:]], 5, "out of order", "11 bytes, as row 6 has"),
    "cut off": (ROWS[:4], 5, "missing", "was not received"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_row_is_marked_in_place_with_a_word(name: str) -> None:
    """The row has the word, in text and picture, and the panel has the error's message."""
    lines, row, word, note = DAMAGES[name]
    damaged = dump(*lines)
    found = dump_rows(damaged)[row - 1]
    assert found.word == word
    assert note in found.note
    panel = widgets.hex_lens(damaged)
    assert re.search(rf"^row {row} .*{word}: ", repr(panel), re.MULTILINE)
    with pytest.raises(LabError) as error:
        damaged.public_key()
    assert str(error.value) in repr(panel)
    for live in (True, False):
        assert f'<span class="bad">{word}</span>' in panel.html(live=live)
        assert str(error.value).split("'")[0] in panel.html(live=live)


def test_a_whole_dump_has_six_good_rows() -> None:
    """The twin of the damages: nothing is marked, and the text is annotate's table alone."""
    assert words(*ROWS) == ["good"] * 6
    assert repr(widgets.hex_lens(dump(*ROWS))) == repr(keys.annotate(KEY.der))
    assert "bad" not in widgets.hex_lens(dump(*ROWS)).html(live=True)


def test_swapped_rows_of_the_point_are_in_doubt() -> None:
    """Swapped rows of the point cannot be told apart; the first row is still good."""
    assert words(*ROWS[:2], ROWS[3], ROWS[2], *ROWS[4:]) == ["good", *["in doubt"] * 5]


def test_no_field_is_claimed_where_no_place_is_sure() -> None:
    """After a short fourth row, the fields end with the third: 21 of x's 32 bytes."""
    rows_ = dump_rows(dump(*DAMAGES["short"][0]))
    fields = sure_fields(rows_)
    assert sum(field.size for field in fields) == 48
    assert fields[-1].meaning == "21 of its 32 bytes are certain"
    assert [row.offset for row in rows_] == [0, 16, 32, None, None, None]


def test_a_continuous_dump_is_cut_into_rows() -> None:
    """What `xxd -ps` writes has rows of its own; the lens shows the console's."""
    changed = KEY.der.hex()[:-1] + ("0" if KEY.der.hex()[-1] != "0" else "1")
    found = dump_rows(console.parse(changed + "\n").newest)
    assert [len(row.characters) for row in found] == [32] * 5 + [22]


@given(at=st.integers(0, 181), letter=st.sampled_from("ghOlzZ"))
@settings(max_examples=60, deadline=None)
def test_a_character_that_is_no_digit_is_found_wherever_it_stands(at: int, letter: str) -> None:
    """One wrong letter anywhere: never a key, and its row is the one that is marked."""
    digits = KEY.der.hex()
    wrong = digits[:at] + letter + digits[at + 1 :]
    lines = [
        " ".join(wrong[a : a + 32][b : b + 4] for b in range(0, len(wrong[a : a + 32]), 4))
        for a in range(0, len(wrong), 32)
    ]
    damaged = dump(*lines)
    if damaged is None:  # without a header, only the first row identifies a dump
        return
    assert damaged.der is None
    assert dump_rows(damaged)[at // 32].word == "not hex"


def test_pointing_lights_a_byte_and_its_field() -> None:
    """Each of the 91 bytes has the part of its field, and the lists are one Tab stop each."""
    html = widgets.hex_lens(KEY).html(live=True)
    parts = re.findall(r'<td[^>]* data-part="f(\d)">[0-9a-f]{2}</td>', html)
    sizes = [field.size for field in keys.annotate(KEY.der)]
    assert [parts.count(str(number)) for number in range(len(sizes))] == sizes
    assert html.count('tabindex="0"') == 2
    assert 'data-walk="16"' in html


def test_the_twin_has_all_the_bytes_and_nothing_to_press() -> None:
    """The stored twin says what the view says, without its keys."""
    html = widgets.hex_lens(KEY).html(live=False)
    assert (
        "".join(re.findall(r">([0-9a-f]{2})</td>", html.partition("lk-fields")[0])) == KEY.der.hex()
    )
    assert "tabindex" not in html
    for field in keys.annotate(KEY.der):
        assert field.meaning in html


@pytest.mark.parametrize("at", [3, 25, 26])
def test_a_changed_byte_of_the_header_is_shown_as_wrong(at: int) -> None:
    """The field has the expected value, and the error's message is shown."""
    der = KEY.der[:at] + bytes([KEY.der[at] ^ 1]) + KEY.der[at + 1 :]
    text = repr(widgets.hex_lens(der))
    assert "WRONG, expected" in text
    assert f"byte {at} (" in text


def test_a_point_beside_the_curve_is_said() -> None:
    """A changed last byte is no field's fault; the message names bytes 27 to 90."""
    text = repr(widgets.hex_lens(KEY.der[:-1] + bytes([KEY.der[-1] ^ 1])))
    assert "bytes 27 to 90 are not a point" in text
    assert "not a point" not in repr(widgets.hex_lens(KEY))


@pytest.mark.parametrize("der", [b"", b"hello", KEY.der[:-1], KEY.der + b"\0"])
def test_only_91_bytes_are_shown(der: bytes) -> None:
    """Any other number of bytes is refused."""
    with pytest.raises(PublicKeyError, match=f"expected 91 bytes .*, got {len(der)}"):
        widgets.hex_lens(der)


@given(st.binary(max_size=200) | st.binary(min_size=91, max_size=91))
@settings(max_examples=100, deadline=None)
def test_any_bytes_end_in_a_picture_or_a_lab_error(der: bytes) -> None:
    """No bytes end in another exception."""
    try:
        assert widgets.hex_lens(der).html(live=True)
    except LabError as error:
        assert str(error)  # noqa: PT017 both outcomes are right
