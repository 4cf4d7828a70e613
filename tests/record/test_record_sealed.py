"""A record opens only if its file is, bit for bit, what was signed."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_samples import FILES, NAME, WHEN, described, new_key, sealed

from labkit.errors import RecordError
from labkit.record.reading import LARGEST_METADATA, open_sealed
from labkit.record.seal.archive import METADATA, SIGNATURE, read_archive, write_archive
from labkit.record.seal.signature import check, read_public_key, sign

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY, PUBLIC = new_key()
OTHER, OTHER_PUBLIC = new_key()
WHOLE = sealed(KEY)
MESSAGE = read_archive(WHOLE).files[METADATA]
TEXT = read_archive(WHOLE).files[SIGNATURE]

ORDER = 2**252 + 27742317777372353535851937790883648493
"""The order of Ed25519's group. Source: RFC 8032, 5.1."""


def test_sealed_record_opens() -> None:
    """It gives name, time, files and the key's id; one of several keys is enough."""
    opened = open_sealed(WHOLE, [OTHER_PUBLIC, PUBLIC])
    assert (opened.name, opened.when, opened.key_id) == (NAME, WHEN, KEY.key_id)
    assert opened.files == FILES


def test_record_is_a_function_of_its_content() -> None:
    """Ed25519 is deterministic: signing twice gives the same bytes."""
    assert sealed(KEY) == WHOLE
    assert sealed(OTHER) != WHOLE


@pytest.mark.parametrize("keys", [[], [OTHER_PUBLIC]])
def test_other_key_opens_nothing(keys: list[str]) -> None:
    """The message has the id of the key that signed, and those that were expected."""
    with pytest.raises(RecordError, match=f"signed by the key {KEY.key_id}, expected"):
        open_sealed(WHOLE, keys)


def test_other_key_under_the_same_id_opens_nothing() -> None:
    """The key is verified, not only its id."""
    raw = bytearray(base64.b64decode(OTHER_PUBLIC.splitlines()[1]))
    raw[2:10] = base64.b64decode(PUBLIC.splitlines()[1])[2:10]
    with pytest.raises(RecordError, match="is not valid"):
        open_sealed(WHOLE, [base64.b64encode(raw).decode()])


def _opens(data: bytes) -> bool:
    try:
        open_sealed(data, [PUBLIC])
    except RecordError:
        return False
    return True


def _flipped(bit: int) -> bytes:
    damaged = bytearray(WHOLE)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


@given(st.integers(0, 8 * len(WHOLE) - 1))
@settings(max_examples=300, deadline=None)
def test_flipped_bit_is_refused(bit: int) -> None:
    """A flipped bit anywhere; the unchanged record opens."""
    assert not _opens(_flipped(bit))
    assert _opens(WHOLE)


@pytest.mark.slow
def test_every_flipped_bit_is_refused() -> None:
    """Each bit of the whole file, in turn."""
    assert [bit for bit in range(8 * len(WHOLE)) if _opens(_flipped(bit))] == []


@settings(deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=4), st.integers(0, 4))
def test_replaced_bytes_are_refused(at: int, raw: bytes, length: int) -> None:
    """Bytes inserted, removed or replaced anywhere."""
    edited = WHOLE[:at] + raw + WHOLE[at + length :]
    assert _opens(edited) == (edited == WHOLE)


def _resealed(edit: Callable[[dict[str, bytes]], object], name: str = NAME) -> bytes:
    """Return the record in a correct ZIP, with other files than were signed."""
    files = dict(read_archive(WHOLE).files)
    edit(files)
    return write_archive(name, files, WHEN)


LOG = "run/device/console.log"
EDITS: dict[str, tuple[str, Callable[[dict[str, bytes]], object]]] = {
    "added": (
        "run/x: the signed metadata does not",
        lambda f: f.update({"run/x": b""}),
    ),
    "removed": (f"'{LOG}': the file is missing", lambda f: f.pop(LOG)),
    "renamed": ("the file is missing", lambda f: f.update({"run/log": f.pop(LOG)})),
    "shorter": (f"{LOG}, contentSize: the signed", lambda f: f.update({LOG: b""})),
    "other": (f"{LOG}, sha256: the signed", lambda f: f.update({LOG: b"Hello world\r\n"})),
    "unsigned": (f"{SIGNATURE}: the file is missing", lambda f: f.pop(SIGNATURE)),
    "no metadata": (f"{METADATA}: the file is missing", lambda f: f.pop(METADATA)),
    "metadata": ("is not valid", lambda f: f.update({METADATA: f[METADATA] + b"\n"})),
}


