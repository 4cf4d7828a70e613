"""A lab with a real board's traits, a port without lines and firmware of one's own, step by step.

The second board stands for it, and a stand-in that boto3 finds as it finds AWS for the account.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from console_shapes import key
from second_board import QUICK, SecondBoard, esp32, older
from simulator_fixtures import ACCOUNT_ID

import labkit
from labkit import console, open_lab
from labkit.errors import DeviceError, DumpError, NoDumpError, NotReadyError
from labkit.firmware.tree import find_sources
from labkit.lab.procedure.steps.headers import backup_of
from labkit.manual import widgets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator_fixtures import Cloud

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures", "real_account")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals"),
]

TREE = Path(labkit.__file__).parent / "bench/trees/202203.00"
UP_TO_THE_FIRST_RUN = ("set_endpoint_and_thing", "force_key_generation", "run_demo_first")
UP_TO_THE_CERTIFICATE = (
    *("extract_public_key", "stop_key_generation", "create_ca", "register_ca", "sign_request"),
    *("issue_certificate", "import_certificate", "run_demo_with_certificate"),
)
UP_TO_THE_HELLO_WORLD = (
    *("register_certificate", "create_thing", "create_policy", "attach_thing_and_policy"),
    *("activate_certificate", "run_hello_world"),
)
PROVISIONING = "aws_dev_mode_key_provisioning.c"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, clean_environment: pytest.MonkeyPatch) -> Path:
    """Return a workspace for all devices of the module."""
    clean_environment.setenv("LABKIT_CLOUD", "aws")
    return tmp_path_factory.mktemp("lab")


@pytest.fixture
def second() -> Iterator[SecondBoard]:
    """Return a board that plays logs."""
    board = SecondBoard()
    yield board
    board.close()


def opened(root: Path, **chosen: str) -> Lab:
    """Return a lab that takes its account for a real one, which a real board can reach."""
    lab = open_lab(root, cloud="aws", **chosen)
    lab._account = open_lab(root, **chosen).account  # noqa: SLF001 no setting mixes the two
    return lab


@pytest.fixture
def lab(
    aws: Cloud, root: Path, second: SecondBoard, tmp_path: Path, request: pytest.FixtureRequest
) -> Lab:
    """Return a device of the workspace on the second board, with a firmware tree of its own."""
    assert aws
    shutil.copytree(TREE, tmp_path / "my firmware")
    if not (root / "lab.toml").exists():
        open_lab(root, device=second.url)
    text = (root / "lab.toml").read_text()
    command = json.dumps([sys.executable, "-c", "print('made')"])
    for name, value in (
        ("firmware", json.dumps(str(tmp_path / "my firmware"))),
        ("build", command),
        ("flash", command),
    ):
        text = re.sub(
            rf"(?m)^{name} = (\[.*?\]|\S.*?)(?=\s\s+#|$)",
            lambda _m, n=name, v=value: f"{n} = {v}",
            text,
        )
    (root / "lab.toml").write_text(text)
    lab = opened(root, device=second.url, thing_name=re.sub(r"\W", "-", request.node.name))
    lab.board = replace(lab.board, operator=second.operator(), timeouts=QUICK)
    lab.confirm_account(ACCOUNT_ID[-4:])
    return lab


def do(lab: Lab, *names: str) -> None:
    """Do steps."""
    for name in names:
        lab.perform(name)


def console_of(lab: Lab) -> bytes:
    """Return everything that was captured."""
    return lab.workspace.path("console.log").read_bytes()


# The whole way


def test_a_real_board_from_start_to_hello_world(
    lab: Lab, second: SecondBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    """A board on a port goes all the way; commands, diffs and console are seen as they come."""
    do(lab, *UP_TO_THE_FIRST_RUN)
    seen = capsys.readouterr().out
    assert seen.index("+#define keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR    1") < seen.index(
        "made\nmade\n"
    )
    assert seen.index("made\nmade\n") < seen.index("Printing device public key.")
    do(lab, *UP_TO_THE_CERTIFICATE)
    assert lab.public_key == second.key
    second.log = lambda of: esp32(of, accepted=True)
    do(lab, *UP_TO_THE_HELLO_WORLD)
    assert second.pressed == 3
    assert console.parse(console_of(lab)).dumps == 3


# Continuity: the dump of the new boot


def test_a_changed_key_stops_the_run(lab: Lab, second: SecondBoard) -> None:
    """A board that prints another key after flashing is found out, though all else went well."""
    do(lab, *UP_TO_THE_FIRST_RUN, *UP_TO_THE_CERTIFICATE)
    do(lab, *UP_TO_THE_HELLO_WORLD[:-1])
    known = second.key
    second.make_new_key()
    second.log = lambda of: esp32(of, accepted=True)
    with pytest.raises(DeviceError) as caught:
        lab.run_hello_world()
    printed = str(caught.value)
    assert f"expected {known.short} (DevicePublicKey.pem), the board printed " in printed
    assert second.key.short in printed
    with pytest.raises(DeviceError, match="the device's key has changed"):
        lab.extract_public_key()
    assert lab.public_key == known


def test_a_key_that_changes_with_the_flash(lab: Lab, second: SecondBoard) -> None:
    """The first boot after the certificate was flashed is held against the key as well."""
    do(lab, *UP_TO_THE_FIRST_RUN, *UP_TO_THE_CERTIFICATE[:-1])
    second.make_new_key()
    with pytest.raises(DeviceError, match="the device's key has changed"):
        lab.run_demo_with_certificate()
    assert lab.journal[-1]["step"] == "import_certificate"


def test_a_damaged_dump_of_the_new_boot_is_no_proof(lab: Lab, second: SecondBoard) -> None:
    """A boot whose dump lost a row proves nothing, and is not skipped."""
    do(lab, *UP_TO_THE_FIRST_RUN, *UP_TO_THE_CERTIFICATE[:-1])
    second.fault = lambda of: of[:12] + of[13:]
    with pytest.raises(DumpError):
        lab.run_demo_with_certificate()


def test_a_release_that_prints_no_dump_then(lab: Lab, second: SecondBoard) -> None:
    """Where a release prints none with a certificate stored, the newest dump of the log counts."""
    second.log = older
    do(lab, *UP_TO_THE_FIRST_RUN, *UP_TO_THE_CERTIFICATE[:-1])
    second.log = lambda of: older(of, dumps=False)
    lab.run_demo_with_certificate()
    second.make_new_key()
    second.log = older
    lab.board.boot()
    second.log = lambda of: older(of, dumps=False, accepted=True)
    do(lab, *UP_TO_THE_HELLO_WORLD[:-1])
    with pytest.raises(DeviceError, match="the device's key has changed"):
        lab.run_hello_world()


# Pasted consoles


def test_a_pasted_console_does_without_the_port(
    lab: Lab, second: SecondBoard, tmp_path: Path
) -> None:
    """Three pastes, a text and two files, stand for the three runs of the demo."""
    second.close()
    log = tmp_path / "putty.log"
    do(lab, *UP_TO_THE_FIRST_RUN[:-1])
    lab.paste_console(esp32(second.key, makes_pair=True))
    do(lab, *UP_TO_THE_CERTIFICATE[:-1])
    assert lab.public_key == second.key
    log.write_text(esp32(second.key), "utf-16")
    lab.paste_console(log)
    do(lab, *UP_TO_THE_HELLO_WORLD[:-1])
    log.write_text(esp32(second.key, accepted=True))
    assert "Demo completed successfully." in str(lab.paste_console(str(log)))
    assert all(done for _, done in lab.route())
    again = lab.paste_console(esp32(second.key))
    assert "TLS_Connect fail" in str(again)
    assert second.pressed == 0


def test_a_pasted_console_is_held_to_the_same_rules(
    lab: Lab, second: SecondBoard, tmp_path: Path
) -> None:
    """A paste too early, without a dump or with another key is refused; its text is kept."""
    with pytest.raises(NotReadyError, match="set_endpoint_and_thing"):
        lab.paste_console(esp32(second.key))
    assert console_of(lab) == esp32(second.key).encode()
    do(lab, *UP_TO_THE_FIRST_RUN[:-1])
    with pytest.raises(NoDumpError):
        lab.paste_console("no such file.log")
    with pytest.raises(DeviceError, match="the pasted text is empty"):
        lab.paste_console(" ")
    with pytest.raises(DeviceError, match=r"none\.log: the console text cannot be read: No such"):
        lab.paste_console(tmp_path / "none.log")
    lab.paste_console(esp32(second.key, makes_pair=True))
    do(lab, *UP_TO_THE_CERTIFICATE[:-1])
    with pytest.raises(DeviceError, match="the device's key has changed"):
        lab.paste_console(esp32(key("someone else's")))


def test_the_panel_takes_what_is_pasted_or_dropped(lab: Lab, second: SecondBoard) -> None:
    """The panel's button is `lab.paste_console`; a refusal is a message, not a traceback."""
    do(lab, *UP_TO_THE_FIRST_RUN[:-1])
    panel = widgets.console(lab)
    panel.press("inspect", pasted="0 1 [<&>] nothing\n")
    panel.wait()
    panel.press("take")
    assert "no public-key dump" in panel.message
    panel.press("inspect", file=esp32(second.key, makes_pair=True).encode())
    panel.wait()
    panel.press("take")
    assert "were added to console.log" in panel.message
    assert "Printing device public key." in repr(panel)
    assert lab.extract_public_key() == second.key


