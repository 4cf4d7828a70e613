"""A simulated board's flash: one file that survives power-off, readable by its owner only."""

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
    """The flash file holds something else than a board's flash."""


class FlashRefusesError(Exception):
    """The flash takes no write any more: worn out, full, or locked."""


class ImageError(ValueError):
    """What was to be flashed is not a firmware image; the message says why."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a build made of the firmware tree: its release and the macros in it.

    Attributes:
        release: such as "202203.00".
        macros: each macro's value: a C string's content, a number or name as its token, or None
            for NULL and for a macro that is not defined. May hold a private key.
        hello_world: the generation of its hello world, such as "201906"; empty for the release's.
    """

    release: str
    macros: dict[str, str | None]
    hello_world: str = ""

    @property
    def demo(self) -> HelloWorld:
        """What its hello world asks for."""
        return generation(self.hello_world or self.release)

    @classmethod
    def parse(cls, document: object) -> Image:
        """Return the image in a JSON document.

        Raises:
            ImageError: the document is not an image that the board can run.
        """
        if not isinstance(document, dict) or document.get("format") != _FORMAT:
            raise ImageError('expected an image, an object with "format": 1. Build it again.')
        release, macros = document.get("release"), document.get("macros")
        if release not in RELEASES:
            raise ImageError(
                f'"release": expected one of {", ".join(RELEASES)}, got {str(release)[:40]!r}.'
            )
        if not isinstance(macros, dict):
            raise ImageError('"macros": expected an object of names and values. Build it again.')
        for name, value in macros.items():
            # A value may be a private key: only its name is ever shown.
            if not _MACRO_NAME.fullmatch(name) or not (value is None or isinstance(value, str)):
                raise ImageError(f'"macros": {name[:60]!r} must be a macro whose value is text.')
        return cls(release, dict(macros), str(document.get("hello_world", "")))

    def document(self) -> dict[str, Any]:
        """Return the image as a JSON document."""
        named = {"hello_world": self.hello_world} if self.hello_world else {}
        return {"format": _FORMAT, "release": self.release, **named, "macros": self.macros}

    def text(self, name: str) -> str:
        """Return a macro's value; empty where it is NULL, not defined or ""."""
        return self.macros.get(name) or ""

    def number(self, name: str, default: int) -> int:
        """Return a numeric macro's value, or the default where it is no plain number."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdigit() else default

    def __repr__(self) -> str:
        return f"Image(release={self.release!r}, {len(self.macros)} macros)"


@dataclass(frozen=True, slots=True)
class Contents:
    """What the flash holds.

    Attributes:
        image: what the board runs at its next boot; None in a blank board.
        private_key: the device's key as unencrypted PKCS #8 DER; it never leaves the flash.
        certificate: the client certificate as it was provisioned, meant to be DER.
        generated: key pairs that were generated since the flash was new.
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
    """The flash file. Every write replaces it as a whole: a kill leaves the old or the new one.

    Args:
        path: the file, mode 0600; it need not exist yet.
        takes_writes: whether the board's program can write to it.
    """

    def __init__(self, path: Path, *, takes_writes: bool = True) -> None:
        self._path = path
        self._takes_writes = takes_writes
        self._writing = threading.Lock()

    def worn_out(self) -> Flash:
        """Return the same flash as one that can be read only."""
        return Flash(self._path, takes_writes=False)

    @property
    def raw(self) -> bytes | None:
        """The file, byte for byte; None where there is none. It may hold a private key."""
        return self._path.read_bytes() if self._path.exists() else None

    @raw.setter
    def raw(self, raw: bytes | None) -> None:
        with self._writing:
            if raw is None:
                self._path.unlink(missing_ok=True)
            else:
                write_atomically(self._path, raw)

    def read(self) -> Contents:
        """Return what the flash holds.

        Raises:
            FlashDamagedError: the file is none that a board has written.
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
            # What it holds may be a private key: not a word of it goes into the message.
            raise FlashDamagedError(
                f"{self._path} is not a board's flash file. Delete it for a blank board, which"
                " makes a new key pair at its next boot."
            ) from None

    def change(self, **changes: Any) -> Contents:  # noqa: ANN401 as dataclasses.replace
        """Write some of the contents anew and return all of them.

        Raises:
            FlashRefusesError: it takes no write.
        """
        if not self._takes_writes:
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
