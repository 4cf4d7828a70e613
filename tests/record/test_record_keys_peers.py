"""The signing keys work with the minisign command, and its keys with labkit."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from cli_runner import assert_refused, labkit
from record_samples import NONE, PASSPHRASE, WHEN, WITH

from labkit.record.seal.signature import check, sign
from labkit.record.seal.signing_keys import known_keys, signing_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.usefixtures("clean_environment")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with a message to sign."""
    (tmp_path / "message").write_bytes(b"hello")
    return tmp_path


def minisign(folder: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run the real command in a folder."""
    return subprocess.run(
        ["minisign", *arguments], cwd=folder, input=typed, capture_output=True, text=True,
        check=False, start_new_session=True,
    )  # fmt: skip


@pytest.mark.needs("minisign")
@pytest.mark.parametrize("variables", [NONE, WITH], ids=["plain", "passphrase"])
def test_minisign_signs_with_our_key(folder: Path, variables: dict[str, str]) -> None:
    """With its passphrase and no other; labkit's public key verifies it."""
    key = signing_key(folder, variables)
    secret, public = "record-keys/current.key", f"record-keys/{key.key_id}.pub"
    if variables:
        assert minisign(folder, "-Sm", "message", "-s", secret, typed="wrong\n").returncode == 2
    done = minisign(folder, "-Sm", "message", "-s", secret, typed=f"{PASSPHRASE}\n")
    assert done.returncode == 0, done.stderr
    assert minisign(folder, "-Vm", "message", "-p", public).returncode == 0
    (folder / "message").write_bytes(b"Hello")
    assert minisign(folder, "-Vm", "message", "-p", public).returncode == 1


@pytest.mark.needs("minisign")
@pytest.mark.parametrize(
    "variables",
    [
        pytest.param(NONE, id="plain"),
        pytest.param(WITH, id="passphrase", marks=pytest.mark.slow),  # minisign takes 1 GiB and 3 s
    ],
)
def test_we_sign_with_a_key_that_minisign_made(folder: Path, variables: dict[str, str]) -> None:
    """It is listed as the one that signs, and the public key that minisign wrote verifies."""
    keys = folder / "record-keys"
    keys.mkdir(mode=0o700)
    option = "-G" if variables else "-GW"
    typed = f"{PASSPHRASE}\n" * 2
    made = minisign(folder, option, "-p", "new.pub", "-s", str(keys / "current.key"), typed=typed)
    assert made.returncode == 0, made.stderr
    key = signing_key(folder, variables)
    public = (folder / "new.pub").read_text()
    assert f"minisign public key {key.key_id.lstrip('0')}\n" in public  # as minisign writes it
    assert check(sign(b"hello", key, WHEN), b"hello", [public], WHEN) == key.key_id
    assert [(known.key_id, known.current) for known in known_keys(folder, NONE)] == [
        (key.key_id, True)
    ]
    assert signing_key(folder, variables).key_id == key.key_id
    again = minisign(folder, "-Sm", "message", "-s", str(keys / "current.key"), typed=typed)
    assert again.returncode == 0, again.stderr


def test_command_lists_and_rotates(tmp_path: Path) -> None:
    """`labkit record keys` lists which key signs and where its public key is."""
    empty = labkit("record", "keys", "--workspace", tmp_path)
    assert (empty.code, empty.err) == (0, "")
    assert "no signing key yet" in empty.out
    first = signing_key(tmp_path, NONE).key_id
    listed = labkit("record", "keys", "--workspace", tmp_path)
    (line,) = listed.out.splitlines()
    assert line.split()[:3] == [first, "signs", "now"]
    assert line.endswith(f"{first}.pub")
    rotated = labkit("record", "keys", "--workspace", tmp_path, "--rotate")
    assert rotated.code == 0
    assert f"{first}  replaced" in rotated.out
    second = signing_key(tmp_path, NONE).key_id
    assert rotated.out.startswith(f"{second} signs from now on.")
    assert f"{second}  signs now" in rotated.out


def test_command_says_where_keys_cannot_be(tmp_path: Path) -> None:
    """A file in place of the folder is reported, without a traceback."""
    (tmp_path / "record-keys").write_text("")
    assert_refused(
        labkit("record", "keys", "--workspace", tmp_path, "--rotate"),
        str(tmp_path / "record-keys"),
        "LABKIT_RECORD_KEYS",
    )


def test_keys_come_along_when_their_folder_is_copied(tmp_path: Path) -> None:
    """A copy of the folder has the keys."""
    key = signing_key(tmp_path / "one", NONE)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert signing_key(tmp_path / "two", NONE).key_id == key.key_id