# The firmware tree


def test_the_diff_comes_before_the_write(lab: Lab) -> None:
    """What is about to change is shown while the file is still as it was."""
    file = find_sources(lab.workspace.firmware).provisioning
    before = file.read_bytes()
    at_the_time: list[bytes] = []
    shown: list[str] = []

    def show(text: str) -> None:
        shown.append(text)
        at_the_time.append(file.read_bytes())

    lab.perform("force_key_generation", show=show)
    assert at_the_time == [before]
    assert f"+++ b/{file.relative_to(lab.workspace.firmware).as_posix()}\n" in shown[0]
    assert "-#define keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR    0\n" in shown[0]
    assert "+#define keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR    1\n" in shown[0]
    lab.perform("force_key_generation", show=show)
    assert len(shown) == 1
    assert file.read_bytes() != before


def test_an_imported_key_is_not_in_the_diff(root: Path, lab: Lab) -> None:
    """The difference that Option 1 makes is shown without the private key."""
    device = lab.workspace.settings.device_url
    option_1 = opened(root, device=device, thing_name="imports", route="option-1")
    shown: list[str] = []
    for name in ("set_endpoint_and_thing", "create_thing", "create_policy"):
        option_1.perform(name, show=shown.append)
    option_1.perform("create_keys_and_certificate", show=shown.append)
    header = find_sources(option_1.workspace.firmware).keys.read_text()
    secret = re.findall(r'"([A-Za-z0-9+/=]{20,})\\n', header.partition("PRIVATE" + " KEY-----")[2])
    assert len(secret) > 20
    output = "".join(shown)
    assert "keyCLIENT_CERTIFICATE_PEM" in output
    assert not any(line in output for line in secret)


