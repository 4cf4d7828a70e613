"""The gateway's store of attempts: bounded, printable; and what a hello says."""

from __future__ import annotations

import json
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from labkit.bench import handshake
from labkit.bench.simulator.gateway.attempts import Attempts, HandshakeSteps
from labkit.bench.simulator.gateway.client_hello import read_client_hello

CLIENT = "a board"
NAME = "a1b2c3-ats.iot.us-east-1.amazonaws.com"
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def hello(version: ssl.TLSVersion) -> bytes:
    """Return a ClientHello of Python's ssl."""
    context = ssl.create_default_context()
    context.minimum_version = context.maximum_version = version
    going = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), going, server_hostname=NAME).do_handshake()
    return going.read()


def test_who_sets_out_and_does_not_come_is_not_seen() -> None:
    """A board that looks for the gateway and meets another has no handshake here."""
    attempts = Attempts()
    assert attempts.last(CLIENT) == (None, False)
    attempts.begin(CLIENT).end("gone")
    assert attempts.last(CLIENT)[0] is not None
    attempts.look_up(CLIENT)
    assert attempts.last(CLIENT) == (None, True)


def test_what_a_client_says_is_cut() -> None:
    """No client makes the store large."""
    attempt = Attempts().begin("")
    attempt.connect_received("x" * 60_000)
    attempt.received(b"\x16" * 100_000)
    attempt.received(b"\x16" * 100_000)
    attempt.end("y" * 60_000)
    assert len(json.dumps(attempt.to_json())) < 2000


def test_names_are_printable() -> None:
    """A name with control characters cannot dress up the list."""
    attempt = Attempts().begin("")
    attempt.connect_received("a\nb\x1b[2J")
    attempt.end("refused: a\nb\x1b[2J")
    shaken = repr(handshake.read(attempt.to_json()))
    assert shaken.count("a?b?[2J") == 2
    assert "\x1b" not in shaken


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_hello_may_come_in_pieces(version: ssl.TLSVersion, size: int) -> None:
    """However it is split into records, the same is read; incomplete it is nothing."""
    whole = hello(version)
    message = whole[5:]
    parts = [message[at : at + size] for at in range(0, len(message), size)]
    records = b"".join(b"\x16\x03\x01" + len(it).to_bytes(2) + it for it in parts)
    read = read_client_hello(records)
    assert read is not None
    assert read == read_client_hello(whole)
    assert read.server_name == NAME
    assert read.versions == (version.name.replace("_", "."),)
    assert read_client_hello(records[:-1]) is None


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_upset_the_reader(raw: bytes, has_head: bool) -> None:
    """Whatever comes is a hello or none."""
    head = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + bytes(32)
    read = read_client_hello(head + raw if has_head else raw)
    assert read is None or read.server_name.isprintable()


@given(st.sampled_from([0, 5, 10, 13, 16, 35, 41, 43, 45, 51, 0x0A0A]), st.binary(max_size=60))
def test_no_extension_upsets_the_reader(kind: int, content: bytes) -> None:
    """A whole hello with one extension of any content is a hello or none."""
    extension = kind.to_bytes(2) + len(content).to_bytes(2) + content
    offer = b"\x03\x03" + bytes(32) + b"\x00\x00\x02\x13\x01\x01\x00"
    offer += len(extension).to_bytes(2) + extension
    message = b"\x01" + len(offer).to_bytes(3) + offer
    read = read_client_hello(b"\x16\x03\x01" + len(message).to_bytes(2) + message)
    assert read is None or read.server_name.isprintable()


def test_only_states_are_steps() -> None:
    """Only states are steps: what OpenSSL tells at the end of a call is none."""
    steps = HandshakeSteps()
    tls = SSL.Connection(SSL.Context(SSL.TLS_SERVER_METHOD), None)
    steps.take(tls, SSL.SSL_CB_EXIT, 1)
    assert steps.steps == []


@pytest.mark.parametrize(("alert", "noted"), [(0, None), (46, 46)])
def test_the_alert_of_a_good_end_is_none(alert: int, noted: int | None) -> None:
    """close_notify ends every session in good order; any other alert is noted."""
    steps = HandshakeSteps()
    tls = SSL.Connection(SSL.Context(SSL.TLS_SERVER_METHOD), None)
    steps.take(tls, SSL.SSL_CB_ALERT, alert)
    assert steps.alert == noted
