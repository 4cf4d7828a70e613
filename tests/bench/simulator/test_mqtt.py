from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.bench.simulator.gateway import topics
from labkit.bench.simulator.mqtt import (
    ConnAck,
    Connect,
    Disconnect,
    MqttProtocolError,
    Packet,
    PingReq,
    PingResp,
    PubAck,
    Publish,
    SubAck,
    Subscribe,
    UnsubAck,
    Unsubscribe,
    Will,
    encode,
)
from labkit.bench.simulator.mqtt.decoder import Decoder

# Written out by hand from MQTT 3.1.1, section 3, so that encoder and decoder cannot agree on a
# mistake.
BYTES = [
    (Connect("LED", 60), "10 0f 0004 4d515454 04 02 003c 0003 4c4544"),
    (
        Connect("a", 0, will=Will("w", b"!", 1, retain=True)),
        "10 13 0004 4d515454 04 2e 0000 0001 61 0001 77 0001 21",
    ),
    (ConnAck(), "20 02 00 00"),
    (ConnAck(5), "20 02 00 05"),
    (Publish("a/b", b"hi"), "30 07 0003 612f62 6869"),
    (Publish("a/b", b"hi", 1, 10, retain=True), "33 09 0003 612f62 000a 6869"),
    (PubAck(0x1234), "40 02 1234"),
    (Subscribe(1, (("a/+", 1), ("#", 0))), "82 0c 0001 0003 612f2b 01 0001 23 00"),
    (SubAck(1, (0, 1, 0x80)), "90 05 0001 00 01 80"),
    (Unsubscribe(2, ("a", "b")), "a2 08 0002 000161 000162"),
    (UnsubAck(2), "b0 02 0002"),
    (PingReq(), "c0 00"),
    (PingResp(), "d0 00"),
    (Disconnect(), "e0 00"),
]

MALFORMED = [
    ("00 00", "first byte 0x00"),
    ("f0 00", "first byte 0xf0"),
    ("11 0f 0004 4d515454 04 02 003c 0003 4c4544", "first byte 0x11"),
    ("80 06 0001 0001 61 00", "first byte 0x80"),
    ("c1 00", "first byte 0xc1"),
    ("c0 01 00", "PINGREQ: it is 1 bytes too long"),
    ("e0 01 00", "DISCONNECT: it is 1 bytes too long"),
    ("30 ffffffff7f", "remaining length is longer than 4 bytes"),
    ("30 ffffff7f", "over the limit"),
    ("50 02 0001", "QoS 2"),
    ("10 0f 0004 4d515458 04 02 003c 0003 4c4544", "the protocol name is not MQTT"),
    ("10 0f 0004 4d515454 04 03 003c 0003 4c4544", "reserved flag"),
    ("10 0f 0004 4d515454 04 22 003c 0003 4c4544", "without a will"),
    ("10 0f 0004 4d515454 04 1e 003c 0003 4c4544", "will QoS 3"),
    ("10 0f 0004 4d515454 04 06 003c 0003 4c4544", "ends 2 bytes early"),
    ("10 10 0004 4d515454 04 02 003c 0003 4c4544 00", "CONNECT: it is 1 bytes too long"),
    ("10 0d 0004 4d515454 04 02 003c 0001 00", "U+0000"),
    ("10 0d 0004 4d515454 04 02 003c 0001 ff", "not UTF-8"),
    ("10 0f 0004 4d515454 04 02 003c 0003 eda080", "not UTF-8"),
    ("36 06 0001 61 0001 68", "QoS 3"),
    ("30 02 0000", "empty topic name"),
    ("30 03 0001 2b", "wildcard in a topic name"),
    ("30 05 0003 612f23", "wildcard in a topic name"),
    ("32 05 0001 61 0000", "packet identifier 0"),
    ("40 02 0000", "packet identifier 0"),
    ("40 01 00", "PUBACK: it ends 1 bytes early"),
    ("82 02 0001", "no topic filter"),
    ("82 06 0001 0001 61 03", "requested QoS 3"),
    ("82 05 0001 0001 61", "ends 1 bytes early"),
    ("a2 02 0001", "no topic filter"),
]


def decode(data: bytes, **limits: int) -> list[Packet]:
    """Return the packets in some bytes."""
    return list(Decoder(**limits).feed(data))


@pytest.mark.parametrize(("packet", "written"), BYTES, ids=lambda value: type(value).__name__)
def test_packet_has_the_bytes_of_the_standard(packet: Packet, written: str) -> None:
    """Each packet is written, and read, as MQTT 3.1.1 spells it out."""
    data = bytes.fromhex(written)
    assert encode(packet) == data
    assert decode(data) == [packet]


@pytest.mark.parametrize(("written", "message"), MALFORMED)
def test_malformed_packet_is_refused(written: str, message: str) -> None:
    """Bytes that break a rule of the standard raise an error that names the rule."""
    with pytest.raises(MqttProtocolError, match=message.replace("+", r"\+")):
        decode(bytes.fromhex(written))


