"""The device's public key: DER, PEM, fingerprints, the annotated view."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import keys, pem
from labkit.errors import PublicKeyError
from labkit.support.seeding import Randomness

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = Randomness("keys").ec_key("device", "key pair")
KEY = keys.PublicKey.from_key(PRIVATE)
PEM = PRIVATE.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def test_cryptography_agrees() -> None:
    """DER and PEM are what the `cryptography` package writes, both ways."""
    der = PRIVATE.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert KEY.der == der
    assert KEY.pem.encode() == PEM
    for same in (
        keys.PublicKey.from_der(der),
        keys.PublicKey.from_pem(PEM),
        keys.PublicKey.from_pem(PEM.decode().replace("\n", "\r\n")),
        keys.PublicKey.from_pem(f"# my device\n{PEM.decode()}\n"),
        keys.PublicKey.from_key(PRIVATE.public_key()),
    ):
        assert same == KEY
        assert hash(same) == hash(KEY)
    assert keys.PublicKey.from_key(Randomness("keys").ec_key("other", "key pair")) != KEY


@pytest.mark.needs("openssl")
def test_openssl_agrees(tmp_path: Path) -> None:
    """`openssl ec -pubin` writes the same PEM, and its SHA-256 is the fingerprint."""
    path, openssl = tmp_path / "DevicePublicKeyDer.bin", str(shutil.which("openssl"))
    path.write_bytes(KEY.der)
    pem = subprocess.run(
        [openssl, "ec", "-inform", "der", "-in", path, "-pubin", "-pubout", "-outform", "pem"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert pem == KEY.pem
    digest = subprocess.run(
        [openssl, "dgst", "-sha256", path], check=True, capture_output=True, text=True
    ).stdout
    assert digest.split()[-1] == KEY.sha256


def test_fingerprints() -> None:
    """SHA-256 of the DER; the label form is its first 16 digits in four groups."""
    digest = hashlib.sha256(KEY.der).hexdigest()
    assert KEY.sha256 == keys.sha256_fingerprint(KEY.der) == digest
    assert KEY.short == keys.short_fingerprint(KEY.der)
    assert KEY.short == " ".join(digest[at : at + 4] for at in (0, 4, 8, 12))
    assert repr(KEY) == f"<PublicKey P-256, SHA-256 {KEY.short} …>"


def _with(offset: int, value: int) -> bytes:
    return KEY.der[:offset] + bytes([value]) + KEY.der[offset + 1 :]


def _with_coordinate_above_p() -> bytes:
    """Return a point whose x is on the curve modulo p, but is written as x + p."""
    p = 2**256 - 2**224 + 2**192 + 2**96 - 1
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    for x in range(1, 100):
        y = pow(x**3 - 3 * x + b, (p + 1) // 4, p)
        if (y * y - x**3 + 3 * x - b) % p == 0:
            keys.PublicKey(KEY.der[:27] + x.to_bytes(32) + y.to_bytes(32))
            return KEY.der[:27] + (x + p).to_bytes(32) + y.to_bytes(32)
    raise AssertionError


COORDINATE_OF_P = bytes.fromhex("ffffffff00000001" + "0" * 24 + "f" * 24)


@pytest.mark.parametrize(
    ("der", "message"),
    [
        (b"", "expected 91 bytes .*, got 0"),
        (KEY.der[:-1], "got 90"),
        (KEY.der + b"\0", "got 92"),
        (_with(0, 0x31), r"byte 0 \(P-256 header\): expected 30, got 31"),
        (_with(22, 0x06), r"byte 22 \(P-256 header\): expected 07, got 06"),
        (_with(25, 0x01), r"byte 25 \(unused-bits byte\): expected 00, got 01"),
        (_with(26, 0x02), r"byte 26 \(point form\): expected 04.* got 02"),
        (_with(27, KEY.der[27] ^ 1), "not a point on P-256"),
        (_with(90, KEY.der[90] ^ 1), "not a point on P-256"),
        (KEY.der[:27] + bytes(64), "not a point on P-256"),
        (_with_coordinate_above_p(), "not a point on P-256"),
        (KEY.der[:27] + COORDINATE_OF_P + KEY.der[59:], "not a point on P-256"),
    ],
)
def test_what_is_no_device_key_is_refused(der: bytes, message: str) -> None:
    """Length, header, unused bits, point form and curve: each has its own message."""
    with pytest.raises(PublicKeyError, match=message):
        keys.PublicKey.from_der(der)
    with pytest.raises(PublicKeyError, match=message):
        keys.PublicKey(der)


@given(at=st.integers(0, 90), change=st.integers(1, 255))
@settings(max_examples=200, deadline=None)
def test_any_changed_byte_is_refused(at: int, change: int) -> None:
    """No byte of the 91 can be another one."""
    with pytest.raises(PublicKeyError):
        keys.PublicKey.from_der(_with(at, KEY.der[at] ^ change))


@given(st.integers(1, 2**256 - 2**224))
@settings(max_examples=30, deadline=None)
def test_every_key_is_accepted(scalar: int) -> None:
    """Any P-256 key passes the checks, and comes back from its PEM."""
    key = keys.PublicKey.from_key(ec.derive_private_key(scalar, ec.SECP256R1()))
    assert keys.PublicKey.from_pem(key.pem) == key


def test_other_kinds_of_keys_are_refused() -> None:
    """P-384 is not 91 bytes, RSA not EC: a device of this procedure has neither."""
    with pytest.raises(PublicKeyError, match=r"got a P-384 key \(120 bytes\)"):
        keys.PublicKey.from_key(ec.derive_private_key(7, ec.SECP384R1()))
    with pytest.raises(PublicKeyError, match="EC P-256"):
        keys.PublicKey.from_key(rsa.generate_private_key(65537, 2048))  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a public key, found no PEM block. Give"),
        (PEM.decode() * 2, "found 2 public keys"),
        (PEM.decode().replace("PUBLIC KEY", "CERTIFICATE"), "found a certificate"),
        (PEM.decode().replace("MFkw", "MFk?"), "not base64"),
        (PEM.decode().replace("MFkw", "MFk"), "not base64"),
        (PEM.decode().replace("MFkw", ""), "got 88"),
        (PEM.decode().split("-----END", maxsplit=1)[0], "without its last line"),
        (b"\xff" + PEM.replace(b"MFkw", b"MFkx"), "expected 30|byte 2"),
    ],
)
def test_what_is_not_one_public_key_block_is_refused(text: str | bytes, message: str) -> None:
    """No block, two, another label, damaged base64, a lost end."""
    with pytest.raises(PublicKeyError, match=message) as caught:
        keys.PublicKey.from_pem(text)
    assert "MFk" not in str(caught.value)


def test_pem_of_any_size_goes_both_ways() -> None:
    """`pem.from_der` writes what `pem_to_der` reads, 64 characters a line."""
    for size in (0, 1, 48, 49, 500):
        block = pem.from_der(bytes(size), "PUBLIC KEY")
        assert keys.pem_to_der(block) == bytes(size)
        assert max(map(len, block.splitlines())) <= 64


def test_the_annotated_view_covers_every_byte_once() -> None:
    """The fields follow each other from byte 0 to byte 90, with the bytes they name."""
    fields = keys.annotate(KEY.der)
    offset = 0
    for entry in fields:
        assert entry.offset == offset
        assert bytes.fromhex(entry.hex) == KEY.der[offset : offset + entry.size]
        offset += entry.size
    assert offset == 91
    assert [entry.size for entry in fields] == [2, 2, 9, 10, 2, 1, 1, 32, 32]
    shown = repr(fields).splitlines()
    assert shown[0].split() == ["offset", "bytes", "hex", "field", "meaning"]
    assert "    25      1  00                   unused bits" in repr(fields)
    assert max(map(len, shown)) <= 102
    assert "WRONG" not in repr(fields)


def test_the_annotated_view_of_a_damaged_key_shows_where() -> None:
    """A field that every P-256 key has in common is marked where it differs."""
    marked = [entry.name for entry in keys.annotate(_with(25, 1)) if "WRONG" in entry.meaning]
    assert marked == ["unused bits"]
    with pytest.raises(PublicKeyError, match="got 90"):
        keys.annotate(KEY.der[:-1])
