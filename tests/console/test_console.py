"""Console text to the newest public key."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from console_shapes import (
    HEADER,
    PRINTING,
    WAITING,
    WARNING,
    boot_201910,
    boot_202107,
    boot_without_dump,
    dump,
    key,
    key_ending_in,
    rows,
    text,
)

from labkit import console, keys
from labkit.errors import DumpError, NoDumpError

if TYPE_CHECKING:
    from pathlib import Path

KEY, OLD = key("new"), key("old")
NOISE = "[ETHER_RECEI] Heap: current 233772 lowest 233248"

DOCUMENTED = """7 910 [IP-task] Device public key, 91 bytes:
3059 3013 0607 2a86 48ce 3d02 0106 082a
8648 ce3d 0301 0703 4200 04cd 6569 ceb8
1bb9 1e72 339f e8cf 60ef 0f9f b473 33ac
6f19 1813 6999 3fa0 c293 5fae 08f1 1ad0
41b7 345c e746 1046 228e 5a5f d787 d571
dcb2 4e8d 75b3 2586 e2cc 0c
"""


def _glued(at: int, what: str) -> str:
    lines = dump(KEY)
    lines[at] += what
    return text(lines)


def _between(line: str) -> str:
    return text([part for row in dump(KEY) for part in (row, line)])


SHAPES = {
    "as printed": text(dump(KEY)),
    "LF": text(dump(KEY), end="\n"),
    "CR": text(dump(KEY), end="\r"),
    "CR CR LF": text(dump(KEY), end="\r\r\n"),
    "no end of the last line": text(dump(KEY)).rstrip(),
    "no blanks at row ends": re.sub(" +\r", "\r", text(dump(KEY))),
    "blank line after the header": text(dump(KEY)[:1], [""], dump(KEY)[1:]),
    "blank line after every line": _between(""),
    "other tasks' lines between": _between(f"3 9 {NOISE}"),
    "ESP-IDF lines between": _between("E (3617) PKCS11: failed nvs get file size 4354 0"),
    "empty task name": text(dump(KEY, "0 313 [] ")),
    "no prefix": text(dump(KEY, "")),
    "glued row": _glued(2, f"8 910 {NOISE}"),
    "glued row, more blanks": _glued(4, f"   16 917 {NOISE}"),
    "glued last row": _glued(6, f"16 917 {NOISE}"),
    "glued last row, text": _glued(6, "E (3617) PKCS11: failed"),
    "every row glued": text(
        [dump(KEY)[0]], [f"{row}{8 + n} 910 {NOISE}" for n, row in enumerate(rows(KEY))]
    ),
    "two rows on one line": text(dump(KEY)[:3], ["".join(dump(KEY)[3:5])], dump(KEY)[5:]),
    "all on one line": " ".join(dump(KEY)),
    "progress dots": text([f"......{dump(KEY)[0]}", *rows(KEY)]),
    "text before a row": text(dump(KEY)[:2], [f"=======.{rows(KEY)[1]}"], rows(KEY)[2:]),
    "text that ends in hex before a row": text(
        dump(KEY)[:2], [f"ead{rows(KEY)[1]}"], rows(KEY)[2:]
    ),
    "prefix glued to the header": text(dump(KEY, "[INFO] [x.c:745] 7 270 [a] Up.8 270 [b] ")),
    "level prefixes": text(dump(KEY, "[INFO ][MQTT][94760] ")),
    "indented": text([f"    {line}" for line in dump(KEY)]),
    "tabs": text(
        [f"\t{line}".replace(" ", "\t") if i else line for i, line in enumerate(dump(KEY))]
    ),
    "no-break spaces": text(dump(KEY)).replace(" ", "\u00a0"),
    "quoted": text([f"> {line}" for line in dump(KEY)]),
    "quoted twice": text([f"> > {line}" for line in dump(KEY)]),
    "upper case": text(dump(KEY)).upper(),
    "terminal time": text([f"[2026-05-01 10:11:12.345] {line}" for line in dump(KEY)]),
    "terminal time, digits last": text([f"10:11:12.345678 {line}" for line in dump(KEY)]),
    "terminal time, arrow": text([f"10:11:12.345 -> {line}" for line in dump(KEY)]),
    "colours": text([f"\x1b[0;32m{line}\x1b[0m" for line in dump(KEY)]),
    "colours inside": text([line.replace(" ", " \x1b[1m", 3) for line in dump(KEY)]),
    "rows alone": text(rows(KEY)),
    "rows alone, no blanks": text([row.replace(" ", "") for row in rows(KEY)]),
    "xxd -ps": text([KEY.der.hex()[at : at + 60] for at in range(0, 182, 60)]),
    "hex in one line": KEY.der.hex(),
    "hex in one line, upper": KEY.der.hex().upper(),
    "header then hex in one line": f"{HEADER}\r\n{KEY.der.hex()}\r\n",
    "timestamps that end in the year": text([f"Mon Nov 3 22:24:55 2026 {r}" for r in dump(KEY)]),
    "timestamps with a zone": text([f"22:24:55+0100 {row}" for row in dump(KEY)]),
    "header garbled": text(dump(KEY)).replace("Device", "D?v"),
    "header unreadable": text(["D?v~ce p#bl c", *rows(KEY)]),
    "double paste": text(dump(KEY), dump(KEY)),
    "double paste of rows": text(rows(KEY), rows(KEY)),
    "part of it pasted again": text(dump(KEY), rows(KEY)[3:]),
    "junk after": text(dump(KEY), ["cafe", "~~~ 12 34", "some words"]),
    "junk before": text(["beef", "dead beef", "\0\0\0"], dump(KEY)),
    "older dump before": text(dump(OLD), dump(KEY)),
    "older damaged dump before": text(dump(OLD)[:4], dump(KEY)),
    "cut dump, then rows alone": text(dump(OLD)[:4], rows(KEY)),
    "older dump without header before": text(rows(OLD), dump(KEY)),
    "newer dump without header": text(dump(OLD), rows(KEY)),
    "two boots 202107": text(boot_202107(OLD, makes_pair=True), boot_202107(KEY, makes_pair=True)),
    "two boots 201910": text(boot_201910(OLD), boot_201910(KEY)),
    "boots without dump after 201910": text(boot_201910(KEY), boot_without_dump()),
    "waiting, reset, dump": text([f"0 1 [t] {WAITING}"], boot_202107(KEY, makes_pair=False)),
    "no private key, then made": text(["ERROR: Private key not found. "], boot_201910(KEY)),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_gives_the_newest_key(shape: str) -> None:
    """Whatever a terminal makes of a dump, the newest key comes out, from str and from bytes."""
    assert console.parse(shape).public_key() == KEY
    assert console.parse(shape.encode()).public_key() == KEY


@pytest.mark.parametrize("last_byte", [0x5C, 0x16, 0x99, 0x00])
@pytest.mark.parametrize("number", [0, 1, 6, 16, 99, 1616, 5316])
def test_the_declared_length_parts_the_last_byte_from_a_message_number(
    last_byte: int, number: int
) -> None:
    """`5c16 17 [ETHER_RECEI]` is data byte 5c and message 16, whatever the two are."""
    of = key_ending_in(last_byte)
    lines = dump(of, f"{max(number - 1, 0)} 5 [iot_thread] ")
    lines[6] += f"{number} 17 {NOISE}"
    assert console.parse(text(lines)).public_key() == of


def test_bytes_that_are_not_utf8_do_no_harm() -> None:
    """Line noise between and after rows is skipped; inside a row it is damage."""
    lines = [line.encode() for line in dump(KEY)]
    assert console.parse(b"\xff\xfe\xb3\r\n".join([b"\x80", *lines, b"\xc3"])).public_key() == KEY
    lines[3] = lines[3][:10] + b"\xff" + lines[3][11:]
    with pytest.raises(DumpError, match="row 3"):
        console.parse(b"\r\n".join(lines)).public_key()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_the_encoding(encoding: str) -> None:
    """A log that a Windows tool wrote as UTF-16 reads like any other."""
    assert console.parse(text(dump(KEY)).encode(encoding)).public_key() == KEY


OUTDATED = {
    "waiting after": ([f"9 1 [t] {WAITING}"], "generates a new key pair"),
    "waiting in a new boot": ([f"0 1 [t] {WAITING}"], "generates a new key pair"),
    "announced, all rows lost": ([f"0 1 [t] {PRINTING}"], "no dump follows"),
    "warned in a new boot": ([f"0 1 [t] {WARNING}"], "the dump for this warning is missing"),
    "key import failed": (
        ["0 1 [t] ERROR: Failed to provision device private key with status 7."],
        "no longer has a private key",
    ),
    "no private key": (["9 9 [t] ERROR: Private key not found. "], "no longer has a private key"),
    "boot without dump": (boot_without_dump(), "did not print its public key"),
    "header only": ([f"0 1 [t] {HEADER}"], "0 of 91 bytes"),
    "garbled header only": (["0 1 [t] Dev~~e publ?c key, 91 bytes:"], "0 of 91 bytes"),
    "header and two rows": (dump(KEY)[:3], "2 rows, 32 of 91 bytes"),
    "rows from the second on": (rows(KEY)[1:], "without the beginning of the dump"),
    "only a last row": (rows(KEY)[5:], "without the beginning of the dump"),
    "first row": (rows(KEY)[:1], "1 row, 16 of 91 bytes"),
    "a lost row": (dump(KEY)[:3] + dump(KEY)[4:], "got 5 rows, 75 of 91 bytes: a row is missing"),
    "another length": ([line.replace("91", "19") for line in dump(KEY)], "declares 19 bytes"),
    "a length of eight digits": (
        [r.replace("91", "99999999") for r in dump(KEY)],
        "99999999 bytes",
    ),
    "half of hex in one line": ([KEY.der.hex()[:100]], "50 of 91 bytes"),
}


@pytest.mark.parametrize(("after", "message"), OUTDATED.values(), ids=OUTDATED.keys())
def test_an_older_key_is_never_given_for_a_newer_one(after: list[str], message: str) -> None:
    """What follows a whole dump says that it is out of date: an error, not the old key."""
    before = boot_202107(OLD, makes_pair=False)
    assert console.parse(text(before)).public_key() == OLD
    for end in ([], ["8 99 [other] more"] * 3):
        with pytest.raises(DumpError, match=message):
            console.parse(text(before, after, end)).public_key()


def test_an_unprefixed_warning_after_201910_announces_another_dump() -> None:
    """Warning, dump, Warning: in the old order, the second dump is missing."""
    with pytest.raises(DumpError, match="missing"):
        console.parse(text([WARNING], dump(OLD, ""), [WARNING])).public_key()
    again = [PRINTING, *dump(KEY, ""), WARNING]
    assert console.parse(text(again, again)).public_key() == KEY


@pytest.mark.parametrize(
    ("log", "generated"),
    [
        (boot_202107(KEY, makes_pair=True), True),
        (boot_202107(KEY, makes_pair=False), False),
        (boot_202107(KEY, makes_pair=True)[2:], None),
        (boot_201910(KEY), None),
        (rows(KEY), None),
        ([WAITING, *PRINTING.split("\n"), *dump(KEY, "")], True),
        ([*PRINTING.split("\n"), *dump(KEY, "")], None),
        (boot_202107(OLD, makes_pair=True) + boot_202107(KEY, makes_pair=False), False),
        ([f"0 1 [t] {WAITING}", *boot_202107(KEY, makes_pair=False)], False),
        ([f"0 1 [a] :8883.1 2 [a] :88832 3 [t] {PRINTING}", *dump(KEY, "3 3 [t] ")], False),
        ([f"0 1 [a] x:8883.2 3 [t] {PRINTING}", *dump(KEY, "3 3 [t] ")], None),
    ],
    ids=["announced", "not announced", "start cut off", "201910", "rows", "no numbers, announced",
         "no numbers, not announced", "earlier boot announced", "reset while waiting",
         "glued numbers", "a message lost"],
)  # fmt: skip
def test_generated_is_said_only_where_it_is_known(log: list[str], generated: bool | None) -> None:
    """Only `Waiting for` proves a new key; only its absence in a whole boot disproves it."""
    newest = console.parse(text(log)).newest
    assert newest is not None
    assert newest.public_key() == KEY
    assert newest.generated is generated


def test_what_a_console_says_of_itself() -> None:
    """Counts, notes and the secure element's recommended subject name."""
    log = console.parse(text(boot_201910(OLD), boot_201910(KEY, subject="0123AB")))
    assert (log.dumps, log.boots, log.recommended_subject) == (2, 2, "0123AB")
    assert log.notes == (
        "2 dumps; the newest, line 12, counts",
        "it holds another key than the dump before it, line 2",
        "2 boots",
    )
    newest = log.newest
    assert newest is not None
    assert (newest.line, newest.rows, newest.received, newest.declared) == (12, 6, 91, 91)
    assert newest.hex_rows == tuple(row.rstrip() for row in rows(KEY))
    assert repr(newest) == f"<Dump line 12: 91 of 91 bytes, SHA-256 {KEY.short} …>"


