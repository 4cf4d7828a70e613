"""The hello world on the simulated board: what goes wrong on the way, in the firmware's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from board_bench import ENDPOINT, NOW, Authority, BareBoard, Server, image, shape
from board_console import (
    ALERT,
    DUMP,
    END_OF_FILE,
    NO_CERTIFICATE,
    NO_JITR,
    NOT_TRUSTED,
    SHOWING,
    WRITE,
    console,
    handshake_failed,
    returned,
    with_key,
)
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from labkit.bench.simulator.board.machine import Network

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

pytest_plugins = ("board_fixtures",)


@pytest.mark.parametrize(
    "other_key",
    [
        lambda: ec.generate_private_key(ec.SECP256R1()),
        lambda: rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-256", "RSA-2048"],
)
def test_wrong_key_is_an_alert(
    board: BareBoard,
    authority: Authority,
    serve: Callable[..., Server],
    other_key: Callable[[], CertificateIssuerPrivateKeyTypes],
) -> None:
    """A certificate with another key gives 0x7780, whatever the kind of that key.

    P-256 is a new pair's; RSA-2048 is that of the CSR's signer, when -force_pubkey was forgotten.
    """
    with_key(board)
    serve()
    certificate = authority.issue(other_key().public_key())
    printed = shape(board.boot(image(certificate=certificate)))
    assert printed == console(
        *(NO_CERTIFICATE, WRITE, SHOWING, DUMP, returned(0), NO_JITR),
        *handshake_failed(0x7780, ALERT),
    )


@pytest.mark.parametrize(
    "key",
    [ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()],
    ids=["P-384", "Ed25519"],
)
def test_certificate_of_a_key_that_the_firmware_does_not_know(
    board: BareBoard,
    authority: Authority,
    serve: Callable[..., Server],
    key: CertificateIssuerPrivateKeyTypes,
) -> None:
    """Of elliptic curves mbedTLS is built with P-256 only: the certificate cannot be read."""
    with_key(board)
    serve()
    printed = shape(board.boot(image(certificate=authority.issue(key.public_key()))))
    assert "likely due to a failure in PKCS #11" in printed
    assert f"TLS_Connect fail (0x7780, {ENDPOINT})" in printed


def test_unknown_authority_is_an_alert(board: BareBoard, serve: Callable[..., Server]) -> None:
    """A certificate of an authority that the server does not know gives 0x7780."""
    public_key = with_key(board)
    serve()
    printed = shape(board.boot(image(certificate=Authority().issue(public_key))))
    assert printed.endswith("".join(f"{it}\n" for it in handshake_failed(0x7780, ALERT))[-60:])
    assert ALERT in printed


def test_wrong_name_or_root_is_not_trusted(
    board: BareBoard, authority: Authority, serve: Callable[..., Server]
) -> None:
    """Another name, or another root: 0x2700, though the server would refuse the client, too."""
    public_key = with_key(board)
    server = serve()
    wrong = "wrong-ats.iot.us-east-1.amazonaws.com"
    for certificate in (authority.issue(public_key), Authority().issue(public_key)):
        printed = shape(board.boot(image(certificate=certificate, endpoint=wrong)))
        assert handshake_failed(0x2700, NOT_TRUSTED, wrong)[0] in printed
        assert handshake_failed(0x2700, NOT_TRUSTED, wrong)[1] in printed
    board.network.root_ca_file.write_text(Authority().pem)
    assert "(0x2700, " in shape(board.boot(image(certificate=authority.issue(public_key))))
    assert server.heard == []


def test_server_certificate_expired_by_the_labs_clock(
    board: BareBoard, authority: Authority, serve: Callable[..., Server]
) -> None:
    """The lab's clock, not the wall clock, decides whether the server's certificate is valid."""
    public_key = with_key(board)
    serve()
    certificate = authority.issue(public_key)
    assert b"Demo completed" in board.boot(image(certificate=certificate))
    network = board.network
    late = NOW.replace(year=NOW.year + 30)
    board.network = Network("us-east-1", network.gateway, network.root_ca_file, lambda: late)
    assert b"TLS_Connect fail (0x2700, " in board.boot(image(certificate=certificate))


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("close on hello", [END_OF_FILE, f"TLS_Connect fail (0x7280, {ENDPOINT})"]),
        (
            "notify on hello",
            [
                "SSL - The peer notified us that the connection is going to be closed",
                f"TLS_Connect fail (0x7880, {ENDPOINT})",
            ],
        ),
        (
            "close on connect",
            [
                "[ERROR] A single byte was not read from the transport: transportStatus=-30848.",
                "[ERROR] CONNACK recv failed with status = MQTTRecvFailed.",
                "[ERROR] MQTT connection failed with status = MQTTRecvFailed.",
                "MQTT CONNECT: MQTTRecvFailed",
                "Error running demo.",
            ],
        ),
        ("drop on connect", ["transportStatus=-29312.", "MQTT CONNECT: MQTTRecvFailed"]),
        ("refuse subscribe", ["MQTT SUBSCRIBE: MQTTServerRefused"]),
        ("drop on publish", ["Packet type=30, LoopDuration=700, Status=MQTTRecvFailed"]),
    ],
)
def test_server_that_hangs_up(
    board: BareBoard,
    authority: Authority,
    serve: Callable[..., Server],
    behaviour: str,
    message: list[str],
) -> None:
    """Each way of being hung up on has its own words, and the demo does not complete."""
    public_key = with_key(board)
    serve(behaviour)
    printed = board.boot(image(certificate=authority.issue(public_key))).decode()
    positions = [printed.find(words) for words in message]
    assert -1 not in positions
    assert positions == sorted(positions)
    assert ("Demo failed at iteration 1.\r\n" in printed) is ("TLS_Connect" not in printed)
    assert "Demo completed" not in printed


@pytest.mark.parametrize(
    ("macros", "message"),
    [
        ({"endpoint": ""}, "Failed to resolve .\\r"),
        ({"endpoint": None}, "Failed to resolve .\\r"),
        ({"endpoint": "example.com"}, "Failed to resolve example.com.\\r"),
        (
            {"endpoint": "a-ats.iot.eu-west-1.amazonaws.com"},
            "Failed to resolve a-ats.iot.eu-west-1.amazonaws.com.\\r",
        ),
        ({"port": "1883"}, "[ERROR] Failed to establish new connection. secureSocketStatus=-1.\\r"),
        ({}, "[ERROR] Failed to establish new connection. secureSocketStatus=-1.\\r"),
    ],
    ids=["empty", "NULL", "elsewhere", "other region", "wrong port", "no server"],
)
def test_endpoint_that_cannot_be_reached(
    board: BareBoard, macros: dict[str, str | None], message: str
) -> None:
    """Only names of AWS IoT in the bench's region resolve, and only TLS ports are open."""
    with_key(board)
    assert message in shape(board.boot(image(**macros)))


