"""Console texts in the shapes that real boards and terminals give them, with temporary keys."""

from __future__ import annotations

from labkit.keys import PublicKey
from labkit.support.seeding import Randomness

WAITING = "Waiting for 180 seconds before generating key-pair"
PRINTING = (
    "Printing device public key.\n"
    "Make sure that provisioned device certificate matches public key on device."
)
WARNING = (
    "Warning: the client certificate should be updated. "
    "Please see https://aws.amazon.com/freertos/getting-started/."
)
HEADER = "Device public key, 91 bytes:"


def key(name: str = "device") -> PublicKey:
    """Return a temporary key, the same for the same name."""
    return PublicKey.from_key(Randomness("console shapes").ec_key(name, "key pair"))


def key_ending_in(last_byte: int) -> PublicKey:
    """Return a key whose last byte is given."""
    return next(k for i in range(10_000) if (k := key(f"try {i}")).der[-1] == last_byte)


def rows(of: PublicKey) -> list[str]:
    """Return the six rows as the firmware prints them: a blank after every full group."""
    text = of.der.hex(" ", -2)
    return [text[at : at + 40] for at in range(0, len(text), 40)]


def dump(of: PublicKey, prefix: str = "7 910 [IP-task] ") -> list[str]:
    """Return header and rows."""
    return [f"{prefix}{HEADER}", *rows(of)]


def boot_202107(of: PublicKey, *, makes_pair: bool, warns: bool = True) -> list[str]:
    """Return a boot's lines as 202107.00 and later print them."""
    lines = ["0 1 [iot_thread] Write certificate..."]
    lines += [f"1 2 [iot_thread] {WAITING}"] if makes_pair else []
    count = len(lines)
    lines += f"{count} 1012 [iot_thread] {PRINTING}".split("\n")
    lines += [f"{count + 1} 1013 [iot_thread] {HEADER}", "", *rows(of)]
    lines += [f"{count + 2} 1014 [iot_thread] {WARNING}", ""] if warns else []
    tls = count + 2 + warns
    return [*lines, f"{tls} 1194 [iot_thread] TLS_Connect fail (0x7780, example.invalid)", ""]


def boot_201910(of: PublicKey, subject: str | None = None) -> list[str]:
    """Return a boot's lines as 201910.00 to 202012.01 print them."""
    lines = [f"0 7 [iot_thread] {WARNING}"]
    if subject:
        lines.append(f"1 7 [iot_thread] Recommended certificate subject name: CN={subject}")
    count = len(lines)
    return [
        *lines,
        *dump(of, f"{count} 7 [iot_thread] "),
        f"{count + 1} 9 [iot_thread] Demo started",
    ]


def boot_without_dump(first_tick: int = 1) -> list[str]:
    """Return a boot's lines that do not mention a key, up to TLS."""
    return [
        f"0 {first_tick} [iot_thread] Starting",
        f"1 {first_tick + 1} [iot_thread] Write certificate...",
        f"2 {first_tick + 9} [iot_thread] TLS connection established to example.invalid",
    ]


def text(*parts: list[str], end: str = "\r\n") -> str:
    """Put lines together."""
    return "".join(f"{line}{end}" for part in parts for line in part)
