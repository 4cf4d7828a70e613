"""Compute the device key's fingerprint at each step, from the files of a record.

A fingerprint is the SHA-256 of the key's DER SubjectPublicKeyInfo, 64 hexadecimal digits.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit import certificates, console
from labkit.certificates.rules import spki
from labkit.errors import LabError
from labkit.keys import PublicKey, sha256_fingerprint
from labkit.workspace import Entry, read_journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The key at one step.

    Attributes:
        at: where it was found, in words.
        sha256: 64 hexadecimal digits; empty if the key cannot be read.
        why: why the key cannot be read.
    """

    at: str
    sha256: str
    why: str = ""


def fingerprints(files: Mapping[str, bytes]) -> tuple[Fingerprint, ...]:
    """Return the key's fingerprint from every file that has it, in the procedure's order.

    Args:
        files: the content of a record, by path.
    """
    return tuple(_all(files))


def of_certificate(pem: bytes) -> str:
    """Return the fingerprint of the key in a certificate."""
    return sha256_fingerprint(spki(certificates.load_certificate(pem).public_key()))


def _all(files: Mapping[str, bytes]) -> Iterator[Fingerprint]:
    for at, path, read in _PLACES:
        if path in files:
            try:
                sha256 = read(files[path])
            except (LabError, ValueError, LookupError) as error:
                yield Fingerprint(at, "", str(error))
            else:
                if sha256:
                    yield Fingerprint(at, sha256)
    for at, step, fact in _NOTED:
        try:
            noted = _newest(files.get("journal.jsonl", b""), step)
        except LabError as error:
            yield Fingerprint(at, "", str(error))
        else:
            if noted and isinstance(key := noted.facts.get(fact), str):
                yield Fingerprint(at, key)


def _dump(log: bytes) -> str:
    newest = console.parse(io.BytesIO(log)).newest
    return newest.public_key().sha256 if newest else ""


def _hex(text: bytes) -> str:
    return PublicKey.from_der(bytes.fromhex(text.decode("ascii"))).sha256


def _answer(answer: bytes) -> str:
    pem = json.loads(answer).get("certificatePem", "")
    return of_certificate(pem.encode()) if pem else ""


_PLACES: tuple[tuple[str, str, Callable[[bytes], str]], ...] = (
    ("the newest dump in console.log", "device/console.log", _dump),
    ("DevicePublicKeyAsciiHex.txt", "device/DevicePublicKeyAsciiHex.txt", _hex),
    (
        "DevicePublicKeyDer.bin",
        "device/DevicePublicKeyDer.bin",
        lambda der: PublicKey.from_der(der).sha256,
    ),
    (
        "DevicePublicKey.pem",
        "device/DevicePublicKey.pem",
        lambda pem: PublicKey.from_pem(pem).sha256,
    ),
    ("the key in deviceCert.pem", "device/deviceCert.pem", of_certificate),
    ("the certificate that the account has", "account/certificate.json", _answer),
)
_NOTED = (
    ("the journal's extract_public_key", "extract_public_key", "sha256"),
    ("the journal's issue_certificate", "issue_certificate", "key"),
)


def _newest(journal: bytes, step: str) -> Entry | None:
    entries = [line for line in read_journal(journal, "journal.jsonl") if isinstance(line, Entry)]
    return next((entry for entry in reversed(entries) if entry.step == step), None)
