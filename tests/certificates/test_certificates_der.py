"""DER: what is encoded is read again, and anything but DER is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.certificates import der

TAGS = st.integers(0, 0xFF).filter(lambda tag: tag & 0x1F != 0x1F)


@given(TAGS, st.binary(max_size=300))
@settings(max_examples=200)
def test_an_element_is_read_as_it_was_encoded(tag: int, content: bytes) -> None:
    """Reading gives tag and content back, and encoding them gives the same bytes."""
    element = der.read(der.encode(tag, content))
    assert (element.tag, element.content) == (tag, content)
    assert der.encode(element.tag, element.content) == element.encoded


@given(st.lists(st.tuples(TAGS, st.binary(max_size=40)), max_size=8))
@settings(max_examples=100)
def test_children_come_in_order(parts: list[tuple[int, bytes]]) -> None:
    """A SEQUENCE gives back the elements that were put into it."""
    sequence = der.encode(der.SEQUENCE, b"".join(der.encode(*part) for part in parts))
    found = [(child.tag, child.content) for child in der.children(der.read(sequence))]
    assert found == parts


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


@pytest.mark.parametrize("tag", [-1, 0x1F, 0xFF, 0x100])
def test_a_tag_that_needs_more_octets_is_refused(tag: int) -> None:
    """Only low tag numbers can be encoded."""
    with pytest.raises(der.DerError, match="one identifier octet"):
        der.encode(tag, b"")
