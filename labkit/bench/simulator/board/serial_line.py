"""A virtual serial line: pySerial's own RFC 2217 server half over a TCP socket on loopback.

A client opens ``rfc2217://127.0.0.1:<port>``. The line carries bytes, the baud rate, and DTR and
RTS, which are wired to the board's reset as on a development board with an auto-reset circuit.

Source: RFC 2217; the circuit of Espressif's boards as esptool's documentation describes it.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

import serial
from serial.rfc2217 import PortManager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BAUD_RATE: Final = 115200
"""The rate at which boards print."""

BITS_PER_BYTE: Final = 10
"""8N1: a start bit, eight data bits, a stop bit."""

_CHUNK = 32
"""Bytes between two sleeps at the baud rate's pace: 2.8 ms."""

_BACKLOG_BYTES = 1 << 20
"""Bytes that are queued for a client that does not read; more are lost."""

_HAND_OVER_S = 0.3
"""How long a new client waits for the previous one to leave."""


class ResetCircuit:
    """DTR and RTS wired to a board's reset, as on boards with an auto-reset circuit.

    The board is held in reset while RTS is on and DTR is off, and boots when that ends; it also
    boots when RTS goes from on to off. esptool's sequence (DTR off, RTS on, wait, RTS off) causes
    one boot. Opening a port raises DTR, then RTS, and causes no boot.

    Args:
        hold: called when the board enters reset.
        boot: called when it leaves reset.
    """

    def __init__(self, hold: Callable[[], None], boot: Callable[[], None]) -> None:
        self._hold, self._boot = hold, boot
        self._dtr = self._rts = False

    @property
    def _held(self) -> bool:
        return self._rts and not self._dtr

    def set(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Set one or both lines."""
        held, rts_was = self._held, self._rts
        self._dtr = self._dtr if dtr is None else dtr
        self._rts = self._rts if rts is None else rts
        if self._held and not held:
            self._hold()
        elif (held and not self._held) or (rts_was and not self._rts):
            self._boot()

    def release(self) -> None:
        """Switch both lines off, like an unplugged cable: only a board held in reset boots."""
        held = self._held
        self._dtr = self._rts = False
        if held:
            self._boot()


class _Port:
    """The attributes of a serial port that PortManager uses."""

    bytesize, parity, stopbits = 8, serial.PARITY_NONE, 1
    xonxoff = rtscts = break_condition = False
    cts = dsr = cd = True
    ri = False

    def __init__(self, circuit: ResetCircuit) -> None:
        self._circuit = circuit
        self.baudrate = BAUD_RATE

    def __setattr__(self, name: str, value: object) -> None:
        if name in {"dtr", "rts"}:
            self._circuit.set(**{name: bool(value)})
        super().__setattr__(name, value)

    def reset_input_buffer(self) -> None:
        """Do nothing: a client's bytes are not buffered."""

    def reset_output_buffer(self) -> None:
        """Do nothing: a client's bytes are not buffered."""


class _Session:
    """One client on the line, from connect to disconnect."""

    def __init__(self, connection: socket.socket, circuit: ResetCircuit) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(None)
        self._socket, self._writing = connection, threading.Lock()
        self.port = _Port(circuit)
        self._manager = PortManager(self.port, self)  # type: ignore[arg-type]  # any object with these attributes will do

    def write(self, raw: bytes) -> None:
        """Send bytes; an error means that the client has left, which `read` notices."""
        with self._writing, contextlib.suppress(OSError):
            self._socket.sendall(raw)

    def print(self, text: bytes) -> None:
        """Send the board's output as it arrives at the client's baud rate."""
        received = as_read_at(text, self.port.baudrate)
        self.write(b"".join(self._manager.escape(received)))

    def read(self) -> Iterator[bytes]:
        """Yield the client's input until it leaves or violates RFC 2217; carry out its requests."""
        while True:
            try:
                raw = self._socket.recv(4096)
            except OSError:
                return
            if not raw:
                return
            try:
                typed = b"".join(self._manager.filter(raw))
            except struct.error:
                # pySerial cannot unpack a value whose size is not that of RFC 2217.
                return
            yield typed

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class SerialLine:
    """A serial line of a board at ``rfc2217://127.0.0.1:<port>``, for one client at a time.

    Bytes that are printed without a client are lost, as on real hardware. A second client is
    disconnected. Opening and closing never reset the board.

    Args:
        hold: called when DTR and RTS put the board into reset.
        boot: called when they end the reset.
        activity: called when a client connects, sends or receives.
    """

    def __init__(
        self,
        *,
        hold: Callable[[], None],
        boot: Callable[[], None],
        activity: Callable[[], None] = lambda: None,
    ) -> None:
        self._circuit = ResetCircuit(hold, boot)
        self._activity = activity
        self._session: _Session | None = None
        self._printed: deque[tuple[bytes, bool]] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rfc2217://127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self) -> str:
        """Start to accept clients.

        Returns:
            The pySerial URL of the line.
        """
        for work in (self._accept, self._transmit):
            threading.Thread(target=work, name=f"{self.url} {work.__name__}", daemon=True).start()
        return self.url

    def close(self) -> None:
        """Disconnect the client and stop listening."""
        with self._changed:
            self._closed = True
            session = self._session
            self._changed.notify_all()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if session is not None:
            session.close()

    def print(self, text: bytes, *, paced: bool) -> None:
        """Queue bytes for the connected client; never blocks.

        Args:
            text: the board's output.
            paced: whether to send at the speed of the baud rate, or as fast as possible.
        """
        with self._changed:
            if self._session is None or self._waiting_bytes > _BACKLOG_BYTES:
                return
            self._printed.append((text, paced))
            self._waiting_bytes += len(text)
            self._changed.notify_all()

    def silence(self) -> None:
        """Drop the queue: a board without power prints nothing."""
        with self._changed:
            self._printed.clear()
            self._waiting_bytes = 0

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._activity()
            with self._changed:
                self._changed.wait_for(lambda: self._session is None, _HAND_OVER_S)
                if self._session is not None or self._closed:
                    connection.close()
                    continue
                session = self._session = _Session(connection, self._circuit)
            threading.Thread(target=self._serve, args=(session,), daemon=True).start()

    def _serve(self, session: _Session) -> None:
        try:
            for _typed in session.read():
                # The demo has no console input: it only counts as traffic.
                self._activity()
        finally:
            session.close()
            self._circuit.release()
            with self._changed:
                self._session = None
                self.silence()
                self._changed.notify_all()

    def _transmit(self) -> None:
        while (waiting := self._next()) is not None:
            (text, paced), session = waiting
            for start in range(0, len(text), _CHUNK if paced else len(text)):
                chunk = text[start : start + _CHUNK] if paced else text
                session.print(chunk)
                if paced:
                    time.sleep(len(chunk) * BITS_PER_BYTE / BAUD_RATE)
            self._activity()

    def _next(self) -> tuple[tuple[bytes, bool], _Session] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or (self._printed and self._session))
            if self._closed or self._session is None:
                return None
            text, paced = self._printed.popleft()
            self._waiting_bytes -= len(text)
            return (text, paced), self._session


