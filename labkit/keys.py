"""The device's public key: DER, PEM, fingerprints, and the meaning of each of its 91 bytes.

A device of the procedure has an EC P-256 key pair. Its public key is a SubjectPublicKeyInfo of 91
bytes: 26 bytes that are the same for every P-256 key, the byte 04, and the point's two coordinates
of 32 bytes each.

Source: RFC 5480, section 2 (SubjectPublicKeyInfo); SEC 1, section 2.3.3 (the point); RFC 7468,
section 13 (PEM).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit import pem as pem_blocks
from labkit.errors import PublicKeyError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

__all__ = [
    "DER_BYTES",
    "SPKI_HEADER",
    "Annotation",
    "Field",
    "PublicKey",
    "annotate",
    "pem_to_der",
    "sha256_fingerprint",
    "short_fingerprint",
]

DER_BYTES = 91
"""Bytes of a P-256 SubjectPublicKeyInfo in DER."""

SPKI_HEADER = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
"""The 26 bytes before the point: sequences, both object identifiers, the bit string's start.

The last byte is the number of unused bits in the bit string. It must be 00 here; OpenSSL also
accepts 01 and would not notice a changed digit.
"""

_UNUSED_BITS_AT = 25
_POINT_FORM_AT = 26
_X_AT, _Y_AT = 27, 59
_POINT_BYTES = 64
_COMPRESSED_BYTES = 59
_COMPRESSED_HEADER = bytes.fromhex("3039301306072a8648ce3d0201")
_OTHER_KEYS = {
    "an RSA key": bytes.fromhex("06092a864886f70d010101"),
    "a P-384 key": bytes.fromhex("06052b81040022"),
    "a P-521 key": bytes.fromhex("06052b81040023"),
    "a secp256k1 key": bytes.fromhex("06052b8104000a"),
    "an Ed25519 key": bytes.fromhex("06032b6570"),
    "a key with explicit curve parameters, which RFC 5480 (section 2.1.1) forbids": bytes.fromhex(
        "06072a8648ce3d0101"
    ),
}
"""Keys that are not a device's, each by an object identifier in its DER."""

_BETWEEN_DIGITS = re.compile(r"0x|[\s:,;{}]", re.IGNORECASE)
_HEX_BYTES = re.compile(r"(?:[0-9a-f]{2})+", re.IGNORECASE)
_UNCOMPRESSED = 0x04

# The curve y² = x³ - 3x + b over the integers modulo p (SEC 2, section 2.4.2).
_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


