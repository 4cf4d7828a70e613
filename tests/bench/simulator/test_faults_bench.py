"""The bench's side of planted faults: the control URL, restarts, and what each does to a board."""

from __future__ import annotations

import json
import socket
import stat
from typing import TYPE_CHECKING

import pytest
from board_bench import NOW, THING, image
from diagnosis_cases import Made

from labkit.bench.simulator.board.board import Board
from labkit.bench.simulator.board.board_clock import FAST, BoardClock
from labkit.bench.simulator.board.flash import Flash, FlashRefusesError
from labkit.bench.simulator.board.machine import Network
from labkit.bench.simulator.control import Control
from labkit.bench.simulator.faults import FAULTS, Planting, UnknownFaultError
from labkit.bench.simulator.faults.kinds import (
    ClosedPort,
    ClosingServer,
    ErasedKey,
    Fault,
    FaultyBoard,
    LogQueue,
    OtherRoot,
    ResettingServer,
)
from labkit.support.seeding import Randomness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def place(tmp_path: Path) -> FaultyBoard:
    """A board whose flash holds an image, a key and a certificate."""
    flash = Flash(tmp_path / "flash.json")
    flash.change(image=image(), private_key=b"key", certificate=b"certificate", generated=1)
    return FaultyBoard(THING, tmp_path, flash, Randomness("test"))


@pytest.fixture
def board(place: FaultyBoard) -> Iterator[Board]:
    """The same board, running."""
    network = Network("us-east-1", ("127.0.0.1", 1), place.directory / "root.pem", lambda: NOW)
    board = Board(THING, place.directory, randomness=place.randomness, network=network, speed=FAST)
    yield board
    board.close()


@pytest.fixture
def control(board: Board) -> Iterator[Control]:
    """The control server of a bench with that board."""
    control = Control({THING: board}, about={}, plug_in=lambda _: None, stop=lambda: None)
    yield control
    control.close()


def ask(control: Control, method: str, body: object = None) -> tuple[int, dict[str, object]]:
    """Send a request about the board's fault and return status and answer."""
    address = control.start().removeprefix("http://").split(":")
    text = json.dumps(body).encode()
    with socket.create_connection((address[0], int(address[1]))) as connection:
        head = (
            f"{method} /boards/lab-device/fault HTTP/1.1\r\nHost: {':'.join(address)}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n"
            "Connection: close\r\n\r\n"
        )
        connection.sendall(head.encode() + text)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    control.close()
    head_text, _, content = answer.partition(b"\r\n\r\n")
    return int(head_text.split()[1]), json.loads(content)


# The control URL


@pytest.mark.parametrize("name", FAULTS)
def test_planted_and_removed_leaves_the_flash_as_it_was(
    control: Control, place: FaultyBoard, name: str
) -> None:
    """Whatever is planted, taking it away brings the flash back byte for byte."""
    before = place.flash.raw
    status, reported = ask(control, "POST", {"plant": name})
    assert (status, reported["has_fault"]) == (200, True)
    assert name not in json.dumps(reported)
    place.flash.change(certificate=b"another")
    status, reported = ask(control, "POST", {"plant": None})
    assert (status, reported["has_fault"]) == (200, False)
    assert place.flash.raw == before
    assert not (place.directory / "fault.json").exists()


def test_null_restores_the_flash_and_fixed_keeps_it(control: Control, place: FaultyBoard) -> None:
    """The flash is as before, or as it was fixed."""
    before = place.flash.raw
    ask(control, "POST", {"plant": "key-changed"})
    assert place.flash.read().private_key is None
    assert ask(control, "POST", {"plant": None})[0] == 200
    assert place.flash.raw == before
    ask(control, "POST", {"plant": "key-changed"})
    place.flash.change(private_key=b"new", generated=2)
    assert ask(control, "POST", {"fixed": True})[1]["has_fault"] is False
    assert place.flash.read().private_key == b"new"


