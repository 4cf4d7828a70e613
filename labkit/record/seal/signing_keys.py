"""The folder of a lab's signing keys: made on first use, listed, rotated.

::

    LABKIT_RECORD_KEYS, or <workspace>/record-keys/
        current.key     the secret key that signs, in minisign's form, 0600
        <key id>.pub    the public key of each key ever; records that it signed still verify

With a passphrase the secret key is encrypted (scrypt), as `minisign -G` does; without one it is
not, as `minisign -GW` does. The passphrase comes from LABKIT_RECORD_PASSPHRASE, or is what the
command in LABKIT_RECORD_PASSPHRASE_COMMAND prints, such as a password manager's or an agent's.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import minisign

from labkit.errors import RecordError
from labkit.record.seal.signature import SigningKey, opened, public_text, read_public_key
from labkit.workspace import write
from labkit.workspace.files import locked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = "record-keys"
CURRENT = "current.key"

_TOLD = "labkit signing key "
_OPERATIONS, _MEMORY = 1 << 22, 1 << 27
"""scrypt's limits as minisign tells them: 128 MiB and some 0.4 s for each guess."""

_PATIENCE_S = 120.0
"""How long a passphrase command may ask somebody."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A public key in the folder.

    Attributes:
        key_id: 16 hex digits, as minisign tells it.
        made: what its first line says about when it was made.
        current: whether its secret key is the one that signs.
        path: its file, for `minisign -p` and for those who verify.
        text: its two lines.
    """

    key_id: str
    made: str
    current: bool
    path: Path
    text: str


def signing_key(root: Path, variables: Mapping[str, str] | None = None) -> SigningKey:
    """Return the key that signs, made now where there is none yet.

    Args:
        root: the workspace's folder.
        variables: the environment.

    Raises:
        RecordError: the key is readable by others, damaged, or its passphrase is missing or wrong.
    """
    variables = os.environ if variables is None else variables
    with _folder(root, variables) as folder:
        file = folder / CURRENT
        key = _open(file, variables) if file.exists() else _make(folder, variables)
        _publish(folder, key)
        return key


def rotate(root: Path, variables: Mapping[str, str] | None = None) -> SigningKey:
    """Make a new key that signs from now on.

    The old public key stays, so that what it signed still verifies. The old secret key is
    deleted; what copies the disk or a backup has of it, this cannot reach.

    Args:
        root: the workspace's folder.
        variables: the environment; the new key gets the passphrase that it tells, or none.

    Raises:
        RecordError: the folder cannot be used, or no passphrase comes from where it should.
    """
    variables = os.environ if variables is None else variables
    with _folder(root, variables) as folder:
        key = _make(folder, variables)
        _publish(folder, key)
        return key


def known_keys(root: Path, variables: Mapping[str, str] | None = None) -> list[KnownKey]:
    """Return the public keys in the folder, oldest first; nothing is made.

    Args:
        root: the workspace's folder.
        variables: the environment.

    Raises:
        RecordError: a file is no public key, or cannot be read.
    """
    folder = _place(root, os.environ if variables is None else variables)
    with _said(folder):
        return sorted(_known(folder), key=lambda key: (key.made, key.key_id))


def public_keys(root: Path, variables: Mapping[str, str] | None = None) -> list[str]:
    """Return the public keys whose signature this lab accepts, in minisign's form."""
    return [key.text for key in known_keys(root, variables)]


def _known(folder: Path) -> Iterator[KnownKey]:
    current = _told_current(folder / CURRENT)
    for path in folder.glob("*.pub"):
        try:
            key = read_public_key(path.read_text("utf-8"))
        except (RecordError, UnicodeDecodeError):
            raise RecordError(
                f"{path}: expected a public key in minisign's form; it is none. Restore it from a "
                "copy, or move it away."
            ) from None
        made = key.comment.rpartition(", made ")[2] if ", made " in key.comment else ""
        yield KnownKey(key.key_id, made, key.key_id == current, path, key.text)


def _told_current(file: Path) -> str:
    """Return what the secret key's first line says is its id; it is encrypted further down."""
    if not file.exists():
        return ""
    return file.read_bytes().split(b"\n")[0].decode("latin-1").rpartition(_TOLD)[2]


def _place(root: Path, variables: Mapping[str, str]) -> Path:
    named = variables.get("LABKIT_RECORD_KEYS")
    return Path(named).expanduser().absolute() if named else root / FOLDER