def as_read_at(text: bytes, baud_rate: int) -> bytes:
    """Return the bytes that a receiver at another baud rate reads from bytes sent at 115,200.

    The wire is sampled as by a UART: a falling edge, then the middle of each of the receiver's bit
    times. At the right rate the result is the text; at a wrong one it is reproducible garbage.

    Args:
        text: bytes sent without gaps as 8N1, on a line that is idle before and after.
        baud_rate: the receiver's rate.
    """
    if baud_rate == BAUD_RATE or not text:
        return text
    wire = [1]
    for byte in text:
        wire += [0, *((byte >> bit) & 1 for bit in range(8)), 1]
    wire += [1] * BITS_PER_BYTE
    sample, received, position = BAUD_RATE / baud_rate, bytearray(), 0.0
    while (start := _falling_edge(wire, int(position))) is not None:
        bits = (_level(wire, start + (bit + 1.5) * sample) for bit in range(8))
        received.append(sum(level << bit for bit, level in enumerate(bits)))
        position = start + max(1.0, (BITS_PER_BYTE - 0.5) * sample)
    return bytes(received)


def _falling_edge(wire: list[int], position: int) -> int | None:
    for index in range(max(1, position), len(wire)):
        if wire[index] == 0 and wire[index - 1] == 1:
            return index
    return None


def _level(wire: list[int], position: float) -> int:
    return wire[int(position)] if position < len(wire) else 1
