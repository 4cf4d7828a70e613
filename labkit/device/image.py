"""The simulated board's build: a firmware tree's macros, taken out as its compiler sees them.

An image is JSON: ``{"format": 1, "release": "202203.00", "hello_world": "202011", "macros":
{NAME: text or null}}``. It may hold a private key (Option 1), so its file is readable by its owner
only.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit import firmware
from labkit.device.demo_of_tree import demo_of_tree
from labkit.errors import DeviceError, FirmwareError, MacroNotFoundError
from labkit.firmware.conditions import UNDEFINED, evaluate
from labkit.policy import NEWEST, HelloWorld

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Sources", "build_image", "find_sources", "hello_world_of", "read_image", "write_image"]

_FORMAT = 1

_CREDENTIALS = "aws_clientcredential.h"
_KEYS = "aws_clientcredential_keys.h"
_PROVISIONING = ("aws_dev_mode_key_provisioning.c", "dev_mode_key_provisioning.c")
_HEADER_FOLDERS = ("demos/include", "demos/common/include", "Demos/include")
_PROVISIONING_FOLDERS = (
    "demos/dev_mode_key_provisioning/src",
    "demos/common/devmode_key_provisioning",
    "Demos/dev_mode_key_provisioning/src",
    "applications/helpers/provisioning",
)
# Copies of the three files for test programs, templates and other people's code.
_NOT_SEARCHED = {"tests", "test", "tools", "libraries", "vendors", "build", "node_modules"}

_VERSION = re.compile(r"FreeRTOS(?P<own> Provisioning)? V(\d+(?:\.\d+)+)")
_FIRST_WITH_OWN_VERSION = "201906.00"  # its file says "FreeRTOS Provisioning V1.0.0"
_HEAD = 2000
_FIRST_TO_PRINT_AT_EVERY_BOOT = 202107
_OLD, _NEW = "201910.00", "202203.00"

_FORCE = "keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR"
_OLDER_FORCE = "keyprovisioningFORCE_GENERATE_NEW_KEYSET"
_DELAY = "keyprovisioningDELAY_BEFORE_KEY_PAIR_GENERATION_SECS"
_PORT = "clientcredentialMQTT_BROKER_PORT"
_SECURITY = "clientcredentialWIFI_SECURITY"
_CERTIFICATE_AUTHORITY = "keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM"
_KEYS_MACROS = (
    "keyCLIENT_CERTIFICATE_PEM",
    _CERTIFICATE_AUTHORITY,
    "keyCLIENT_PRIVATE_KEY_PEM",
)
_CREDENTIAL_STRINGS = (
    "clientcredentialMQTT_BROKER_ENDPOINT",
    "clientcredentialIOT_THING_NAME",
    "clientcredentialWIFI_SSID",
    "clientcredentialWIFI_PASSWORD",
)
# Releases before 1.2.4 have no such constant, and a board without Wi-Fi needs none of these.
_MAY_BE_MISSING = {
    _CERTIFICATE_AUTHORITY,
    "clientcredentialWIFI_SSID",
    "clientcredentialWIFI_PASSWORD",
    _SECURITY,
}
_WRITTEN = {
    "string": "a string",
    "number": "a number",
    "name": "a name",
    "null": "NULL",
    "expression": "an expression",
}
_HIGHEST_PORT = 65535
_LONGEST_CHAIN = 8


@dataclass(frozen=True, slots=True)
class Sources:
    """The three files of a firmware tree that provisioning is about.

    Attributes:
        credentials: `aws_clientcredential.h`: endpoint, thing name, Wi-Fi.
        keys: `aws_clientcredential_keys.h`: certificate and key literals.
        provisioning: `aws_dev_mode_key_provisioning.c`: whether a key pair is made anew.
        release: the version in the files' own heads, such as "202203.00" or "1.4.7", None where
            they name none. The files of 202107.00 say 202012.00.
        hello_world: the generation of the MQTT hello world.
    """

    credentials: Path
    keys: Path
    provisioning: Path
    release: str | None
    hello_world: HelloWorld


def find_sources(tree: Path) -> Sources:
    """Find the three files, in the layout of any release.

    Looked for in ``demos/include`` or, before 201906.00, ``demos/common/include``, and in
    ``demos/dev_mode_key_provisioning/src`` or ``demos/common/devmode_key_provisioning``; in
    Renesas's ``Demos/…`` and Arm's ``applications/helpers/provisioning``; then anywhere in the
    tree but under tests, tools, libraries, vendors and build.

    Args:
        tree: the firmware tree's top folder.

    Returns:
        The files, and the release that they name.

    Raises:
        DeviceError: the tree is missing, a file is missing, or there are several of it.
    """
    if not tree.is_dir():
        raise DeviceError(
            f"{tree}: expected a firmware tree, found no folder. Name it in lab.toml, firmware."
        )
    credentials = _find(tree, _HEADER_FOLDERS, (_CREDENTIALS,))
    keys = _find(tree, _HEADER_FOLDERS, (_KEYS,))
    provisioning = _find(tree, _PROVISIONING_FOLDERS, _PROVISIONING)
    texts = [_read(file) for file in (provisioning, credentials, keys)]
    release = next(filter(None, map(_version, texts)), None)
    demo = demo_of_tree(tree, release, delays=_DELAY in texts[0])
    return Sources(credentials, keys, provisioning, release, demo)


def hello_world_of(tree: Path) -> HelloWorld:
    """Return the generation of a tree's MQTT hello world; the newest where there is no tree."""
    try:
        return find_sources(tree).hello_world
    except DeviceError:
        return NEWEST