@dataclass(frozen=True, slots=True, repr=False)
class PublicKey:
    """A device's public key; make one with `from_der`, `from_pem`, `from_file` or `from_key`.

    Two keys are equal if their DER is equal.

    Attributes:
        der: 91 bytes, DER SubjectPublicKeyInfo, P-256, checked.
    """

    der: bytes

    def __post_init__(self) -> None:
        """Check the 91 bytes, so that every `PublicKey` is valid."""
        _check_der(self.der)

    @classmethod
    def from_der(cls, der: bytes) -> PublicKey:
        """Read a public key from DER.

        Args:
            der: 91 bytes, DER SubjectPublicKeyInfo, P-256.

        Returns:
            The key. Not checked: whether a device has the private key.

        Raises:
            PublicKeyError: not 91 bytes, not a P-256 header, unused bits not 0, not an
                uncompressed point, or a point that is not on the curve.
        """
        return cls(bytes(der))

    @classmethod
    def from_pem(cls, pem: str | bytes) -> PublicKey:
        r"""Read a public key from PEM.

        Args:
            pem: a text with one `PUBLIC KEY` block, such as the documentation's
                `DevicePublicKey.pem`. Text around the block is skipped.

        Returns:
            The key, checked as in `from_der`.

        Raises:
            PublicKeyError: not exactly one such block, or it is not a device's public key.
        """
        return cls(pem_to_der(pem))

    @classmethod
    def from_file(cls, content: bytes) -> PublicKey:
        """Read a public key from a file's content.

        Accepted: PEM, DER, the bare point (64 or 65 bytes, as secure elements print it), and the
        hex digits of these bytes with blanks, colons, commas or 0x between them.

        Raises:
            PublicKeyError: as `from_pem` and `from_der`.
        """
        text = pem_blocks.plain(content)
        if "-----BEGIN " in text:
            return cls.from_pem(text)
        digits = _BETWEEN_DIGITS.sub("", text)
        der = bytes.fromhex(digits) if _HEX_BYTES.fullmatch(digits) else content
        if len(der) == _POINT_BYTES or (len(der) == _POINT_BYTES + 1 and der[0] == _UNCOMPRESSED):
            der = SPKI_HEADER + bytes([_UNCOMPRESSED]) + der[-_POINT_BYTES:]
        return cls.from_der(der)

    @classmethod
    def from_key(cls, key: ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey) -> PublicKey:
        """Return the public key of a `cryptography` key, public or private.

        Raises:
            PublicKeyError: the key is not EC P-256.
        """
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 costs 30 ms
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 costs 30 ms

        public_key = key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey) else key
        if not isinstance(public_key, ec.EllipticCurvePublicKey):
            raise PublicKeyError(
                f"expected an EC P-256 key, got {type(key).__name__}. "
                "Give the key of a device of this procedure."
            )
        encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        return cls(public_key.public_bytes(encoding, form))

    def load(self) -> ec.EllipticCurvePublicKey:
        """Return the key as an object of `cryptography`."""
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 costs 30 ms

        return ec.EllipticCurvePublicKey.from_encoded_point(
            ec.SECP256R1(), self.der[_POINT_FORM_AT:]
        )

    @property
    def pem(self) -> str:
        r"""The key as a PEM block, as `openssl ec -pubin -pubout` writes it; ends in `\n`."""
        return pem_blocks.from_der(self.der, "PUBLIC KEY")

    @property
    def sha256(self) -> str:
        """SHA-256 of the DER, 64 lower-case hex digits."""
        return sha256_fingerprint(self.der)

    @property
    def short(self) -> str:
        """The first 8 bytes of the fingerprint, for a label."""
        return short_fingerprint(self.der)

    def __repr__(self) -> str:
        """Return one line with the short fingerprint."""
        return f"<PublicKey P-256, SHA-256 {self.short} …>"


def _check_size(der: bytes) -> None:
    for name, mark in _OTHER_KEYS.items():
        if mark in der:
            raise PublicKeyError(
                f"expected a P-256 public key ({DER_BYTES} bytes), got {name} ({len(der)} bytes). "
                "Give the public key that the device printed, not a key of another kind."
            )
    if len(der) == _COMPRESSED_BYTES and der.startswith(_COMPRESSED_HEADER):
        raise PublicKeyError(
            f"expected an uncompressed point ({DER_BYTES} bytes), got a compressed one "
            f"({len(der)} bytes). Convert it: openssl ec -pubin -in FILE -conv_form uncompressed "
            "-pubout -out DevicePublicKey.pem."
        )
    if len(der) != DER_BYTES:
        raise PublicKeyError(
            f"expected {DER_BYTES} bytes (DER SubjectPublicKeyInfo, P-256), got {len(der)}. "
            "Capture the device's public key again."
        )


def _check_der(der: bytes) -> None:
    _check_size(der)
    for offset, (expected, got) in enumerate(zip(SPKI_HEADER, der, strict=False)):
        if expected != got:
            name = "unused-bits byte" if offset == _UNUSED_BITS_AT else "P-256 header"
            raise PublicKeyError(
                f"byte {offset} ({name}): expected {expected:02x}, got {got:02x}. "
                "This is not a device's P-256 key, or a digit was changed. "
                "Capture the device's public key again."
            )
    if der[_POINT_FORM_AT] != _UNCOMPRESSED:
        raise PublicKeyError(
            f"byte {_POINT_FORM_AT} (point form): expected 04, an uncompressed point, got "
            f"{der[_POINT_FORM_AT]:02x}. Capture the device's public key again."
        )
    if not _is_on_curve(int.from_bytes(der[_X_AT:_Y_AT]), int.from_bytes(der[_Y_AT:])):
        raise PublicKeyError(
            f"bytes {_X_AT} to {DER_BYTES - 1} are not a point on P-256: at least one digit "
            "was changed. Capture the device's public key again."
        )


