"""The folder of a lab's signing keys: made on first use, listed, rotated.

::

    LABKIT_RECORD_KEYS, or <workspace>/record-keys/
        current.key     the secret key that signs, in minisign's format, 0600
        <key id>.pub    the public key of every key so far; the records that it signed still verify

With a passphrase the secret key is encrypted (scrypt), as with `minisign -G`; without one it is
not, as with `minisign -GW`. The passphrase is in LABKIT_RECORD_PASSPHRASE, or the command in
LABKIT_RECORD_PASSPHRASE_COMMAND prints it, for example that of a password manager.
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
from labkit.record.seal.signature import (
    SigningKey,
    load_signing_key,
    public_text,
    read_public_key,
)
from labkit.workspace import write
from labkit.workspace.files import locked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = "record-keys"
CURRENT = "current.key"

_COMMENT = "labkit signing key "
_OPERATIONS, _MEMORY = 1 << 22, 1 << 27
"""scrypt's limits as minisign counts them: 128 MiB and about 0.4 s for each guess."""

_TIMEOUT_S = 120.0
"""How long a passphrase command can wait for its user."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A public key in the folder.

    Attributes:
        key_id: 16 hex digits, as minisign writes it.
        made: when it was made, from its first line; empty if another program made it.
        current: whether its secret key signs now.
        path: its file, for `minisign -p` and `labkit record verify`.
        text: its two lines.
    """

    key_id: str
    made: str
    current: bool
    path: Path
    text: str


def signing_key(root: Path, variables: Mapping[str, str] | None = None) -> SigningKey:
    """Return the current signing key, which is made on first use.

    Args:
        root: the workspace's folder.
        variables: the environment.

    Raises:
        RecordError: other users can read the key, it is damaged, or its passphrase is missing or
            wrong.
    """
    variables = os.environ if variables is None else variables
    with _folder(root, variables) as folder:
        file = folder / CURRENT
        key = _open(file, variables) if file.exists() else _make(folder, variables)
        _publish(folder, key)
        return key


def rotate(root: Path, variables: Mapping[str, str] | None = None) -> SigningKey:
    """Make a new signing key and delete the old secret key.

    The old public key is kept, so the records that it signed still verify. Copies of the old secret
    key on the disk or in a backup are not deleted.

    Args:
        root: the workspace's folder.
        variables: the environment, which also has the passphrase of the new key, if any.

    Raises:
        RecordError: the folder cannot be used, or the passphrase cannot be read.
    """
    variables = os.environ if variables is None else variables
    with _folder(root, variables) as folder:
        key = _make(folder, variables)
        _publish(folder, key)
        return key


def known_keys(root: Path, variables: Mapping[str, str] | None = None) -> list[KnownKey]:
    """Return the public keys in the folder, oldest first. No key is made.

    Args:
        root: the workspace's folder.
        variables: the environment.

    Raises:
        RecordError: a file is not a public key, or cannot be read.
    """
    folder = _path(root, os.environ if variables is None else variables)
    with _errors(folder):
        return sorted(_known(folder), key=lambda key: (key.made, key.key_id))


def public_keys(root: Path, variables: Mapping[str, str] | None = None) -> list[str]:
    """Return the public keys in the folder, in minisign's format."""
    return [key.text for key in known_keys(root, variables)]


def _known(folder: Path) -> Iterator[KnownKey]:
    current = _current_id(folder / CURRENT)
    for path in folder.glob("*.pub"):
        try:
            key = read_public_key(path.read_text("utf-8"))
        except (RecordError, UnicodeDecodeError):
            raise RecordError(
                f"{path}: the file is not a public key in minisign's format. Restore it from a "
                "copy, or move it to another folder."
            ) from None
        made = key.comment.rpartition(", made ")[2] if ", made " in key.comment else ""
        yield KnownKey(key.key_id, made, key.key_id == current, path, key.text)


def _current_id(file: Path) -> str:
    """Return the id in the secret key's first line, the only place where it is not encrypted."""
    if not file.exists():
        return ""
    return file.read_bytes().split(b"\n")[0].decode("latin-1").rpartition(_COMMENT)[2]


def _path(root: Path, variables: Mapping[str, str]) -> Path:
    named = variables.get("LABKIT_RECORD_KEYS")
    return Path(named).expanduser().absolute() if named else root / FOLDER


