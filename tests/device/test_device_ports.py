"""The ports: what is listed, whose it is, and how one is chosen, by command and by panel."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING

import pytest
from cli_runner import assert_refused, labkit
from serial.tools import list_ports
from usb_ports import BENCH, info

from labkit.device.ports import NOTHING_FOUND, ports, table
from labkit.errors import WorkspaceError
from labkit.workspace import Workspace, choose_port
from labkit.workspace.lab_toml import edited, set_in_lab_toml

if TYPE_CHECKING:
    from pathlib import Path

    from serial.tools.list_ports_common import ListPortInfo


# What is listed


@pytest.mark.parametrize(
    ("usb", "maker", "vid_pid"),
    [
        ((0x0483, 0x374B), "STMicroelectronics ST-Link V2-1", "0483:374b"),
        ((0x0483, 0x3753), "STMicroelectronics ST-Link V3", "0483:3753"),
        ((0x10C4, 0xEA60), "Silicon Labs CP210x", "10c4:ea60"),
        ((0x0403, 0x6010), "FTDI FT2232", "0403:6010"),
        ((0x303A, 0x1001), "Espressif USB Serial/JTAG", "303a:1001"),
        ((0x303A, 0x0002), "Espressif", "303a:0002"),
        ((0x04D8, 0x00DD), "Microchip MCP2221", "04d8:00dd"),
        ((0x03EB, 0x2111), "Microchip (Atmel) EDBG", "03eb:2111"),
        ((0x1A86, 0x7523), "WCH (QinHeng) CH340", "1a86:7523"),
        ((0x1234, 0x5678), "", "1234:5678"),
        (None, "", ""),
    ],
)
def test_makers_are_named(usb: tuple[int, int] | None, maker: str, vid_pid: str) -> None:
    """A port says whose chip it is on, as far as its USB ids are known."""
    (port,) = ports([info("COM3", usb)])
    assert (port.maker, port.vid_pid) == (maker, vid_pid)


def test_boards_come_first() -> None:
    """Ports of known makers stand before other USB ports, and those before the rest."""
    assert [port.url for port in ports(BENCH)] == [
        *("/dev/ttyACM0", "/dev/ttyUSB1"),
        "/dev/ttyUSB0",
        "/dev/ttyS0",
    ]
    assert table(ports(BENCH)) == (
        "/dev/ttyACM0  0483:374b  STMicroelectronics ST-Link V2-1  STM32 STLink\n"
        "/dev/ttyUSB1  10c4:ea60  Silicon Labs CP210x              CP2102N USB to UART\n"
        "/dev/ttyUSB0  1234:5678                                   Some cable\n"
        "/dev/ttyS0    -"
    )


def test_nothing_found_says_what_to_do() -> None:
    """Without a port the table is the advice."""
    assert table([]) == NOTHING_FOUND
    assert "a data cable" in NOTHING_FOUND


# The command


@pytest.fixture
def plugged_in(monkeypatch: pytest.MonkeyPatch) -> list[ListPortInfo]:
    """Let pySerial find what a test plugs in."""
    there: list[ListPortInfo] = []
    monkeypatch.setattr(list_ports, "comports", lambda: there)
    for name in ("DEVICE", "CLOUD", "SEED", "THING", "ROUTE", "RELEASE"):
        monkeypatch.delenv(f"LABKIT_{name}", raising=False)
    return there


def test_the_command_lists(plugged_in: list[ListPortInfo]) -> None:
    """`labkit ports` lists as text or JSON, and says what to do where there is nothing."""
    assert labkit("ports").out == NOTHING_FOUND + "\n"
    assert json.loads(labkit("ports", "--format", "json").out) == []
    plugged_in += BENCH
    assert labkit("ports").out == table(ports(BENCH)) + "\n"
    assert json.loads(labkit("ports", "--format", "json").out)[0] == {
        "url": "/dev/ttyACM0",
        "maker": "STMicroelectronics ST-Link V2-1",
        "vid_pid": "0483:374b",
        "description": "STM32 STLink",
        "serial_number": "0671FF",
    }


def test_the_command_chooses(plugged_in: list[ListPortInfo], tmp_path: Path) -> None:
    """`--choose` writes URL and baud rate into lab.toml, makes one, and says what is missing."""
    plugged_in += BENCH
    here = ("--workspace", tmp_path)
    done = labkit("ports", "--choose", "/dev/ttyACM0", "--baud", 921600, *here)
    assert (done.code, done.out) == (0, f"{tmp_path / 'lab.toml'}: /dev/ttyACM0 at 921600 baud\n")
    assert done.err == "next: set device.build and device.flash there\n"
    assert not (tmp_path / "firmware").exists()
    done = labkit("ports", "--choose", "/dev/ttyUSB9", *here)
    assert done.out.endswith("/dev/ttyUSB9 at 921600 baud\n")
    assert done.err.startswith("/dev/ttyUSB9 is not one of this computer's ports at present\n")
    done = labkit("ports", "--choose", "sim", *here)
    assert (done.out.endswith("sim at 921600 baud\n"), done.err) == (True, "")


def test_a_variable_that_wins_is_named(
    plugged_in: list[ListPortInfo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is chosen is written, though LABKIT_DEVICE wins, and a message says so."""
    del plugged_in
    monkeypatch.setenv("LABKIT_DEVICE", "sim")
    done = labkit("ports", "--choose", "socket://127.0.0.1:1", "--workspace", tmp_path)
    assert "socket://127.0.0.1:1 at 115200 baud" in done.out
    assert "LABKIT_DEVICE is set and overrides lab.toml\n" in done.err
    assert "not one of" not in done.err


