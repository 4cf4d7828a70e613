"""What a board's program runs on: its image, flash, clock, console and network."""

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
    """What a board can reach: the bench's own gateway, or what this computer reaches."""

    @property
    def root_ca_file(self) -> Path:
        """The root certificates, PEM, that the firmware has compiled in."""

    @property
    def now(self) -> Callable[[], datetime]:
        """Tells the time at which a server's certificate must be valid."""

    def resolve(self, host: str, port: int) -> tuple[str, int] | None:
        """Return the address behind a name and a port; None where the name does not resolve."""


@dataclass(frozen=True, slots=True)
class Network:
    """What a board can reach whose account is the simulated one.

    Attributes:
        region: names under ``iot.<region>.amazonaws.com`` resolve to the gateway.
        gateway: the gateway's address.
        root_ca_file: the root certificates, PEM, that the firmware has compiled in.
        now: the lab's clock.
        on_resolve: called when the board looks up a name, which begins each of its attempts to
            connect.
    """

    region: str
    gateway: tuple[str, int]
    root_ca_file: Path
    now: Callable[[], datetime]
    on_resolve: Callable[[], None] = lambda: None

    def resolve(self, host: str, port: int) -> tuple[str, int] | None:
        """Return the address behind a name; None where the name does not resolve.

        The gateway is behind every port: it listens on one that was free.
        """
        del port
        self.on_resolve()
        label, _, domain = host.lower().partition(".")
        known = domain == f"iot.{self.region}.amazonaws.com"
        return self.gateway if known and _DNS_LABEL.fullmatch(label) else None


class Console:
    """The board's console: numbers the messages and stamps them with the board's ticks.

    Args:
        release: how messages read.
        clock: the board's clock.
        write: takes the bytes to the serial line.
    """

    def __init__(self, release: Release, clock: BoardClock, write: Callable[[bytes], None]) -> None:
        self._release, self._clock, self._write = release, clock, write
        self._number = 0

    def say(self, event: str, **fields: object) -> None:
        """Print what the release says when something happens; nothing where it says nothing."""
        for message in self._release.lines(event, **fields):
            self._clock.check_power()
            self._write(self._release.frame(self._number, self._clock.ticks, message))
            self._number += 1

    def dump(self, der: bytes) -> None:
        """Print a public key as rows of hex, which carry no prefix."""
        self.say("dump", size=len(der))
        self._clock.check_power()
        for start in range(0, len(der), _BYTES_PER_ROW):
            self._write(_row(der[start : start + _BYTES_PER_ROW]).encode() + b"\r\n")


@dataclass(frozen=True, slots=True)
class Machine:
    """What one boot of a board's program has to work with.

    Attributes:
        image: the image that was in the flash when the board booted.
        make_key: returns a new private key, given its number, counted from 1.
        open_sockets: what the program has open; losing power closes them.
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
        """Write to the flash, unless the power has gone.

        Raises:
            PowerLostError: the board was reset or switched off meanwhile.
        """
        self.clock.check_power()
        return self.flash.change(**changes)


def _row(row: bytes) -> str:
    """Return up to 16 bytes in groups of two, with a blank after every full group."""
    groups = [row[i : i + _BYTES_PER_GROUP] for i in range(0, len(row), _BYTES_PER_GROUP)]
    return "".join(it.hex() + " " * (len(it) == _BYTES_PER_GROUP) for it in groups)
