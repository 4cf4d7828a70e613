"""The signing keys are made once, with mode 0600 and an optional passphrase, and rotated."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from record_samples import FILES, NONE, PASSPHRASE, WHEN, WITH, sealed

from labkit.errors import RecordError
from labkit.record.reading import open_sealed
from labkit.record.seal import signing_keys
from labkit.record.seal.signature import check, sign
from labkit.record.seal.signing_keys import known_keys, public_keys, rotate, signing_key

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.usefixtures("clean_environment")

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make scrypt fast, for tests that are not about its cost."""
    monkeypatch.setattr(signing_keys, "_OPERATIONS", 1 << 15)
    monkeypatch.setattr(signing_keys, "_MEMORY", 1 << 22)


def mode(path: Path) -> int:
    """Return a path's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def test_first_use_makes_a_key_and_the_second_uses_it(tmp_path: Path) -> None:
    """The same key signs twice; listing does not make a key."""
    assert known_keys(tmp_path, NONE) == []
    assert not list(tmp_path.iterdir())
    key = signing_key(tmp_path, NONE)
    assert signing_key(tmp_path, NONE).key_id == key.key_id
    (known,) = known_keys(tmp_path, NONE)
    assert (known.key_id, known.current) == (key.key_id, True)
    assert known.path == tmp_path / "record-keys" / f"{key.key_id}.pub"
    assert re.fullmatch(r"[0-9A-F]{16}", key.key_id)
    assert check(sign(b"x", key, WHEN), b"x", [known.text], WHEN) == key.key_id


def test_using_a_key_leaves_its_public_key_as_it_is(tmp_path: Path) -> None:
    """It keeps its date; a lost public key is written again."""
    key = signing_key(tmp_path, NONE)
    (known,) = known_keys(tmp_path, NONE)
    year = re.sub(r"made \d{4}", "made 2001", known.text)
    known.path.write_text(year)
    signing_key(tmp_path, NONE)
    assert known.path.read_text() == year
    assert known_keys(tmp_path, NONE)[0].made.startswith("2001-")
    known.path.unlink()
    assert signing_key(tmp_path, NONE).key_id == key.key_id
    assert [each.key_id for each in known_keys(tmp_path, NONE)] == [key.key_id]


@POSIX
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_secret_key_is_its_owners_alone_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    """The folder is 0700 and the secret key 0600."""
    before = os.umask(mask)
    try:
        signing_key(tmp_path, NONE)
    finally:
        os.umask(before)
    folder = tmp_path / "record-keys"
    assert (mode(folder), mode(folder / "current.key"), mode(folder / ".lock")) == (
        0o700, 0o600, 0o600,
    )  # fmt: skip


def test_variable_names_another_folder(tmp_path: Path) -> None:
    """LABKIT_RECORD_KEYS has priority over the workspace."""
    there = {"LABKIT_RECORD_KEYS": str(tmp_path / "a" / "keys")}
    key = signing_key(tmp_path / "lab", there)
    assert (tmp_path / "a" / "keys" / f"{key.key_id}.pub").is_file()
    assert not (tmp_path / "lab").exists()
    assert known_keys(tmp_path / "lab", NONE) == []


def test_record_by_an_older_key_still_verifies(tmp_path: Path) -> None:
    """After two rotations three keys are known, one of them signs, and all three verify."""
    records = []
    for turn in range(3):
        key = rotate(tmp_path, NONE) if turn else signing_key(tmp_path, NONE)
        records.append((key.key_id, sealed(key)))
    for key_id, data in records:
        opened = open_sealed(data, public_keys(tmp_path, NONE))
        assert (opened.key_id, dict(opened.files)) == (key_id, FILES)
    assert {known.key_id: known.current for known in known_keys(tmp_path, NONE)} == {
        records[0][0]: False, records[1][0]: False, records[2][0]: True,
    }  # fmt: skip
    assert signing_key(tmp_path, NONE).key_id == records[2][0]
    only_newest = [known.text for known in known_keys(tmp_path, NONE) if known.current]
    with pytest.raises(RecordError, match=f"signed by the key {records[0][0]}"):
        open_sealed(records[0][1], only_newest)


def test_rotation_leaves_nothing_of_the_old_secret_key(tmp_path: Path) -> None:
    """No file of the folder contains it any more."""
    signing_key(tmp_path, NONE)
    folder = tmp_path / "record-keys"
    old = (folder / "current.key").read_text().splitlines()[1]
    assert any(old in path.read_text() for path in folder.iterdir())
    rotate(tmp_path, NONE)
    assert not any(old in path.read_text() for path in folder.iterdir())
    assert len(list(folder.glob("*"))) == 4


@POSIX
@pytest.mark.parametrize("too_much", [0o640, 0o604, 0o660])
def test_key_that_others_can_read_is_refused(tmp_path: Path, too_much: int) -> None:
    """The command in the message solves it, and so does rotating."""
    key = signing_key(tmp_path, NONE)
    file = tmp_path / "record-keys" / "current.key"
    file.chmod(too_much)
    with pytest.raises(RecordError, match=f"other users can read it.*chmod 600 {file}"):
        signing_key(tmp_path, NONE)
    file.chmod(0o600)
    assert signing_key(tmp_path, NONE).key_id == key.key_id
    file.chmod(too_much)
    assert rotate(tmp_path, NONE).key_id != key.key_id
    assert mode(file) == 0o600


@POSIX
def test_folder_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    """They could put their own key into it."""
    signing_key(tmp_path, NONE)
    folder = tmp_path / "record-keys"
    folder.chmod(0o777)
    with pytest.raises(RecordError, match="chmod 700"):
        signing_key(tmp_path, NONE)
    folder.chmod(0o755)
    signing_key(tmp_path, NONE)


@pytest.mark.usefixtures("cheap")
def test_passphrase_opens_the_key(tmp_path: Path) -> None:
    """From the variable or a command; with a wrong one, or without one, it is refused."""
    key = signing_key(tmp_path, WITH)
    assert signing_key(tmp_path, WITH).key_id == key.key_id
    assert signing_key(tmp_path, _command(f"print({PASSPHRASE!r})")).key_id == key.key_id
    with pytest.raises(RecordError, match="the passphrase is wrong"):
        signing_key(tmp_path, {"LABKIT_RECORD_PASSPHRASE": PASSPHRASE + "r"})
    with pytest.raises(RecordError, match="the key has a passphrase"):
        signing_key(tmp_path, NONE)
    assert [known.current for known in known_keys(tmp_path, NONE)] == [True]


def test_cost_of_a_guess(tmp_path: Path) -> None:
    """A key that is made with a passphrase is encrypted with scrypt at 128 MiB."""
    key = signing_key(tmp_path, WITH)
    stored = signing_keys.minisign.SecretKey.from_file(tmp_path / "record-keys" / "current.key")
    assert stored.is_encrypted()
    assert (stored._kdf_opslimit, stored._kdf_memlimit) == (1 << 22, 1 << 27)  # noqa: SLF001 nothing else tells
    assert signing_key(tmp_path, WITH).key_id == key.key_id


def test_passphrase_for_a_key_that_has_none_is_refused(tmp_path: Path) -> None:
    """A passphrase that does not protect the key is refused; a rotated key has it."""
    signing_key(tmp_path, NONE)
    with pytest.raises(RecordError, match="but the key has none"):
        signing_key(tmp_path, WITH)
    rotate(tmp_path, WITH)
    with pytest.raises(RecordError, match="the key has a passphrase"):
        signing_key(tmp_path, NONE)


def _command(code: str) -> dict[str, str]:
    """Return the variable with a command that runs a line of Python."""
    return {"LABKIT_RECORD_PASSPHRASE_COMMAND": f'"{sys.executable}" -c "{code}"'}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (_command("raise SystemExit(3)"), "exit code 3"),
        (_command("pass"), "empty first line"),
        (_command("import sys; sys.stdout.buffer.write(bytes([255]))"), "printed no passphrase"),
        ({"LABKIT_RECORD_PASSPHRASE_COMMAND": "no-such-program"}, "printed no passphrase"),
        ({"LABKIT_RECORD_PASSPHRASE_COMMAND": "'"}, "printed no passphrase"),
        ({"LABKIT_RECORD_PASSPHRASE_COMMAND": " "}, "printed no passphrase"),
        (WITH | _command("print(1)"), "both set"),
        ({"LABKIT_RECORD_PASSPHRASE": "a\udcffb"}, "cannot be typed"),
    ],
)
def test_missing_passphrase_is_reported(
    tmp_path: Path, variables: dict[str, str], message: str
) -> None:
    """No key is made without it."""
    with pytest.raises(RecordError, match=message):
        signing_key(tmp_path, variables)
    assert known_keys(tmp_path, NONE) == []
    assert not (tmp_path / "record-keys" / "current.key").exists()


@pytest.mark.usefixtures("cheap")
def test_no_message_has_a_key_or_a_passphrase_in_it(tmp_path: Path) -> None:
    """No repr, no error and no cause of an error has it."""
    key = signing_key(tmp_path, WITH)
    file = tmp_path / "record-keys" / "current.key"
    whole = file.read_text()
    texts = [repr(key), repr(known_keys(tmp_path, NONE))]
    secrets = [PASSPHRASE, whole.splitlines()[1], "swordfish"]
    broken = [whole[:-20], whole.replace("RWRT", "RWRU"), whole + "x", "", whole[:200] + "ü"]
    for text, variables in [*((each, WITH) for each in broken), (whole, _command("swordfish"))]:
        file.write_text(text)
        with pytest.raises(RecordError) as refused:
            signing_key(tmp_path, variables)
        texts += [str(refused.value), repr(refused.value.__cause__)]
        assert refused.value.__suppress_context__
    assert not [each for each in texts for secret in secrets if secret in each]
    file.write_text(whole)
    assert signing_key(tmp_path, WITH).key_id == key.key_id


@pytest.mark.parametrize("at", [75, 90, 130, 190])
def test_damaged_secret_key_signs_nothing(tmp_path: Path, at: int) -> None:
    """In any part: id, secret, public key or check sum; the undamaged key signs."""
    key = signing_key(tmp_path, NONE)
    file = tmp_path / "record-keys" / "current.key"
    comment, line = file.read_text().splitlines()
    other = "A" if line[at] != "A" else "B"
    file.write_text(f"{comment}\n{line[:at]}{other}{line[at + 1 :]}\n")
    with pytest.raises(RecordError, match="the file is damaged"):
        signing_key(tmp_path, NONE)
    file.write_text(f"{comment}\n{line}\n")
    assert signing_key(tmp_path, NONE).key_id == key.key_id


def test_broken_public_key_is_reported(tmp_path: Path) -> None:
    """The message has the file."""
    signing_key(tmp_path, NONE)
    broken = tmp_path / "record-keys" / "old.pub"
    broken.write_bytes(b"\xff")
    with pytest.raises(RecordError, match=f"{broken}: the file is not a public key"):
        public_keys(tmp_path, NONE)
    broken.unlink()
    assert len(public_keys(tmp_path, NONE)) == 1


FIRST_USE = (
    "import sys; from pathlib import Path; from labkit.record.seal.signing_keys import signing_key;"
    "sys.stdin.readline(); print(signing_key(Path(sys.argv[1]), {}).key_id)"
)


def test_first_uses_at_the_same_time_make_one_key(tmp_path: Path) -> None:
    """Four processes start at the same time."""
    command = [sys.executable, "-c", FIRST_USE, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, **pipes) for _ in range(4)]
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    ids = {process.communicate()[0].strip() for process in started}
    assert {process.returncode for process in started} == {0}
    assert ids == {known.key_id for known in known_keys(tmp_path, NONE)}
    assert len(ids) == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from labkit.record.seal.signing_keys import rotate, signing_key
EVENTS = {"open", "os.mkdir", "os.rename", "os.chmod", "os.remove"}
left = int(sys.argv[2])
def hook(event, args):
    global left
    if event in EVENTS and sys.argv[1] in str(args[0]):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
(rotate if sys.argv[3] else signing_key)(Path(sys.argv[1]), {})
"""


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize("turn", ["", "rotate"])
def test_kill_at_any_moment_leaves_no_half_key(tmp_path: Path, turn: str) -> None:
    """The next use has one complete key; rotating removes what the kill left."""
    killed = 0
    for moment in range(40):
        root = tmp_path / str(moment)
        if turn:
            signing_key(root, NONE)
        ended = subprocess.run(
            [sys.executable, "-c", KILLED, str(root), str(moment), turn], check=False
        )
        key = signing_key(root, NONE)
        assert [known.key_id for known in known_keys(root, NONE) if known.current] == [key.key_id]
        rotate(root, NONE)
        left = {path.suffix for path in (root / "record-keys").iterdir() if path.name != ".lock"}
        assert left == {".key", ".pub"}
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
        killed += 1
    assert ended.returncode == 0
    assert killed >= 6
