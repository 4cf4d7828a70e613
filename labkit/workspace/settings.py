"""The settings of a lab: what lab.toml, the LABKIT_ variables and `open_lab` choose.

One setting is one field of `Settings` with its row: the name in lab.toml, the default, the rule and
what overrides the file. The template of lab.toml, reading and checking derive from the rows. To add
a setting, add a field.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.errors import WorkspaceError
from labkit.firmware.values import THING_NAME
from labkit.support.loopback import LOOPBACK, SIMULATED_ACCOUNT_ID, SIMULATED_REGION
from labkit.workspace.routes import (
    DEFAULT_ROUTE,
    ROUTES,
    has_ca_of_its_own,
    thing_name_on,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TREES = Path(__file__).resolve().parent.parent / "bench/trees"

OWN_TREE = "firmware"
"""The default firmware tree; a simulated board's is copied there."""

_CA_SUBJECT = "O=Device lab, CN=Device lab root CA"
_JUST_IN_TIME_CA_SUBJECT = "O=Device lab, CN=Device lab just-in-time root CA"
_DRILLS_CA_SUBJECT = "O=Device lab, CN=Device lab drills root CA"

_SIMULATED_BOARDS_COMMAND = ["labkit", "board"]

_BY_HAND = "by hand"
"""What replaces a command that a person does by hand."""

_COMMANDS_HELP = """\
The command that builds the tree, and the one that loads it onto the board. Both run in the tree.
For a board of yours, for instance:
  ESP-IDF                   build = ["idf.py", "build"]
                            flash = ["idf.py", "-p", "/dev/ttyUSB0", "flash"]
  CMake and OpenOCD         build = ["cmake", "--build", "build"]
                            flash = ["openocd", "-f", "board/st_nucleo_l4.cfg",
                                     "-c", "program build/demo.elf verify reset exit"]
  STM32CubeProgrammer       flash = ["STM32_Programmer_CLI", "-c", "port=SWD",
                                     "-w", "build/demo.elf", "-v", "-rst"]
  an IDE, by hand           build = "by hand"
                            flash = "by hand"
"""

_ROUTE_HELP = """\
"option-2": the device generates its key. "option-1": AWS IoT does. "just-in-time": as option-2,
and the device registers itself. "drills": as option-2, with faults to find and fix.
"""


@dataclass(frozen=True, slots=True)
class _Rule:
    """Which values a setting can have, and that in words."""

    accepts: Callable[[Any], bool]
    expected: str


def _text(pattern: str, expected: str) -> _Rule:
    return _Rule(
        lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None, expected
    )


def _one_of(*values: str) -> _Rule:
    return _Rule(lambda value: value in values, " or ".join(f'"{value}"' for value in values))


def _list_of(item: _Rule, expected: str) -> _Rule:
    return _Rule(lambda value: isinstance(value, list) and all(map(item.accepts, value)), expected)


def _command(example: str) -> _Rule:
    words = _list_of(_text(r"(?s).*", ""), "")
    return _Rule(
        lambda value: value == _BY_HAND or words.accepts(value),
        f'a list of words such as {example}, or "{_BY_HAND}"',
    )


def _subject(example: str) -> _Rule:
    return _text(r".+", f'a subject such as "{example}"')


