"""A console log as lines to look at: how each is explained, and what must never be shown."""

from __future__ import annotations

import pytest
from board_bench import private_pem
from console_shapes import HEADER, boot_202107, dump, key, rows, text
from hypothesis import given
from hypothesis import strategies as st
from secret_traces import traces

from labkit.console import parse
from labkit.console.view import ABOUT_KEYS, Filter, FilteredLog, LogView
from labkit.errors import NoDumpError
from labkit.support.seeding import Randomness

BOOT = text(boot_202107(key(), makes_pair=True))
SECRET = Randomness("console view").ec_key("device", "key pair")
PEMS = {form: private_pem(SECRET, form) for form in ("PKCS8", "TraditionalOpenSSL")}


def view_of(log: str | bytes, step: int = 1 << 20) -> LogView:
    """Return the view of a log that comes in pieces."""
    raw = log.encode() if isinstance(log, str) else log
    view = LogView()
    for at in range(0, len(raw), step):
        view.feed(raw[at : at + step])
    return view


def shown(view: LogView) -> str:
    """Return all that a view would show."""
    return "\n".join(line.text for line in view.lines)


def found(view: LogView, **fields: str) -> FilteredLog:
    """Return the lines that a filter accepts."""
    answer = FilteredLog(view, Filter(**fields))
    answer.update()
    return answer


# Rows and the verdict


def test_rows_are_numbered_as_they_come() -> None:
    """Each row says which it is and that it is whole, the header how many bytes it declares."""
    notes = [line.note for line in view_of(BOOT).lines if line.note]
    assert notes == ["declares 91 bytes", *(f"row {n} of 6: whole" for n in range(1, 7))]


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        (rows(key())[2], rows(key())[2][:-3], "row 3 of 6: 15 bytes, expected 16"),
        (rows(key())[2], rows(key())[2][:-2], "row 3 of 6: 15 bytes and a half, expected 16"),
        (rows(key())[0], rows(key())[0].replace("0", "O", 1), "row 1 of 6: not all hex"),
        ("91 bytes", "19 bytes", "declares 19 bytes, expected 91"),
    ],
)
def test_a_damaged_row_says_how(old: str, new: str, note: str) -> None:
    """A short row, a wrong digit and a wrong length are seen where they stand."""
    view = view_of(text([f"7 910 [IP-task] {HEADER}", *rows(key())]).replace(old, new))
    assert note in [line.note for line in view.lines]
    assert view.verdict().word == "damaged"


def test_the_verdict_is_what_the_parser_says() -> None:
    """A whole dump has the key's fingerprint; a log without one has the parser's own words."""
    verdict = view_of(BOOT).verdict()
    assert verdict.word == "whole"
    assert f"91 of 91 bytes, SHA-256 {key().short} …" in verdict.text
    nothing = "0 1 [a] b\r\n"
    with pytest.raises(NoDumpError) as caught:
        parse(nothing).public_key()
    assert (view_of(nothing).verdict().word, view_of(nothing).verdict().text) == (
        "no dump",
        str(caught.value),
    )


def test_the_verdict_does_not_end_the_reading() -> None:
    """One may ask after each piece; rows go on to be counted, and the end is the same."""
    view = LogView()
    words = []
    for line in text(dump(key())).splitlines(keepends=True):
        view.feed(line.encode())
        words.append(view.verdict().word)
    assert words == ["damaged"] * 6 + ["whole"]


@given(st.integers(min_value=1, max_value=40))
def test_pieces_change_nothing(step: int) -> None:
    """However a log is cut, its lines and offsets are the same."""
    whole, cut = view_of(BOOT), view_of(BOOT, step)
    assert cut.lines == whole.lines
    raw = BOOT.encode()
    for line in cut.lines:
        at = cut.offset(line.line)
        assert at == 0 or raw[at - 1 : at] == b"\n"
        assert raw[at:].decode().startswith(line.text[:20])


# What must not be shown


@pytest.mark.parametrize("form", PEMS)
@pytest.mark.parametrize("way", ["plain", "prefixed", "literal", "one line", "coloured", "glued"])
def test_a_private_key_is_not_shown(form: str, way: str) -> None:
    """However a log holds a private key in PEM, no line of it is kept to be shown or found."""
    lines = PEMS[form].strip().split("\n")
    log = {
        "plain": text(lines),
        "prefixed": text([f"{n} {n} [a] {line}" for n, line in enumerate(lines)]),
        "literal": text([f'"{line}\\n" \\' for line in lines]),
        "one line": text(["0 1 [a] key=" + "\\n".join(lines)]),
        "coloured": text([f"\x1b[32m{line}\x1b[0m" for line in lines]),
        "glued": text([*lines[:-2], lines[-2] + lines[-1]]),
    }[way]
    view = view_of(f"{log}5 5 [a] after\r\n")
    output = shown(view).encode()
    assert not any(trace in output for trace in traces(SECRET))
    assert not any(line in shown(view) for line in lines[1:-1])
    assert "(not shown)" in shown(view)
    assert view.lines[-1].text == "5 5 [a] after"
    assert found(view, search=lines[1][10:20]).hits == 0


def test_a_key_without_an_end_does_not_hide_the_log() -> None:
    """A block whose END was lost hides what a key could be, and not all that comes."""
    lines = PEMS["PKCS8"].split("\n")[:2] + ["nothing"] * 400
    view = view_of(text(lines))
    assert view.lines[-1].text == "nothing"
    assert view.lines[1].text.strip() == "(not shown)"


def test_certificates_and_public_keys_are_shown() -> None:
    """The twin: what is no private key is left as it is."""
    lines = ["-----BEGIN " + "CERTIFICATE-----", "QUJD" * 16, "-----END CERTIFICATE-----"]
    assert shown(view_of(text(lines))).split("\n") == lines


def test_control_characters_are_made_visible() -> None:
    """Escape codes go, and what is left of broken ones can do nothing."""
    view = view_of("\x1b[31mred\x1b[0m \x1b[3 \x07 \u009b31m \u202eabc\r\n")
    assert view.lines[0].text == "red ␛[3 ␇ �31m �abc"


# Filter and search


LOG = text(
    boot_202107(key(), makes_pair=True),
    ["7 2000 [net] [ERROR] No route", "8 2001 [net] [INFO] again", "E (3) wifi: no route"],
)


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({}, 16),
        ({"kind": "row"}, 6),
        ({"kind": ABOUT_KEYS}, 11),
        ({"kind": "waiting"}, 1),
    ],
)
def test_filters(asked: dict[str, str], count: int) -> None:
    """A kind leaves out the lines of other kinds."""
    assert found(view_of(LOG), **asked).count == count


def test_a_search_counts_lines() -> None:
    """A search leaves none out; it counts the lines, whatever their letters' size."""
    answer = found(view_of(LOG), search="NO ROUTE")
    assert (answer.count, answer.hits) == (16, 2)
    assert answer.view.lines[answer.place_of_hit(0)].text.endswith("No route")
    assert found(view_of(LOG), search="(no|route").hits == 0


def test_a_window_says_what_it_leaves_out() -> None:
    """The last lines, those around a place, and what is before and after; all add up."""
    answer = found(view_of(LOG))
    last = answer.window(5, middle=None)
    assert (len(last.lines), last.before, last.after) == (5, 11, 0)
    assert last.lines[-1].text == "E (3) wifi: no route"
    around = answer.window(5, middle=8)
    assert (len(around.lines), around.before, around.after) == (5, 6, 5)
    assert answer.window(5, middle=0).before == 0
    assert answer.window(100, middle=None).before == 0
