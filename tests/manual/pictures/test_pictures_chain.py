"""The chain as a picture: joined where a signature verifies, broken where it does not."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import timedelta
from typing import TYPE_CHECKING

from certificate_makers import NOW, ec_key, make_ca, unchecked_ca
from chains import chain, issue
from cryptography import x509

from labkit.manual.pictures.chain import draw_chain

if TYPE_CHECKING:
    from labkit.certificates.chain import Chain

SVG = "{http://www.w3.org/2000/svg}"


def texts(drawn: Chain) -> str:
    """Return the texts of the picture, without its title."""
    picture = ET.fromstring(draw_chain(drawn))  # noqa: S314 our own
    return "\n".join(each.text or "" for each in picture.iter(f"{SVG}text"))


def test_root_and_device_are_joined_and_the_signer_stands_apart() -> None:
    """One whole line, three boxes, the signer's dashed."""
    picture = ET.fromstring(draw_chain(chain(issue(), make_ca())))  # noqa: S314 our own
    boxes = list(picture.iter(f"{SVG}rect"))
    assert [box.get("stroke-dasharray") for box in boxes] == [None, None, "5 4"]
    lines = [path for path in picture.iter(f"{SVG}path") if path.get("stroke-width")]
    assert len(lines) == 1
    assert lines[0].get("d").count("M") == 1
    words = texts(chain(issue(), make_ca()))
    assert "signed by the root's key: verified" in words
    assert "signed the request alone, no certificate" in words


def test_a_signature_that_does_not_verify_is_a_broken_line() -> None:
    """A namesake root: the line is broken, and a word says so."""
    broken = chain(issue(), make_ca(ec_key("another ca")))
    assert "BROKEN: the root's key did not sign it" in texts(broken)
    assert "verified" not in texts(broken).replace("signs itself: verified", "")
    picture = ET.fromstring(draw_chain(broken))  # noqa: S314 our own
    (line,) = (path for path in picture.iter(f"{SVG}path") if path.get("stroke-width"))
    assert line.get("d").count("M") == 3


def test_validity_and_a_missing_root_are_words() -> None:
    """Expired, not yet valid, and nothing to verify with."""
    assert "expired 100 days ago" in texts(chain(issue(), make_ca(), now=NOW + timedelta(days=600)))
    early = texts(chain(issue(), make_ca(), now=NOW - timedelta(days=2)))
    assert early.count("not yet valid, begins in") == 2
    assert "no root certificate" in texts(chain(issue(), None))


def test_the_picture_says_in_words_what_it_shows() -> None:
    """Its title holds the names and each sentence; it is small, and no colour stands alone."""
    whole = chain(issue(), make_ca())
    drawn = draw_chain(whole)
    picture = ET.fromstring(drawn)  # noqa: S314 our own
    assert picture.get("role") == "img"
    title = picture.find(f"{SVG}title").text
    assert all(sentence in title for _, sentence in whole.sentences())
    assert len(drawn) < 6000
    assert int(picture.get("width")) <= 340


def test_a_hostile_name_stays_a_name() -> None:
    """Tags in a subject are text; a long one is cut in the box and whole in the title."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "<script>&" + "a" * 50)])
    hostile = chain(unchecked_ca(ec_key("ca"), name=name), make_ca())
    drawn = draw_chain(hostile)
    assert "<script" not in drawn
    assert "a" * 50 in ET.fromstring(drawn).find(f"{SVG}title").text  # noqa: S314 our own
    assert all(len(line) < 60 for line in texts(hostile).splitlines())
