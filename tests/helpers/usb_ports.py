"""Serial ports as pySerial lists them on a lab's bench."""

from __future__ import annotations

from serial.tools.list_ports_common import ListPortInfo


def info(device: str, usb: tuple[int, int] | None = None, description: str = "n/a") -> ListPortInfo:
    """Return a port as pySerial lists it."""
    found = ListPortInfo(device, skip_link_detection=True)
    found.description = description
    found.vid, found.pid = usb or (None, None)
    found.serial_number = "0671FF" if usb else None
    return found


BENCH = [
    info("/dev/ttyS0"),
    info("/dev/ttyUSB0", (0x1234, 0x5678), "Some cable"),
    info("/dev/ttyACM0", (0x0483, 0x374B), "STM32 STLink"),
    info("/dev/ttyUSB1", (0x10C4, 0xEA60), "CP2102N USB to UART"),
]