def _is_on_curve(x: int, y: int) -> bool:
    return x < _P and y < _P and (y * y - (x * x * x - 3 * x + _B)) % _P == 0


def pem_to_der(pem: str | bytes) -> bytes:
    r"""Return the bytes of the one `PUBLIC KEY` block in a text.

    Args:
        pem: the text; lines may end in `\n` or `\r\n`, text around the block is skipped.

    Returns:
        The bytes. Not checked: whether they are a device's key.

    Raises:
        PublicKeyError: there is no such block, or several, or it is cut off or damaged.
    """
    return pem_blocks.one(pem, "public key", PublicKeyError).der(PublicKeyError)


def sha256_fingerprint(der: bytes) -> str:
    """Return the SHA-256 of DER bytes, 64 lower-case hex digits."""
    return hashlib.sha256(der).hexdigest()


def short_fingerprint(der: bytes) -> str:
    """Return the first 16 digits of the fingerprint in four groups: `3f2a 91c0 55aa 0b1c`.

    It distinguishes the devices of a lab; it is too short to authenticate a key.
    """
    return _in_groups(hashlib.sha256(der).digest()[:8])


def _in_groups(data: bytes) -> str:
    return data.hex(" ", -2)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the 91 bytes.

    Attributes:
        offset: its first byte, counted from 0.
        size: its size in bytes.
        hex: the bytes, lower-case hex in groups of two bytes, as the console prints them.
        name: its name in RFC 5480 or ASN.1.
        meaning: the meaning of its bytes, or the expected bytes if they are wrong.
    """

    offset: int
    size: int
    hex: str
    name: str
    meaning: str


class Annotation(list[Field]):
    """The fields in order; the repr is a table."""

    def __repr__(self) -> str:
        """Return a table: offset, bytes, hex (8 bytes a line), field, meaning."""
        lines = [f"offset  bytes  {'hex':19}  {'field':20}  meaning"]
        for entry in self:
            rows = [entry.hex[at : at + 20].rstrip() for at in range(0, len(entry.hex), 20)]
            lines.append(
                f"{entry.offset:6}  {entry.size:5}  {rows[0]:19}  {entry.name:20}  {entry.meaning}"
            )
            lines += [f"{'':15}{row}" for row in rows[1:]]
        return "\n".join(lines)


_LAYOUT = (
    (2, "SubjectPublicKeyInfo", "SEQUENCE, 89 bytes follow"),
    (2, "AlgorithmIdentifier", "SEQUENCE, 19 bytes follow"),
    (9, "algorithm", "OID 1.2.840.10045.2.1, id-ecPublicKey"),
    (10, "parameters", "OID 1.2.840.10045.3.1.7, prime256v1 (P-256)"),
    (2, "subjectPublicKey", "BIT STRING, 66 bytes follow"),
    (1, "unused bits", "0: the bit string ends on a whole byte"),
    (1, "point form", "uncompressed: x and y follow"),
    (32, "x", "coordinate, 256 bits, big-endian"),
    (32, "y", "coordinate, 256 bits, big-endian"),
)
"""The fields: size in bytes, name, and what the bytes of a sound key mean."""


def annotate(der: bytes) -> Annotation:
    """Split a device's public key into its fields.

    Args:
        der: 91 bytes, DER SubjectPublicKeyInfo, also damaged: a field that differs from those of
            every P-256 key is marked as WRONG.

    Returns:
        The fields in order, each byte in one of them; the repr is a table.

    Raises:
        PublicKeyError: not 91 bytes.

    Not checked: whether the point is on the curve (see `PublicKey.from_der`).

    Source: RFC 5480, section 2; SEC 1, section 2.3.3.
    """
    _check_size(der)
    sound = SPKI_HEADER + bytes([_UNCOMPRESSED])
    fields, offset = Annotation(), 0
    for size, name, meaning in _LAYOUT:
        data, expected = der[offset : offset + size], sound[offset : offset + size]
        wrong = expected and data != expected
        text = f"WRONG, expected {_in_groups(expected)}" if wrong else meaning
        fields.append(Field(offset, size, _in_groups(data), name, text))
        offset += size
    return fields
