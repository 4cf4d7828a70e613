"""A board's own way to the gateway, so that its attempts to connect are known as its."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from labkit.bench.simulator.board.machine import Network

__all__ = ["OwnWay"]


@dataclass(frozen=True, slots=True)
class OwnWay:
    """A network that tells when its board sets out.

    Attributes:
        network: what it reaches, by a door of its own.
        set_out: called when the board looks up a name, as the first thing on its way.
    """

    network: Network
    set_out: Callable[[], None]

    @property
    def root_ca_file(self) -> Path:
        """The root certificates, PEM, that the firmware has compiled in."""
        return self.network.root_ca_file

    @property
    def now(self) -> Callable[[], datetime]:
        """The lab's clock."""
        return self.network.now

    def resolve(self, host: str, port: int) -> tuple[str, int] | None:
        """Return the address behind a name; None where the name does not resolve."""
        self.set_out()
        return self.network.resolve(host, port)
