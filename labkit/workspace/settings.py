"""What lab.toml and the LABKIT_ variables choose, and what is refused at once."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.errors import WorkspaceError
from labkit.support.loopback import SIMULATED_ACCOUNT_ID, SIMULATED_REGION
from labkit.workspace.routes import (
    DEFAULT_ROUTE,
    ROUTES,
    THING_NAME,
    has_ca_of_its_own,
    refuse_name,
    thing_name_on,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["THING_NAME", "TREES", "Settings", "chosen_values", "read_settings"]

TREES = Path(__file__).resolve().parent.parent / "bench/trees"

_TEMPLATE = """\
# What this lab works with. LABKIT_DEVICE, LABKIT_CLOUD, LABKIT_SEED, LABKIT_THING, LABKIT_ROUTE
# and LABKIT_RELEASE win over what stands here.

[device]
url = {device.url}                 # "sim", or a pySerial URL such as "/dev/ttyUSB0" or "COM3"
baud_rate = {device.baud_rate}
thing_name = {device.thing_name}
route = {device.route}         # "option-2", the device makes its key; "option-1", AWS IoT does;
                            # "just-in-time": as option-2, and it registers itself; "drills":
                            # as option-2, with faults to find and mend
release = {device.release}       # the simulated board's firmware: 202203.00 or 201910.00
firmware = {device.firmware}       # the firmware tree; a relative path starts at this file
# The commands that build the tree and load it onto the board, word by word; they run in the tree.
# For a board of yours, for instance:
#   ESP-IDF                   build = ["idf.py", "build"]
#                             flash = ["idf.py", "-p", "/dev/ttyUSB0", "flash"]
#   CMake and OpenOCD         build = ["cmake", "--build", "build"]
#                             flash = ["openocd", "-f", "board/st_nucleo_l4.cfg",
#                                      "-c", "program build/demo.elf verify reset exit"]
#   STM32CubeProgrammer       flash = ["STM32_Programmer_CLI", "-c", "port=SWD",
#                                      "-w", "build/demo.elf", "-v", "-rst"]
#   an IDE, with your hands   build = "by hand"
#                             flash = "by hand"
build = {device.build}
flash = {device.flash}

[account]
cloud = {account.cloud}               # "sim" or "aws"
region = {account.region}                 # empty: the profile's, or us-east-1 where simulated
allowed = {account.allowed}   # real accounts to work with, such as ["123456789012"]; none: all
account_id = {account.account_id}
provisioning_role = {account.provisioning_role}      # just-in-time, real account: a role's ARN

[ca]
key = {ca.key}            # or "RSA-2048", as documented
encrypted = {ca.encrypted}           # true: rootCA.key gets a passphrase, which is asked for
subject = {ca.subject}
just_in_time_subject = {ca.just_in_time_subject}

[lab]
seed = {lab.seed}                   # not empty: every key and date is derived from it; for tests
"""

OWN_TREE = "firmware"
"""The firmware tree where lab.toml names no other; a simulated board's is copied there."""

_DEFAULTS: Mapping[str, Any] = {
    "device.url": "sim",
    "device.baud_rate": 115200,
    "device.thing_name": "lab-device",
    "device.route": DEFAULT_ROUTE,
    "device.release": "202203.00",
    "device.firmware": OWN_TREE,
    "device.build": ["labkit", "board", "build"],
    "device.flash": ["labkit", "board", "flash"],
    "account.cloud": "sim",
    "account.region": "",
    "account.allowed": [],
    "account.account_id": SIMULATED_ACCOUNT_ID,
    "account.provisioning_role": "",
    "ca.key": "EC P-256",
    "ca.encrypted": False,
    "ca.subject": "O=Device lab, CN=Device lab root CA",
    "ca.just_in_time_subject": "O=Device lab, CN=Device lab just-in-time root CA",
    "lab.seed": "",
}
"""Every setting and what it is where lab.toml does not say."""

_DRILLS_CA_SUBJECT = "O=Device lab, CN=Device lab drills root CA"

_SIMULATED_BOARDS_COMMAND = ["labkit", "board"]

_BY_HAND = "by hand"
"""What stands in place of a command where a person does it."""

