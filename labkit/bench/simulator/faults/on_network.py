"""Faults between the board and AWS IoT, and in what the board trusts."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit import certificates
from labkit.bench.simulator.faults.fault import Fault
from labkit.support.seeding import SEEDED_DAY

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from labkit.bench.simulator.board.machine import Reachable
    from labkit.bench.simulator.faults.fault import Place

_LOOPBACK = "127.0.0.1"
_HELLO_TIMEOUT_S = 5.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER, on, 0 seconds: closing sends a reset."""


@dataclass(frozen=True, slots=True)
class _Detour:
    """A network in which whatever resolves leads to another address, or the roots are others."""

    way: Reachable
    root_ca_file: Path
    address: tuple[str, int] | None = None

    @property
    def now(self) -> Callable[[], datetime]:
        """The clock of the network behind it."""
        return self.way.now

    def resolve(self, host: str, port: int) -> tuple[str, int] | None:
        """Return the address behind a name; None where the name does not resolve."""
        found = self.way.resolve(host, port)
        return (self.address or found) if found else None


class _Interposed(Fault):
    """Something stands where the server should be."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._socket = socket.socket()
        self._socket.bind((_LOOPBACK, 0))

    def network(self, network: Reachable) -> Reachable:
        """Return a network in which every name leads here."""
        return _Detour(network, network.root_ca_file, self._socket.getsockname())

    def close(self) -> None:
        """Go out of the way."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class ClosedPort(_Interposed):
    """A firewall refuses connections: the port is kept, and nobody listens."""


class ClosingServer(_Interposed):
    """A server that hangs up in the middle of the handshake, without an alert."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
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
    """A middlebox that resets every connection as soon as it has seen what it is."""

    def _hang_up(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


class OtherRoot(Fault):
    """The firmware was built with another root certificate than the server's."""

    def spoil(self) -> None:
        """Make the other root."""
        randomness, whose = self.place.randomness, "another root CA"
        root = certificates.root_ca(
            randomness.ec_key(whose, "key"),
            certificates.parse_subject("O=Another company, CN=Another root CA"),
            now=SEEDED_DAY,
            serial_number=randomness.serial_number(whose, "certificate"),
        )
        self._file.write_text(certificates.to_pem(root))

    def network(self, network: Reachable) -> Reachable:
        """Return the network as a board with that root trusts it."""
        return _Detour(network, self._file)

    @property
    def _file(self) -> Path:
        return self.place.directory / "another-root.pem"
