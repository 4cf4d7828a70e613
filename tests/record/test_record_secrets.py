"""The secret scan: keys that nobody told of are found in every place and form, and no others."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest
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

from labkit.record.scan.scanning import find


@pytest.mark.parametrize("label", SECRET)
@pytest.mark.parametrize("form", FORMS)
def test_a_private_key_is_found(form: str, label: str) -> None:
    """Each kind of private key, in each place and form."""
    name, content = FORMS[form](SECRET[label], label.rpartition("'s ")[2])
    found = find({name: content, "other.txt": b"nothing"})
    assert {each.file for each in found} == {name}
    assert {each.kind.partition(" (")[0] for each in found} == {"private key"}


@pytest.mark.parametrize("label", NOT_SECRET)
@pytest.mark.parametrize("form", FORMS)
def test_what_everybody_may_see_is_not_found(form: str, label: str) -> None:
    """The twin: public keys, certificates, requests and noise, in the same places and forms."""
    name, content = FORMS[form](NOT_SECRET[label], label.rpartition("'s ")[2])
    assert find({name: content}) == []


# Any key, anywhere

LINES = st.text(st.sampled_from("abcdef0123456789 ABGHXYZxyz+/=-_.,;()[]"), max_size=80)
SURROUNDING = st.lists(LINES, max_size=6).map(lambda lines: "".join(f"{line}\n" for line in lines))
SCALARS = st.integers(1, 2**250)
TEXT_FORMS = sorted(
    form for form in FORMS if not FORMS[form](b"0", "A")[0].endswith((".ipynb", ".gz", ".zip"))
)


def key_pair(scalar: int) -> tuple[bytes, bytes]:
    """Return a key's private DER and its public DER."""
    key = ec.derive_private_key(scalar, ec.SECP256R1())
    old = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = key.public_key()
    return old, public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@settings(max_examples=300, deadline=None)
@given(SCALARS, st.sampled_from(TEXT_FORMS), SURROUNDING, SURROUNDING)
def test_any_key_in_any_surrounding(scalar: int, form: str, before: str, after: str) -> None:
    """Whatever stands in the lines before and after; the public key is nothing there."""
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
    """Nothing makes the search fail."""
    assert isinstance(find({"a.h": content, "b.ipynb": content}), list)
    assert find({"a.bin": content + key_pair(7)[0]}) != []


# What a record holds


def test_the_pages_and_trees_of_the_manual_hold_none() -> None:
    """Every page but the one that teaches with an invented Wi-Fi password, and every header."""
    root = Path(__file__).resolve().parents[2]
    paths = [*(root / "notebooks").glob("*.ipynb"), *(root / "labkit/bench/trees").rglob("*.[ch]")]
    found = find({path.name: path.read_bytes() for path in paths})
    assert [(each.file, each.kind) for each in found] == [
        ("02-option-1-private-key-import.ipynb", "Wi-Fi password")
    ]


def test_a_manual_may_show_the_markers() -> None:
    """BEGIN and END without a key between them, as the headers' comments and the pages have it."""
    text = f"-----BEGIN RSA {KEY}-----\n...base64 data...\n-----END RSA {KEY}-----\n"
    literals = text.replace("\n", '\\n"\\\n"')
    assert find({"a.h": f'/*\n"{literals}*/'.encode(), "b.txt": text.encode()}) == []
    after = text + "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUE3xYx4mm0A1VvQmX1wEwCgYIKoZI\n"
    assert find({"c.pem": after.encode()}) == []


@pytest.mark.parametrize(
    "line",
    [
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
    ],
)
def test_what_only_looks_like_one(line: str) -> None:
    """Fingerprints, ids, ARNs, addresses, empty and placeholder values."""
    assert find({"a.txt": line.encode()}) == []
    lines = json.dumps([f"{line}\n", "next", "\n"], separators=(",", ":"))
    for text in (lines, json.dumps({"line": json.dumps(line)}), json.dumps({"lines": lines})):
        assert find({"a.json": text.encode()}) == []


# Bounds


def nested(content: bytes, times: int) -> bytes:
    """Return content in base64 in base64 in base64."""
    for _ in range(times):
        content = base64.b64encode(content)
    return content


def test_how_deep_is_looked() -> None:
    """Four encodings are undone; more are refused whatever is in them."""
    key = key_pair(5)[0]
    assert "private key" in find({"a.txt": nested(key, 4)})[0].kind
    harmless = b"nothing but a long harmless text"
    assert find({"a.txt": nested(harmless, 4)}) == []
    assert [each.kind for each in find({"a.txt": nested(harmless, 5)})] == [
        "data inside more than 4 encodings"
    ]


def test_a_bomb_is_refused() -> None:
    """What comes to too much is refused as such: it has not been searched."""
    bomb = gzip.compress(bytes(20_000_000))
    assert [each.kind for each in find({"a.gz": bomb})] == [
        "more data, decompressed, than is looked through"
    ]
    many = gzip.compress(bytes(4_000_000)) * 40
    assert "than is looked through" in find({"b.gz": many})[0].kind
    assert find({"c.gz": gzip.compress(bytes(1_000_000))}) == []


def test_an_encrypted_archive_is_refused() -> None:
    """Nobody can see what is in it."""
    archive = bytearray(FORMS["ZIP"](b"no key", "A")[1])
    assert find({"a.zip": bytes(archive)}) == []
    archive[6] |= 1
    assert "encrypted archive" in find({"a.zip": bytes(archive)})[0].kind


# Where


@pytest.mark.parametrize(
    ("form", "where"),
    [
        ("PEM in a console log", "line 2"),
        ("PEM in narrow lines without BEGIN", "line 2, in base64"),
        ("a C array", "line 1, in hex"),
        ("gzip", "byte 0, in gzip"),
        ("hex in JSON in base64", "line 1, in base64, in hex"),
        ("PEM in a page's output", "cell 2, output 1"),
        ("PEM in a page's source", "cell 2, source"),
    ],
)
def test_where_it_stands_is_told(form: str, where: str) -> None:
    """Line, byte or cell, and through what it was seen."""
    found = find(dict([FORMS[form](key_pair(9)[0], "EC " + KEY)]))
    assert found[0].where == where