_VARIABLES = {
    "device": ("LABKIT_DEVICE", "device.url"),
    "cloud": ("LABKIT_CLOUD", "account.cloud"),
    "seed": ("LABKIT_SEED", "lab.seed"),
    "thing_name": ("LABKIT_THING", "device.thing_name"),
    "route": ("LABKIT_ROUTE", "device.route"),
    "release": ("LABKIT_RELEASE", "device.release"),
}
"""What can be chosen in a call, the variable that chooses it, and the setting."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What lab.toml and the LABKIT_ variables choose; `chosen_name` is the name there."""

    device_url: str
    baud_rate: int
    chosen_name: str
    route: str
    release: str
    firmware: str
    build: tuple[str, ...]
    flash: tuple[str, ...]
    cloud: str
    region: str
    allowed: tuple[str, ...]
    account_id: str
    provisioning_role: str
    ca_key: str
    ca_is_encrypted: bool
    lab_ca_subject: str
    just_in_time_ca_subject: str
    seed: str | None

    @property
    def board_is_simulated(self) -> bool:
        """Whether the board is the simulated one."""
        return self.device_url == "sim"

    @property
    def account_is_simulated(self) -> bool:
        """Whether the AWS account is the simulated one."""
        return self.cloud == "sim"

    @property
    def board_is_on_real_network(self) -> bool:
        """Whether the simulated board connects to AWS itself."""
        return self.board_is_simulated and not self.account_is_simulated

    @property
    def ends_before_hello_world(self) -> bool:
        """Whether the board is real and the account is not: its gateway is on loopback only."""
        return self.account_is_simulated and not self.board_is_simulated

    @property
    def is_simulated(self) -> bool:
        """Whether nothing real can be touched."""
        return self.board_is_simulated and self.account_is_simulated

    @property
    def thing_name(self) -> str:
        """The name of the thing that the device is on its route."""
        return thing_name_on(self.route, self.chosen_name)

    @property
    def has_ca_of_its_own(self) -> bool:
        """Whether another CA than the lab's certifies the device."""
        return has_ca_of_its_own(self.route)

    @property
    def ca_subject(self) -> str:
        """The subject of the CA that certifies the device."""
        own = {"just-in-time": self.just_in_time_ca_subject, "drills": _DRILLS_CA_SUBJECT}
        return own.get(self.route, self.lab_ca_subject)

    @property
    def has_tree_of_its_own(self) -> bool:
        """Whether the device's firmware tree is a copy of the lab's, for this device alone."""
        return self.board_is_simulated and self.firmware == OWN_TREE and self.route != DEFAULT_ROUTE

    def variables(self) -> dict[str, str]:
        """Return the LABKIT_ variables with which a command chooses the same."""
        return {
            "LABKIT_DEVICE": self.device_url,
            "LABKIT_CLOUD": self.cloud,
            "LABKIT_SEED": self.seed or "",
            "LABKIT_THING": self.chosen_name,
            "LABKIT_ROUTE": self.route,
            "LABKIT_RELEASE": self.release,
        }


@dataclass(frozen=True, slots=True)
class _Choice:
    """A setting's value, and where to mend it."""

    value: Any
    where: str


def chosen_values(variables: Mapping[str, str], chosen: Mapping[str, str]) -> dict[str, _Choice]:
    """Return what the call and the LABKIT_ variables choose, by setting; an empty one is none.

    Raises:
        TypeError: the call chooses something that there is not.
        WorkspaceError: a value holds characters that are no text.
    """
    if unknown := sorted(set(chosen) - set(_VARIABLES)):
        raise TypeError(f"no such choice: {', '.join(unknown)}; there are {', '.join(_VARIABLES)}")
    choices = {}
    for name, (variable, setting) in _VARIABLES.items():
        if value := chosen.get(name):
            choices[setting] = _Choice(value, name)
        elif value := variables.get(variable):
            choices[setting] = _Choice(value, variable)
        if value and not value.isprintable():
            raise WorkspaceError(
                f"{choices[setting].where} holds characters that cannot be printed: {value!a}. "
                "Set it again."
            )
    return choices


def read_settings(file: Path, choices: Mapping[str, _Choice]) -> tuple[Settings, str | None]:
    """Return the settings, and the text of lab.toml where there is none yet.

    Args:
        file: lab.toml.
        choices: what wins over it.

    Raises:
        WorkspaceError: the file cannot be read, or a setting cannot be; the message names it.
    """
    text = None
    if not file.exists():
        # A page that names its route chooses it for itself, not for the pages after it.
        kept = {name: choice.value for name, choice in choices.items() if name != "device.route"}
        text = _new_file(kept)
    found = {} if text else _read(file)
    effective = {
        name: choices.get(name) or _Choice(found.get(name, default), f"{name} in {file}")
        for name, default in _DEFAULTS.items()
    }
    for name, accepts, expected in _RULES:
        choice = effective[name]
        if not accepts(choice.value):
            raise WorkspaceError(
                f"{choice.where} is {choice.value!r}; expected {expected}. Mend it there."
            )
    settings = _settings({name: choice.value for name, choice in effective.items()})
    refuse_name(settings.route, settings.chosen_name, effective["device.thing_name"].where)
    releases = sorted(path.name for path in TREES.iterdir() if path.is_dir())
    if settings.board_is_simulated and settings.release not in releases:
        raise WorkspaceError(
            f"{effective['device.release'].where} is {settings.release!r}; the simulated board has "
            f"{' and '.join(releases)}. Mend it there."
        )
    if settings.seed and not settings.is_simulated:
        raise WorkspaceError(
            "a seed is set, but the board or the account is real. A seeded key is for pages and "
            f"tests only: empty {effective['lab.seed'].where}, or leave both simulated."
        )
    return settings, text