def _find(tree: Path, folders: tuple[str, ...], file_names: tuple[str, ...]) -> Path:
    places = (tree / folder / name for folder in folders for name in file_names)
    found = _distinct([place for place in places if place.is_file()])
    found = found or _distinct(list(_search(tree, file_names)))
    if not found:
        raise DeviceError(
            f"{tree}: expected {file_names[0]} in {' or '.join(folders)}, found none. "
            "Name the top folder of the firmware tree."
        )
    if len(found) > 1:
        shown = ", ".join(str(file.relative_to(tree)) for file in found[:4])
        raise DeviceError(
            f"{tree}: expected one {file_names[0]}, found {len(found)}: {shown}. "
            "Name the folder that holds the one that is built."
        )
    return found[0]


def _distinct(files: list[Path]) -> list[Path]:
    """Leave out second names of a file: `demos` is `Demos` where case does not count."""
    distinct: list[Path] = []
    for file in files:
        if not any(file.samefile(other) for other in distinct):
            distinct.append(file)
    return distinct


def _search(tree: Path, file_names: tuple[str, ...]) -> Iterator[Path]:
    for folder, folders, files in os.walk(tree):
        folders[:] = sorted(
            name
            for name in folders
            if name.lower() not in _NOT_SEARCHED and not name.startswith(".")
        )
        for name in file_names:
            if name in files:
                yield Path(folder) / name


def _version(text: str) -> str | None:
    match = _VERSION.search(text, 0, _HEAD)
    return match and (_FIRST_WITH_OWN_VERSION if match["own"] else match[2])


def _read(file: Path) -> str:
    try:
        return firmware.decode(file.read_bytes())
    except OSError as error:
        raise DeviceError(
            f"{file}: cannot be read: {error.strerror}. Check that it is a file of yours."
        ) from error


def build_image(tree: Path) -> dict[str, Any]:
    """Build the simulated board's image of a firmware tree as it stands.

    Values are what the compiler makes of them: strings unescaped and joined, numbers in decimal,
    None for NULL. A force macro that is not defined, as when its blank was lost in a copy
    (`…KEY_PAIR1`), is "0": so does `#if` read it, without a word.

    The release is the one of two whose habits the tree has: 202203.00 where a delay before the
    key pair is generated is defined, or the files name 202107 or later; else 201910.00, also for
    older and unnamed releases. The hello world is the tree's own, of whatever generation.

    Args:
        tree: the firmware tree's top folder.

    Returns:
        The image, which may hold a private key: write it with `write_image`.

    Raises:
        DeviceError: the tree does not build; the message names file and line.
    """
    sources = find_sources(tree)
    units = {
        file: _Unit(tree, file)
        for file in (sources.credentials, sources.keys, sources.provisioning)
    }
    build = _Build(list(units.values()))
    credentials, keys = units[sources.credentials], units[sources.keys]
    provisioning = units[sources.provisioning]
    macros: dict[str, str | None] = {}
    for name in _KEYS_MACROS:
        macros[name] = build.string(keys, name)
    for name in _CREDENTIAL_STRINGS:
        macros[name] = build.string(credentials, name)
    macros[_PORT] = build.port(credentials)
    macros[_SECURITY] = build.name(credentials, _SECURITY)
    macros[_FORCE] = build.switch(provisioning)
    macros[_DELAY] = build.number(provisioning, _DELAY)
    release = _habit(sources.release, delays=macros[_DELAY] is not None)
    hello_world = sources.hello_world.name
    return {"format": _FORMAT, "release": release, "hello_world": hello_world, "macros": macros}


def _habit(release: str | None, *, delays: bool) -> str:
    year_and_month = int((release or "0").split(".")[0])
    return _NEW if delays or year_and_month >= _FIRST_TO_PRINT_AT_EVERY_BOOT else _OLD


