"""What a hand does to the device's board on the simulated bench: power, and a fault by its name.

::

    drills.plant(lab, "generation-delay")      # what it does, in words
    drills.unplant(lab)                        # the flash is what it was before
    drills.power(lab, on=False)

On a real board none of this can be done from here, and an error says what a hand would do.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from labkit.bench.client import board_path
from labkit.errors import BenchError, ManualError
from labkit.manual.drills.device import DrillDevice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labkit.lab.lab import Lab

FAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "no-certificate": "erases the certificate from the flash",
        "key-changed": "erases key and certificate: the next boot makes another key pair",
        "private-key-missing": "a blank board whose firmware skips the key provisioning",
        "storage-failed": "wears the flash out: it can be read and takes no write",
        "wrong-root-or-endpoint": "the firmware trusts another root CA than the server's",
        "server-closed-handshake": "a server hangs up in the middle of the TLS handshake",
        "rows-lost": "a log queue that is too short: rows of the dump are lost",
        "generation-delay": "erases the key pair, and the 180 seconds before a new one are real",
        "transport": "a firewall refuses or resets every connection",
    }
)
"""Every fault that the simulated board can have, with what it does."""


@dataclass(frozen=True, slots=True)
class BoardState:
    """What can be seen of the board; its repr is a line.

    Attributes:
        power: whether it has power; None where nobody can tell.
        has_fault: whether a fault is planted; which one cannot be seen.
    """

    power: bool | None
    has_fault: bool = False

    def __repr__(self) -> str:
        """Return power and fault in words."""
        if self.power is None:
            return "power not known: the board is real"
        fault = "a fault is planted" if self.has_fault else "no fault planted"
        return f"power {'on' if self.power else 'off'}, {fault}"


def look(lab: Lab) -> BoardState:
    """Look at the device's board.

    Raises:
        BenchError: the bench does not answer.
    """
    if lab.bench is None or not lab.workspace.settings.board_is_simulated:
        return BoardState(None)
    return _seen(lab.bench.get(_path(lab)))


def power(lab: Lab, *, on: bool) -> BoardState:
    """Give the simulated board power, which boots it, or take it away.

    Raises:
        BenchError: the board is real, or the bench does not answer.
    """
    if lab.bench is None or not lab.workspace.settings.board_is_simulated:
        raise BenchError(
            "the power of a real board is not in labkit's hands: unplug its cable, and plug it in."
        )
    return _seen(lab.bench.post(f"{_path(lab)}/power", {"on": on}))


def plant(lab: Lab, fault: str) -> str:
    """Plant a fault on the simulated board; it shows at the next boot.

    Args:
        lab: the lab, simulated altogether.
        fault: a name of `FAULTS`.

    Returns:
        What is planted and what it does, a line.

    Raises:
        ManualError: there is no such fault, or a drill is open.
        BenchError: the board or the account is real.
    """
    if fault not in FAULTS:
        raise ManualError(f"no fault {fault[:60]!r}: expected one of {', '.join(FAULTS)}.")
    device = _without_drill(lab, fault)
    device.plant(fault)
    return f"planted {fault}: {FAULTS[fault]}"


def unplant(lab: Lab) -> str:
    """Take the planted fault away; the board's flash is what it was before it, byte for byte.

    Returns:
        What was done, a line.

    Raises:
        ManualError: a drill is open.
        BenchError: the board or the account is real.
    """
    device = _without_drill(lab)
    if not look(lab).has_fault:
        return "no fault was planted"
    device.bench.post(f"{_path(lab)}/fault", {"plant": None})
    return "the fault is taken away, and the flash is as it was before it"


def _without_drill(lab: Lab, seed: str = "") -> DrillDevice:
    """Return the drill device; an open drill has planted a fault of its own, and kept notes."""
    device = DrillDevice(lab, seed)
    if device.bench and device.is_disturbed:
        raise ManualError(
            "a drill is open, and has planted what it needs. Mend it, or take it away with "
            "drills.put_away(lab)."
        )
    return device


def _path(lab: Lab) -> str:
    return board_path(lab.workspace.settings.thing_name)


def _seen(state: Mapping[str, Any]) -> BoardState:
    return BoardState(bool(state["power"]), bool(state["has_fault"]))