def test_201910_in_its_own_words(
    board: BareBoard, authority: Authority, serve: Callable[..., Server]
) -> None:
    """201910 prints its libraries' log shapes, accepted and refused."""
    public_key, server = with_key(board), serve()
    run = image("201910.00", certificate=authority.issue(public_key))
    accepted = board.boot(run).decode()
    assert "[INFO ][MQTT][lu] New MQTT connection 0x3ffdcb50 established.\r\n" in accepted
    assert "Publish payload: Hello world 19!\r\n" in accepted
    assert "[INFO ][DEMO][lu] Demo completed successfully.\r\n" in accepted
    server.behaviour = "close on connect"
    refused = board.boot(run).decode()
    assert "Wait complete with result TIMEOUT.\r\n" in refused
    assert "[INFO ][MQTT][lu] Network connection closed on error.\r\n" in refused
    wrong = authority.issue(ec.generate_private_key(ec.SECP256R1()).public_key())
    alert = board.boot(image("201910.00", certificate=wrong)).decode()
    assert "ERROR: Handshake failed with error code -30592 \r\n" in alert
    assert f"TLS_Connect fail (0x7780, {ENDPOINT})\n" in alert


def test_201910_does_not_try_without_a_certificate(
    board: BareBoard, serve: Callable[..., Server]
) -> None:
    """201910 gives up before the handshake: PKCS #11's number and 0x7d1."""
    with_key(board)
    serve()
    printed = board.boot(image("201910.00")).decode()
    assert "ERROR: TLS_Connect failed with error code 130 \r\n" in printed
    assert f"TLS_Connect fail (0x7d1, {ENDPOINT})\n" in printed
