"""The simulated board's build: the macros of a firmware tree as its compiler sees them."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

import labkit
from labkit import firmware
from labkit.bench.image import build_image, read_image, write_image
from labkit.errors import DeviceError
from labkit.firmware.tree import find_sources

TREES = Path(labkit.__file__).parent / "bench/trees"
RELEASES = ("201910.00", "202203.00")
NEW = "202203.00"

INCLUDE = Path("demos/include")
CREDENTIALS = INCLUDE / "aws_clientcredential.h"
KEYS = INCLUDE / "aws_clientcredential_keys.h"
PROVISIONING = Path("demos/dev_mode_key_provisioning/src/aws_dev_mode_key_provisioning.c")

CERTIFICATE = "keyCLIENT_CERTIFICATE_PEM"
AUTHORITY = "keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM"
THING = "clientcredentialIOT_THING_NAME"
ENDPOINT = "clientcredentialMQTT_BROKER_ENDPOINT"
PORT = "clientcredentialMQTT_BROKER_PORT"
SECURITY = "clientcredentialWIFI_SECURITY"
FORCE = "keyprovisioningFORCE_GENERATE_NEW_KEY_PAIR"
DELAY = "keyprovisioningDELAY_BEFORE_KEY_PAIR_GENERATION_SECS"
PEM = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n"


@pytest.fixture(params=RELEASES)
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a copy of each tree."""
    return shutil.copytree(TREES / request.param, tmp_path / request.param)


@pytest.fixture
def new_tree(tmp_path: Path) -> Path:
    """Return a copy of the newer tree."""
    return shutil.copytree(TREES / NEW, tmp_path / NEW)


