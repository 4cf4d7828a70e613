"""The virtual serial line, as real pySerial sees it."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest
import serial

from labkit.bench.simulator.board.serial_line import BAUD_RATE, ResetCircuit, SerialLine, as_read_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")

LINE = b"3059 3013 0607 2a86 48ce 3d02 0106 082a \r\n"


class Wired:
    """A line with counters where the board would be."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.traffic = 0
        self.line = SerialLine(
            hold=lambda: self.events.append("hold"),
            boot=lambda: self.events.append("boot"),
            activity=self._count,
        )
        self.url = self.line.start()

    def _count(self) -> None:
        self.traffic += 1

    def open(self, **settings: object) -> serial.Serial:
        """Open the line with pySerial."""
        return serial.serial_for_url(self.url, **{"baudrate": BAUD_RATE, "timeout": 2, **settings})


@pytest.fixture
def wired() -> Iterator[Wired]:
    """A line that is closed after the test."""
    it = Wired()
    yield it
    it.line.close()


def eventually(holds: Callable[[], bool]) -> bool:
    """Wait up to two seconds for something to hold."""
    end = time.monotonic() + 2
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    return holds()


def settle() -> None:
    """Give a wrong event the time to happen."""
    time.sleep(0.2)


def test_opening_and_closing_never_reset(wired: Wired) -> None:
    """PySerial raises DTR and RTS when it opens a port: no reset then, and none at its end."""
    for _ in range(3):
        with wired.open():
            settle()
    settle()
    assert wired.events == []


def test_esptool_sequence_boots_once(wired: Wired) -> None:
    """DTR off, RTS on, wait, RTS off: held in reset, then exactly one boot."""
    with wired.open() as port:
        port.dtr, port.rts = False, True
        time.sleep(0.1)
        assert wired.events == ["hold"]
        port.rts = False
        assert eventually(lambda: wired.events == ["hold", "boot"])
        port.dtr = True
        settle()
    settle()
    assert wired.events == ["hold", "boot"]


def test_releasing_rts_boots(wired: Wired) -> None:
    """RTS from on to off boots with DTR on, too; RTS from off to on does nothing by itself."""
    with wired.open() as port:
        port.rts = False
        assert eventually(lambda: wired.events == ["boot"])
        port.rts = True
        settle()
        assert wired.events == ["boot"]


def test_toggling_dtr_does_not_reset(wired: Wired) -> None:
    """DTR alone, with RTS off, is not a reset."""
    with wired.open() as port:
        port.rts = False
        assert eventually(lambda: wired.events == ["boot"])
        port.dtr = False
        port.dtr = True
        settle()
    assert wired.events == ["boot"]


def test_unplugging_a_held_board_lets_it_boot(wired: Wired) -> None:
    """A client that leaves while it holds the board in reset ends the reset."""
    with wired.open() as port:
        port.dtr = False
        assert eventually(lambda: wired.events == ["hold"])
    assert eventually(lambda: wired.events == ["hold", "boot"])


def test_lines_start_off_for_each_client() -> None:
    """What one client left on is off for the next, without a reset in between."""
    events: list[str] = []
    circuit = ResetCircuit(lambda: events.append("hold"), lambda: events.append("boot"))
    circuit.set(dtr=True)
    circuit.set(rts=True)
    circuit.release()
    assert events == []
    circuit.set(dtr=False, rts=False)
    assert events == []
    circuit.set(rts=True)
    assert events == ["hold"]


@pytest.mark.parametrize("paced", [False, True])
def test_bytes_arrive_as_printed(wired: Wired, *, paced: bool) -> None:
    """All 256 byte values arrive, telnet's own escape 0xff included."""
    text = bytes(range(256)) + LINE * 6
    with wired.open() as port:
        wired.line.print(text, paced=paced)
        assert port.read(len(text)) == text


def test_pace_is_that_of_115200_baud(wired: Wired) -> None:
    """Ten bits a byte: 2,304 bytes take 0.2 s at least; without the pace more arrive, too."""
    with wired.open(timeout=30) as port:
        started = time.perf_counter()
        wired.line.print(b"U" * 2304, paced=True)
        assert len(port.read(2304)) == 2304
        assert time.perf_counter() - started >= 0.19
        wired.line.print(b"U" * 46080, paced=False)
        assert len(port.read(46080)) == 46080


def test_nobody_listening_loses_the_text(wired: Wired) -> None:
    """What is printed with no client connected is lost; the next client reads what follows."""
    wired.line.print(b"lost", paced=False)
    with wired.open() as port:
        wired.line.print(b"one", paced=False)
        assert port.read(3) == b"one"
    assert eventually(lambda: wired.line._session is None)  # noqa: SLF001 the moment matters
    wired.line.print(b"lost", paced=False)
    with wired.open() as port:
        wired.line.print(b"two", paced=False)
        assert port.read(3) == b"two"


