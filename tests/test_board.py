"""The simulated board: what real firmware prints, from its key to the hello world."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
import time
from typing import TYPE_CHECKING

import pytest
from board_bench import (
    ENDPOINT,
    NOW,
    NOWHERE,
    THING,
    Authority,
    BareBoard,
    Server,
    image,
    private_pem,
    shape,
)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from labkit.seeding import Randomness
from labkit.simulator import mqtt
from labkit.simulator.board import Board
from labkit.simulator.board_clock import AS_IN_LIFE, FAST
from labkit.simulator.flash import Flash, FlashDamagedError, Image, ImageError
from labkit.simulator.machine import Network
from labkit.simulator.provisioning import load_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Console text as `shape` makes it: T for ticks, \r shown, the six rows of a dump as one line.
NO_KEY = r"[ERROR] Could not open FreeRTOS_P11_Key.dat for reading.\r"
NO_CERTIFICATE = r"[ERROR] Could not open FreeRTOS_P11_Certificate.dat for reading.\r"
NO_CODE_SIGN_KEY = r"[ERROR] Could not open FreeRTOS_P11_CodeSignKey.dat for reading.\r"
NO_JITR = r"[ERROR] Could not open (null) for reading.\r"
WRITE = "Write certificate...\\r\n\\r"
SHOWING = (
    "Printing device public key.\n"
    r"Make sure that provisioned device certificate matches public key on device.\r"
)
DUMP = "Device public key, 91 bytes:\\r\n\\r\n<key rows>\\r"
WARNING = (
    "Warning: the client certificate should be updated. Please see "
    "https://aws.amazon.com/freertos/getting-started/.\\r\n\\r"
)
JITR_NOT_STORED = (
    NO_JITR,
    WRITE,
    r"[ERROR] Could not save object. Unable to find the correct file.\r",
    r"[ERROR] Failed to create certificate. Could not save the certificate to the PKCS #11 PAL.\r",
    (
        "Warning: no persistent storage is available for the JITP certificate. The certificate in "
        "aws_clientcredential_keys.h will be used instead.\\r\n\\r"
    ),
)
WAITING = r"Waiting for 180 seconds before generating key-pair\r"
IMPORTING = (NO_CERTIFICATE, NO_CODE_SIGN_KEY, NO_KEY, NO_KEY, NO_CERTIFICATE, WRITE)
CONNECTED = f"TLS connection established to {ENDPOINT}\\r\n\\r"
ACCEPTED = (
    CONNECTED,
    r"[INFO] Packet received. ReceivedBytes=2.\r",
    r"[INFO] CONNACK session present bit not set.\r",
    r"[INFO] Connection accepted.\r",
    r"[INFO] Received MQTT CONNACK successfully from broker.\r",
    r"[INFO] MQTT connection established with the broker.\r",
    "MQTT CONNECT: MQTTSuccess\\r\n\\r",
    r"[INFO] Packet received. ReceivedBytes=3.\r",
    "MQTT PUBLISH: MQTTSuccess\\r\n\\r",
    r"[INFO] Packet received. ReceivedBytes=40.\r",
    r"[INFO] De-serialized incoming PUBLISH packet: DeserializerResult=MQTTSuccess.\r",
    r"[INFO] State record updated. New state=MQTTPubAckSend.\r",
    f"Incoming Publish message on topic {THING}/example/topic: Hello World!\\r\n\\r",
    r"[INFO] Packet received. ReceivedBytes=2.\r",
    r"[INFO] Ack packet deserialized with result: MQTTSuccess.\r",
    r"[INFO] State record updated. New state=MQTTPublishDone.\r",
    r"[INFO] Disconnected from the broker.\r",
    "Demo completed successfully.\\r\n\\r",
)
ALERT = "SSL - A fatal alert message was received from our peer"
NOT_TRUSTED = "X509 - Certificate verification failed, e.g. CRL, CA or signature check failed"
END_OF_FILE = "SSL - The connection indicated an EOF"


def returned(status: int) -> str:
    """Return the line that ends provisioning."""
    return f"vDevModeKeyProvisioning returned 0x{status:x}\\r\n\\r"


def handshake_failed(code: int, text: str, host: str = ENDPOINT) -> tuple[str, str]:
    """Return the two lines of a refused handshake."""
    return (
        f"ERROR: TLS handshake failed trying to connect. {text} : <No-Low-Level-Code> \\r\n\\r",
        f"TLS_Connect fail (0x{code:x}, {host})\\r\n\\r",
    )


def console(*messages: str) -> str:
    """Return the console text of numbered messages."""
    return "".join(f"{n} T [iot_thread] {message}\n" for n, message in enumerate(messages))


def ends_in_pkcs11(printed: bytes, code: int = 0x7780) -> bool:
    """Say whether the long line about PKCS #11 was cut at 191 characters and glued to the next."""
    *_, last, _, _ = printed.decode().split("\r\n")
    cut, glued = last[:191], last[191:]
    return (
        "ERROR: The handshake failed and it is likely due to a failure in PKCS #11." in cut
        and glued.endswith(f"[iot_thread] TLS_Connect fail (0x{code:x}, {ENDPOINT})")
        and glued[0].isdigit()
    )