@pytest.mark.parametrize("what", EDITS)
def test_other_files_than_were_signed_are_refused(what: str) -> None:
    """In a correct ZIP: the message has the file, what was expected and what it is."""
    message, edit = EDITS[what]
    with pytest.raises(RecordError, match=re.escape(message)):
        open_sealed(_resealed(edit), [PUBLIC])
    assert _opens(_resealed(lambda files: files))


def test_other_folder_or_time_is_refused() -> None:
    """The root folder's name and the entries' time are signed as well."""
    with pytest.raises(RecordError, match=f"the record's identifier: .*'{NAME}', got x"):
        open_sealed(_resealed(lambda files: files, name="x"), [PUBLIC])
    later = WHEN.replace(hour=13)
    with pytest.raises(RecordError, match="trusted comment: expected"):
        open_sealed(write_archive(NAME, read_archive(WHOLE).files, later), [PUBLIC])
    with pytest.raises(RecordError, match=r"dateModified: .* has '2026-11-25T12:34:56Z'"):
        open_sealed(sealed(KEY, described(), when=later), [PUBLIC])


NO_GRAPH, TWICE = "expected JSON with an @graph", "two objects have the same @id"
ENTITIES = described()["@graph"]
UNSEALABLE: dict[str, tuple[str, bytes]] = {
    "no graph": (NO_GRAPH, b"{}"),
    "list": (NO_GRAPH, b"[]"),
    "numbers": (NO_GRAPH, b'{"@graph": [1]}'),
    "no root": (NO_GRAPH, b'{"@graph": []}'),
    "root twice": (TWICE, json.dumps({"@graph": [*ENTITIES, ENTITIES[1]]}).encode()),
    "size as number": (
        "contentSize: the signed metadata has '13'",
        json.dumps({"@graph": ENTITIES}).replace('"13"', "13").encode(),
    ),
    "deep": (NO_GRAPH, b"[" * 10**6),
    "long text": (NO_GRAPH, b'"' + b'\\"' * 10**6),
    "long number": (NO_GRAPH, b"1" * 10**4),
    "no UTF-8": (NO_GRAPH, b"\xff"),
    "too large": ("expected at most", b" " * (LARGEST_METADATA + 1)),
}


@pytest.mark.parametrize("what", UNSEALABLE)
def test_signed_metadata_that_says_too_little_is_refused(what: str) -> None:
    """A signature over other metadata is refused, also over deep, long or broken JSON."""
    message, raw = UNSEALABLE[what]
    signed = {METADATA: raw, SIGNATURE: sign(raw, KEY, WHEN)}
    with pytest.raises(RecordError, match=re.escape(message)):
        open_sealed(write_archive(NAME, {**FILES, **signed}, WHEN), [PUBLIC])


def _written(text: bytes, number: int, line: bytes) -> bytes:
    lines = text.split(b"\n")
    lines[number] = line
    return b"\n".join(lines)


def _other_tail(line: bytes) -> bytes:
    """Return base64 of the same bytes with another unused bit."""
    body = line.rstrip(b"=")
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = letters[letters.index(body[-1:]) ^ 1 :][:1]
    return body[:-1] + other + line[len(body) :]


def _large_s(line: bytes) -> bytes:
    """Return a signature with the group's order added to s, which some verifiers accept."""
    raw = base64.b64decode(line)
    s = int.from_bytes(raw[-32:], "little") + ORDER
    return base64.b64encode(raw[:-32] + s.to_bytes(32, "little"))


LINES = TEXT.split(b"\n")
TEXTS = {
    "untrusted comment": _written(TEXT, 0, b"untrusted comment: other"),
    "trusted comment": _written(TEXT, 2, LINES[2].replace(b"12:34", b"12:35")),
    "no last line end": TEXT[:-1],
    "two line ends": TEXT + b"\n",
    "Windows": TEXT.replace(b"\n", b"\r\n"),
    "old Macintosh": TEXT.replace(b"\n", b"\r"),
    "base64's last bits": _written(TEXT, 1, _other_tail(LINES[1])),
    "global base64's last bits": _written(TEXT, 3, _other_tail(LINES[3])),
    "other algorithm": _written(TEXT, 1, base64.b64encode(b"Ed" + base64.b64decode(LINES[1])[2:])),
    "large number": _written(TEXT, 1, _large_s(LINES[1])),
    "large global number": _written(TEXT, 3, _large_s(LINES[3])),
    "other global": _written(TEXT, 3, sign(b"other", KEY, WHEN).split(b"\n")[3]),
    "other message": sign(b"other", KEY, WHEN),
    "other time": sign(MESSAGE, KEY, WHEN.replace(hour=13)),
    "nothing": b"",
    "much": TEXT * 1000,
    "not UTF-8": b"untrusted comment: \xff" + TEXT[19:],
}