@contextlib.contextmanager
def _folder(root: Path, variables: Mapping[str, str]) -> Iterator[Path]:
    """Lock the folder, so that two processes do not make a key at the same time."""
    folder = _path(root, variables)
    with _errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        _refuse_mode(folder, 0o022, "write to", "700")
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+b") as lock, locked(lock):
            yield folder


@contextlib.contextmanager
def _errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RecordError(
            f"{error.filename or folder}: the signing keys cannot be used: {error.strerror}. "
            "Choose another folder with LABKIT_RECORD_KEYS."
        ) from None


def _refuse_mode(path: Path, too_much: int, what: str, mode: str) -> None:
    if os.name != "nt" and path.stat().st_mode & too_much:
        raise RecordError(
            f"{path}: other users can {what} it, and sign in your name. Run `chmod {mode} "
            f"{shlex.quote(str(path))}`. If another user may have done so already, make a new key "
            "with `labkit record keys --rotate`."
        )


def _make(folder: Path, variables: Mapping[str, str]) -> SigningKey:
    key = load_signing_key(minisign.KeyPair.generate().secret_key)
    key.secret.untrusted_comment = _COMMENT + key.key_id
    stored = minisign.SecretKey.from_bytes(bytes(key.secret))
    if passphrase := _passphrase(variables):
        stored.encrypt(passphrase, opslimit=_OPERATIONS, memlimit=_MEMORY)
    write(folder / CURRENT, bytes(stored) + b"\n", private=True)
    return key


def _publish(folder: Path, key: SigningKey) -> None:
    """Write the public key, unless its file exists."""
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
        key = load_signing_key(secret)
        _adopt(file, key.key_id)
    except ValueError:
        raise RecordError(
            f"{file}: the file is damaged, or is not a secret key in minisign's format. Restore it "
            "from a copy, or make a new key with `labkit record keys --rotate`."
        ) from None
    if passphrase and not encrypted:
        raise RecordError(
            f"{file}: a passphrase is set, but the key has none. Make a new key with a passphrase "
            "with `labkit record keys --rotate`, or unset the variable to use this key."
        )
    return key


def _adopt(file: Path, key_id: str) -> None:
    """Write the id into the secret key's first line, also if `minisign -G` made the key."""
    stored = minisign.SecretKey.from_bytes(file.read_bytes())
    stored.untrusted_comment = _COMMENT + key_id
    write(file, bytes(stored) + b"\n", private=True)


def _decrypt(file: Path, secret: minisign.SecretKey, passphrase: str) -> None:
    if not passphrase:
        raise RecordError(
            f"{file}: the key has a passphrase. Set LABKIT_RECORD_PASSPHRASE, or set "
            "LABKIT_RECORD_PASSPHRASE_COMMAND to a command that prints it."
        )
    try:
        secret.decrypt(passphrase)
    except (ValueError, MemoryError):
        raise RecordError(
            f"{file}: the passphrase is wrong. Set the one that the key was made with, or, if it "
            "is lost, make a new key with `labkit record keys --rotate`."
        ) from None


def _passphrase(variables: Mapping[str, str]) -> str:
    """Return the passphrase; empty if no variable is set."""
    given = variables.get("LABKIT_RECORD_PASSPHRASE", "")
    command = variables.get("LABKIT_RECORD_PASSPHRASE_COMMAND", "")
    if given and command:
        raise RecordError(
            "LABKIT_RECORD_PASSPHRASE and LABKIT_RECORD_PASSPHRASE_COMMAND are both set. Unset one "
            "of them."
        )
    passphrase = _printed(command) if command else given
    if not passphrase.isprintable():
        raise RecordError(
            "the passphrase has characters that cannot be typed, or is not UTF-8. Choose another."
        )
    return passphrase


def _printed(command: str) -> str:
    """Return the first line that a command prints."""
    try:
        words = shlex.split(command)
        done = subprocess.run(words, stdout=subprocess.PIPE, timeout=_TIMEOUT_S, check=True)
        printed = done.stdout.decode().split("\n")[0].removesuffix("\r")
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        code = f": exit code {error.returncode}" if hasattr(error, "returncode") else ""
        raise RecordError(
            f"LABKIT_RECORD_PASSPHRASE_COMMAND printed no passphrase{code}. Run the command in a "
            "terminal: its first line must be the passphrase."
        ) from None
    if not printed:
        raise RecordError(
            "LABKIT_RECORD_PASSPHRASE_COMMAND printed an empty first line, expected a passphrase. "
            "Run the command in a terminal."
        )
    return printed
