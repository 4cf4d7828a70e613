"""A simulated board: power, a reset line, a flash, a console, and the program that runs at boot."""

from __future__ import annotations

import contextlib
import importlib
import logging
import socket
import threading
import traceback
from typing import TYPE_CHECKING, Any

from labkit.bench.simulator.board.board_clock import (
    FAST,
    REAL_TIME,
    BoardClock,
    PowerLostError,
    Speed,
)
from labkit.bench.simulator.board.flash import Flash, FlashDamagedError, Image
from labkit.bench.simulator.board.machine import Console, Machine
from labkit.bench.simulator.board.provisioning import provision
from labkit.bench.simulator.board.releases import RELEASES
from labkit.bench.simulator.board.serial_line import SerialLine
from labkit.bench.simulator.faults import Planting
from labkit.bench.simulator.faults.kinds import FaultyBoard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

    from labkit.bench.simulator.board.machine import Reachable
    from labkit.support.seeding import Randomness

_log = logging.getLogger(__name__)

_STOP_S = 10.0
"""A program checks its power between two steps; no step takes longer than a network timeout."""


class Board:
    """A board on the bench.

    A board does not boot when the service starts: its program runs after a reset and at power on,
    from the image in the flash. A blank board prints nothing.

    Args:
        name: the name of the board's thing; keys are derived from it.
        directory: the folder of the flash file.
        randomness: the source of its keys.
        network: what it can reach.
        speed: the speed of its clock.
        activity: called on serial traffic.
    """

    def __init__(
        self,
        name: str,
        directory: Path,
        *,
        randomness: Randomness,
        network: Reachable,
        speed: Speed = REAL_TIME,
        activity: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self._speed: Speed = speed
        self._clock = BoardClock(speed)
        self._flash = Flash(directory / "flash.json")
        self._randomness, self._network = randomness, network
        self._planting = Planting(FaultyBoard(name, directory, self._flash, randomness))
        self._line = SerialLine(hold=self._hold, boot=self.reset, activity=activity)
        self._guard = threading.RLock()
        self._program: threading.Thread | None = None
        self._machine: Machine | None = None
        self._power = True
        self._boots = 0

    def start(self) -> str:
        """Open the serial line.

        Returns:
            Its pySerial URL.
        """
        return self._line.start()

    def close(self) -> None:
        """Stop the program and close the serial line."""
        with self._guard:
            self._stop()
            self._power = False
            self._planting.close()
        self._line.close()

    @property
    def state(self) -> dict[str, Any]:
        """The board's state, as JSON; it contains no key."""
        return {
            "name": self.name,
            "url": self._line.url,
            "power": self._power,
            "speed": self._speed,
            "boots": self._boots,
            "has_fault": self._planting.is_planted,
        }

    @property
    def speed(self) -> Speed:
        """The speed of the board's clock; a new one applies at once."""
        return self._speed

    @speed.setter
    def speed(self, speed: Speed) -> None:
        with self._guard:
            self._speed = speed
            self._clock.speed = self._planting.fault.speed or speed

    def flash(self, image: Image) -> None:
        """Store an image; it runs at the next boot."""
        self._flash.change(image=image)

    def reset(self) -> None:
        """Boot, like the reset button; without power nothing happens."""
        with self._guard:
            self._stop()
            if self._power:
                self._boot()

    def power(self, *, on: bool) -> None:
        """Switch the power; switching it on boots. The flash keeps its contents."""
        with self._guard:
            if on == self._power:
                return
            self._power = on
            self._stop()
            if on:
                self._boot()

    def plant(self, name: str | None, seed: str | None) -> None:
        """Plant a fault, by name or selected by a seed; it takes effect at the next boot.

        Raises:
            UnknownFaultError: the name is not in FAULTS.
        """
        with self._guard:
            self._stop()
            self._planting.plant(name, seed)

    def remove_fault(self, *, keeps_flash: bool = False) -> None:
        """Remove a planted fault; restore the flash, or keep it as it is now."""
        with self._guard:
            self._stop()
            self._planting.remove(keeps_flash=keeps_flash)

    def _hold(self) -> None:
        with self._guard:
            self._stop()

    def _boot(self) -> None:
        self._boots += 1
        try:
            image = self._flash.read().image
        except FlashDamagedError as error:
            _log.error("board %s does not boot: %s", self.name, error)
            return
        if image is None:
            return
        _log.info("board %s: boot %d, %s", self.name, self._boots, image.release)
        fault = self._planting.fault
        self._clock = BoardClock(fault.speed or self._speed)
        release = RELEASES[image.release]
        self._machine = Machine(
            image=image,
            release=release,
            flash=fault.flash(self._flash),
            clock=self._clock,
            console=Console(release, self._clock, fault.printing(self._clock, self._print)),
            network=fault.network(self._network),
            make_key=lambda count: self._randomness.ec_key(self.name, f"key pair {count}"),
        )
        self._program = threading.Thread(
            target=self._run,
            args=(self._machine, fault.provisions),
            name=f"board {self.name}",
            daemon=True,
        )
        self._program.start()

    def _stop(self) -> None:
        program, machine = self._program, self._machine
        if program is None or machine is None:
            return
        machine.clock.power_lost()
        for connection in list(machine.open_sockets):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        program.join(_STOP_S)
        self._line.silence()
        self._program = self._machine = None

    def _run(self, machine: Machine, provisions: bool) -> None:
        try:
            if provisions:
                provision(machine)
            _hello_world().run_hello_world(machine)
        except PowerLostError:
            return
        except Exception as error:  # noqa: BLE001 a crash ends the program of one board, not the bench
            # The error's message is not logged: it may contain key material.
            *_, where = traceback.extract_tb(error.__traceback__)
            _log.error(
                *("board %s: its program crashed: %s in %s, line %s", self.name),
                *(type(error).__name__, where.name, where.lineno),
            )

    def _print(self, text: bytes) -> None:
        self._line.print(text, paced=self._speed != FAST)


def warm_up() -> None:
    """Load the TLS library, which takes 0.3 s, before the first boot needs it."""
    _hello_world()


def _hello_world() -> ModuleType:
    return importlib.import_module("labkit.bench.simulator.board.hello_world")
