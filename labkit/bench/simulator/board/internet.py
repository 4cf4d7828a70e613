"""The network of a simulated board that connects to a real account: names, routes and root of AWS.

A board that works with a real account reaches whatever this computer reaches, and trusts what the
firmware has compiled in for AWS IoT: Amazon Root CA 1 and no other. certifi carries that
certificate; it is known by its fingerprint, and nothing else of certifi's is trusted.

Source: AWS IoT Core developer guide, Server authentication (the ATS endpoints and their roots);
Amazon Trust Services, Repository, for the fingerprint.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import certifi

from labkit.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

AMAZON_ROOT_CA_1_SHA256: Final = "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e"

_CERTIFICATE = re.compile(
    rb"-----BEGIN CERTIFICATE-----(\r?\n[A-Za-z0-9+/=\r\n]+)-----END CERTIFICATE-----"
)


def look_up(host: str, port: int) -> tuple[str, int] | None:
    """Return the address behind a name as this computer resolves it; None where it does not."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # a name that is none cannot even be asked for
        return None
    return str(found[0][4][0]), int(found[0][4][1])


@dataclass(frozen=True, slots=True)
class Internet:
    """What a board can reach that works with a real account.

    Attributes:
        root_ca_file: the root certificates, PEM, that the firmware has compiled in.
        now: the board's calendar: this computer's.
        look_up: returns the address behind a name and a port.
    """

    root_ca_file: Path
    now: Callable[[], datetime]
    look_up: Callable[[str, int], tuple[str, int] | None] = look_up

    def resolve(self, host: str, port: int) -> tuple[str, int] | None:
        """Return the address behind a name; None where the name does not resolve."""
        return self.look_up(host, port) if host else None


def amazon_root_ca_1(bundle: bytes | None = None) -> bytes:
    """Return Amazon Root CA 1, PEM.

    Args:
        bundle: root certificates, PEM; certifi's when not given.

    Raises:
        BenchError: it is not among them.
    """
    raw = Path(certifi.where()).read_bytes() if bundle is None else bundle
    for block in _CERTIFICATE.findall(raw):
        # The others are not even parsed: some are as no certificate may be any more.
        if hashlib.sha256(base64.b64decode(block)).hexdigest() == AMAZON_ROOT_CA_1_SHA256:
            return b"-----BEGIN CERTIFICATE-----%b-----END CERTIFICATE-----\n" % block
    raise BenchError(
        "certifi's root certificates lack Amazon Root CA 1, which the board needs to trust AWS "
        f"IoT: expected one with the SHA-256 {AMAZON_ROOT_CA_1_SHA256[:16]}…. Install the version "
        "of certifi that requirements.lock names."
    )
