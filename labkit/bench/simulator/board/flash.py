"""A simulated board's flash: a file that survives power-off; only its owner can read it."""

from __future__ import annotations

import base64
import json
import re
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from labkit.bench.simulator.atomic_file import write_atomically
from labkit.bench.simulator.board.releases import RELEASES
from labkit.policy import HelloWorld, generation

if TYPE_CHECKING:
    from pathlib import Path

_FORMAT = 1
_MACRO_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class FlashDamagedError(Exception):
    """The flash file was not written by a board."""


class FlashRefusesError(Exception):
    """The flash refuses writes: worn out, full, or locked."""


class ImageError(ValueError):
    """The data to flash is not a firmware image; the message states why."""


@dataclass(frozen=True, slots=True)
class Image:
    """The result of a build: the release and the macros of the firmware tree.

    Attributes:
        release: such as "202203.00".
        macros: each macro's value: the content of a C string, a number or name as text, or None
            for NULL and for an undefined macro. They may contain a private key.
        hello_world: the generation of its hello world, such as "201906"; empty for the release's.
    """

    release: str
    macros: dict[str, str | None]
    hello_world: str = ""

    @property
    def demo(self) -> HelloWorld:
        """The requirements of its hello world."""
        return generation(self.hello_world or self.release)

    @classmethod
    def parse(cls, document: object) -> Image:
        """Return the image in a JSON document.

        Raises:
            ImageError: the board cannot run it.
        """
        if not isinstance(document, dict) or document.get("format") != _FORMAT:
            raise ImageError(
                'not an image: expected an object with "format": 1. Run the build command again.'
            )
        release, macros = document.get("release"), document.get("macros")
        if release not in RELEASES:
            raise ImageError(
                f'"release" is {str(release)[:40]!r}, expected one of {", ".join(RELEASES)}.'
            )
        if not isinstance(macros, dict):
            raise ImageError('"macros": expected an object. Run the build command again.')
        for name, value in macros.items():
            # A value may be a private key: only its name is shown.
            if not _MACRO_NAME.fullmatch(name) or not (value is None or isinstance(value, str)):
                raise ImageError(f'"macros": {name[:60]!r} must be a macro whose value is text.')
        return cls(release, dict(macros), str(document.get("hello_world", "")))

    def document(self) -> dict[str, Any]:
        """Return the image as a JSON document."""
        named = {"hello_world": self.hello_world} if self.hello_world else {}
        return {"format": _FORMAT, "release": self.release, **named, "macros": self.macros}

    def text(self, name: str) -> str:
        """Return a macro's value; empty if it is NULL, undefined or ""."""
        return self.macros.get(name) or ""

    def number(self, name: str, default: int) -> int:
        """Return a numeric macro's value, or the default if it is not a plain number."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdigit() else default

    def __repr__(self) -> str:
        return f"Image(release={self.release!r}, {len(self.macros)} macros)"


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of the flash.

    Attributes:
        image: the image of the next boot; None on a blank board.
        private_key: the device's key as unencrypted PKCS #8 DER; it never leaves the flash.
        certificate: the client certificate as it was provisioned, expected to be DER.
        generated: the number of key pairs that the board has generated.
    """

    image: Image | None = None
    private_key: bytes | None = None
    certificate: bytes | None = None
    generated: int = 0

    def __repr__(self) -> str:
        held = [
            name
            for name in ("image", "private_key", "certificate")
            if getattr(self, name) is not None
        ]
        return f"Contents({', '.join(held)}, {self.generated} generated)"


class Flash:
    """The flash file. Every write replaces the whole file: a kill leaves the old or the new one.

    Args:
        path: the file, mode 0600; it may be missing.
        is_writable: whether the board's program can write to it.
    """

    def __init__(self, path: Path, *, is_writable: bool = True) -> None:
        self._path = path
        self._is_writable = is_writable
        self._writing = threading.Lock()

    def worn_out(self) -> Flash:
        """Return the same flash, read-only."""
        return Flash(self._path, is_writable=False)

    @property
    def raw(self) -> bytes | None:
        """The content of the file, or None without one. It may contain a private key."""
        return self._path.read_bytes() if self._path.exists() else None

    @raw.setter
    def raw(self, raw: bytes | None) -> None:
        with self._writing:
            if raw is None:
                self._path.unlink(missing_ok=True)
            else:
                write_atomically(self._path, raw)

    def read(self) -> Contents:
        """Return the contents.

        Raises:
            FlashDamagedError: the file was not written by a board.
        """
        try:
            held = json.loads(self._path.read_bytes())
            return Contents(
                image=Image.parse(held["image"]) if held["image"] else None,
                private_key=_unwrap(held["private_key"]),
                certificate=_unwrap(held["certificate"]),
                generated=int(held["generated"]),
            )
        except FileNotFoundError:
            return Contents()
        except (ValueError, KeyError, TypeError):
            # The file may contain a private key: the message must not quote it.
            raise FlashDamagedError(
                f"{self._path} is not a board's flash file. Delete it for a blank board, which"
                " generates a new key pair at its next boot."
            ) from None

    def change(self, **changes: Any) -> Contents:  # noqa: ANN401 as dataclasses.replace
        """Replace some of the contents and return all of them.

        Raises:
            FlashRefusesError: the flash is read-only.
        """
        if not self._is_writable:
            raise FlashRefusesError
        with self._writing:
            contents = replace(self.read(), **changes)
            document = {
                "image": contents.image.document() if contents.image else None,
                "private_key": _wrap(contents.private_key),
                "certificate": _wrap(contents.certificate),
                "generated": contents.generated,
            }
            write_atomically(self._path, json.dumps(document).encode())
        return contents


def _wrap(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()


def _unwrap(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
