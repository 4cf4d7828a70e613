"""The network of a simulated board that connects to a real account.

The board reaches what this computer reaches, and trusts the certificate that the firmware contains
for AWS IoT: Amazon Root CA 1 and no other. certifi contains that certificate; it is identified by
its fingerprint, and no other certificate of certifi is trusted.

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
    """Return the address of a name as this computer resolves it, or None."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # UnicodeError: the name is not a host name
        return None
    return str(found[0][4][0]), int(found[0][4][1])


@dataclass(frozen=True, slots=True)
class Internet:
    """The network of a board that connects to a real account.

    Attributes:
        root_ca_file: the root certificates in the firmware, PEM.
        now: the board's clock, which is this computer's.
        look_up: returns the address of a name and a port.
    """

    root_ca_file: Path
    now: Callable[[], datetime]
    look_up: Callable[[str, int], tuple[str, int] | None] = look_up

    def resolve(self, host: str, port: int) -> tuple[str, int] | None:
        """Return the address of a name, or None if it does not resolve."""
        return self.look_up(host, port) if host else None


def amazon_root_ca_1(bundle: bytes | None = None) -> bytes:
    """Return Amazon Root CA 1, PEM.

    Args:
        bundle: root certificates, PEM; certifi's when not given.

    Raises:
        BenchError: the certificate is not among them.
    """
    raw = Path(certifi.where()).read_bytes() if bundle is None else bundle
    for block in _CERTIFICATE.findall(raw):
        # The others are not parsed: some do not meet current rules.
        if hashlib.sha256(base64.b64decode(block)).hexdigest() == AMAZON_ROOT_CA_1_SHA256:
            return b"-----BEGIN CERTIFICATE-----%b-----END CERTIFICATE-----\n" % block
    raise BenchError(
        f"{certifi.where()}: the root certificates lack Amazon Root CA 1, which the board needs to "
        f"trust AWS IoT; expected one with the SHA-256 {AMAZON_ROOT_CA_1_SHA256[:16]}…. Install "
        "the version of certifi in requirements.lock."
    )
