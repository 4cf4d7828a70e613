"""Developer-mode key provisioning on the simulated board, as real firmware prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from board_bench import THING, Authority, BareBoard, Server, image, private_pem, shape
from board_console import (
    ACCEPTED,
    DUMP,
    IMPORTING,
    JITR_NOT_STORED,
    NO_CERTIFICATE,
    NO_JITR,
    NO_KEY,
    SHOWING,
    WAITING,
    WARNING,
    WRITE,
    console,
    ends_in_pkcs11,
    returned,
    with_key,
)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from labkit.bench.simulator import mqtt
from labkit.bench.simulator.board.provisioning import load_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ("board_fixtures",)

# Onboard key generation


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


# What is in the keys header


def test_certificate_and_jitr_ca(
    board: BareBoard, authority: Authority, serve: Callable[..., Server]
) -> None:
    """All right: the console of an accepted hello world, line by line."""
    public_key, server = with_key(board), serve()
    printed = board.boot(image(certificate=authority.issue(public_key), jitr=authority.pem))
    assert shape(printed) == console(
        *(NO_CERTIFICATE, WRITE, *JITR_NOT_STORED, SHOWING, DUMP, returned(0)), *ACCEPTED
    )
    heard = server.everything(until=mqtt.Disconnect)
    assert heard[0] == mqtt.Connect(THING, keep_alive_s=60)
    assert heard[1:] == [
        mqtt.Subscribe(1, ((f"{THING}/example/topic", 1),)),
        mqtt.Publish(f"{THING}/example/topic", b"Hello World!", qos=1, packet_id=2),
        *(mqtt.PubAck(1), mqtt.Disconnect()),
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


# Option 1


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
    """Other keys are refused with the firmware's own words; the pair that was there is gone."""
    with_key(board)
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
    assert board.flash.read().private_key is None