class _Unit:
    """One file of the build."""

    def __init__(self, tree: Path, file: Path) -> None:
        self.path = file.relative_to(tree).as_posix()
        self.text = _read(file)

    def get(self, name: str) -> firmware.Macro | None:
        """Return a macro, None where it is not defined."""
        try:
            return firmware.get(self.text, name)
        except MacroNotFoundError:
            return None
        except FirmwareError as error:
            raise DeviceError(f"{self.path}: {error}") from error


class _Build:
    """Takes macros out of the units; one macro may name another, in any of them."""

    def __init__(self, units: list[_Unit]) -> None:
        self._units = units

    def string(self, unit: _Unit, name: str) -> str | None:
        """Return a string's content, None for NULL."""
        macro = self._resolve(unit, name)
        if macro is None:
            self._missing(unit, name)
            return None
        if macro.written not in ("string", "null"):
            raise DeviceError(
                f"{unit.path}: line {macro.line}: expected a string in quotes, or NULL, for "
                f'{name}, found {_WRITTEN[macro.written]}. Set it again, such as "…".'
            )
        return macro.value

    def name(self, unit: _Unit, name: str) -> str | None:
        """Return a name as it stands."""
        macro = unit.get(name)
        if macro is None:
            self._missing(unit, name)
            return None
        if macro.written != "name":
            raise DeviceError(
                f"{unit.path}: line {macro.line}: expected a name without quotes for {name}, "
                f"found {_WRITTEN[macro.written]}. Set it again, such as eWiFiSecurityWPA2."
            )
        return macro.value

    def switch(self, unit: _Unit) -> str:
        """Return whether a key pair is to be made anew, as `#if` reads it."""
        # In an #if a name that is not defined counts as 0 (C11, 6.10.1, clause 4).
        return (
            self.number(unit, _FORCE, undefined=UNDEFINED)
            or self.number(unit, _OLDER_FORCE, undefined=UNDEFINED)
            or "0"
        )

    def number(self, unit: _Unit, name: str, *, undefined: str | None = None) -> str | None:
        """Return a number in decimal, None where the macro is not defined."""
        macro = unit.get(name)
        if macro is None:
            return None
        number = None
        if macro.value and macro.written in ("number", "name", "expression"):
            number = evaluate(macro.value, lambda name: self._text(name) or undefined)
        if number is None:
            raise DeviceError(
                f"{unit.path}: line {macro.line}: expected a number for {name}, "
                f"found {_WRITTEN[macro.written]} that is none. Set it again, such as 0."
            )
        return str(number)

    def port(self, unit: _Unit) -> str | None:
        """Return the broker's port."""
        number = self.number(unit, _PORT)
        if number is None:
            self._missing(unit, _PORT)
        elif not 1 <= int(number) <= _HIGHEST_PORT:
            raise DeviceError(
                f"{unit.path}: expected a port from 1 to 65535 for {_PORT}, found {number}. "
                "Set it again, such as 8883."
            )
        return number

    def _missing(self, unit: _Unit, name: str) -> None:
        if name in _MAY_BE_MISSING:
            return
        try:
            firmware.get(unit.text, name)
        except FirmwareError as error:
            raise DeviceError(f"{unit.path}: {error}") from error

    def _resolve(self, unit: _Unit, name: str) -> firmware.Macro | None:
        """Follow a macro that names another to the one that holds the value."""
        macro = unit.get(name)
        for _ in range(_LONGEST_CHAIN):
            if macro is None or macro.written != "name" or macro.value is None:
                return macro
            further = self._anywhere(macro.value)
            if further is None:
                return macro
            macro = further
        return macro

    def _anywhere(self, name: str) -> firmware.Macro | None:
        return next(filter(None, (unit.get(name) for unit in self._units)), None)

    def _text(self, name: str) -> str | None:
        macro = self._anywhere(name)
        return None if macro is None else macro.value


def write_image(path: Path, image: dict[str, Any]) -> None:
    """Write an image as a whole or not at all, readable by its owner only.

    Args:
        path: the file; its folder is made where it is missing.
        image: what `build_image` returned.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".{path.name}.*"):  # of a build that was killed
        leftover.unlink(missing_ok=True)
    # mkstemp makes a file of mode 0600, so the image is never readable to others, not even briefly.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            json.dump(image, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_image(path: Path) -> dict[str, Any]:
    """Read an image.

    Raises:
        DeviceError: there is none, or the file is not one. Its content is not shown.
    """
    try:
        image = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise DeviceError(f"{path}: there is no image. Build one first.") from None
    except (OSError, ValueError) as error:
        raise DeviceError(f"{path}: the image cannot be read. Build it again.") from error
    if not (
        isinstance(image, dict)
        and image.get("format") == _FORMAT
        and isinstance(image.get("release"), str)
        and isinstance(image.get("macros"), dict)
    ):
        raise DeviceError(f"{path}: expected an image of format {_FORMAT}. Build it again.")
    return image
