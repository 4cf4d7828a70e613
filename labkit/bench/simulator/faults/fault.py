"""What a fault may change about a board; this one changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from labkit.bench.simulator.board.board_clock import BoardClock, Speed
    from labkit.bench.simulator.board.flash import Flash
    from labkit.bench.simulator.board.machine import Reachable
    from labkit.support.seeding import Randomness


@dataclass(frozen=True, slots=True)
class Place:
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
    """Nothing is wrong. A fault overrides what it changes.

    Args:
        place: the board.

    Attributes:
        speed: the speed of the board's clock, whatever is asked for; None for what is asked for.
        provisions: whether the firmware runs the developer-mode key provisioning.
    """

    speed: Speed | None = None
    provisions = True

    def __init__(self, place: Place) -> None:
        self.place = place

    def spoil(self) -> None:
        """Do once, when the fault is planted, what it does to the flash."""

    def flash(self, flash: Flash) -> Flash:
        """Return the flash as the board's program finds it."""
        return flash

    def network(self, network: Reachable) -> Reachable:
        """Return the network as the board finds it."""
        return network

    def printing(
        self,
        clock: BoardClock,  # noqa: ARG002 for those who override it
        write: Callable[[bytes], None],
    ) -> Callable[[bytes], None]:
        """Return what takes the messages of one boot and hands them to the serial line."""
        return write

    def close(self) -> None:
        """Let go of whatever the fault holds open."""