def test_other_protocol_level_asks_for_return_code_1() -> None:
    """A CONNECT of MQTT 5 is answered with return code 1 (MQTT-3.1.2-2); bad bytes are not."""
    with pytest.raises(MqttProtocolError) as caught:
        decode(bytes.fromhex("10 10 0004 4d515454 05 02 003c 00 0003 4c4544"))
    assert caught.value.return_code == 1
    with pytest.raises(MqttProtocolError) as caught:
        decode(b"GET / HTTP/1.1\r\n")
    assert caught.value.return_code is None


def test_packets_in_front_of_a_malformed_one_are_served() -> None:
    """The error comes when its packet's turn comes, not before."""
    packets = Decoder().feed(encode(PingReq()) + b"\x00\x00")
    assert next(packets) == PingReq()
    with pytest.raises(MqttProtocolError):
        next(packets)


def test_a_claimed_length_is_bounded() -> None:
    """A peer cannot make the decoder wait for, or keep, more than the limit."""
    message = Publish("a", b"x" * 97)
    assert decode(encode(message), max_packet_bytes=100) == [message]
    with pytest.raises(MqttProtocolError, match="over the limit of 99"):
        decode(encode(message)[:3], max_packet_bytes=99)


def test_user_name_and_password_are_skipped() -> None:
    """A client may send them; they are not kept."""
    sent = "10 13 0004 4d515454 04 c2 0001 000161 000175 000170"
    assert decode(bytes.fromhex(sent)) == [Connect("a", 1)]


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40)
NAME = TEXT.filter(lambda text: text and not set(text) & {"+", "#"})
ID = st.integers(1, 65535)
QOS = st.integers(0, 1)
PACKET = st.one_of(
    st.builds(
        Connect,
        TEXT,
        st.integers(0, 65535),
        st.none() | st.builds(Will, NAME, st.binary(max_size=9), QOS, st.booleans()),
    ),
    st.builds(Publish, NAME, st.binary(max_size=300), st.just(0), st.just(0), st.booleans()),
    st.builds(Publish, NAME, st.binary(max_size=300), st.just(1), ID, st.booleans()),
    st.builds(Subscribe, ID, st.lists(st.tuples(TEXT, QOS), min_size=1, max_size=4).map(tuple)),
    st.builds(Unsubscribe, ID, st.lists(TEXT, min_size=1, max_size=4).map(tuple)),
    st.builds(SubAck, ID, st.lists(st.sampled_from([0, 1, 128]), min_size=1).map(tuple)),
    st.builds(PubAck, ID),
    st.just(PingReq()),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PACKET, max_size=5), st.integers(1, 50))
def test_packets_survive_any_cutting_of_the_stream(packets: list[Packet], size: int) -> None:
    """However TCP cuts the bytes, the same packets come out, in order."""
    stream, decoder, got = b"".join(map(encode, packets)), Decoder(), []
    for start in range(0, len(stream), size):
        got += decoder.feed(stream[start : start + size])
    assert got == packets


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_give_packets_or_a_protocol_error(data: bytes) -> None:
    """No bytes raise anything else, and packets that were read can be written again."""
    try:
        packets = decode(data)
    except MqttProtocolError:
        return
    assert decode(b"".join(map(encode, packets))) == packets


@pytest.mark.parametrize(
    ("topic_filter", "topic", "wanted"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/b", "a", False),
        ("a/+", "a/b", True),
        ("a/+", "a/", True),
        ("a/+", "a", False),
        ("a/+", "a/b/c", False),
        ("+/b", "a/b", True),
        ("#", "a/b", True),
        ("a/#", "a/b/c", True),
        ("a/#", "a", False),
        ("a/#", "ab", False),
        ("a/b/#", "a", False),
        ("#", "$aws/events", False),
        ("+/events", "$aws/events", False),
        ("a/#", "a/", True),
        ("$aws/#", "$aws/events", True),
        ("A/b", "a/b", False),
    ],
)
def test_filter_matches_as_aws_iot_says(topic_filter: str, topic: str, wanted: bool) -> None:
    """Wildcards match whole levels, and leading ones nothing that begins with $ (section 4.7).

    AWS IoT differs in one point: `a/#` leaves `a` out.
    """
    assert topics.matches(topic_filter, topic) is wanted


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("a", True),
        ("/", True),
        ("a/+/b", True),
        ("+/#", True),
        ("#", True),
        ("", False),
        ("a/#/b", False),
        ("a#", False),
        ("a/b+", False),
    ],
)
def test_filter_is_valid_where_wildcards_stand_alone(text: str, valid: bool) -> None:
    """A wildcard fills a level, and # is the last one."""
    assert topics.is_filter(text) is valid


def test_limits_of_a_topic_are_those_of_aws() -> None:
    """256 bytes of UTF-8 and 7 slashes pass; one more does not."""
    assert topics.is_within_limits("é" * 128)
    assert not topics.is_within_limits("é" * 128 + "x")
    assert topics.is_within_limits("/".join("12345678"))
    assert not topics.is_within_limits("/".join("123456789"))
