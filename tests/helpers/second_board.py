"""A second board, written without the simulator: it plays console logs and has a reset button.

It stands for boards whose port has no reset line. What it prints has the shape of an ESP32's
console with FreeRTOS 202203.00, or of a release before 202107.00; its keys are temporary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from console_shapes import boot_201910, boot_202107, key, text
from fault_port import Script, ScriptedPort, script

from labkit.device.board import Board
from labkit.device.commands import Operator
from labkit.device.listening import Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from labkit.keys import PublicKey

QUICK = Timeouts(
    boot_s=8, first_byte_s=0.2, silence_s=0.8, quiet_s=0.1, noise_s=0.3, dump_quiet_s=0.5
)
"""A board that plays a log is as fast as its port."""

ROM = [
    "ets Jun  8 2016 00:22:57",
    "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
    "I (29) boot: ESP-IDF v4.4 2nd stage bootloader",
]
"""What an ESP32 prints before the firmware does."""

ACCEPTED = ["9 2210 [iot_thread] Demo completed successfully.", ""]


def esp32(of: PublicKey, *, makes_pair: bool = False, accepted: bool = False) -> str:
    """Return the log of a boot: ROM, dump, and a TLS failure or an accepted hello world."""
    lines = boot_202107(of, makes_pair=makes_pair)
    lines.insert(2, "E (3617) PKCS11: failed nvs get file size 4354 0")
    return text(ROM, lines[:-2] + ACCEPTED if accepted else lines)


def older(of: PublicKey, *, accepted: bool = False, dumps: bool = True) -> str:
    """Return the log of a boot of a release that prints no dump where a certificate is stored."""
    lines = boot_201910(of) if dumps else ["0 7 [iot_thread] Write certificate..."]
    tick = len(lines) + 40
    fails = f"{len(lines)} {tick} [iot_thread] TLS_Connect fail (0x7780, example.invalid)"
    return text(ROM, lines, ACCEPTED if accepted else [fails])


class SecondBoard:
    """A board that prints, at each press of its reset button, the log that it is given.

    Attributes:
        url: its port.
        key: the key pair that it holds.
        log: makes the log of a boot.
        fault: what its port makes of it.
        powered: whether it does anything.
        pressed: how often the button was pressed.
        prompts: what the person at the board was asked to do.
    """

    def __init__(self) -> None:
        self._port = ScriptedPort()
        self.url = self._port.url
        self.key = key("second board 0")
        self.log: Callable[[PublicKey], str] = esp32
        self.fault: Callable[[Script], Script] = list
        self.powered = True
        self.pressed = 0
        self.prompts: list[str] = []
        self._keys = 0

    def press_reset(self) -> None:
        """Begin a boot."""
        self.pressed += 1
        if self.powered:
            self._port.play(self.fault(script(self.log(self.key))))

    def runs_on(self, line: str, every_s: float) -> None:
        """Print a line again and again until somebody presses reset."""
        self._port.play([every_s, line.encode()] * 100)

    def make_new_key(self) -> None:
        """Forget the key pair, as an erased flash or the macro at 1 does at the next boot."""
        self._keys += 1
        self.key = key(f"second board {self._keys}")

    def close(self) -> None:
        """Take it away."""
        self._port.close()

    def operator(self) -> Operator:
        """Return a person who does at once what is asked for."""

        def do(prompt: str) -> None:
            self.prompts.append(prompt)
            if "reset button" in prompt:
                self.press_reset()

        return Operator(say=do, wait=self.prompts.append)

    def as_board(self, folder: Path) -> Board:
        """Return it as labkit has boards, with a log and a firmware tree in a folder."""
        (folder / "tree").mkdir(exist_ok=True)
        nothing = ("python", "-c", "print('done')")
        return Board(
            self.url,
            115200,
            folder / "console.log",
            folder / "tree",
            nothing,
            nothing,
            operator=self.operator(),
            timeouts=QUICK,
        )
