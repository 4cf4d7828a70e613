"""The power of the simulated board, and faults that are planted on it by name.

::

    drills.plant(lab, "generation-delay")      # describes what it does
    drills.unplant(lab)                        # the flash is as it was before
    drills.power(lab, on=False)

On a real board these calls raise an error that says what to do by hand.
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
        "storage-failed": "wears the flash out: it can be read but not written",
        "wrong-root-or-endpoint": "the firmware trusts another root CA than the server's",
        "server-closed-handshake": "a server closes the connection during the TLS handshake",
        "rows-lost": "a log queue that is too short: rows of the dump are lost",
        "generation-delay": "erases the key pair; a new one takes 180 real seconds",
        "transport": "a firewall refuses or resets every connection",
    }
)
"""Every fault that the simulated board can have, with what it does."""


@dataclass(frozen=True, slots=True)
class BoardState:
    """The state of the board; its repr is a line.

    Attributes:
        power: whether it has power; None for a real board.
        has_fault: whether a fault is planted; which one is not known.
    """

    power: bool | None
    has_fault: bool = False

    def __repr__(self) -> str:
        """Return power and fault in words."""
        if self.power is None:
            return "power not known: the board is real"
        fault = "a fault is planted" if self.has_fault else "no fault planted"
        return f"power {'on' if self.power else 'off'}, {fault}"


def read_board(lab: Lab) -> BoardState:
    """Read the state of the device's board.

    Raises:
        BenchError: the bench does not answer.
    """
    if lab.bench is None or not lab.workspace.settings.board_is_simulated:
        return BoardState(None)
    return _state(lab.bench.get(_path(lab)))


def power(lab: Lab, *, on: bool) -> BoardState:
    """Switch the power of the simulated board on, which boots it, or off.

    Raises:
        BenchError: the board is real, or the bench does not answer.
    """
    if lab.bench is None or not lab.workspace.settings.board_is_simulated:
        raise BenchError(
            "labkit cannot switch the power of a real board: unplug its cable and plug it in again."
        )
    return _state(lab.bench.post(f"{_path(lab)}/power", {"on": on}))


def plant(lab: Lab, fault: str) -> str:
    """Plant a fault on the simulated board; it takes effect at the next boot.

    Args:
        lab: a lab whose board and account are simulated.
        fault: a name of `FAULTS`.

    Returns:
        A line: the fault and what it does.

    Raises:
        ManualError: there is no such fault, or a drill is open.
        BenchError: the board or the account is real.
    """
    if fault not in FAULTS:
        raise ManualError(f"{fault[:60]!r} is not a fault. The faults are {', '.join(FAULTS)}.")
    _device_without_drill(lab, fault).plant(fault)
    return f"planted {fault}: {FAULTS[fault]}"


def unplant(lab: Lab) -> str:
    """Remove the planted fault; the board's flash is as it was before it, byte for byte.

    Returns:
        A line: what was done.

    Raises:
        ManualError: a drill is open.
        BenchError: the board or the account is real.
    """
    device = _device_without_drill(lab)
    if not read_board(lab).has_fault:
        return "no fault was planted"
    device.bench.post(f"{_path(lab)}/fault", {"plant": None})
    return "the fault is removed, and the flash is as it was before it"


def _device_without_drill(lab: Lab, seed: str = "") -> DrillDevice:
    """Return the drill device, if no drill is open: an open drill has planted its own fault."""
    device = DrillDevice(lab, seed)
    if device.bench and device.is_disturbed:
        raise ManualError(
            "a drill is open, with a fault of its own. Fix it, or remove it with "
            "drills.restore(lab)."
        )
    return device


def _path(lab: Lab) -> str:
    return board_path(lab.workspace.settings.thing_name)


def _state(answer: Mapping[str, Any]) -> BoardState:
    return BoardState(bool(answer["power"]), bool(answer["has_fault"]))