def replace(file: Path, old: str, new: str) -> None:
    """Edit a file by hand, once."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def set_in(file: Path, name: str, value: str | None) -> None:
    """Edit a file as labkit does."""
    file.write_text(firmware.set_macro(file.read_text(), name, value))


def test_trees_as_they_come(tree: Path) -> None:
    """Both trees build; nothing is set but what the releases set."""
    built = build_image(tree)
    nothing = "" if tree.name == "201910.00" else None
    assert built == {
        "format": 1,
        "release": tree.name,
        "hello_world": "202011" if tree.name == NEW else "201906",
        "macros": {
            CERTIFICATE: nothing,
            AUTHORITY: nothing,
            "keyCLIENT_PRIVATE_KEY_PEM": nothing,
            ENDPOINT: "",
            THING: "",
            "clientcredentialWIFI_SSID": "",
            "clientcredentialWIFI_PASSWORD": "",
            PORT: "8883",
            SECURITY: "eWiFiSecurityWPA2",
            FORCE: "0",
            DELAY: "180" if tree.name == NEW else None,
        },
    }


@pytest.mark.needs("gcc")
def test_trees_compile(tree: Path) -> None:
    """Every source of both trees is valid C, as it comes and with everything set."""

    def compile_all() -> None:
        folders = [INCLUDE, PROVISIONING.parent.parent / "include"]
        options = [option for folder in folders for option in ("-I", str(tree / folder))]
        for source in tree.rglob("*.c"):
            command = ["gcc", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"]
            subprocess.run([*command, *options, str(source)], check=True)

    compile_all()
    set_in(tree / CREDENTIALS, ENDPOINT, "a1-ats.iot.us-east-1.amazonaws.com")
    set_in(tree / CREDENTIALS, THING, 'a "thing"')
    set_in(tree / KEYS, CERTIFICATE, PEM)
    set_in(tree / PROVISIONING, FORCE, "1")
    compile_all()
    replace(tree / KEYS, '"AAEC\\n" \\', '"AAEC\\n"')
    with pytest.raises(subprocess.CalledProcessError):
        compile_all()


def test_trees_hold_no_words_of_a_key() -> None:
    """No committed tree holds the words that open a private key."""
    for file in TREES.rglob("*"):
        assert not file.is_file() or b"PRIVATE" + b" KEY" not in file.read_bytes()


def test_what_was_set_is_in_the_image(tree: Path) -> None:
    """Strings come unescaped, PEM with its line ends, numbers and names as tokens."""
    set_in(tree / KEYS, CERTIFICATE, PEM)
    set_in(tree / CREDENTIALS, THING, 'lab "1" \\ ü')
    set_in(tree / CREDENTIALS, PORT, "443")
    set_in(tree / CREDENTIALS, SECURITY, "eWiFiSecurityOpen")
    set_in(tree / PROVISIONING, FORCE, "1")
    macros = build_image(tree)["macros"]
    assert macros[CERTIFICATE] == PEM
    assert macros[THING] == 'lab "1" \\ ü'
    assert (macros[PORT], macros[SECURITY], macros[FORCE]) == ("443", "eWiFiSecurityOpen", "1")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (f"#define {FORCE}1", "0"),  # pasted from a web page: another macro
        (f"#define {FORCE} 1", "1"),
        (f"#define {FORCE} (0x1U)", "1"),
        (f"#define {FORCE} ( 2 - 1 )", "1"),
        (f"#define {FORCE} YES\n#define YES 1", "1"),
        (f"#define {FORCE} UNKNOWN", "0"),  # in an #if a name that is no macro is 0
        (f"// #define {FORCE} 1", "0"),
        (f"/* 0 */\n#if 0\n#define {FORCE} 1\n#endif", "0"),
        ("#define keyprovisioningFORCE_GENERATE_NEW_KEYSET 1", "1"),
    ],
)
def test_the_force_macro_as_the_preprocessor_sees_it(new_tree: Path, line: str, value: str) -> None:
    """What is not defined counts as 0, in silence, as on real hardware."""
    replace(new_tree / PROVISIONING, f"#define {FORCE}    0", line)
    assert build_image(new_tree)["macros"][FORCE] == value


def test_a_macro_that_names_another_is_followed(new_tree: Path) -> None:
    """A value may be in another macro, in any of the three files."""
    set_in(new_tree / CREDENTIALS, THING, "shared")
    replace(new_tree / KEYS, f"{AUTHORITY}    NULL", f"{AUTHORITY}    {THING}")
    replace(new_tree / PROVISIONING, "180", "( 3 * A )\n    #define A 10")
    macros = build_image(new_tree)["macros"]
    assert (macros[AUTHORITY], macros[DELAY]) == ("shared", "30")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (CREDENTIALS, f'{THING}    ""', f"{THING}    lab",
         f"{CREDENTIALS}: line 19: {THING} is a name, expected a string in quotes, or NULL"),
        (CREDENTIALS, f'{THING}    ""', f'{THING}    "lab" X', "is an expression"),
        (CREDENTIALS, f'{THING}    ""', THING, f"{CREDENTIALS}: line 19: .* without a value"),
        (CREDENTIALS, "8883", '"8883"', "is a string without a numeric value, expected a number"),
        (CREDENTIALS, "8883", "88830", "is 88830, expected a port from 1 to 65535"),
        (CREDENTIALS, "8883", "UNKNOWN", "expected a number"),
        (CREDENTIALS, "eWiFiSecurityWPA2\n#endif", '"WPA2"\n#endif', "expected a name without"),
        (CREDENTIALS, f'#define {THING}    ""', f'#define {THING}S    ""',
         f"{CREDENTIALS}: {THING} was not found. Did you mean {THING}S, on line 19"),
        (CREDENTIALS, "#endif", "", "line 8: this conditional has no #endif"),
        (PROVISIONING, "180", "soon", "expected a number"),
        (PROVISIONING, f"#define {FORCE}    0", f"#define {FORCE} 0\n#define {FORCE} 1",
         f"{PROVISIONING}: .* is defined 2 times: line 16, line 17"),
        (PROVISIONING, f"#define {FORCE}    0", f"#define {FORCE}", "without a value"),
        (KEYS, f"{CERTIFICATE}    NULL", f'{CERTIFICATE}    "\\xfff"', "line 21: .*above 255"),
        (KEYS, f"    #define {CERTIFICATE}    NULL", "", f"{KEYS}: {CERTIFICATE} was not found"),
    ],
)  # fmt: skip
def test_build_errors_name_file_and_line(
    new_tree: Path, file: Path, old: str, new: str, message: str
) -> None:
    """What would not compile, or not as meant, is a build error that says where."""
    replace(new_tree / file, old, new)
    with pytest.raises(DeviceError, match=message):
        build_image(new_tree)


LAYOUTS = [
    ("demos/include", "demos/dev_mode_key_provisioning/src/aws_dev_mode_key_provisioning.c"),
    (
        "demos/common/include",
        "demos/common/devmode_key_provisioning/aws_dev_mode_key_provisioning.c",
    ),
    ("Demos/include", "Demos/dev_mode_key_provisioning/src/aws_dev_mode_key_provisioning.c"),
    ("applications/configs", "applications/helpers/provisioning/dev_mode_key_provisioning.c"),
    ("src/frtos_config", "src/provisioning/aws_dev_mode_key_provisioning.c"),
]


@pytest.mark.parametrize(("headers", "provisioning"), LAYOUTS)
def test_sources_are_found_in_every_layout(tmp_path: Path, headers: str, provisioning: str) -> None:
    """v1.x, 201906 and later, Renesas, Arm, and elsewhere; copies for tests are left out."""
    places = {
        CREDENTIALS: tmp_path / headers / CREDENTIALS.name,
        KEYS: tmp_path / headers / KEYS.name,
        PROVISIONING: tmp_path / provisioning,
    }
    for source, place in places.items():
        for target in (place, tmp_path / "tests" / place.relative_to(tmp_path)):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TREES / NEW / source, target)
    found = find_sources(tmp_path)
    assert (found.credentials, found.keys, found.provisioning) == tuple(places.values())
    assert found.release == NEW
    assert build_image(tmp_path)["release"] == NEW
    places[KEYS].unlink()
    with pytest.raises(
        DeviceError, match=r"expected aws_clientcredential_keys\.h in .* found none"
    ):
        find_sources(tmp_path)


def test_two_of_a_file_are_refused(new_tree: Path) -> None:
    """Of two layouts in one tree neither is taken."""
    other = new_tree / "demos/common/include"
    other.mkdir(parents=True)
    shutil.copy(new_tree / KEYS, other)
    with pytest.raises(DeviceError, match=r"found 2: demos/include/.*, demos/common/include/"):
        find_sources(new_tree)


def test_one_of_several_projects_has_to_be_named(tmp_path: Path) -> None:
    """A repository with a project for each board is refused with the candidates, and one is not."""
    for board in ("ck-rx65n", "rsk-rx671"):
        shutil.copytree(TREES / NEW / "demos", tmp_path / "Projects" / board / "Demos")
    with pytest.raises(DeviceError) as caught:
        find_sources(tmp_path)
    for board in ("ck-rx65n", "rsk-rx671"):
        assert f"Projects/{board}/Demos/include/aws_clientcredential.h" in str(caught.value)
    assert "to the folder with the file that is built." in str(caught.value)
    assert find_sources(tmp_path / "Projects/ck-rx65n").release == NEW


def test_no_tree(tmp_path: Path) -> None:
    """A folder that is not there is named."""
    with pytest.raises(DeviceError, match="expected a firmware tree, found no folder"):
        build_image(tmp_path / "none")


@pytest.mark.parametrize(
    ("head", "delay", "named", "release"),
    [
        ("FreeRTOS V202203.00", True, "202203.00", "202203.00"),
        ("FreeRTOS V202012.00", True, "202012.00", "202203.00"),  # so 202107.00 calls itself
        ("FreeRTOS V202012.00", False, "202012.00", "201910.00"),
        ("FreeRTOS V202112.00", False, "202112.00", "202203.00"),
        ("Amazon FreeRTOS V1.4.7", False, "1.4.7", "201910.00"),
        ("Amazon FreeRTOS Provisioning V1.0.0", False, "201906.00", "201910.00"),
        ("nothing", False, None, "201910.00"),
        ("nothing", True, None, "202203.00"),
    ],
)
def test_release_by_habit(
    new_tree: Path, head: str, *, delay: bool, named: str | None, release: str
) -> None:
    """The board takes the habits that the code has, whatever the release calls itself."""
    for file in (CREDENTIALS, KEYS, PROVISIONING):
        replace(new_tree / file, "FreeRTOS V202203.00", head)
    if not delay:
        replace(new_tree / PROVISIONING, f"#define {DELAY}", "#define OTHER")
    assert find_sources(new_tree).release == named
    assert build_image(new_tree)["release"] == release


def test_image_file_is_private_and_whole(new_tree: Path, tmp_path: Path) -> None:
    """Mode 0600, nothing left beside it, and read back as it was."""
    built = build_image(new_tree)
    file = tmp_path / "build" / "image.json"
    for _ in range(2):
        write_image(file, built)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    assert read_image(file) == built


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no image. Run the build command first"),
        (b"{", "cannot be read. Run the build command"),
        (b"\xff", "cannot be read"),
        (b"[]", "not an image of format 1"),
        (json.dumps({"format": 2, "release": NEW, "macros": {}}).encode(), "format 1"),
        (json.dumps({"format": 1, "release": NEW, "macros": []}).encode(), "format 1"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    """A missing or foreign file is named, with what to do."""
    file = tmp_path / "image.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DeviceError, match=message):
        read_image(file)
