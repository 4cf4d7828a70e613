"""The simulated board's build: the macros of a firmware tree as its compiler sees them.

An image is JSON: ``{"format": 1, "release": "202203.00", "hello_world": "202011", "macros":
{NAME: text or null}}``. It may contain a private key (Option 1), so only its owner can read the
file.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from labkit import firmware
from labkit.errors import DeviceError, FirmwareError, MacroNotFoundError
from labkit.firmware.conditions import UNDEFINED, evaluate
from labkit.firmware.tree import find_sources, read_source
from labkit.workspace import write

if TYPE_CHECKING:
    from pathlib import Path

_FORMAT = 1

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


def build_image(tree: Path) -> dict[str, Any]:
    """Build the simulated board's image of a firmware tree.

    Values are as the compiler reads them: strings unescaped and joined, numbers in decimal, None
    for NULL. A force macro that is not defined, for example because its blank was lost in a copy
    (`…KEY_PAIR1`), is "0", as in `#if`, and without a warning.

    The board behaves like one of two releases: 202203.00 if the tree defines a delay before the
    key pair is generated or names 202107 or later, otherwise 201910.00. The hello world is that of
    the tree's own generation.

    Args:
        tree: the firmware tree's top folder.

    Returns:
        The image, which may contain a private key: write it with `write_image`.

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
    release = _behaviour(sources.release, delays=macros[_DELAY] is not None)
    hello_world = sources.hello_world.name
    return {"format": _FORMAT, "release": release, "hello_world": hello_world, "macros": macros}


def _behaviour(release: str | None, *, delays: bool) -> str:
    year_and_month = int((release or "0").split(".")[0])
    return _NEW if delays or year_and_month >= _FIRST_TO_PRINT_AT_EVERY_BOOT else _OLD


class _Unit:
    """One file of the build."""

    def __init__(self, tree: Path, file: Path) -> None:
        self.path = file.relative_to(tree).as_posix()
        self.text = read_source(file)

    def get(self, name: str) -> firmware.Macro | None:
        """Return a macro, or None if it is not defined."""
        try:
            return firmware.get(self.text, name)
        except MacroNotFoundError:
            return None
        except FirmwareError as error:
            raise DeviceError(f"{self.path}: {error}") from error


class _Build:
    """Reads macros from the units; a macro may name another one in any of them."""

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
                f"{unit.path}: line {macro.line}: {name} is {_WRITTEN[macro.written]}, expected a "
                'string in quotes, or NULL. Set it again, such as "…".'
            )
        return macro.value

    def name(self, unit: _Unit, name: str) -> str | None:
        """Return a macro that is a name."""
        macro = unit.get(name)
        if macro is None:
            self._missing(unit, name)
            return None
        if macro.written != "name":
            raise DeviceError(
                f"{unit.path}: line {macro.line}: {name} is {_WRITTEN[macro.written]}, expected a "
                "name without quotes. Set it again, such as eWiFiSecurityWPA2."
            )
        return macro.value

    def switch(self, unit: _Unit) -> str:
        """Return whether a new key pair is forced, as `#if` reads it."""
        # In an #if an undefined name is 0 (C11, 6.10.1, clause 4).
        return (
            self.number(unit, _FORCE, undefined=UNDEFINED)
            or self.number(unit, _OLDER_FORCE, undefined=UNDEFINED)
            or "0"
        )

    def number(self, unit: _Unit, name: str, *, undefined: str | None = None) -> str | None:
        """Return a number in decimal, or None if the macro is not defined."""
        macro = unit.get(name)
        if macro is None:
            return None
        number = None
        if macro.value and macro.written in ("number", "name", "expression"):
            number = evaluate(macro.value, lambda name: self._text(name) or undefined)
        if number is None:
            raise DeviceError(
                f"{unit.path}: line {macro.line}: {name} is {_WRITTEN[macro.written]} without a "
                "numeric value, expected a number. Set it again, such as 0."
            )
        return str(number)

    def port(self, unit: _Unit) -> str | None:
        """Return the broker's port."""
        number = self.number(unit, _PORT)
        if number is None:
            self._missing(unit, _PORT)
        elif not 1 <= int(number) <= _HIGHEST_PORT:
            raise DeviceError(
                f"{unit.path}: {_PORT} is {number}, expected a port from 1 to 65535. "
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
        """Follow a macro that names another one to the value."""
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
    """Write an image whole or not at all; only its owner can read it.

    Args:
        path: the file; its folder is created if it is missing.
        image: the result of `build_image`.
    """
    write(path, json.dumps(image, indent=1), private=True)


def read_image(path: Path) -> dict[str, Any]:
    """Read an image.

    Raises:
        DeviceError: the file is missing, or it is not an image. Its content is not shown.
    """
    try:
        image = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise DeviceError(f"{path}: no image. Run the build command first.") from None
    except (OSError, ValueError) as error:
        raise DeviceError(
            f"{path}: the image cannot be read. Run the build command again."
        ) from error
    if not (
        isinstance(image, dict)
        and image.get("format") == _FORMAT
        and isinstance(image.get("release"), str)
        and isinstance(image.get("macros"), dict)
    ):
        raise DeviceError(f"{path}: not an image of format {_FORMAT}. Run the build command again.")
    return image