def test_the_backup_stays_the_original(lab: Lab, second: SecondBoard) -> None:
    """The file as it was is kept for good, whatever runs come after."""
    original = find_sources(lab.workspace.firmware).provisioning.read_bytes()
    do(lab, *UP_TO_THE_FIRST_RUN)
    do(lab, "extract_public_key", "stop_key_generation")
    do(lab, "force_key_generation")
    backup = backup_of(lab.workspace, PROVISIONING)
    assert backup.read_bytes() == original
    assert lab.original(PROVISIONING).encode() == original
    assert second.pressed == 1


def test_another_trees_backup_is_not_taken_for_it(root: Path, lab: Lab) -> None:
    """A simulated board's sources, or another tree's, are kept apart from a tree of one's own."""
    thing = lab.workspace.settings.thing_name
    mine = find_sources(lab.workspace.firmware).provisioning
    mine.write_text("/* mine */\n" + mine.read_text())
    simulated = lab.workspace.device / "backups" / PROVISIONING
    simulated.parent.mkdir()
    simulated.write_text("another tree's")
    do(lab, "set_endpoint_and_thing", "force_key_generation")
    assert lab.original(PROVISIONING).startswith("/* mine */\n")
    assert simulated.read_text() == "another tree's"
    again = open_lab(root, device=lab.workspace.settings.device_url, thing_name=thing)
    assert again.original(PROVISIONING) == lab.original(PROVISIONING)
