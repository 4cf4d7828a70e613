"""Planting a fault on a board and taking it away again, also after the service has ended."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final

from labkit.bench.simulator.atomic_file import write_atomically
from labkit.bench.simulator.faults.fault import Fault
from labkit.bench.simulator.faults.on_board import (
    ErasedCertificate,
    ErasedKey,
    NoProvisioning,
    ShortLogQueue,
    SlowClock,
    WornOutFlash,
)
from labkit.bench.simulator.faults.on_network import (
    ClosedPort,
    ClosingServer,
    OtherRoot,
    ResettingServer,
)
from labkit.support.seeding import Randomness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.bench.simulator.faults.fault import Place

NOTHING: Final = "nothing"
"""Only keeps the flash, for a fault that is planted somewhere else and then flashed."""

FAULTS: Final[Mapping[str, tuple[type[Fault], ...]]] = {
    NOTHING: (Fault,),
    "no-certificate": (ErasedCertificate,),
    "key-changed": (ErasedKey,),
    "private-key-missing": (NoProvisioning,),
    "storage-failed": (WornOutFlash,),
    "wrong-root-or-endpoint": (OtherRoot,),
    "server-closed-handshake": (ClosingServer,),
    "rows-lost": (ShortLogQueue,),
    "generation-delay": (SlowClock,),
    "transport": (ClosedPort, ResettingServer),
}
"""The faults by name; where there are several of a name, the seed chooses."""


class UnknownFaultError(ValueError):
    """No such fault; the message names those that there are."""


class Planting:
    """What is planted on a board.

    The file beside the flash says what it is and how the flash was before; it is the owner's only,
    since a flash holds a private key.

    Args:
        place: the board.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._file = place.directory / "fault.json"
        self.fault = Fault(place)
        if self._file.exists():
            held = json.loads(self._file.read_bytes())
            self.fault = _kind(held["name"], held["seed"])(place)

    @property
    def is_planted(self) -> bool:
        """Whether anything is planted, be it nothing."""
        return self._file.exists()

    def plant(self, name: str | None, seed: str | None) -> None:
        """Plant a fault in place of whatever is planted.

        Args:
            name: its name; None to let the seed choose.
            seed: chooses; None for chance.

        Raises:
            UnknownFaultError: there is no fault of that name.
        """
        seed = seed if seed is not None else Randomness().draw("fault", "seed", 16).hex()
        if name is None:
            name = _choose([each for each in FAULTS if each != NOTHING], seed, "name")
        kind = _kind(name, seed)
        self.remove()
        raw = self._place.flash.raw
        flash = None if raw is None else base64.b64encode(raw).decode()
        planted = {"name": name, "seed": seed, "flash": flash}
        write_atomically(self._file, json.dumps(planted).encode())
        self.fault = kind(self._place)
        self.fault.spoil()

    def remove(self, *, flash_is_mended: bool = False) -> None:
        """Take the fault away: the flash is what it was before, byte for byte, or stays."""
        self.close()
        self.fault = Fault(self._place)
        if self._file.exists() and flash_is_mended:
            self._file.unlink()
        elif self._file.exists():
            flash = json.loads(self._file.read_bytes())["flash"]
            self._place.flash.raw = None if flash is None else base64.b64decode(flash)
            self._file.unlink()

    def close(self) -> None:
        """Let go of what the fault holds open; it stays planted."""
        self.fault.close()


def _kind(name: str, seed: str) -> type[Fault]:
    if name not in FAULTS:
        raise UnknownFaultError(f"no fault {name[:60]!r}: expected one of {', '.join(FAULTS)}")
    return FAULTS[name][_index(len(FAULTS[name]), seed, name)]


def _choose(names: list[str], seed: str, what: str) -> str:
    return names[_index(len(names), seed, what)]


def _index(count: int, seed: str, what: str) -> int:
    return int.from_bytes(Randomness(seed).draw("fault", what, 8)) % count
