"""The environment of a board's program: its image, flash, clock, console and network."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric import ec

    from labkit.bench.simulator.board.board_clock import BoardClock
    from labkit.bench.simulator.board.flash import Contents, Flash, Image
    from labkit.bench.simulator.board.releases import Release

_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

_BYTES_PER_ROW = 16
_BYTES_PER_GROUP = 2


class Reachable(Protocol):
    """The network of a board: the bench's own gateway, or what this computer reaches."""

    @property
    def root_ca_file(self) -> Path:
        """The root certificates in the firmware, PEM."""

    @property
    def now(self) -> Callable[[], datetime]:
        """Returns the time at which a server's certificate must be valid."""

    def resolve(self, host: str, port: int) -> tuple[str, int] | None:
        """Return the address of a name and a port, or None if the name does not resolve."""


@dataclass(frozen=True, slots=True)
class Network:
    """The network of a board that connects to the simulated account.

    Attributes:
        region: names under ``iot.<region>.amazonaws.com`` resolve to the gateway.
        gateway: the gateway's address.
        root_ca_file: the root certificates in the firmware, PEM.
        now: the lab's clock.
        on_resolve: called when the board resolves a name, the start of an attempt to connect.
    """

    region: str
    gateway: tuple[str, int]
    root_ca_file: Path
    now: Callable[[], datetime]
    on_resolve: Callable[[], None] = lambda: None

    def resolve(self, host: str, port: int) -> tuple[str, int] | None:
        """Return the address of a name, or None if it does not resolve.

        It is the gateway for every port, because the gateway listens on a free one.
        """
        del port
        self.on_resolve()
        label, _, domain = host.lower().partition(".")
        known = domain == f"iot.{self.region}.amazonaws.com"
        return self.gateway if known and _DNS_LABEL.fullmatch(label) else None


class Console:
    """The board's console: adds a number and the board's ticks to each message.

    Args:
        release: the texts of the messages.
        clock: the board's clock.
        write: passes the bytes to the serial line.
    """

    def __init__(self, release: Release, clock: BoardClock, write: Callable[[bytes], None]) -> None:
        self._release, self._clock, self._write = release, clock, write
        self._number = 0

    def log(self, event: str, **fields: object) -> None:
        """Print the release's messages for an event; some releases have none."""
        for message in self._release.lines(event, **fields):
            self._clock.check_power()
            self._write(self._release.frame(self._number, self._clock.ticks, message))
            self._number += 1

    def dump(self, der: bytes) -> None:
        """Print a public key as rows of hex, without prefixes."""
        self.log("dump", size=len(der))
        self._clock.check_power()
        for start in range(0, len(der), _BYTES_PER_ROW):
            self._write(_row(der[start : start + _BYTES_PER_ROW]).encode() + b"\r\n")


@dataclass(frozen=True, slots=True)
class Machine:
    """The environment of one boot.

    Attributes:
        image: the image in the flash at boot time.
        make_key: returns a new private key for its number, counted from 1.
        open_sockets: the program's sockets; losing power closes them.
    """

    image: Image
    release: Release
    flash: Flash
    clock: BoardClock
    console: Console
    network: Reachable
    make_key: Callable[[int], ec.EllipticCurvePrivateKey]
    open_sockets: set[socket.socket] = field(default_factory=set)

    def store(self, **changes: Any) -> Contents:  # noqa: ANN401 as Flash.change
        """Write to the flash.

        Raises:
            PowerLostError: the board was reset or switched off.
        """
        self.clock.check_power()
        return self.flash.change(**changes)


def _row(row: bytes) -> str:
    """Return up to 16 bytes in groups of two, with a blank after every full group."""
    groups = [row[i : i + _BYTES_PER_GROUP] for i in range(0, len(row), _BYTES_PER_GROUP)]
    return "".join(it.hex() + " " * (len(it) == _BYTES_PER_GROUP) for it in groups)