@pytest.fixture
def authority() -> Authority:
    """The authority of the device certificates."""
    return Authority()


@pytest.fixture
def board(tmp_path: Path) -> BareBoard:
    """A blank board."""
    return BareBoard(tmp_path)


@pytest.fixture
def serve(
    tmp_path: Path, authority: Authority, board: BareBoard
) -> Iterator[Callable[..., Server]]:
    """Let the board's endpoint be a server that behaves as told."""
    servers = []

    def start(behaviour: str = "accept", **settings: object) -> Server:
        servers.append(Server(tmp_path, authority, behaviour=behaviour, **settings))
        board.connect_to(servers[-1])
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def with_key(board: BareBoard) -> ec.EllipticCurvePublicKey:
    """Let the board make its key pair, and return the public key."""
    board.boot(image(endpoint=""))
    return load_key(board.flash.read().private_key).public_key()


# Provisioning: onboard key generation


def test_first_boot_makes_a_key_pair(board: BareBoard) -> None:
    """A blank board waits, makes a pair, shows it and warns; ticks count the wait."""
    printed = board.boot(image(endpoint=""))
    assert shape(printed) == console(
        *(NO_KEY, NO_CERTIFICATE, WAITING, SHOWING, DUMP, WARNING, returned(0)),
        "Failed to resolve .\\r\n\\r",
    )
    assert b"4 180011 [iot_thread] Device public key" in printed


def test_dump_is_the_key_in_the_flash(board: BareBoard) -> None:
    """The 91 bytes of the dump are the SubjectPublicKeyInfo of the key in the flash."""
    printed = board.boot(image(endpoint="")).decode()
    rows = printed.partition("91 bytes:")[2].splitlines()[2:8]
    assert [len(row) for row in rows] == [40, 40, 40, 40, 40, 27]
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public_key = load_key(board.flash.read().private_key).public_key()
    assert bytes.fromhex("".join(rows)) == public_key.public_bytes(serialization.Encoding.DER, form)


def test_later_boots_show_the_same_key(board: BareBoard) -> None:
    """With the macro at 0 the key stays, and 202203 shows it again, without waiting."""
    first = shape(board.boot(image(endpoint="")))
    key = board.flash.read().private_key
    second = board.boot(image(endpoint=""))
    assert board.flash.read().private_key == key
    assert "Waiting" in first
    assert shape(second).startswith(console(NO_CERTIFICATE, SHOWING, DUMP, WARNING))


@pytest.mark.parametrize(("force", "changes"), [("1", True), ("0", False), (None, False)])
def test_only_one_forces_a_new_key_pair(board: BareBoard, force: str, *, changes: bool) -> None:
    """The macro at 1 makes a new pair at every boot; anything else does not."""
    board.boot(image(endpoint=""))
    key = board.flash.read().private_key
    printed = board.boot(image(endpoint="", force=force, delay="7"))
    assert (board.flash.read().private_key != key) is changes
    assert (b"Waiting for 7 seconds" in printed) is changes


def test_seeded_keys_differ_by_generation(tmp_path: Path) -> None:
    """With one seed the n-th key of a board is always the same, and no two of them are."""
    keys = []
    for place in ("a", "b"):
        board = BareBoard(tmp_path / place)
        for _ in range(3):
            board.boot(image(endpoint="", force="1"))
            keys.append(board.flash.read().private_key)
    assert keys[:3] == keys[3:]
    assert len(set(keys)) == 3