@contextlib.contextmanager
def _folder(root: Path, variables: Mapping[str, str]) -> Iterator[Path]:
    """Hold the folder against others who would make a key in it at the same time."""
    folder = _place(root, variables)
    with _said(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        _refuse_mode(folder, 0o022, "written to", "700")
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+b") as lock, locked(lock):
            yield folder


@contextlib.contextmanager
def _said(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RecordError(
            f"{error.filename or folder}: the signing keys cannot be used there: {error.strerror}. "
            "Name another folder with LABKIT_RECORD_KEYS."
        ) from None


def _refuse_mode(path: Path, too_much: int, what: str, mode: str) -> None:
    if os.name != "nt" and path.stat().st_mode & too_much:
        raise RecordError(
            f"{path}: can be {what} by others than its owner, so that they could sign in your "
            f"name. `chmod {mode} {shlex.quote(str(path))}` ends it; where somebody may have been "
            "there already, `labkit record keys --rotate` makes a new key."
        )


def _make(folder: Path, variables: Mapping[str, str]) -> SigningKey:
    key = opened(minisign.KeyPair.generate().secret_key)
    key.secret.untrusted_comment = _TOLD + key.key_id
    stored = minisign.SecretKey.from_bytes(bytes(key.secret))
    if passphrase := _passphrase(variables):
        stored.encrypt(passphrase, opslimit=_OPERATIONS, memlimit=_MEMORY)
    write(folder / CURRENT, bytes(stored) + b"\n", private=True)
    return key


def _publish(folder: Path, key: SigningKey) -> None:
    """Write a key's public key, unless it is there already."""
    file = folder / f"{key.key_id}.pub"
    if not file.exists():
        now = datetime.now(UTC)
        made = f"minisign public key {key.key_id}, made {now:%Y-%m-%dT%H:%M:%SZ}"
        write(file, public_text(key, made))


def _open(file: Path, variables: Mapping[str, str]) -> SigningKey:
    _refuse_mode(file, 0o077, "read", "600")
    passphrase = _passphrase(variables)
    try:
        secret = minisign.SecretKey.from_bytes(file.read_bytes())
        encrypted = secret.is_encrypted()
        if encrypted:
            _decrypt(file, secret, passphrase)
        key = opened(secret)
        _adopt(file, key.key_id)
    except ValueError:
        raise RecordError(
            f"{file}: expected a secret key in minisign's form; it is none, or damaged. Restore it "
            "from a copy, or make another with `labkit record keys --rotate`."
        ) from None
    if passphrase and not encrypted:
        raise RecordError(
            f"{file}: a passphrase is given, and the key has none. `labkit record keys --rotate` "
            "makes a new key that has it; without the passphrase's variable the old one goes on."
        )
    return key


def _adopt(file: Path, key_id: str) -> None:
    """Have the secret key's first line tell its id, also where `minisign -G` made it."""
    stored = minisign.SecretKey.from_bytes(file.read_bytes())
    stored.untrusted_comment = _TOLD + key_id
    write(file, bytes(stored) + b"\n", private=True)


def _decrypt(file: Path, secret: minisign.SecretKey, passphrase: str) -> None:
    if not passphrase:
        raise RecordError(
            f"{file}: the key has a passphrase. Give it with LABKIT_RECORD_PASSPHRASE, or a "
            "command that prints it with LABKIT_RECORD_PASSPHRASE_COMMAND."
        )
    try:
        secret.decrypt(passphrase)
    except (ValueError, MemoryError):
        raise RecordError(
            f"{file}: the passphrase does not open the key. Give the one that it was made with; "
            "where it is lost, `labkit record keys --rotate` makes a new key."
        ) from None


def _passphrase(variables: Mapping[str, str]) -> str:
    """Return the passphrase, empty where none is to be had from anywhere."""
    given = variables.get("LABKIT_RECORD_PASSPHRASE", "")
    command = variables.get("LABKIT_RECORD_PASSPHRASE_COMMAND", "")
    if given and command:
        raise RecordError(
            "LABKIT_RECORD_PASSPHRASE and LABKIT_RECORD_PASSPHRASE_COMMAND are both set; expected "
            "one of them. Unset the other."
        )
    passphrase = _asked(command) if command else given
    if not passphrase.isprintable():
        raise RecordError(
            "the passphrase has characters that cannot be typed, or is not UTF-8. Give another."
        )
    return passphrase


def _asked(command: str) -> str:
    """Return what a command prints, up to the first line's end."""
    try:
        words = shlex.split(command)
        done = subprocess.run(words, stdout=subprocess.PIPE, timeout=_PATIENCE_S, check=True)
        printed = done.stdout.decode().split("\n")[0].removesuffix("\r")
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        said = f"exit code {error.returncode}" if hasattr(error, "returncode") else "no text came"
        raise RecordError(
            f"LABKIT_RECORD_PASSPHRASE_COMMAND printed no passphrase: {said}. Run it in a "
            "terminal: its first line has to be the passphrase."
        ) from None
    if not printed:
        raise RecordError(
            "LABKIT_RECORD_PASSPHRASE_COMMAND printed an empty first line; expected a passphrase."
        )
    return printed
