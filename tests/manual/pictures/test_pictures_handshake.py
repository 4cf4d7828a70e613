"""A handshake as a picture: whole arrows for what was taken, and a gap where it broke."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from labkit.bench import handshake
from labkit.bench.handshake import Handshake
from labkit.bench.handshake.messages import MESSAGES
from labkit.manual.pictures.handshake import draw_handshake

SVG = "{http://www.w3.org/2000/svg}"
CERTIFICATE_UNKNOWN, UNKNOWN_CA = 46, 48


def attempt(version: str = "TLSv1.2", *, until: str = "", **record: object) -> dict[str, Any]:
    """Return an attempt whose states are passed until one of them, as the gateway records it."""
    states = [message.state for message in MESSAGES[version] if message.state]
    passed = states[: states.index(until)] if until else states
    blank = {"alert": None, "alert_sent_by": None, "client_id": None, "ended": "", "subject": ""}
    return {
        **blank,
        "offered": [version],
        "server_name": "a1b2-ats.iot.us-east-1.amazonaws.com",
        "version": version,
        "steps": passed,
        "certificate_id": "",
        "refusal": "",
        "is_accepted": False,
        **record,
    }


def accepted(version: str = "TLSv1.2") -> dict[str, Any]:
    """Return an attempt in which nothing broke."""
    return attempt(version, client_id="LED", is_accepted=True)


def refused(version: str = "TLSv1.2") -> dict[str, Any]:
    """Return an attempt that the gateway refused for its certificate."""
    return attempt(
        version,
        until="read client certificate",
        alert=CERTIFICATE_UNKNOWN,
        alert_sent_by="gateway",
        refusal="the certificate is INACTIVE",
        ended="the certificate is INACTIVE",
    )


def drawn(record: dict[str, Any]) -> ET.Element:
    """Return the picture of an attempt."""
    return ET.fromstring(draw_handshake(handshake.read(record)))  # noqa: S314 our own


def texts(picture: ET.Element) -> list[str]:
    """Return the texts of the picture, without its title."""
    return [each.text or "" for each in picture.iter(f"{SVG}text")]


def lines(picture: ET.Element) -> list[str]:
    """Return the arrows' lines; what draws no stroke is an arrow's head."""
    strokes = [path for path in picture.iter(f"{SVG}path") if path.get("stroke")]
    return [path.get("d", "") for path in strokes[1:]]


@pytest.mark.parametrize("version", MESSAGES)
def test_what_was_accepted_is_whole(version: str) -> None:
    """An arrow for each message, from the side that sends it, and no gap."""
    picture = drawn(accepted(version))
    messages = MESSAGES[version]
    assert texts(picture) == ["device", "AWS IoT", *(message.name for message in messages)]
    assert len(lines(picture)) == len(messages)
    for message, line in zip(messages, lines(picture), strict=True):
        assert line.startswith("M40 " if message.by_device else "M300 ")
        assert line.count("M") == 1


@pytest.mark.parametrize("version", MESSAGES)
def test_what_broke_is_a_gap_with_a_word(version: str) -> None:
    """The twin: the arrow at which it broke is interrupted, and what follows has none."""
    picture = drawn(refused(version))
    *whole, broken = lines(picture)
    assert [line.count("M") for line in whole] == [1] * len(whole)
    assert broken.count("M") == 3
    assert "Certificate: broke here" in texts(picture)
    assert "CONNACK" in texts(picture)


def test_what_was_sent_and_not_looked_at_is_dashed() -> None:
    """A device that refuses the server leaves the rest of its messages unread."""
    record = attempt(until="read client certificate", alert=UNKNOWN_CA, alert_sent_by="client")
    picture = drawn({**record, "ended": "TLS failed"})
    dashed = [path for path in picture.iter(f"{SVG}path") if path.get("stroke-dasharray")]
    assert len(dashed) == 2
    assert "ServerKeyExchange: sent, not looked at" in texts(picture)


@pytest.mark.parametrize("record", [accepted("TLSv1.3"), refused()], ids=["accepted", "refused"])
def test_it_says_in_words_what_it_shows(record: dict[str, Any]) -> None:
    """Its title holds each message with how it went, and the verdict; it is small."""
    seen = handshake.read(record)
    title = drawn(record).find(f"{SVG}title")
    assert title is not None
    for step in seen.steps:
        assert f"{step.sender}: {step.message}, {step.outcome}" in (title.text or "")
    assert seen.verdict in (title.text or "")
    assert len(draw_handshake(seen)) < 6000


def test_without_steps_nothing_is_drawn() -> None:
    """A picture must not show guesses."""
    assert draw_handshake(Handshake("Not seen.", "The console says: nothing.")) == ""


def test_a_name_is_text() -> None:
    """What a client says cannot become a part of the picture."""
    record = {**accepted(), "is_accepted": False, "ended": "<script>alert(1)</script>"}
    assert "<script" not in draw_handshake(handshake.read(record))