def _is_address(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(ipaddress.ip_address(value))
    except ValueError:
        return False


_ACCOUNT_ID = _text(r"\d{12}", "12 digits in quotes")
_BAUD_RATE = _Rule(lambda it: type(it) is int and it > 0, "a whole number such as 115200")
_ADDRESS = _Rule(_is_address, "an IP address such as 127.0.0.1 or 192.168.1.20")
_PORT = _Rule(lambda it: type(it) is int and it in range(65536), "a port from 1 to 65535, or 0")
_BOOLEAN = _Rule(lambda value: isinstance(value, bool), "true or false, without quotes")
_REGION = _text(r"([a-z]{2}(-[a-z]+)+-\d)?", 'a region such as us-east-1, or "" for the default')
_ROLE = _text(r"(arn:aws[a-z-]*:iam::\d{12}:role/\S+)?", 'the ARN of an IAM role, or ""')
_THING = _text(THING_NAME.pattern, "a name that AWS IoT takes: 1 to 128 of a-z A-Z 0-9 : _ -")
_TREE = _text(r".+", "the path of a firmware tree; a relative path starts at lab.toml")
_URL = _text(r"\S.*", '"sim" or a pySerial URL such as "/dev/ttyUSB0" or "COM3"')


@dataclass(frozen=True, slots=True)
class _Row:
    """What one setting is.

    Attributes:
        name: table and name in lab.toml, such as "device.url".
        default: its value if lab.toml does not set it.
        rule: which values are possible.
        help: the comment above it in a new lab.toml; what is expected, if it is empty.
        variable: the variable that overrides lab.toml, if any.
        choice: the argument of `open_lab` that overrides both, if any.
    """

    name: str
    default: Any
    rule: _Rule
    help: str = ""
    variable: str = ""
    choice: str = ""


def _setting(name: str, default: object, rule: _Rule, **more: str) -> Any:  # noqa: ANN401 as `field`
    return field(metadata={"row": _Row(name, default, rule, **more)})


@dataclass(frozen=True, slots=True)
class Settings:
    """What lab.toml and the LABKIT_ variables choose; `chosen_name` is device.thing_name there."""

    device_url: str = _setting("device.url", "sim", _URL, variable="LABKIT_DEVICE", choice="device")
    baud_rate: int = _setting("device.baud_rate", 115200, _BAUD_RATE)
    chosen_name: str = _setting(
        "device.thing_name", "lab-device", _THING, variable="LABKIT_THING", choice="thing_name"
    )
    route: str = _setting(
        "device.route",
        DEFAULT_ROUTE,
        _one_of(*ROUTES),
        help=_ROUTE_HELP,
        variable="LABKIT_ROUTE",
        choice="route",
    )
    release: str = _setting(
        "device.release",
        "202203.00",
        _text(r".+", "a release such as 202203.00"),
        help="the simulated board's firmware: 202203.00 or 201910.00",
        variable="LABKIT_RELEASE",
        choice="release",
    )
    firmware: str = _setting("device.firmware", OWN_TREE, _TREE)
    build: tuple[str, ...] = _setting(
        "device.build",
        ["labkit", "board", "build"],
        _command('["make", "all"]'),
        help=_COMMANDS_HELP,
    )
    flash: tuple[str, ...] = _setting(
        "device.flash", ["labkit", "board", "flash"], _command('["make", "flash"]')
    )
    reaches_bench: bool = _setting(
        "device.reaches_bench",
        default=False,
        rule=_BOOLEAN,
        help="true: your board can connect to the simulated account's gateway, as a program on\n"
        "this computer or in QEMU can. `labkit status` shows what it needs.",
    )
    cloud: str = _setting(
        "account.cloud", "sim", _one_of("sim", "aws"), variable="LABKIT_CLOUD", choice="cloud"
    )
    region: str = _setting("account.region", "", _REGION)
    allowed: tuple[str, ...] = _setting(
        "account.allowed",
        [],
        _list_of(_ACCOUNT_ID, 'a list of accounts such as ["123456789012"]'),
        help='the real accounts to work with, such as ["123456789012"]; empty: any',
    )
    account_id: str = _setting(
        "account.account_id", SIMULATED_ACCOUNT_ID, _ACCOUNT_ID, help="the simulated account's id"
    )
    mqtt_port: int = _setting(
        "account.mqtt_port",
        0,
        _PORT,
        help="the simulated gateway's port; 0: a free one, which stays the same if it can",
    )
    mqtt_address: str = _setting(
        "account.mqtt_address",
        LOOPBACK,
        _ADDRESS,
        help="where the simulated gateway listens; other computers reach it only if it is not\n"
        "127.0.0.1",
    )
    provisioning_role: str = _setting(
        "account.provisioning_role", "", _ROLE, help="just-in-time, real account: a role's ARN"
    )
    ca_key: str = _setting("ca.key", "EC P-256", _one_of("EC P-256", "RSA-2048"))
    ca_is_encrypted: bool = _setting(
        "ca.encrypted",
        default=False,
        rule=_BOOLEAN,
        help="true: rootCA.key is encrypted with a passphrase, and you are prompted for it",
    )
    lab_ca_subject: str = _setting("ca.subject", _CA_SUBJECT, _subject(_CA_SUBJECT))
    just_in_time_ca_subject: str = _setting(
        "ca.just_in_time_subject", _JUST_IN_TIME_CA_SUBJECT, _subject(_JUST_IN_TIME_CA_SUBJECT)
    )
    seed: str | None = _setting(
        "lab.seed",
        "",
        _text(r"(?s).*", "text, empty for no seed"),
        help="if not empty, every key and date is derived from it; for tests",
        variable="LABKIT_SEED",
        choice="seed",
    )

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
        """Whether the board is real, the account is not, and the board cannot reach it."""
        return self.account_is_simulated and not self.board_is_simulated and not self.reaches_bench

    @property
    def board_is_at_gateway(self) -> bool:
        """Whether a board of the user's own connects to the simulated account."""
        return self.account_is_simulated and not self.board_is_simulated and self.reaches_bench

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
            row.variable: getattr(self, attribute) or ""
            for attribute, row in _FIELDS.items()
            if row.variable
        }