def test_new_client_waits_for_the_one_that_leaves(wired: Wired) -> None:
    """A client that comes a moment before the one before it has left is let in."""
    host, _, number = wired.url.removeprefix("rfc2217://").partition(":")
    first = socket.create_connection((host, int(number)), timeout=2)
    assert first.recv(1) == b"\xff"
    with socket.create_connection((host, int(number)), timeout=2) as second:
        time.sleep(0.05)
        first.close()
        assert second.recv(1) == b"\xff"


def test_reopening_at_once_works(wired: Wired) -> None:
    """A client may close the line and open it in the same breath."""
    for number in b"12345":
        port = wired.open()
        wired.line.print(bytes([number]), paced=False)
        assert port.read(1) == bytes([number])
        port.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pySerial leaks
def test_second_client_is_hung_up_on(wired: Wired) -> None:
    """While one client is connected a second one is refused, and the first does not notice."""
    with wired.open() as port:
        host, _, number = wired.url.removeprefix("rfc2217://").partition(":")
        with socket.create_connection((host, int(number)), timeout=2) as second:
            assert second.recv(1) == b""
        with pytest.raises((serial.SerialException, ConnectionError)):
            wired.open()
        wired.line.print(b"still here", paced=False)
        assert port.read(10) == b"still here"
    assert wired.events == []


def test_client_that_does_not_read_blocks_nobody(wired: Wired) -> None:
    """Printing to a client that reads nothing returns at once, however much is printed."""
    host, _, number = wired.url.removeprefix("rfc2217://").partition(":")
    with socket.create_connection((host, int(number)), timeout=2):
        assert eventually(lambda: wired.line._session is not None)  # noqa: SLF001 connected
        for _ in range(200):
            wired.line.print(b"x" * 65536, paced=False)
    with wired.open() as port:
        wired.line.print(b"next", paced=False)
        assert port.read(4) == b"next"


def test_typing_and_connecting_are_traffic(wired: Wired) -> None:
    """What a client does counts as use of the bench; a line in use by nobody does not."""
    assert wired.traffic == 0
    with wired.open() as port:
        before = wired.traffic
        assert before > 0
        port.write(b"\r\n")
        assert eventually(lambda: wired.traffic > before)


@pytest.mark.parametrize(
    ("value", "hung_up"),
    [(b"\x00\x00\x25\x80", False), (b"\x00\x25\x80", True), (b"", True)],
)
def test_client_that_breaks_rfc_2217_is_hung_up_on(
    wired: Wired, value: bytes, *, hung_up: bool
) -> None:
    """A baud rate has four bytes: with fewer the client goes, and the next one is served."""
    iac_sb, set_baud_rate, iac_se = b"\xff\xfa", b"\x2c\x01", b"\xff\xf0"
    port = int(wired.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=0.5) as client:
        client.sendall(iac_sb + set_baud_rate + value + iac_se)
        try:
            while client.recv(4096):
                pass
            ended = True
        except TimeoutError:
            ended = False
    assert ended is hung_up
    with wired.open() as port:
        wired.line.print(LINE, paced=False)
        assert port.read(len(LINE)) == LINE


def test_wrong_baud_rate_reads_garbage(wired: Wired) -> None:
    """At another baud rate the same garbage comes each time; the right rate set later fixes it."""
    with wired.open(baudrate=9600) as port:
        wired.line.print(LINE, paced=False)
        garbage = port.read(len(as_read_at(LINE, 9600)))
        assert garbage == as_read_at(LINE, 9600) != LINE
        port.baudrate = BAUD_RATE
        wired.line.print(LINE, paced=False)
        assert port.read(len(LINE)) == LINE


@pytest.mark.parametrize("baud_rate", [300, 9600, 57600, 74880, 230400, 921600])
def test_garbage_is_no_text(baud_rate: int) -> None:
    """At none of the usual wrong rates does a row of a dump come out as hex digits."""
    heard = as_read_at(LINE * 4, baud_rate)
    assert LINE.strip() not in heard
    assert heard == as_read_at(LINE * 4, baud_rate)
    assert any(byte not in b"0123456789abcdef \r\n" for byte in heard)


@pytest.mark.parametrize("baud_rate", [113000, 115200, 117500])
def test_nearly_right_rate_reads_well(baud_rate: int) -> None:
    """A UART tolerates two percent."""
    assert as_read_at(LINE, baud_rate) == LINE