def test_201910_shows_the_key_with_the_warning_only(board: BareBoard, authority: Authority) -> None:
    """201910 warns, then dumps, and only while no certificate is stored; it does not wait."""
    first = shape(board.boot(image("201910.00", endpoint="")))
    dump = DUMP.replace("\\r\n\\r\n", "\\r\n", 1)
    assert first.startswith(console(WARNING.removesuffix("\n\\r"), dump))
    certificate = authority.issue(load_key(board.flash.read().private_key).public_key())
    second = shape(board.boot(image("201910.00", endpoint="", certificate=certificate)))
    assert "Device public key" not in second
    assert second.startswith(console(r"Write certificate...\r", returned(0).removesuffix("\n\\r")))


# Provisioning: what stands in the keys header


def test_certificate_and_jitr_ca(
    board: BareBoard, authority: Authority, serve: Callable[..., Server]
) -> None:
    """All right: the console of an accepted hello world, line by line."""
    public_key, server = with_key(board), serve()
    printed = board.boot(image(certificate=authority.issue(public_key), jitr=authority.pem))
    assert shape(printed) == console(
        *(NO_CERTIFICATE, WRITE, *JITR_NOT_STORED, SHOWING, DUMP, returned(0)), *ACCEPTED
    )
    assert server.heard[0] == mqtt.Connect(THING, keep_alive_s=60)
    assert [type(it) for it in server.heard] == [
        *(mqtt.Connect, mqtt.Subscribe, mqtt.Publish, mqtt.PubAck, mqtt.Disconnect)
    ]


def test_certificate_works_on_one_line(
    board: BareBoard, authority: Authority, serve: Callable[..., Server]
) -> None:
    r"""A certificate literal without any \n works, as it does on a device."""
    public_key = with_key(board)
    serve()
    certificate = authority.issue(public_key).replace("\n", "")
    assert b"Demo completed successfully." in board.boot(image(certificate=certificate))


def test_no_certificate(board: BareBoard, serve: Callable[..., Server]) -> None:
    """The first run cannot authenticate: no certificate, PKCS #11's line, cut off, and 0x7780."""
    with_key(board)
    serve()
    printed = board.boot(image())
    expected = console(NO_CERTIFICATE, SHOWING, DUMP, WARNING, returned(0), NO_CERTIFICATE)
    assert shape(printed).startswith(expected)
    assert ends_in_pkcs11(printed)


def test_broken_pem_in_the_header(
    board: BareBoard, authority: Authority, serve: Callable[..., Server]
) -> None:
    r"""A PUBLIC KEY block, a damaged certificate, a JITR CA without \n: found in TLS only."""
    public_key = with_key(board)
    serve()
    certificate = authority.issue(public_key)
    pem, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    for macros in (
        {"certificate": public_key.public_bytes(pem, form).decode()},
        {"certificate": certificate.replace("MII", "AII", 1).replace("MIH", "AIH", 1)},
        {"certificate": certificate, "jitr": authority.pem.replace("\n", "")},
    ):
        printed = board.boot(image(**macros))
        assert b"vDevModeKeyProvisioning returned 0x0" in printed
        assert ends_in_pkcs11(printed)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Paste client certificate here.", 0x13),
        ("-----BEGIN CERTIFICATE-----\nno end\n", 0x7),
        ("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n", 0x7),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", 0x7),
    ],
)
def test_no_pem_for_a_certificate(board: BareBoard, text: str, status: int) -> None:
    """Text that is no PEM stops provisioning: no key is made, nothing is stored."""
    printed = shape(board.boot(image(certificate=text, endpoint="")))
    assert printed.startswith(
        console(
            f"ERROR: Failed to provision device certificate. {status} \\r\n\\r", returned(status)
        )
    )
    assert board.flash.read().private_key is None
    assert board.flash.read().certificate is None


# Provisioning: Option 1


