"""Planting a fault on a board and removing it; a fault survives a restart of the service."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final

from labkit.bench.simulator.atomic_file import write_atomically
from labkit.bench.simulator.faults import kinds
from labkit.bench.simulator.faults.kinds import Fault
from labkit.support.seeding import Randomness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.bench.simulator.faults.kinds import FaultyBoard

NOTHING: Final = "nothing"
"""Only saves the flash, for a fault that is planted elsewhere and then flashed."""

FAULTS: Final[Mapping[str, tuple[type[Fault], ...]]] = {
    NOTHING: (Fault,),
    "no-certificate": (kinds.ErasedCertificate,),
    "key-changed": (kinds.ErasedKey,),
    "private-key-missing": (kinds.NoProvisioning,),
    "storage-failed": (kinds.WornOutFlash,),
    "wrong-root-or-endpoint": (kinds.OtherRoot,),
    "server-closed-handshake": (kinds.ClosingServer,),
    "rows-lost": (kinds.ShortLogQueue,),
    "generation-delay": (kinds.SlowClock,),
    "transport": (kinds.ClosedPort, kinds.ResettingServer),
}
"""The faults by name; if a name has several, the seed selects one."""


class UnknownFaultError(ValueError):
    """The name is not in FAULTS; the message lists the names."""


class Planting:
    """The fault that is planted on a board.

    A file next to the flash records the fault and the flash before it; only its owner can read
    it, because a flash contains a private key.
    """

    def __init__(self, board: FaultyBoard) -> None:
        self._board = board
        self._file = board.directory / "fault.json"
        self.fault = Fault(board)
        if self._file.exists():
            planted = json.loads(self._file.read_bytes())
            self.fault = _kind(planted["name"], planted["seed"])(board)

    @property
    def is_planted(self) -> bool:
        """Whether a fault is planted; "nothing" counts."""
        return self._file.exists()

    def plant(self, name: str | None, seed: str | None) -> None:
        """Plant a fault; it replaces the one that is planted.

        Args:
            name: its name; None to let the seed select it.
            seed: selects; None for a random one.

        Raises:
            UnknownFaultError: the name is not in FAULTS.
        """
        seed = seed if seed is not None else Randomness().draw("fault", "seed", 16).hex()
        if name is None:
            names = [each for each in FAULTS if each != NOTHING]
            name = names[_index(len(names), seed, "name")]
        kind = _kind(name, seed)
        self.remove()
        raw = self._board.flash.raw
        flash = None if raw is None else base64.b64encode(raw).decode()
        planted = {"name": name, "seed": seed, "flash": flash}
        write_atomically(self._file, json.dumps(planted).encode())
        self.fault = kind(self._board)
        self.fault.damage()

    def remove(self, *, keeps_flash: bool = False) -> None:
        """Remove the fault; restore the flash byte for byte, or keep it as it is now."""
        self.close()
        self.fault = Fault(self._board)
        if self._file.exists() and not keeps_flash:
            flash = json.loads(self._file.read_bytes())["flash"]
            self._board.flash.raw = None if flash is None else base64.b64decode(flash)
        self._file.unlink(missing_ok=True)

    def close(self) -> None:
        """Release what the fault holds open; it stays planted."""
        self.fault.close()


def _kind(name: str, seed: str) -> type[Fault]:
    if name not in FAULTS:
        raise UnknownFaultError(f"there is no fault {name[:60]!r}. Use one of {', '.join(FAULTS)}.")
    return FAULTS[name][_index(len(FAULTS[name]), seed, name)]


def _index(count: int, seed: str, purpose: str) -> int:
    return int.from_bytes(Randomness(seed).draw("fault", purpose, 8)) % count
