"""The kinds of faults, and what each one changes about a board.

A fault changes the board's flash, network, clock or log queue, never the text that it prints.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit import certificates
from labkit.bench.simulator.board.board_clock import REAL_TIME
from labkit.bench.simulator.board.serial_line import BAUD_RATE, BITS_PER_BYTE
from labkit.support.seeding import SEEDED_DAY

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from labkit.bench.simulator.board.board_clock import BoardClock, Speed
    from labkit.bench.simulator.board.flash import Flash
    from labkit.bench.simulator.board.machine import Reachable
    from labkit.support.seeding import Randomness

_QUEUE_LENGTH = 6
"""Messages. Most boards have 15, which other tasks fill; the demo alone must overflow this one."""

_LOOPBACK = "127.0.0.1"
_HELLO_TIMEOUT_S = 5.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER, on, 0 seconds: closing sends a reset."""


@dataclass(frozen=True, slots=True)
class FaultyBoard:
    """The board that a fault is planted on.

    Attributes:
        name: the board's name.
        directory: where its flash file is; a fault may keep a file of its own there.
        flash: its flash.
        randomness: the source of keys.
    """

    name: str
    directory: Path
    flash: Flash
    randomness: Randomness


class Fault:
    """No fault; the base class of all kinds, which override what they change.

    Attributes:
        speed: the speed of the board's clock, or None for the one that is set.
        provisions: whether the firmware runs the developer-mode key provisioning.
    """

    speed: Speed | None = None
    provisions = True

    def __init__(self, board: FaultyBoard) -> None:
        self.board = board

    def damage(self) -> None:
        """Change the flash, once, when the fault is planted."""

    def flash(self, flash: Flash) -> Flash:
        """Return the flash as the board's program finds it."""
        return flash

    def network(self, network: Reachable) -> Reachable:
        """Return the network as the board finds it."""
        return network

    def printing(
        self,
        clock: BoardClock,  # noqa: ARG002 for the classes that override it
        write: Callable[[bytes], None],
    ) -> Callable[[bytes], None]:
        """Return the function that passes the messages of one boot to the serial line."""
        return write

    def close(self) -> None:
        """Release what the fault holds open."""


class ErasedCertificate(Fault):
    """The certificate is erased; the image may contain none."""

    def damage(self) -> None:
        """Erase it."""
        self.board.flash.change(certificate=None)


class ErasedKey(Fault):
    """Key and certificate are erased: the board generates another key pair at its next boot.

    The number of pairs that it has generated stays, so that a seeded board makes another one.
    """

    def damage(self) -> None:
        """Erase them."""
        self.board.flash.change(private_key=None, certificate=None)


class SlowClock(ErasedKey):
    """The board has to generate a pair, and the 180 seconds before it take 180 seconds."""

    speed = REAL_TIME


class NoProvisioning(ErasedKey):
    """The firmware was built without the call of the key provisioning; the board is blank."""

    provisions = False


class WornOutFlash(ErasedCertificate):
    """The flash has lost the certificate and refuses writes; it can still be read."""

    def flash(self, flash: Flash) -> Flash:
        """Return the flash as one that refuses writes."""
        return flash.worn_out()


class LogQueue:
    """A log task that sends the messages in its queue at the baud rate; a full queue drops them.

    Source: FreeRTOS, `iot_logging_task_dynamic_buffers.c`: a message is queued without waiting,
    and dropped without a notice if the queue is full.

    Args:
        length: messages that the queue can hold.
        clock: the board's clock; the task sends while time passes.
        write: passes the bytes to the serial line.
    """

    def __init__(self, length: int, clock: BoardClock, write: Callable[[bytes], None]) -> None:
        self._length, self._clock, self._write = length, clock, write
        self._waiting_ms: deque[float] = deque()
        self._sent_until = clock.ticks

    def put(self, message: bytes) -> None:
        """Queue a message, or drop it."""
        self._send()
        if len(self._waiting_ms) >= self._length:
            return
        self._waiting_ms.append(len(message) * BITS_PER_BYTE * 1000 / BAUD_RATE)
        self._write(message)

    def _send(self) -> None:
        """Remove the messages that were sent since the last call."""
        passed = float(self._clock.ticks - self._sent_until)
        self._sent_until = self._clock.ticks
        while self._waiting_ms and passed > 0:
            needed = self._waiting_ms[0]
            if needed > passed:
                self._waiting_ms[0] = needed - passed
                return
            passed -= needed
            self._waiting_ms.popleft()


class ShortLogQueue(ErasedCertificate):
    """The log queue is too short for what the board prints at once without a certificate."""

    def printing(
        self, clock: BoardClock, write: Callable[[bytes], None]
    ) -> Callable[[bytes], None]:
        """Return the function that puts messages into the queue."""
        return LogQueue(_QUEUE_LENGTH, clock, write).put


@dataclass(frozen=True, slots=True)
class _Rerouted:
    """A network in which names resolve to another address, or the board has another root."""

    network: Reachable
    root_ca_file: Path
    address: tuple[str, int] | None = None

    @property
    def now(self) -> Callable[[], datetime]:
        """The clock of the original network."""
        return self.network.now

    def resolve(self, host: str, port: int) -> tuple[str, int] | None:
        """Return the address of a name, or None if it does not resolve."""
        found = self.network.resolve(host, port)
        return (self.address or found) if found else None


class ClosedPort(Fault):
    """A firewall refuses connections: the port is reserved, and nothing listens on it."""

    def __init__(self, board: FaultyBoard) -> None:
        super().__init__(board)
        self._socket = socket.socket()
        self._socket.bind((_LOOPBACK, 0))

    def network(self, network: Reachable) -> Reachable:
        """Return a network in which every name resolves to this port."""
        return _Rerouted(network, network.root_ca_file, self._socket.getsockname())

    def close(self) -> None:
        """Free the port."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class ClosingServer(ClosedPort):
    """A server that closes the connection during the handshake, without an alert."""

    def __init__(self, board: FaultyBoard) -> None:
        super().__init__(board)
        self._socket.listen()
        threading.Thread(target=self._serve, name="closing server", daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(_HELLO_TIMEOUT_S)
                connection.recv(65536)
                self._hang_up(connection)

    def _hang_up(self, connection: socket.socket) -> None:
        connection.shutdown(socket.SHUT_RDWR)


class ResettingServer(ClosingServer):
    """A middlebox that resets every connection after its first bytes."""

    def _hang_up(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


class OtherRoot(Fault):
    """The firmware was built with another root certificate than the server's."""

    def damage(self) -> None:
        """Create the other root."""
        randomness, owner = self.board.randomness, "another root CA"
        root = certificates.root_ca(
            randomness.ec_key(owner, "key"),
            certificates.parse_subject("O=Another company, CN=Another root CA"),
            now=SEEDED_DAY,
            serial_number=randomness.serial_number(owner, "certificate"),
        )
        self._file.write_text(certificates.to_pem(root))

    def network(self, network: Reachable) -> Reachable:
        """Return the network as a board with the other root sees it."""
        return _Rerouted(network, self._file)

    @property
    def _file(self) -> Path:
        return self.board.directory / "another-root.pem"
