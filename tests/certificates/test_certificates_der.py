"""DER: what is encoded is read again, and anything but DER is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.certificates import der


@given(st.binary(max_size=64))
@settings(max_examples=300)
def test_any_bytes_are_der_or_refused(octets: bytes) -> None:
    """What is accepted has only one encoding; everything else raises DerError."""
    try:
        element = der.read(octets)
    except der.DerError:
        return
    assert der.encode(element.tag, element.content) == octets


@pytest.mark.parametrize(
    ("size", "head"),
    [(0, "3000"), (127, "307f"), (128, "308180"), (255, "3081ff"), (256, "30820100")],
)
def test_lengths_are_minimal(size: int, head: str) -> None:
    """The length takes as few octets as it can (X.690, 10.1)."""
    assert der.encode(der.SEQUENCE, bytes(size)).hex().startswith(head)
    assert len(der.encode(der.SEQUENCE, bytes(size))) == size + len(head) // 2


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        ("", "the bytes end"),
        ("30", "the bytes end"),
        ("3002aa", "2 bytes declared, 1 of them are missing"),
        ("3000aa", "expected the end, 1 bytes follow"),
        ("3080aa0000", "shortest definite form"),
        ("308101aa", "shortest definite form"),
        ("30820080" + "00" * 128, "shortest definite form"),
        ("3082ff", "shortest definite form"),
        ("1f8100", "number above 30"),
    ],
)
def test_what_is_not_der_is_named(octets: str, message: str) -> None:
    """Each fault has its own message."""
    with pytest.raises(der.DerError, match=message):
        der.read(bytes.fromhex(octets))
