"""A record's detached minisign signature: one text for one key, message and time.

`minisign -Vm ro-crate-metadata.json -p KEY.pub` accepts it. The comments have one form, and
reading writes the text again and compares, since minisign leaves the first line unsigned and
base64 has bits that say nothing.

The ELN file format would like a URL with the exporter's keys as the trusted comment; a lab bench
serves none, so that key and time stand there.

Source: minisign(1), "Signature format", "Public key format"; RFC 8032, 5.1.7; RFC 4648, 3.5; The
ELN Consortium, Specification for the ELN file format, "Signed .eln files".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
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
"""Bytes of a signature's or a public key's text, at most; it has some 400."""

_UNTRUSTED = "signature of a labkit record; only minisign's second line and what it signs count"
_ALGORITHM, _KEY_ID, _KEY = 2, 8, 32
_LINES = 2
_SECRET_AT, _CHECK_SUM = 54, 32
"""Where a secret key's numbers begin, behind algorithms and scrypt's settings, and end."""
_PREHASHED, _ED25519 = b"ED", b"Ed"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key in minisign's form.

    Attributes:
        key_id: as minisign tells it, 16 hex digits.
        text: its two lines.
        comment: what its first line says, which nobody signed.
    """

    key_id: str
    text: str
    comment: str


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A secret key that is open, with its public one.

    Attributes:
        key_id: as minisign tells it, 16 hex digits.
        secret: the key; it never gets into a message.
    """

    key_id: str
    secret: minisign.SecretKey

    def __repr__(self) -> str:
        """Return its id alone."""
        return f"SigningKey({self.key_id})"


def opened(secret: minisign.SecretKey) -> SigningKey:
    """Return a secret key that has no passphrase, or whose passphrase was given, as one that signs.

    Raises:
        ValueError: it is damaged. The package looks at encrypted keys only, and `minisign -GW`
            writes no check sum, so it also has to fit its public key.
    """
    raw = base64.b64decode(secret.to_base64())
    numbers, check_sum = raw[_SECRET_AT:-_CHECK_SUM], raw[-_CHECK_SUM:]
    summed = hashlib.blake2b(_ED25519 + numbers, digest_size=_CHECK_SUM).digest()
    if check_sum not in (summed, bytes(_CHECK_SUM)):
        raise minisign.ParseError("wrong check sum")
    secret.get_public_key().verify(b"", secret.sign(b""))
    return SigningKey(_told_id(numbers[:_KEY_ID]), secret)


def _told_id(key_id: bytes) -> str:
    """Return a key's id as minisign tells it: the number that its bytes are, least first."""
    return f"{int.from_bytes(key_id, 'little'):016X}"


def public_text(key: SigningKey, comment: str) -> str:
    """Return a signing key's public key in minisign's form."""
    public = minisign.PublicKey.from_secret_key(key.secret)
    public.untrusted_comment = comment
    return f"{bytes(public).decode()}\n"


def sign(message: bytes, key: SigningKey, when: datetime) -> bytes:
    """Return the signature's text.

    Args:
        message: what is signed.
        key: with what.
        when: UTC; it stands in the text, and is signed too.
    """
    signed = key.secret.sign(
        message, untrusted_comment=_UNTRUSTED, trusted_comment=_trusted(key.key_id, when)
    )
    return bytes(signed) + b"\n"


def check(text: bytes, message: bytes, public_keys: Sequence[str], when: datetime) -> str:
    """Check a signature, every bit of its text included.

    Args:
        text: the signature's.
        message: what was signed.
        public_keys: whose signature is accepted, in minisign's form: the two lines, or the second.
        when: UTC; the time that it has to tell.

    Returns:
        The id of the key that signed.

    Raises:
        RecordError: none of the keys signed this message at this time in this form.
    """
    keys = {key.key_id: key for key in map(read_public_key, public_keys)}
    signature = _read(text)
    signer = _signer(signature)
    if signer not in keys:
        raise RecordError(
            f"signed by the key {signer}, expected {_either(sorted(keys))}. Get the public key "
            "from whoever made the record, by a way that you trust, and name it."
        )
    _refuse_other_text(text, signature, _trusted(signer, when))
    try:
        minisign.PublicKey.from_bytes(keys[signer].text.encode()).verify(message, signature)
    except (minisign.Error, ValueError):
        raise RecordError(
            f"the signature by the key {signer} does not fit: what it signs, or the signature, was "
            "changed afterwards. Take another copy of the record."
        ) from None
    return signer


def read_public_key(text: str) -> PublicKey:
    """Read a public key in minisign's form: the two lines of its file, or the second alone.

    Raises:
        RecordError: it is none.
    """
    lines = text.strip().splitlines() if len(text) <= LARGEST else []
    comment = lines[0].removeprefix("untrusted comment: ") if len(lines) == _LINES else ""
    try:
        raw = base64.b64decode(lines[-1], validate=True)
        canonical = base64.b64encode(raw).decode() == lines[-1]
    except (IndexError, ValueError, binascii.Error):
        raw, canonical = b"", False
    whole = canonical and len(raw) == _ALGORITHM + _KEY_ID + _KEY and raw.startswith(_ED25519)
    if not whole or len(lines) > _LINES or comment == lines[0]:
        raise RecordError(
            "expected a public key in minisign's form: the two lines of a .pub file, or the second "
            "of them (56 characters, RW...), got something else. `labkit record keys` says where "
            "this lab's are."
        )
    return PublicKey(
        _told_id(raw[_ALGORITHM : _ALGORITHM + _KEY_ID]),
        f"untrusted comment: {comment}\n{lines[-1]}\n",
        comment,
    )


def _read(text: bytes) -> minisign.Signature:
    try:
        if len(text) > LARGEST:
            raise minisign.ParseError
        return minisign.Signature.from_bytes(text)
    except ValueError:
        raise RecordError(
            f"expected the four lines of a minisign signature, got {len(text)} bytes that are "
            "none. Take another copy of the record."
        ) from None


def _signer(signature: minisign.Signature) -> str:
    """Return the id of the key that a signature says it is by; the package does not tell it."""
    raw = base64.b64decode(bytes(signature).split(b"\n")[1])
    return _told_id(raw[_ALGORITHM : _ALGORITHM + _KEY_ID])


def _refuse_other_text(text: bytes, signature: minisign.Signature, trusted: str) -> None:
    """Refuse a text that is not written as `sign` writes it.

    minisign signs neither the first line nor the line ends, and reading base64 drops bits.
    """
    if signature.trusted_comment != trusted:
        raise RecordError(
            f"the signature's trusted comment: expected {trusted!r}, got "
            f"{shown(signature.trusted_comment)}. Take another copy of the record."
        )
    signature.untrusted_comment = _UNTRUSTED
    if text != bytes(signature) + b"\n" or not signature.is_prehashed():
        raise RecordError(
            "the signature is not written as labkit writes it: its first line, its base64, its "
            "line ends, or what is behind them. Take another copy of the record."
        )


def _trusted(key_id: str, when: datetime) -> str:
    return f"labkit record signed {when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} by key {key_id}"


def _either(key_ids: Sequence[str]) -> str:
    return " or ".join(f"{each}'s" for each in key_ids) or "no key's: none was named"