def test_a_seed_chooses_and_does_not_tell(control: Control, place: FaultyBoard) -> None:
    """The same seed plants the same fault, another one another; the answer names none."""
    chosen = []
    for seed in ("a", "a", *"bcdefgh"):
        reported = ask(control, "POST", {"seed": seed})[1]
        assert not any(name in json.dumps(reported) for name in FAULTS)
        chosen.append(json.loads((place.directory / "fault.json").read_text())["name"])
    assert chosen[0] == chosen[1]
    assert len(set(chosen)) > 3
    assert "nothing" not in chosen


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"plant": "no-such-fault"}, "no fault 'no-such-fault'. Use one of nothing, "),
        ({"plant": 3}, 'expected {"plant": NAME or null}'),
        ({"seed": 3}, 'expected {"plant": NAME or null}'),
        ({}, 'expected {"plant": NAME or null}'),
        ([], "expected a JSON object"),
    ],
)
def test_what_cannot_be_planted(
    control: Control, place: FaultyBoard, body: object, expected: str
) -> None:
    """A request that makes no sense changes nothing, and the answer says what would."""
    before = place.flash.raw
    status, reported = ask(control, "POST", body)
    assert status == 400
    assert expected in str(reported["error"])
    assert place.flash.raw == before
    assert not (place.directory / "fault.json").exists()


# Restarts


def test_a_fault_outlives_the_service(place: FaultyBoard) -> None:
    """A board that is plugged in again has its fault still, and its flash comes back."""
    before = place.flash.raw
    first = Planting(place)
    first.plant("key-changed", "1")
    first.close()
    second = Planting(place)
    assert isinstance(second.fault, ErasedKey)
    assert place.flash.read().private_key is None
    second.remove()
    assert place.flash.raw == before
    assert type(Planting(place).fault) is Fault


def test_the_note_of_a_fault_is_its_owners_only(place: FaultyBoard) -> None:
    """It holds the flash, which holds a key."""
    Planting(place).plant("storage-failed", "1")
    assert stat.S_IMODE((place.directory / "fault.json").stat().st_mode) == 0o600


def test_one_fault_at_a_time(place: FaultyBoard) -> None:
    """A second fault takes the place of the first, whose traces go; an unknown one changes none."""
    before, planting = place.flash.raw, Planting(place)
    planting.plant("key-changed", "1")
    planting.plant("transport", "1")
    assert place.flash.raw == before
    with pytest.raises(UnknownFaultError, match="no fault 'x'"):
        planting.plant("x", "1")
    assert planting.is_planted
    planting.remove()
    planting.remove()
    assert not planting.is_planted


# What each does


def test_an_erased_board_makes_another_key(place: FaultyBoard) -> None:
    """It remembers how many pairs it has made: a seeded board's next pair is another."""
    ErasedKey(place).damage()
    held = place.flash.read()
    assert (held.private_key, held.certificate, held.generated) == (None, None, 1)


def test_a_worn_out_flash_can_be_read(place: FaultyBoard) -> None:
    """It takes no write, and holds what it held."""
    worn_out = place.flash.worn_out()
    with pytest.raises(FlashRefusesError):
        worn_out.change(certificate=b"new")
    assert worn_out.read().certificate == b"certificate"
    place.flash.change(certificate=b"new")
    assert worn_out.read().certificate == b"new"


def test_a_log_queue_loses_what_finds_it_full() -> None:
    """Three fit; while 9 ms pass the first two of 50 bytes are sent, 4.3 ms each."""
    sent, clock = list[bytes](), BoardClock(FAST)
    queue = LogQueue(3, clock, sent.append)
    for number in range(5):
        queue.put(b"%d" % number * 50)
    assert [message[:1] for message in sent] == [b"0", b"1", b"2"]
    clock.spend(9)
    for number in range(5, 9):
        queue.put(b"%d" % number * 50)
    assert [message[:1] for message in sent[3:]] == [b"5", b"6"]
    clock.spend(1000)
    queue.put(b"9")
    assert sent[-1] == b"9"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ClosedPort, "secureSocketStatus=-1"),
        (ClosingServer, "TLS_Connect fail (0x7280, "),
        (ResettingServer, "TLS_Connect fail (0x20, "),
        (OtherRoot, "TLS_Connect fail (0x2700, "),
        (Fault, "Demo completed successfully."),
    ],
)
def test_what_the_board_says_to_a_network(tmp_path: Path, kind: type[Fault], code: str) -> None:
    """The code is what the board's own TLS library or socket makes of it."""
    made = Made(tmp_path, "202203.00")
    made.serve()
    fault = kind(FaultyBoard(THING, tmp_path, made.board.flash, Randomness("test")))
    fault.damage()
    made.board.network = fault.network(made.board.network)
    printed = made.boot()
    fault.close()
    made.close()
    assert code.encode() in printed