def _new_file(choices: Mapping[str, Any]) -> str:
    text = _TEMPLATE
    for name, value in {**_DEFAULTS, **choices}.items():
        # A JSON string or list of strings reads the same in TOML.
        text = text.replace(f"{{{name}}}", json.dumps(value, ensure_ascii=False))
    return text


def _read(file: Path) -> dict[str, Any]:
    """Return what lab.toml says, by setting."""
    try:
        tables = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WorkspaceError(
            f"{file}: {error}. Mend the file, or move it away and a new one is written."
        ) from None
    found = {
        f"{table}.{name}": value
        for table, settings in tables.items()
        for name, value in (settings.items() if isinstance(settings, dict) else [("", settings)])
    }
    if unknown := sorted(set(found) - set(_DEFAULTS)):
        name = unknown[0].rstrip(".")
        near = difflib.get_close_matches(name, _DEFAULTS, 1) or ", ".join(_DEFAULTS).split(", ")
        raise WorkspaceError(
            f"{file}: {name} is not a setting; expected {' or '.join(near)}. Mend the file."
        )
    return found


def _settings(values: Mapping[str, Any]) -> Settings:
    is_real = values["device.url"] != "sim"
    is_simulated = values["account.cloud"] == "sim"
    # The simulated board's own commands would flash the bench's board in place of the real one.
    build, flash = (
        () if is_real and command[:2] == _SIMULATED_BOARDS_COMMAND else tuple(command)
        for command in map(_words, (values["device.build"], values["device.flash"]))
    )
    return Settings(
        device_url=values["device.url"],
        baud_rate=values["device.baud_rate"],
        chosen_name=values["device.thing_name"],
        route=values["device.route"],
        release=values["device.release"],
        firmware=values["device.firmware"],
        build=build,
        flash=flash,
        cloud=values["account.cloud"],
        region=values["account.region"] or (SIMULATED_REGION if is_simulated else ""),
        allowed=tuple(values["account.allowed"]),
        account_id=values["account.account_id"],
        provisioning_role=values["account.provisioning_role"],
        ca_key=values["ca.key"],
        ca_is_encrypted=values["ca.encrypted"],
        lab_ca_subject=values["ca.subject"],
        just_in_time_ca_subject=values["ca.just_in_time_subject"],
        seed=values["lab.seed"] or None,
    )


def _text(pattern: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _words(command: str | list[str]) -> list[str]:
    return [command] if isinstance(command, str) else command


def _account_ids(value: object) -> bool:
    is_account_id = _text(r"\d{12}")
    return isinstance(value, list) and all(map(is_account_id, value))


def _command(value: object) -> bool:
    is_list = isinstance(value, list) and all(isinstance(word, str) for word in value)
    return is_list or value == _BY_HAND


_RULES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("device.url", _text(r"\S.*"), '"sim" or a pySerial URL'),
    (
        "device.baud_rate",
        lambda value: type(value) is int and value > 0,
        "a whole number such as 115200",
    ),
    (
        "device.thing_name",
        _text(THING_NAME.pattern),
        "a name that AWS IoT takes: 1 to 128 of a-z A-Z 0-9 : _ -",
    ),
    (
        "device.route",
        lambda value: value in ROUTES,
        " or ".join(f'"{route}"' for route in ROUTES),
    ),
    ("device.release", _text(r".+"), "a release such as 202203.00"),
    ("device.firmware", _text(r".+"), "the path of a firmware tree"),
    ("device.build", _command, 'a list of words such as ["make", "all"], or "by hand"'),
    ("device.flash", _command, 'a list of words such as ["make", "flash"], or "by hand"'),
    ("account.cloud", lambda value: value in ("sim", "aws"), '"sim" or "aws"'),
    ("account.region", _text(r"([a-z]{2}(-[a-z]+)+-\d)?"), 'a region such as us-east-1, or ""'),
    ("account.allowed", _account_ids, 'a list of accounts such as ["123456789012"]'),
    ("account.account_id", _text(r"\d{12}"), "12 digits in quotes"),
    (
        "account.provisioning_role",
        _text(r"(arn:aws[a-z-]*:iam::\d{12}:role/\S+)?"),
        'the ARN of an IAM role, or ""',
    ),
    ("ca.key", lambda value: value in ("EC P-256", "RSA-2048"), '"EC P-256" or "RSA-2048"'),
    ("ca.encrypted", lambda value: isinstance(value, bool), "true or false, without quotes"),
    ("ca.subject", _text(r".+"), 'a subject such as "O=Device lab, CN=Device lab root CA"'),
    (
        "ca.just_in_time_subject",
        _text(r".+"),
        'a subject such as "O=Device lab, CN=Device lab just-in-time root CA"',
    ),
    ("lab.seed", lambda value: isinstance(value, str), "text, empty for no seed"),
)
"""Each setting, what it may be, and that in words."""