def test_what_cannot_be_chosen(plugged_in: list[ListPortInfo], tmp_path: Path) -> None:
    """A choice that cannot be is refused, and lab.toml is as it was."""
    del plugged_in
    here = ("--workspace", tmp_path)
    assert labkit("ports", "--baud", 9600, *here).code == 2
    assert labkit("ports", "--choose", "COM3", "--baud", 0, *here).code == 2
    Workspace.open(tmp_path, {}, seed="manual")
    before = (tmp_path / "lab.toml").read_bytes()
    assert_refused(labkit("ports", "--choose", "COM3", *here), "a seed is set")
    assert_refused(labkit("ports", "--choose", " ", *here), "expected", "a pySerial URL")
    with pytest.raises(WorkspaceError, match="whole number such as 115200"):
        choose_port(tmp_path, "sim", 0)
    assert (tmp_path / "lab.toml").read_bytes() == before


# lab.toml


def test_only_the_value_changes(tmp_path: Path) -> None:
    """A choice changes two values in a lab.toml, and no other byte of it."""
    Workspace.open(tmp_path, {})
    before = (tmp_path / "lab.toml").read_text("utf-8")
    choose_port(tmp_path, r"\\.\COM12", 9600)
    after = (tmp_path / "lab.toml").read_text("utf-8")
    changed = before.replace('url = "sim"', r'url = "\\\\.\\COM12"')
    assert after == changed.replace("baud_rate = 115200", "baud_rate = 9600")
    assert Workspace.open(tmp_path, {}).settings.device_url == r"\\.\COM12"


NEW = {"device.url": "/dev/x", "device.baud_rate": 9600}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '[device]\nurl = "/dev/x"\nbaud_rate = 9600\n'),
        ("[lab] # mine", '[lab] # mine\n[device]\nurl = "/dev/x"\nbaud_rate = 9600\n'),
        ("[device]", '[device]\nurl = "/dev/x"\nbaud_rate = 9600\n'),
        (
            "[device]\r\nurl = 'a#b'# which\r\n[lab]\r\nurl = 1\r\n",
            '[device]\r\nurl = "/dev/x"# which\r\nbaud_rate = 9600\n[lab]\r\nurl = 1\r\n',
        ),
        (
            '  [ device ]  # mine\n  url="a\\"b"  # c\nbaud_rate  =  1_000#d\n',
            '  [ device ]  # mine\n  url="/dev/x"  # c\nbaud_rate  =  9600#d\n',
        ),
        ('device.url = "sim" # a\n', 'device.url = "/dev/x" # a\ndevice.baud_rate = 9600\n'),
        (
            'device = { url = "sim", baud_rate = 1 } # a\n',
            'device = { url = "/dev/x", baud_rate = 9600 } # a\n',
        ),
        (
            '[device]\nurl = """\nsim"""\nbaud_rate=1',
            '[device]\nurl = "/dev/x"\nbaud_rate=9600',
        ),
        (
            'note = """\n[device]\nurl = "no"\n"""\n[device]\n"url" = "sim"\nbaud_rate=1\n',
            'note = """\n[device]\nurl = "no"\n"""\n[device]\n"url" = "/dev/x"\nbaud_rate=9600\n',
        ),
    ],
)
def test_every_spelling_is_edited(before: str, after: str) -> None:
    """Tables, dotted keys, inline tables, quotes, line ends: only the values change."""
    assert edited(before, NEW) == after
    assert tomllib.loads(after)["device"] == {"url": "/dev/x", "baud_rate": 9600}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[device\n", "Expected ']'"),
        ("[device]\nurl = 1\nurl = 2\n", "Cannot overwrite a value"),
        ('device = "sim"\n', "device is not a table"),
        ("[[device]]\nurl = 1\n", "device is not a table"),
    ],
)
def test_a_broken_file_is_left_alone(text: str, reason: str, tmp_path: Path) -> None:
    """A lab.toml that is not TOML, or has no such table, stays; the error says what to write."""
    file = tmp_path / "lab.toml"
    file.write_text(text)
    with pytest.raises(WorkspaceError, match=re.escape(reason)) as caught:
        set_in_lab_toml(file, NEW)
    assert "It is as it was" in str(caught.value)
    assert 'set by hand: device.url = "/dev/x", device.baud_rate = 9600.' in str(caught.value)
    assert file.read_text() == text
