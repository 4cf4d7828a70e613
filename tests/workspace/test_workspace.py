"""The workspace: lab.toml and the variables, and what they choose."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from labkit.errors import WorkspaceError
from labkit.workspace import Workspace, default_root
from labkit.workspace import place as place_module

NOTHING: dict[str, str] = {}


def opened(root: Path, variables: dict[str, str] | None = None, **chosen: str) -> Workspace:
    """Open a workspace with some variables and no others."""
    return Workspace.open(root, variables or NOTHING, **chosen)


def edit(root: Path, old: str, new: str) -> None:
    """Make a workspace's lab.toml and change a line of it."""
    if not (root / "lab.toml").exists():
        opened(root)
    text = (root / "lab.toml").read_text("utf-8")
    assert old in text
    (root / "lab.toml").write_text(text.replace(old, new), "utf-8")


# lab.toml


def test_lab_toml_is_written_with_its_defaults(tmp_path: Path) -> None:
    """A new workspace says what it works with: simulated, us-east-1, EC P-256, no seed."""
    settings = opened(tmp_path / "new").settings
    written = tomllib.loads((tmp_path / "new" / "lab.toml").read_text("utf-8"))
    assert written == {
        "device": {
            "url": "sim",
            "baud_rate": 115200,
            "thing_name": "lab-device",
            "route": "option-2",
            "release": "202203.00",
            "firmware": "firmware",
            "build": ["labkit", "board", "build"],
            "flash": ["labkit", "board", "flash"],
            "reaches_bench": False,
        },
        "account": {
            "cloud": "sim",
            "region": "",
            "allowed": [],
            "account_id": "123456789012",
            "mqtt_port": 0,
            "mqtt_address": "127.0.0.1",
            "provisioning_role": "",
        },
        "ca": {
            "key": "EC P-256",
            "encrypted": False,
            "subject": "O=Device lab, CN=Device lab root CA",
            "just_in_time_subject": "O=Device lab, CN=Device lab just-in-time root CA",
        },
        "lab": {"seed": ""},
    }
    assert settings.is_simulated
    assert settings.seed is None
    assert settings.build == ("labkit", "board", "build")


def test_an_empty_lab_toml_means_the_defaults(tmp_path: Path) -> None:
    """What lab.toml leaves out is as it would be written."""
    written = opened(tmp_path / "a").settings
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "lab.toml").write_text("")
    assert opened(tmp_path / "b").settings == written


def test_lab_toml_is_never_written_again(tmp_path: Path) -> None:
    """A variable wins for one call and leaves lab.toml as it is."""
    opened(tmp_path)
    before = (tmp_path / "lab.toml").read_bytes()
    assert opened(tmp_path, {"LABKIT_THING": "other"}).settings.thing_name == "other"
    assert opened(tmp_path).settings.thing_name == "lab-device"
    assert (tmp_path / "lab.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("variable", "value", "attribute"),
    [
        ("LABKIT_DEVICE", "/dev/ttyUSB0", "device_url"),
        ("LABKIT_CLOUD", "aws", "cloud"),
        ("LABKIT_THING", "other", "thing_name"),
        ("LABKIT_ROUTE", "option-1", "route"),
        ("LABKIT_RELEASE", "201910.00", "release"),
        ("LABKIT_SEED", "x", "seed"),
    ],
)
def test_variables_win_over_lab_toml_and_calls_over_both(
    tmp_path: Path, variable: str, value: str, attribute: str
) -> None:
    """LABKIT_ variables win over lab.toml, what a call names over them; an empty one is none."""
    (tmp_path / "lab.toml").write_text("")
    default = getattr(opened(tmp_path, {variable: ""}).settings, attribute)
    assert default != value
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    (fresh / "lab.toml").write_text("")
    assert getattr(opened(fresh, {variable: value}).settings, attribute) == value
    name = {"device_url": "device"}.get(attribute, attribute)
    wins = opened(tmp_path / "third", {variable: "no:such value"}, **{name: value}).settings
    assert getattr(wins, attribute) == value


def test_a_choice_that_there_is_not_is_an_error(tmp_path: Path) -> None:
    """A misspelt choice in a call is refused: it would go unnoticed."""
    with pytest.raises(
        TypeError, match="unknown option: thing; choose from device, thing_name, route"
    ):
        opened(tmp_path / "new", thing="x")
    assert not (tmp_path / "new").exists()


