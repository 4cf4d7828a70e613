"""A record's detached minisign signature: one text for one key, message and time.

`minisign -Vm ro-crate-metadata.json -p KEY.pub` accepts it. The comments are fixed, and checking
writes the text again and compares it, because minisign does not sign the first line and base64 has
bits without meaning.

The ELN file format recommends a URL with the exporter's keys as the trusted comment. A lab has no
such server, so the comment contains the key's id and the time.

Source: minisign(1), "Signature format", "Public key format"; RFC 8032, 5.1.7; RFC 4648, 3.5; The
ELN Consortium, Specification for the ELN file format, "Signed .eln files".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

import minisign

from labkit.errors import RecordError
from labkit.record.seal.archive import shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

LARGEST = 1024
"""The largest text of a signature or a public key, in bytes; it has about 400."""

_UNTRUSTED = "signature of a labkit record; only minisign's second line and what it signs count"
_ALGORITHM, _KEY_ID, _KEY = 2, 8, 32
_LINES = 2
_SECRET_AT, _CHECK_SUM = 54, 32
"""Where a secret key's numbers begin, after the algorithms and scrypt's settings, and its end."""
_ED25519 = b"Ed"
_COPY = "Get another copy of the record."


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key in minisign's format.

    Attributes:
        key_id: as minisign writes it, 16 hex digits.
        text: its two lines.
        comment: its first line, which is not signed.
    """

    key_id: str
    text: str
    comment: str


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A decrypted secret key.

    Attributes:
        key_id: as minisign writes it, 16 hex digits.
        secret: the key; no message contains it.
    """

    key_id: str
    secret: minisign.SecretKey

    def __repr__(self) -> str:
        """Return its id."""
        return f"SigningKey({self.key_id})"


_SECRET_KEY = re.compile(r"^RW(RTY0|QAAE)Iy", re.MULTILINE)
"""How a secret key begins in base64: "Ed", "Sc" or no encryption, "B2"."""


def load_signing_key(secret: minisign.SecretKey) -> SigningKey:
    """Check a decrypted secret key and return it.

    Raises:
        ValueError: it is damaged. `minisign` checks encrypted keys only, and `minisign -GW` writes
            no check sum, so the key must also fit its public key.
    """
    raw = base64.b64decode(secret.to_base64())
    numbers, check_sum = raw[_SECRET_AT:-_CHECK_SUM], raw[-_CHECK_SUM:]
    summed = hashlib.blake2b(_ED25519 + numbers, digest_size=_CHECK_SUM).digest()
    if check_sum not in (summed, bytes(_CHECK_SUM)):
        raise minisign.ParseError("wrong check sum")
    secret.get_public_key().verify(b"", secret.sign(b""))
    return SigningKey(_hex_id(numbers[:_KEY_ID]), secret)


def _hex_id(key_id: bytes) -> str:
    """Return a key's id as minisign writes it: a little-endian number in hex."""
    return f"{int.from_bytes(key_id, 'little'):016X}"


def public_text(key: SigningKey, comment: str) -> str:
    """Return the public key of a signing key, in minisign's format."""
    public = minisign.PublicKey.from_secret_key(key.secret)
    public.untrusted_comment = comment
    return f"{bytes(public).decode()}\n"


def sign(message: bytes, key: SigningKey, when: datetime) -> bytes:
    """Return the text of a signature.

    Args:
        message: the signed bytes.
        key: the signing key.
        when: UTC; part of the text, and signed too.
    """
    signed = key.secret.sign(
        message, untrusted_comment=_UNTRUSTED, trusted_comment=_trusted(key.key_id, when)
    )
    return bytes(signed) + b"\n"


def check(text: bytes, message: bytes, public_keys: Sequence[str], when: datetime) -> str:
    """Check a signature, including every bit of its text.

    Args:
        text: the text of the signature.
        message: the signed bytes.
        public_keys: the public keys to accept, in minisign's format: two lines, or the second.
        when: UTC; the time that the text must contain.

    Returns:
        The id of the key that signed.

    Raises:
        RecordError: none of the keys signed this message at this time.
    """
    keys = {key.key_id: key for key in map(read_public_key, public_keys)}
    try:
        if len(text) > LARGEST:
            raise minisign.ParseError
        signature = minisign.Signature.from_bytes(text)
    except ValueError:
        raise RecordError(
            f"expected the four lines of a minisign signature, got {len(text)} other bytes. {_COPY}"
        ) from None
    raw = base64.b64decode(bytes(signature).split(b"\n")[1])  # `minisign` does not return the id
    signer = _hex_id(raw[_ALGORITHM : _ALGORITHM + _KEY_ID])
    if signer not in keys:
        expected = " or ".join(sorted(keys)) or "no key: none was given"
        raise RecordError(
            f"the record is signed by the key {signer}, expected {expected}. Ask the record's "
            "operator for the public key, over a channel that you trust, and give it."
        )
    _refuse_other_text(text, signature, _trusted(signer, when))
    try:
        minisign.PublicKey.from_bytes(keys[signer].text.encode()).verify(message, signature)
    except (minisign.Error, ValueError):
        raise RecordError(
            f"the signature by the key {signer} is not valid: the metadata or the signature was "
            f"changed. {_COPY}"
        ) from None
    return signer


def read_public_key(text: str) -> PublicKey:
    """Read a public key in minisign's format: the two lines of its file, or the second.

    Raises:
        RecordError: the text is not a public key.
    """
    if _SECRET_KEY.search(text):
        raise RecordError(
            "expected a public key in minisign's format, got a secret key. Keep it secret, and "
            "give the .pub file."
        )
    lines = text.strip().splitlines() if len(text) <= LARGEST else []
    comment = lines[0].removeprefix("untrusted comment: ") if len(lines) == _LINES else ""
    try:
        raw = base64.b64decode(lines[-1], validate=True)
        canonical = base64.b64encode(raw).decode() == lines[-1]
    except (IndexError, ValueError, binascii.Error):
        raw, canonical = b"", False
    valid = canonical and len(raw) == _ALGORITHM + _KEY_ID + _KEY and raw.startswith(_ED25519)
    if not valid or len(lines) > _LINES or comment == lines[0]:
        raise RecordError(
            "expected a public key in minisign's format: the two lines of a .pub file, or the "
            "second line (56 characters, RW...). List this lab's keys with `labkit record keys`."
        )
    return PublicKey(
        _hex_id(raw[_ALGORITHM : _ALGORITHM + _KEY_ID]),
        f"untrusted comment: {comment}\n{lines[-1]}\n",
        comment,
    )


def _refuse_other_text(text: bytes, signature: minisign.Signature, trusted: str) -> None:
    """Refuse a text that differs from what `sign` writes.

    minisign signs neither the first line nor the line ends, and base64 has unused bits.
    """
    if signature.trusted_comment != trusted:
        raise RecordError(
            f"the signature's trusted comment: expected {trusted!r}, got "
            f"{shown(signature.trusted_comment)}. {_COPY}"
        )
    signature.untrusted_comment = _UNTRUSTED
    if text != bytes(signature) + b"\n" or not signature.is_prehashed():
        raise RecordError(
            "the signature is not written as labkit writes it: its first line, base64 or line ends "
            f"differ. {_COPY}"
        )


def _trusted(key_id: str, when: datetime) -> str:
    return f"labkit record signed {when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} by key {key_id}"
