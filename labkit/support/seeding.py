"""The clock and the source of randomness, either true or derived from a seed.

With a seed every value is derived from the seed, the device and a label of its purpose, never
drawn from a stream, and time is counted from a fixed day. So the order of pages and repeated
runs change nothing. A seeded key is for pages and tests only.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

SEEDED_DAY = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
"""The morning on which every seeded lab takes place."""

SEEDED_BENCH_STEP = 8 * 60
"""A seeded bench lives at the end of that day: after every step of a lab, a minute each."""

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True)
class Randomness:
    """Random values, each named by the device and the purpose it is for.

    Attributes:
        seed: the seed, or None for true randomness.
    """

    seed: str | None = None

    def draw(self, device: str, purpose: str, size: int) -> bytes:
        """Return `size` random bytes for a purpose (at most 8,160 when seeded)."""
        if self.seed is None:
            return secrets.token_bytes(size)
        # HKDF-Expand (RFC 5869, section 2.3), keyed with a digest of the seed.
        key = hashlib.sha256(b"labkit seed\0" + self.seed.encode()).digest()
        info = f"{device}\0{purpose}".encode()
        block, out = b"", b""
        for counter in range(1, -(-size // 32) + 1):
            block = hmac.digest(key, block + info + bytes([counter]), "sha256")
            out += block
        return out[:size]

    def serial_number(self, device: str, purpose: str) -> int:
        """Return a certificate serial number: positive, 127 random bits (RFC 5280, 4.1.2.2)."""
        return (int.from_bytes(self.draw(device, purpose, 16)) >> 1) | 1 << 126

    def ec_key(self, device: str, purpose: str) -> ec.EllipticCurvePrivateKey:
        """Return an EC P-256 private key for a purpose."""
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 costs 50 ms

        # 48 bytes keep the bias of the reduction below 2**-128 (FIPS 186-5, A.2.1).
        scalar = int.from_bytes(self.draw(device, purpose, 48)) % (_P256_ORDER - 1) + 1
        return ec.derive_private_key(scalar, ec.SECP256R1())


@dataclass(frozen=True, slots=True)
class Clock:
    """The time, UTC, in whole seconds.

    Attributes:
        seed: the seed, or None for the wall clock.
    """

    seed: str | None = None

    def now(self, step: int = 0) -> datetime:
        """Return the time at a step; with a seed, steps are a minute apart."""
        if self.seed is None:
            return datetime.now(UTC).replace(microsecond=0)
        return SEEDED_DAY + timedelta(minutes=step)