@pytest.mark.parametrize(
    ("make", "form"),
    [
        (lambda: rsa.generate_private_key(65537, 2048), "TraditionalOpenSSL"),
        (lambda: rsa.generate_private_key(65537, 2048), "PKCS8"),
        (lambda: ec.generate_private_key(ec.SECP256R1()), "TraditionalOpenSSL"),
        (lambda: ec.generate_private_key(ec.SECP256R1()), "PKCS8"),
    ],
)
def test_imported_key_works(
    board: BareBoard,
    authority: Authority,
    serve: Callable[..., Server],
    make: Callable[[], rsa.RSAPrivateKey],
    form: str,
) -> None:
    """RSA-2048 and EC P-256 keys import, in both PEM forms; an imported key is never shown."""
    key = make()
    serve()
    certificate = authority.issue(key.public_key())
    printed = board.boot(image(certificate=certificate, key=private_pem(key, form)))
    assert shape(printed) == console(*IMPORTING, returned(0), NO_JITR, *ACCEPTED)


UNREADABLE = "Unable to parse private key.\\r\n\\r"


@pytest.mark.parametrize(
    ("make", "complaints", "status"),
    [
        (lambda: private_pem(ec.generate_private_key(ec.SECP384R1())), (UNREADABLE,), 7),
        (
            lambda: private_pem(ec.generate_private_key(ec.SECP256R1())).replace("\n", ""),
            (UNREADABLE,),
            7,
        ),
        (lambda: "Paste client private key here.", (UNREADABLE,), 7),
        (
            lambda: private_pem(rsa.generate_private_key(65537, 4096)),
            (
                "Failed to parse RSA private key components. \\r\n\\r",
                "Failed to parse RSA private key Chinese Remainder Theorem variables. \\r\n\\r",
            ),
            19,
        ),
    ],
    ids=["P-384", "no newlines", "placeholder", "RSA-4096"],
)
def test_keys_that_do_not_import(
    board: BareBoard,
    serve: Callable[..., Server],
    make: Callable[[], str],
    complaints: tuple[str, ...],
    status: int,
) -> None:
    """Other keys are refused with the firmware's own words and status, and TLS has no key."""
    serve()
    certificate = Authority().issue(ec.generate_private_key(ec.SECP256R1()).public_key())
    printed = board.boot(image(certificate=certificate, key=make()))
    refused = f"ERROR: Failed to provision device private key with status {status}.\\r\n\\r"
    assert shape(printed).startswith(
        console(
            *(*IMPORTING, *complaints, refused, returned(status), NO_KEY),
            r"ERROR: Private key not found. \r",
        )
    )
    assert ends_in_pkcs11(printed)


# The hello world: what goes wrong on the way


def test_wrong_key_is_an_alert(
    board: BareBoard, authority: Authority, serve: Callable[..., Server]
) -> None:
    """A certificate with another key (no -force_pubkey, a new pair) gives 0x7780."""
    with_key(board)
    serve()
    certificate = authority.issue(ec.generate_private_key(ec.SECP256R1()).public_key())
    printed = shape(board.boot(image(certificate=certificate)))
    assert printed == console(
        *(NO_CERTIFICATE, WRITE, SHOWING, DUMP, returned(0), NO_JITR),
        *handshake_failed(0x7780, ALERT),
    )


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
    ("behaviour", "said"),
    [
        ("close on hello", [END_OF_FILE, f"TLS_Connect fail (0x7280, {ENDPOINT})"]),
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
        ("refuse connect", ["MQTT CONNECT: MQTTServerRefused"]),
        ("refuse subscribe", ["MQTT SUBSCRIBE: MQTTServerRefused"]),
        ("drop on publish", ["Packet type=30, LoopDuration=700, Status=MQTTRecvFailed"]),
    ],
)
def test_server_that_hangs_up(
    board: BareBoard,
    authority: Authority,
    serve: Callable[..., Server],
    behaviour: str,
    said: list[str],
) -> None:
    """Each way of being hung up on has its own words, and the demo does not complete."""
    public_key = with_key(board)
    serve(behaviour)
    printed = board.boot(image(certificate=authority.issue(public_key))).decode()
    positions = [printed.find(words) for words in said]
    assert -1 not in positions
    assert positions == sorted(positions)
    assert ("Demo failed at iteration 1.\r\n" in printed) is ("TLS_Connect" not in printed)
    assert "Demo completed" not in printed


@pytest.mark.parametrize(
    ("macros", "said"),
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
    board: BareBoard, macros: dict[str, str | None], said: str
) -> None:
    """Only names of AWS IoT in the bench's region resolve, and only TLS ports are open."""
    with_key(board)
    assert said in shape(board.boot(image(**macros)))


