"""The serial ports of this computer, with the manufacturers of their chips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from serial.tools.list_ports_common import ListPortInfo

_MAKERS: Mapping[int, str] = {
    0x03EB: "Microchip (Atmel)",
    0x0403: "FTDI",
    0x0416: "Nuvoton (Winbond)",
    0x0451: "Texas Instruments",
    0x045B: "Renesas (Hitachi)",
    0x0483: "STMicroelectronics",
    0x04B4: "Infineon (Cypress)",
    0x04D8: "Microchip",
    0x058B: "Infineon",
    0x067B: "Prolific",
    0x0D28: "Arm DAPLink (NXP)",
    0x10C4: "Silicon Labs",
    0x1366: "SEGGER",
    0x15A2: "NXP (Freescale)",
    0x1A86: "WCH (QinHeng)",
    0x1FC9: "NXP",
    0x303A: "Espressif",
}
"""Manufacturers by USB vendor id.

Source: the USB ID repository, linux-usb.org/usb.ids, version 2026.06.10; 303A from Espressif's own
repository of product ids, github.com/espressif/usb-pids.
"""

_PRODUCTS: Mapping[tuple[int, int], str] = {
    (0x03EB, 0x2111): "EDBG",
    (0x0403, 0x6001): "FT232R",
    (0x0403, 0x6010): "FT2232",
    (0x0403, 0x6011): "FT4232H",
    (0x0403, 0x6014): "FT232H",
    (0x0403, 0x6015): "FT-X",
    (0x0483, 0x374B): "ST-Link V2-1",
    (0x0483, 0x3752): "ST-Link V2-1",
    (0x0483, 0x374E): "ST-Link V3",
    (0x0483, 0x374F): "ST-Link V3",
    (0x0483, 0x3753): "ST-Link V3",
    (0x0483, 0x5740): "virtual COM port",
    (0x04B4, 0xF139): "KitProg",
    (0x04D8, 0x00DD): "MCP2221",
    (0x067B, 0x2303): "PL2303",
    (0x0D28, 0x0204): "DAPLink",
    (0x10C4, 0xEA60): "CP210x",
    (0x10C4, 0xEA70): "CP2105",
    (0x10C4, 0xEA71): "CP2108",
    (0x1A86, 0x5523): "CH341",
    (0x1A86, 0x7522): "CH340",
    (0x1A86, 0x7523): "CH340",
    (0x303A, 0x1001): "USB Serial/JTAG",
}
"""Chips and probes that are on boards, by vendor and product id.

Source: as above; EDBG as the udev rules for Microchip's Xplained boards name it, Espressif's as
esptool-js does (USB_JTAG_SERIAL_PID).
"""

NOTHING_FOUND = (
    "No serial port was found. Plug the board in with a data cable, not one for charging only, and "
    "list the ports again. A board without a USB-to-serial chip needs an adapter. On Windows and "
    "macOS some chips need their manufacturer's driver."
)


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port.

    Attributes:
        url: the URL that pySerial opens, such as `/dev/ttyACM0` or `COM3`.
        description: the operating system's name for it.
        vendor_id: USB vendor id; None if it is not a USB port.
        product_id: USB product id; None if it is not a USB port.
        serial_number: the USB device's serial number; empty if it has none.
    """

    url: str
    description: str
    vendor_id: int | None = None
    product_id: int | None = None
    serial_number: str = ""

    @property
    def vid_pid(self) -> str:
        """Vendor and product id in the form `0483:374b`; empty if it is not a USB port."""
        if self.vendor_id is None or self.product_id is None:
            return ""
        return f"{self.vendor_id:04x}:{self.product_id:04x}"

    @property
    def maker(self) -> str:
        """The manufacturer and name of the port's chip; empty if not known."""
        if self.vendor_id is None or self.product_id is None:
            return ""
        maker = _MAKERS.get(self.vendor_id, "")
        return f"{maker} {_PRODUCTS.get((self.vendor_id, self.product_id), '')}".strip()

    def facts(self) -> dict[str, str]:
        """Return every attribute as text, by name."""
        return {
            "url": self.url,
            "maker": self.maker,
            "vid_pid": self.vid_pid,
            "description": self.description,
            "serial_number": self.serial_number,
        }


def ports(found: Iterable[ListPortInfo] | None = None) -> list[Port]:
    """Return the serial ports: those of known manufacturers, then other USB ports, then the rest.

    Args:
        found: the ports that pySerial found; None to ask it. It lists neither pseudo terminals
            nor ports behind a network.
    """
    if found is None:
        from serial.tools import list_ports  # noqa: PLC0415 costs time only where ports are listed

        found = list_ports.comports()
    listed = [
        Port(
            each.device,
            "" if each.description in (None, "n/a") else each.description,
            each.vid,
            each.pid,
            each.serial_number or "",
        )
        for each in sorted(found)
    ]
    return sorted(listed, key=lambda port: (not port.maker, not port.vid_pid))


def table(listed: Iterable[Port]) -> str:
    """Return ports as lines to read, or what to do if there are none."""
    rows = [(port.url, port.vid_pid or "-", port.maker, port.description) for port in listed]
    if not rows:
        return NOTHING_FOUND
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join(
            [*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]]
        ).rstrip()
        for row in rows
    )