def test_a_digit_lost_in_a_prefix_is_no_boot() -> None:
    """A boot sets message number and ticks back; a garbled one of them alone does not."""
    lines = [f"{n} {1000 + n} [t] x" for n in range(30)]
    lines[20] = "20 12 [t] x"
    lines[25] = "5 1025 [t] x"
    assert console.parse(text(lines)).boots == 1
    assert console.parse(text(lines, lines[:3])).boots == 2
    assert console.parse(text(lines, lines[1:4])).boots == 2


def test_nothing_there_is_said() -> None:
    """No dump: the message says what was looked for and what to do."""
    for nothing in ("", "\n", text(boot_without_dump()), b"\xff"):
        with pytest.raises(NoDumpError, match=r"six rows.*GENERATE_NEW_KEY_PAIR to 1"):
            console.parse(nothing).public_key()
    with pytest.raises(NoDumpError, match=r"line 1: .*generates a new key pair.*Wait"):
        console.parse(WAITING).public_key()


@pytest.mark.needs("xxd")
@pytest.mark.needs("openssl")
def test_the_documented_dump_gives_what_xxd_and_openssl_make_of_it(tmp_path: Path) -> None:
    """The documentation's six lines: same 91 bytes as xxd, same PEM as openssl."""
    public_key = console.parse(DOCUMENTED).public_key()
    ascii_hex, der = tmp_path / "DevicePublicKeyAsciiHex.txt", tmp_path / "DevicePublicKeyDer.bin"
    ascii_hex.write_text(DOCUMENTED.split("\n", 1)[1])
    xxd, openssl = shutil.which("xxd"), shutil.which("openssl")
    subprocess.run([str(xxd), "-r", "-ps", ascii_hex, der], check=True)
    assert der.read_bytes() == public_key.der
    shown = subprocess.run(
        [str(openssl), "ec", "-inform", "der", "-in", der, "-pubin", "-pubout", "-outform", "pem"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert shown.stdout == public_key.pem
    assert console.parse(ascii_hex.read_bytes()).public_key() == public_key
    assert public_key.sha256 == keys.sha256_fingerprint(der.read_bytes())