def test_201910_in_its_own_words(
    board: BareBoard, authority: Authority, serve: Callable[..., Server]
) -> None:
    """201910 prints its libraries' log shapes, accepted and refused."""
    public_key, server = with_key(board), serve()
    run = image("201910.00", certificate=authority.issue(public_key))
    accepted = board.boot(run).decode()
    assert "[INFO ][MQTT][lu] New MQTT connection 0x3ffdcb50 established.\r\n" in accepted
    assert "Publish payload: Hello World!\r\n" in accepted
    assert "[INFO ][DEMO][lu] Demo completed successfully.\r\n" in accepted
    server.behaviour = "close on connect"
    refused = board.boot(run).decode()
    assert "[ERROR][NET][lu] Error -30848 while receiving data.\r\n" in refused
    assert "Wait complete with result TIMEOUT.\r\n" in refused
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


# Flash


def test_flash_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """The flash file is 0600 from its first byte on, and holds what was written."""
    flash = Flash(tmp_path / "boards" / "0" / "flash.json")
    assert flash.read().image is None
    flash.change(image=image(key="k"), private_key=b"\x00\xff", generated=3)
    held = flash.change(certificate=b"c")
    assert (held.image, held.private_key, held.certificate, held.generated) == (
        *(image(key="k"), b"\x00\xff", b"c"),
        3,
    )
    assert flash.read() == held
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "boards" / "0" / "flash.json").stat().st_mode) == 0o600


def test_reprs_hold_no_key(tmp_path: Path) -> None:
    """Neither an image nor the flash's contents show a key when they are printed."""
    flash = Flash(tmp_path / "flash.json")
    held = flash.change(image=image(key="secret"), private_key=b"secret")
    assert "secret" not in repr(held)
    assert "secret" not in repr(held.image)


def test_reader_never_sees_half_a_flash(tmp_path: Path) -> None:
    """While one thread writes, every read gives the old or the new contents."""
    flash = Flash(tmp_path / "flash.json")
    flash.change(certificate=b"0" * 5000)
    writer = threading.Thread(
        target=lambda: [flash.change(certificate=b"%d" % (n % 10) * 5000) for n in range(200)]
    )
    writer.start()
    while writer.is_alive():
        assert len(set(flash.read().certificate)) == 1
    writer.join()
    assert [it.name for it in tmp_path.iterdir()] == ["flash.json"]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], '"format": 1'),
        ({"format": 1, "release": "v1.0.0", "macros": {}}, "expected one of 201910.00, 202203.00"),
        ({"format": 1, "release": "202203.00", "macros": []}, '"macros": expected an object'),
        ({"format": 1, "release": "202203.00", "macros": {"a b": "1"}}, "'a b'"),
        ({"format": 1, "release": "202203.00", "macros": {"port": 8883}}, "whose value is text"),
    ],
)
def test_what_is_no_image_is_refused(document: object, said: str) -> None:
    """An image that the board cannot run is refused with the entry at fault."""
    with pytest.raises(ImageError) as caught:
        Image.parse(document)
    assert said in str(caught.value)


def test_damaged_flash_is_named(bench: Bench, tmp_path: Path) -> None:
    """A flash file that is none: the board stays silent, and flashing says what to do."""
    (tmp_path / "flash.json").write_text('{"private_key": "secret"}')
    bench.board.reset()
    with pytest.raises(FlashDamagedError, match=r"Delete it for a blank board") as caught:
        bench.board.flash(image())
    assert "secret" not in str(caught.value)
    assert bench.printed("") == ""


# The board itself: power, reset, clock