@pytest.mark.parametrize("what", TEXTS)
def test_signature_written_otherwise_is_refused(what: str) -> None:
    """Also if minisign accepts it; the text that `sign` writes is accepted."""
    assert check(TEXT, MESSAGE, [PUBLIC], WHEN) == KEY.key_id
    with pytest.raises(RecordError, match="signature"):
        check(TEXTS[what], MESSAGE, [PUBLIC], WHEN)


def test_pure_signature_is_refused() -> None:
    """Minisign's older kind, which does not hash first, is valid but not labkit's."""
    trusted = LINES[2].removeprefix(b"trusted comment: ").decode()
    untrusted = LINES[0].removeprefix(b"untrusted comment: ").decode()
    comments = {"untrusted_comment": untrusted, "trusted_comment": trusted}
    assert bytes(KEY.secret.sign(MESSAGE, **comments)) + b"\n" == TEXT
    with pytest.raises(RecordError, match="not written as labkit writes it"):
        check(
            bytes(KEY.secret.sign(MESSAGE, prehash=False, **comments)) + b"\n",
            MESSAGE,
            [PUBLIC],
            WHEN,
        )


@settings(deadline=None)
@given(st.binary(max_size=600) | st.text(max_size=300).map(str.encode))
def test_any_signature_text_is_refused_without_another_error(text: bytes) -> None:
    """Reading other text gives a RecordError."""
    with pytest.raises(RecordError):
        check(text, MESSAGE, [PUBLIC], WHEN)


def test_public_key_is_read_as_a_file_or_as_its_second_line() -> None:
    """As `minisign -p` and `minisign -P` accept it."""
    whole, line = read_public_key(PUBLIC), read_public_key(PUBLIC.splitlines()[1])
    assert whole.key_id == line.key_id == KEY.key_id
    assert whole.comment == f"minisign public key {KEY.key_id}"
    assert check(TEXT, MESSAGE, [line.text], WHEN) == KEY.key_id


def test_a_comment_about_a_secret_key_is_only_a_comment() -> None:
    """The first line is not signed and can say anything; the key itself counts."""
    first, second = PUBLIC.splitlines()
    about = f"{first}, whose secret key is in the safe\n{second}\n"
    assert read_public_key(about).key_id == KEY.key_id


@pytest.mark.parametrize("begins", ["RWRTY0Iy", "RWQAAEIy"], ids=["encrypted", "plain"])
def test_a_secret_key_is_named_and_not_shown(begins: str) -> None:
    """Given for a public key, it is refused with the reason."""
    text = f"untrusted comment: minisign encrypted secret key\n{begins}{'A' * 204}\n"
    with pytest.raises(RecordError, match="got a secret key") as caught:
        read_public_key(text)
    assert "AAAA" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "RW", PUBLIC + PUBLIC, PUBLIC.replace("untrusted", "trusted"), PUBLIC.splitlines()[0],
     PUBLIC.splitlines()[1][:-1], PUBLIC * 100, "RWü", TEXT.decode()],
    ids=["nothing", "short", "two", "other comment", "comment alone", "cut", "long", "no ASCII",
         "signature"],
)  # fmt: skip
def test_other_public_key_is_refused(text: str) -> None:
    """The message has the expected format."""
    with pytest.raises(RecordError, match="public key in minisign's format"):
        read_public_key(text)


def _minisign(
    folder: Path, public: str, message: bytes = MESSAGE
) -> subprocess.CompletedProcess[str]:
    (folder / METADATA).write_bytes(message)
    (folder / SIGNATURE).write_bytes(TEXT)
    (folder / "key.pub").write_text(public)
    command = ["minisign", "-Vm", METADATA, "-p", "key.pub"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.needs("minisign")
def test_minisign_verifies_it(tmp_path: Path) -> None:
    """The real command accepts it, and refuses another key and a changed message."""
    verified = _minisign(tmp_path, PUBLIC)
    assert (verified.returncode, verified.stderr) == (0, "")
    assert f"signed 2026-11-25T12:34:56Z by key {KEY.key_id}" in verified.stdout
    other = _minisign(tmp_path, OTHER_PUBLIC)
    assert other.returncode == 1
    # minisign prints a key id without its leading zeros.
    assert KEY.key_id.lstrip("0") in other.stderr
    assert OTHER.key_id.lstrip("0") in other.stderr
    changed = _minisign(tmp_path, PUBLIC, MESSAGE + b" ")
    assert (changed.returncode, "failed" in changed.stderr) == (1, True)
