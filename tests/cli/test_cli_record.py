"""`labkit record make`, `verify` and `show`: what they say, and how they end."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from certificate_makers import ec_key, private_pem
from cli_runner import assert_refused, labkit
from lab_bench import THREADS_OF_PYSERIAL

from labkit import record
from labkit.record.seal.signing_keys import known_keys, rotate

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)


@pytest.fixture(scope="module")
def made(finished: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record, made by the command."""
    file = tmp_path_factory.mktemp("records") / "board-7.eln"
    ended = labkit(
        "record", "make", "--workspace", finished.workspace.root, "--board", "7", "-o", file
    )
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"{file}\noutcome accepted, signed by the key ")
    return file


def test_make_goes_to_records_in_the_workspace(finished: Lab) -> None:
    """Without -o it is named after the thing and the time; a list finds it."""
    root = finished.workspace.root
    assert labkit("record", "make", "--workspace", root, "--operator", "Jane").code == 0
    listed = labkit("record", "list", "--workspace", root)
    assert "Jane" in listed.out
    assert "lab-device-2" in listed.out


def test_make_ends_with_1_where_its_checks_fail(finished: Lab, tmp_path: Path) -> None:
    """The record is there all the same, and says what does not agree."""
    file = finished.workspace.device / "deviceCert.csr"
    before = file.read_bytes()
    file.write_bytes(before + b"\n")
    ended = labkit("record", "make", "--workspace", finished.workspace.root, "-o", tmp_path)
    file.write_bytes(before)
    assert ended.code == 1
    assert "FAIL every file is as the journal recorded it: deviceCert.csr" in ended.out
    (made,) = tmp_path.iterdir()
    verified = labkit("record", "verify", made, "--workspace", finished.workspace.root)
    assert verified.code == 1
    assert "ok   signed by the key" in verified.out
    assert "FAIL every file is as the journal recorded it" in verified.out


def test_make_refuses_a_secret(finished: Lab, tmp_path: Path) -> None:
    """File and kind are named, the key is not shown, nothing is written."""
    left = finished.workspace.device / "left.pem"
    left.write_bytes(private_pem(ec_key("left")))
    ended = labkit("record", "make", "--workspace", finished.workspace.root, "-o", tmp_path)
    left.unlink()
    assert_refused(ended)
    assert "device/left.pem" in ended.err
    assert "private key" in ended.err
    assert "BEGIN" not in ended.err
    assert list(tmp_path.iterdir()) == []


def test_verify_needs_the_file_and_a_public_key_alone(
    finished: Lab, made: Path, tmp_path: Path
) -> None:
    """In another process, in an empty folder, with both alone: a key file, or its second line."""
    key = known_keys(finished.workspace.root)[-1]
    (tmp_path / "r.eln").write_bytes(made.read_bytes())
    (tmp_path / "key.pub").write_text(key.text)
    for given in ("key.pub", key.text.splitlines()[1]):
        command = [sys.executable, "-m", "labkit", "record", "verify", "r.eln", "-p", given]
        done = subprocess.run(
            command, cwd=tmp_path, env={"HOME": str(tmp_path)}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert "ok   the CA signed the device's certificate" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key.pub", "r.eln"]


def test_verify_refuses_what_it_must(finished: Lab, made: Path, tmp_path: Path) -> None:
    """Another's key, no key at all, text that is not a key, a changed file, no file."""
    rotate(tmp_path / "other", {})
    root, changed = finished.workspace.root, tmp_path / "changed.eln"
    changed.write_bytes(made.read_bytes()[:-1] + b"\1")
    assert_refused(
        labkit("record", "verify", made, "--workspace", tmp_path / "other"), "signed by the key"
    )
    assert_refused(labkit("record", "verify", made, "--workspace", tmp_path), "--public-key")
    assert_refused(labkit("record", "verify", made, "-p", "RWnothing"), "minisign's format")
    assert_refused(labkit("record", "verify", changed, "--workspace", root))
    assert labkit("record", "verify", tmp_path / "none.eln", "--workspace", root).code == 2


def test_verify_asks_account_and_console(finished: Lab, made: Path, tmp_path: Path) -> None:
    """What is still true ends with 0; a certificate that is INACTIVE by now with 1."""
    root, log = finished.workspace.root, finished.workspace.path("console.log")
    asked = ("record", "verify", made, "--workspace", root, "--ask-account", "--console", log)
    still = labkit(*asked)
    assert still.code == 0, still.err
    assert "Is it still true?" in still.out
    assert "ok   the board has the recorded key" in still.out
    finished.account.set_certificate_status(finished.certificate_id, "INACTIVE")
    gone = labkit(*asked)
    finished.account.set_certificate_status(finished.certificate_id, "ACTIVE")
    assert gone.code == 1
    assert "FAIL the certificate is ACTIVE, as recorded: INACTIVE" in gone.out
    (tmp_path / "empty.log").write_text("nothing\n")
    other = labkit(*asked[:-1], tmp_path / "empty.log")
    assert other.code == 1
    assert "FAIL the board has the recorded key" in other.out


def test_show_says_that_nothing_is_verified(made: Path, tmp_path: Path) -> None:
    """A file that is not a record, such as another .eln file, is refused."""
    shown = labkit("record", "show", made)
    assert shown.code == 0
    assert "NOT VERIFIED" in shown.out
    assert "7" in shown.out
    (tmp_path / "a.txt").write_text("text")
    assert_refused(labkit("record", "show", tmp_path / "a.txt"), "expected a ZIP")
    with zipfile.ZipFile(tmp_path / "b.eln", "w") as crate:
        crate.writestr("export/ro-crate-metadata.json", "{}")
    other = labkit("record", "show", tmp_path / "b.eln")
    assert_refused(other, "b.eln: the ZIP has no file", "Open it with the program that did")


def test_show_escapes_what_a_terminal_would_obey(finished: Lab, tmp_path: Path) -> None:
    """An operator's name that clears the screen is shown, and clears nothing."""
    made = record.make(finished, operator="Jane\x1b[2J", to=tmp_path)
    root = finished.workspace.root
    assert b"\x1b" not in labkit("record", "show", made.path).raw
    verified = labkit("record", "verify", made.path, "--workspace", root)
    assert (verified.code, b"\x1b" in verified.raw) == (0, False)