_FIELDS: Mapping[str, _Row] = {each.name: each.metadata["row"] for each in fields(Settings)}

ROWS: Mapping[str, _Row] = {row.name: row for row in _FIELDS.values()}
"""The row of each setting, by its name in lab.toml."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting's value, and where it was chosen."""

    value: Any
    where: str


def chosen_values(variables: Mapping[str, str], chosen: Mapping[str, str]) -> dict[str, Choice]:
    """Return what a call and the LABKIT_ variables choose, by setting; empty values are ignored.

    Raises:
        TypeError: the call has an unknown option.
        WorkspaceError: a value holds characters that cannot be printed.
    """
    rows = {row.choice: row for row in ROWS.values() if row.choice}
    if unknown := sorted(set(chosen) - set(rows)):
        raise TypeError(f"unknown option: {', '.join(unknown)}; choose from {', '.join(rows)}")
    choices = {}
    for name, row in rows.items():
        if value := chosen.get(name):
            choices[row.name] = Choice(value, name)
        elif value := variables.get(row.variable):
            choices[row.name] = Choice(value, row.variable)
        if value and not value.isprintable():
            raise WorkspaceError(
                f"{choices[row.name].where} holds characters that cannot be printed: {value!a}. "
                "Set it again."
            )
    return choices


def settings_of(values: Mapping[str, Any]) -> Settings:
    """Return the settings of values that the rules accept, by name in lab.toml."""
    is_real = values["device.url"] != "sim"
    chosen = {attribute: values[row.name] for attribute, row in _FIELDS.items()}
    for name in ("build", "flash"):
        command = [chosen[name]] if chosen[name] == _BY_HAND else chosen[name]
        # The simulated board's own commands would flash the bench's board instead of the real one.
        is_of_other_board = is_real and command[:2] == _SIMULATED_BOARDS_COMMAND
        chosen[name] = () if is_of_other_board else tuple(command)
    chosen["allowed"] = tuple(chosen["allowed"])
    if values["account.cloud"] == "sim":
        chosen["region"] = chosen["region"] or SIMULATED_REGION
    chosen["seed"] = chosen["seed"] or None
    return Settings(**chosen)