def test_values_are_quoted_in_lab_toml(tmp_path: Path) -> None:
    """Quotes and backslashes, as in Windows' port names, come back out of lab.toml."""
    for number, url in enumerate(["\\\\.\\COM10", 'a "quoted" url', "/dev/tty-é"]):
        root = tmp_path / str(number)
        opened(root, {"LABKIT_DEVICE": url})
        assert opened(root).settings.device_url == url


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('url = "sim"', 'url = "sim', "lab.toml: "),
        ("baud_rate = 115200", 'baud_rate = "fast"', "device.baud_rate in {} is 'fast'; exp"),
        ("baud_rate = 115200", "baud_rate = true", "device.baud_rate in {} is True; exp"),
        ("mqtt_port = 0", "mqtt_port = 65536", "account.mqtt_port in {} is 65536; exp"),
        ('= "127.0.0.1"', '= "the lab"', "account.mqtt_address in {} is 'the lab'; exp"),
        ("baud_rate = 115200", "baud_rate = 0", "device.baud_rate in {} is 0; exp"),
        ("baud_rate = 115200", "bauf_rate = 9600", "device.bauf_rate is not a setting; exp"),
        ("[lab]", "[lap]", "lap.seed is not a setting; expected lab.seed"),
        ("[device]", "x = 1\n[device]", "x is not a setting; expected "),
        ('"lab-device"', '"../x"', "device.thing_name in {} is '../x'; expected a name"),
        ('"lab-device"', "5", "device.thing_name in {} is 5; expected a name"),
        ('"option-2"', '"option-3"', "device.route in {} is 'option-3'; expected \"option-2\" or"),
        ('"202203.00"', '"1.0"', "device.release in {} is '1.0'; the simulated board has"),
        ('firmware = "firmware"', 'firmware = ""', "device.firmware in {} is ''; expec"),
        ('build = ["labkit", "board", "build"]', 'build = "make"', "device.build in {} is 'make'"),
        ('cloud = "sim"', 'cloud = "azure"', "account.cloud in {} is 'azure'; expected "),
        ('region = ""', 'region = "Virginia"', "account.region in {} is 'Virginia'; expected a"),
        ("allowed = []", 'allowed = ["1"]', "account.allowed in {} is ['1']; expected a list"),
        ('"123456789012"', "123456789012", "account.account_id in {} is 123456789012; exp"),
        ('key = "EC P-256"', 'key = "RSA-1024"', "ca.key in {} is 'RSA-1024'; expected"),
        ('seed = ""', "seed = 7", "lab.seed in {} is 7; expected text"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A wrong lab.toml gives an error that names the file, the setting and what is expected."""
    edit(tmp_path, old, new)
    with pytest.raises(WorkspaceError) as caught:
        opened(tmp_path)
    assert message.format(tmp_path / "lab.toml") in str(caught.value)
    assert str(tmp_path / "lab.toml") in str(caught.value)
    assert "Fix" in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"LABKIT_THING": "a b"}, "LABKIT_THING is 'a b'; expected a name that AWS IoT takes"),
        ({"LABKIT_THING": "x" * 129}, "LABKIT_THING is 'xxxx"),
        ({"LABKIT_CLOUD": "Aws"}, 'LABKIT_CLOUD is \'Aws\'; expected "sim" or "aws"'),
        ({"LABKIT_RELEASE": "202203"}, "LABKIT_RELEASE is '202203'; the simulated board has 2019"),
        ({"LABKIT_SEED": "a\nb"}, "LABKIT_SEED holds characters that cannot be printed"),
        ({"LABKIT_SEED": "\udcff"}, "LABKIT_SEED holds characters that cannot be printed"),
        ({"LABKIT_SEED": "s", "LABKIT_DEVICE": "COM3"}, "empty LABKIT_SEED, or leave both sim"),
        ({"LABKIT_SEED": "s", "LABKIT_CLOUD": "aws"}, "a seed is set, but the board or the acc"),
    ],
)
def test_wrong_variables_are_named_and_leave_nothing(
    tmp_path: Path, variables: dict[str, str], message: str
) -> None:
    """A wrong variable is named, and no workspace is begun with it."""
    with pytest.raises(WorkspaceError) as caught:
        opened(tmp_path / "new", variables)
    assert message in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_not_utf_8(tmp_path: Path) -> None:
    """A lab.toml in another encoding is an error that names it."""
    (tmp_path / "lab.toml").write_bytes(b'[ca]\nsubject = "O=Caf\xe9"\n')
    with pytest.raises(WorkspaceError, match=r"lab\.toml: .*utf-8.* Fix the file, or move it"):
        opened(tmp_path)


def test_unwritable_places(tmp_path: Path) -> None:
    """A workspace that cannot be made is an error that names the place and the way out."""
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/labkit")):
        with pytest.raises(WorkspaceError) as caught:
            opened(root)
        assert "Name another folder with LABKIT_WORKSPACE or --workspace." in str(caught.value)
        assert str(root.parent) in str(caught.value)


def test_default_root(tmp_path: Path) -> None:
    """LABKIT_WORKSPACE names the folder; without it, it is workspace/ in the checkout."""
    assert default_root({"LABKIT_WORKSPACE": str(tmp_path)}) == tmp_path
    assert default_root({"LABKIT_WORKSPACE": "~/lab"}) == Path.home() / "lab"
    assert default_root({}) == Path(__file__).resolve().parents[2] / "workspace"


def test_default_root_of_an_installed_labkit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a checkout around the package, it is workspace/ in the current folder."""
    monkeypatch.setattr(place_module, "_ABOVE_PACKAGE", tmp_path / "site-packages")
    monkeypatch.chdir(tmp_path)
    assert default_root({}) == tmp_path / "workspace"


# A seed


def test_seed_of_a_begun_workspace(tmp_path: Path) -> None:
    """A begun workspace keeps its seed, whatever its source: keys of two kinds never mix."""
    seeded, plain, by_hand = (tmp_path / name for name in ("seeded", "plain", "by_hand"))
    opened(seeded, {"LABKIT_SEED": "one"})
    assert opened(seeded).settings.seed == "one"
    with pytest.raises(WorkspaceError, match="seed 'one', but the settings have the seed 'two'"):
        opened(seeded, {"LABKIT_SEED": "two"})
    opened(plain)
    with pytest.raises(WorkspaceError, match="no seed, but the settings have the seed 'one'"):
        opened(plain, {"LABKIT_SEED": "one"})
    by_hand.mkdir()
    (by_hand / "lab.toml").write_text("")
    assert opened(by_hand, {"LABKIT_SEED": "one"}).settings.seed == "one"
    assert opened(by_hand, {"LABKIT_SEED": "one"}).settings.seed == "one"
    with pytest.raises(WorkspaceError, match="seed 'one', but the settings have no seed"):
        opened(by_hand)


# What a workspace holds


def test_a_new_workspace_has_a_firmware_tree(tmp_path: Path) -> None:
    """The simulated board's tree is the chosen release's; a real board's is the user's own."""
    old = opened(tmp_path / "old", {"LABKIT_RELEASE": "201910.00"})
    assert (old.firmware / "demos" / "include" / "aws_clientcredential_keys.h").is_file()
    new = opened(tmp_path / "new")
    names = {path.name for path in new.firmware.rglob("*")}
    assert names != {path.name for path in old.firmware.rglob("*")}
    real = opened(tmp_path / "real", {"LABKIT_DEVICE": "/dev/ttyUSB0"})
    assert not real.firmware.exists()
    assert not list(tmp_path.rglob(".firmware.*"))


def test_a_tree_is_never_replaced(tmp_path: Path) -> None:
    """A firmware tree that is there stays as it is, even if it is not the chosen release's."""
    tree = opened(tmp_path).firmware
    (tree / "mine.txt").write_text("kept")
    again = opened(tmp_path, {"LABKIT_RELEASE": "201910.00"}).firmware
    assert (again / "mine.txt").read_text() == "kept"
    edit(tmp_path, 'firmware = "firmware"', f'firmware = "{tmp_path / "elsewhere"}"')
    assert opened(tmp_path).firmware == tmp_path / "elsewhere"


def test_a_real_board_never_gets_the_simulated_ones_commands(tmp_path: Path) -> None:
    """`labkit board flash` would flash the bench's board: a real one has its own or none."""
    real = opened(tmp_path, {"LABKIT_DEVICE": "/dev/ttyUSB0"}).settings
    assert (real.build, real.flash) == ((), ())
    edit(tmp_path, 'build = ["labkit", "board", "build"]', 'build = ["idf.py", "build"]')
    assert opened(tmp_path).settings.build == ("idf.py", "build")


def test_files_stand_where_the_design_says(tmp_path: Path) -> None:
    """The CA's files are shared, the device's are under its thing's name."""
    place = opened(tmp_path, {"LABKIT_THING": "one"})
    assert place.path("rootCA.key") == tmp_path / "ca" / "rootCA.key"
    assert place.path("verificationCert.pem") == tmp_path / "ca" / "verificationCert.pem"
    assert place.path("deviceCert.pem") == tmp_path / "devices" / "one" / "deviceCert.pem"
    assert place.journal.path == tmp_path / "devices" / "one" / "journal.jsonl"