class Bench:
    """A board on a bench, whose console a test can read without a serial port."""

    def __init__(
        self, directory: Path, *, speed: float | str = FAST, gateway: tuple[str, int] = NOWHERE
    ) -> None:
        network = Network("us-east-1", gateway, directory / "root.pem", lambda: NOW)
        self.board = Board(
            "0", directory, randomness=Randomness("test"), network=network, speed=speed
        )
        self.flash, self._printed = Flash(directory / "flash.json"), bytearray()
        self.board._line.print = self._hear  # noqa: SLF001 a probe on the wire

    def _hear(self, text: bytes, **_: bool) -> None:
        self._printed += text

    def printed(self, until: str) -> str:
        """Return what was printed as soon as it holds some words."""
        end = time.monotonic() + 5
        while until not in self._printed.decode() and time.monotonic() < end:
            time.sleep(0.005)
        text = self._printed.decode()
        assert until in text
        return text


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A board whose clock runs fast."""
    it = Bench(tmp_path)
    yield it
    it.board.close()


@pytest.fixture
def slow_bench(tmp_path: Path) -> Iterator[Bench]:
    """A board whose clock runs as in life."""
    it = Bench(tmp_path, speed=AS_IN_LIFE)
    yield it
    it.board.close()


def test_blank_board_prints_nothing(bench: Bench) -> None:
    """A board without an image boots into silence."""
    bench.board.reset()
    time.sleep(0.1)
    assert bench.printed("") == ""
    assert bench.board.state["boots"] == 1


def test_flashing_changes_nothing_until_the_next_boot(bench: Bench) -> None:
    """A new image runs at the next reset, not before."""
    bench.board.flash(image(endpoint="one.example"))
    time.sleep(0.1)
    assert bench.printed("") == ""
    bench.board.reset()
    bench.printed("Failed to resolve one.example.")
    bench.board.flash(image(endpoint="two.example"))
    time.sleep(0.1)
    assert "two.example" not in bench.printed("one.example")
    bench.board.reset()
    bench.printed("Failed to resolve two.example.")


def test_flash_survives_power_off(bench: Bench) -> None:
    """Power off and on boots the same image with the same key; a reset needs power."""
    bench.board.flash(image(endpoint=""))
    bench.board.reset()
    bench.printed("Failed to resolve")
    key = bench.flash.read().private_key
    bench.board.power(on=False)
    bench.board.power(on=False)
    bench.board.reset()
    assert bench.board.state["boots"] == 1
    assert bench.board.state["power"] is False
    bench.board.power(on=True)
    bench.board.power(on=True)
    assert bench.board.state["boots"] == 2
    bench.printed("2 1 [iot_thread] Device public key")
    assert bench.flash.read().private_key == key


@pytest.mark.parametrize("interrupt", ["power", "reset"])
def test_interrupted_wait_makes_no_key(slow_bench: Bench, interrupt: str) -> None:
    """Power off or a reset in the 180 s stops the program at once, and no key is made."""
    board = slow_bench.board
    board.flash(image(endpoint="", force="1"))
    board.reset()
    slow_bench.printed("Waiting for 180 seconds")
    started = time.perf_counter()
    if interrupt == "power":
        board.power(on=False)
    else:
        board.flash(image(endpoint="", force="1", delay="90"))
        board.reset()
        slow_bench.printed("Waiting for 90 seconds")
    assert time.perf_counter() - started < 1
    assert slow_bench.flash.read().private_key is None


def test_reset_ends_a_handshake_that_hangs(tmp_path: Path) -> None:
    """A server that accepts and says nothing does not hold up a reset."""
    listener = socket.create_server(("127.0.0.1", 0))
    bench = Bench(tmp_path, gateway=listener.getsockname())
    bench.board.flash(image(endpoint=ENDPOINT))
    bench.board.reset()
    connection, _ = listener.accept()
    bench.board.flash(image(endpoint="other.example"))
    started = time.perf_counter()
    bench.board.reset()
    assert time.perf_counter() - started < 1
    assert "TLS_Connect" not in bench.printed("Failed to resolve other.example.")
    for it in (bench.board, connection, listener):
        it.close()


def test_wait_can_be_let_run_fast(slow_bench: Bench) -> None:
    """The 180 s pass at once when the clock is let run fast, and the ticks count them."""
    slow_bench.board.flash(image(endpoint="", force="1"))
    slow_bench.board.reset()
    slow_bench.printed("Waiting for 180 seconds")
    assert slow_bench.flash.read().private_key is None
    slow_bench.board.speed = FAST
    slow_bench.printed(" 180011 [iot_thread] Device public key")


def test_state_tells_no_key(bench: Bench) -> None:
    """What a board tells of itself is JSON without its key."""
    bench.board.flash(image(endpoint=""))
    bench.board.reset()
    bench.printed("Failed to resolve")
    state = json.loads(json.dumps(bench.board.state))
    assert set(state) == {"name", "url", "power", "speed", "boots"}
