"""The secret scan finds private keys in every place and format, and nothing else."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from secret_forms import FORMS, KEY, NOT_SECRET, SECRET

from labkit.record.scan import decoding
from labkit.record.scan.scanning import find

if TYPE_CHECKING:
    import pytest


def kinds(name: str, content: bytes) -> set[str]:
    """Return the kinds of secrets that are found in a file, by their first words."""
    return {each.kind.partition(" (")[0] for each in find({name: content, "b.txt": b"nothing"})}


def in_every_form(ders: dict[str, bytes]) -> dict[tuple[str, str], set[str]]:
    """Return the kinds that are found for each DER in each format."""
    return {
        (form, label): kinds(*FORMS[form](der, label.rpartition("'s ")[2]))
        for form in FORMS
        for label, der in ders.items()
    }


def test_a_private_key_is_found() -> None:
    """Each kind of private key, in each format."""
    found = in_every_form(SECRET)
    assert {where: what for where, what in found.items() if what != {"private key"}} == {}
    assert len(found) > 200


def test_public_data_is_not_found() -> None:
    """Public keys, certificates, requests and random bytes, in the same formats."""
    found = in_every_form(NOT_SECRET)
    assert {where: what for where, what in found.items() if what} == {}
    assert len(found) > 200


# Any key, anywhere

LINES = st.text(st.sampled_from("abcdef0123456789 ABGHXYZxyz+/=-_.,;()[]"), max_size=80)
SURROUNDING = st.lists(LINES, max_size=6).map(lambda lines: "".join(f"{line}\n" for line in lines))
SCALARS = st.integers(1, 2**250)
TEXT_FORMS = sorted(form for form in FORMS if not FORMS[form](b"0", "A")[0].endswith(".ipynb"))


def key_pair(scalar: int) -> tuple[bytes, bytes]:
    """Return a key's private DER and its public DER."""
    key = ec.derive_private_key(scalar, ec.SECP256R1())
    old = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = key.public_key()
    return old, public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@settings(max_examples=300, deadline=None)
@given(SCALARS, st.sampled_from(TEXT_FORMS), SURROUNDING, SURROUNDING)
def test_any_key_in_any_surrounding(scalar: int, form: str, before: str, after: str) -> None:
    """Whatever is in the lines before and after; the public key is not found there."""
    private, public = key_pair(scalar)
    for der, label, expected in ((private, "EC " + KEY, True), (public, "PUBLIC KEY", False)):
        name, content = FORMS[form](der, label)
        if form == "PEM in UTF-16":
            content = content.decode("utf-16").encode()
        found = find({name: before.encode() + content + b"\n" + after.encode()})
        assert bool(found) is expected, found


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=3000))
def test_bytes_of_any_kind_are_searched(content: bytes) -> None:
    """The search never fails."""
    assert isinstance(find({"a.h": content, "b.ipynb": content}), list)
    assert find({"a.bin": content + key_pair(7)[0]}) != []


# What a record holds


def test_the_pages_and_trees_of_the_manual_hold_none() -> None:
    """Every page and header, except for the page with an example of a Wi-Fi password."""
    root = Path(__file__).resolve().parents[2]
    paths = [*(root / "notebooks").glob("*.ipynb"), *(root / "labkit/bench/trees").rglob("*.[ch]")]
    found = find({path.name: path.read_bytes() for path in paths})
    assert {(each.file, each.kind) for each in found} == {
        ("02-option-1-private-key-import.ipynb", "Wi-Fi password")
    }


def test_a_manual_may_show_the_markers() -> None:
    """BEGIN and END without a key between them, as in comments and on pages, are not found."""
    text = f"-----BEGIN RSA {KEY}-----\n...base64 data...\n-----END RSA {KEY}-----\n"
    literals = text.replace("\n", '\\n"\\\n"')
    assert find({"a.h": f'/*\n"{literals}*/'.encode(), "b.txt": text.encode()}) == []
    after = text + "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUE3xYx4mm0A1VvQmX1wEwCgYIKoZI\n"
    assert find({"c.pem": after.encode()}) == []


LOOKS_LIKE_ONE = [
    "commit 5d1f3a0c9b8e7f6a5d4c3b2a190817263544f5e6",
    "SHA-256 " + "9f" * 32,
    ":".join(["9F"] * 32),
    "arn:aws:iot:us-east-1:123456789012:cert/" + "0a" * 32,
    "https://a8a3wpmd3d0701-ats.iot.us-east-1.amazonaws.com:8883/topics/a?qos=1",
    "UserId AROAEXAMPLEEXAMPLE12:session",
    "aws_access_key_id = AKIA" + "IOSFODNN7EXAMPLE",
    '{"clientToken": "a", "nextToken": null, "password": ""}',
    '#define clientcredentialWIFI_PASSWORD    "Paste Wi-Fi password here."',
    '#define clientcredentialWIFI_PASSWORD    ""',
    "-    #define clientcredentialWIFI_PASSWORD    (not shown)",
    "#ifndef clientcredentialWIFI_PASSWORD",
    '("clientcredentialWIFI_PASSWORD", "clientcredentialWIFI_SECURITY")',
    "Authorization: see page 8, device authorization",
    "password: ask the operator",
    "1e" * 64,
]


def test_lookalikes_are_not_found() -> None:
    """Fingerprints, ids, ARNs, addresses, empty and placeholder values, plain and in JSON."""
    for line in LOOKS_LIKE_ONE:
        lines = json.dumps([f"{line}\n", "next", "\n"], separators=(",", ":"))
        in_json = (lines, json.dumps({"line": json.dumps(line)}), json.dumps({"lines": lines}))
        for text in (line, *in_json):
            assert find({"a.json": text.encode()}) == [], text


# Bounds


def test_two_encodings_are_undone() -> None:
    """A key inside three encodings is not found."""
    content = key_pair(5)[0]
    found = []
    for _ in range(3):
        content = base64.b64encode(content)
        found.append([each.where for each in find({"a.txt": content})])
    assert found == [["line 1, in base64"], ["line 1, in base64, in base64"], []]


def test_an_archive_is_refused() -> None:
    """A gzip or ZIP file is refused, also in base64; its first two bytes alone are not."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("notes.txt", "no key")
    for content in (packed.getvalue(), gzip.compress(b"no key")):
        for written in (content, b"text\0" + content, base64.b64encode(content)):
            assert "archive" in find({"a": written})[0].kind
        assert find({"a": content[:2] + b" and others"}) == []


def test_a_file_that_decodes_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has not been searched; within the bounds it is."""
    monkeypatch.setattr(decoding, "LEAST_WORK", 2000)
    monkeypatch.setattr(decoding, "WORK_PER_BYTE", 0)
    assert "than can be searched" in find({"a.txt": b"0123456789abcdef" * 80})[0].kind
    assert find({"a.txt": b"0123456789abcdef" * 8}) == []


# Where


PLACES = {
    "PEM in a console log": "line 2",
    "PEM in narrow lines without BEGIN": "line 2, in base64",
    "a C array": "line 1, in hex",
    "hex in JSON in base64": "line 1, in base64, in hex",
    "PEM in a page's output": "cell 2, output 1",
    "PEM in a page's source": "cell 2, source",
}


def test_place_is_reported() -> None:
    """Line or cell, and the decodings."""
    files = {form: dict([FORMS[form](key_pair(9)[0], "EC " + KEY)]) for form in PLACES}
    assert {form: find(file)[0].where for form, file in files.items()} == PLACES
