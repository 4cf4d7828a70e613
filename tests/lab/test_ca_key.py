"""The CA's key with a passphrase: asked for, kept in memory alone, and never written or shown."""

from __future__ import annotations

import stat
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from lab_bench import THREADS_OF_PYSERIAL, end, environment, files, labkit

from labkit import certificates, open_lab
from labkit.errors import CertificateError, WorkspaceError
from labkit.lab.procedure.steps.ca_key import load_ca_key
from labkit.lab.procedure.steps.certificate import create_ca
from labkit.lab.procedure.steps.passphrase import Passphrase
from labkit.lab.procedure.steps.workbench import Workbench
from labkit.support.seeding import Randomness
from labkit.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ("bench_fixtures",)
pytestmark = [
    pytest.mark.filterwarnings(THREADS_OF_PYSERIAL),
    pytest.mark.usefixtures("clean_environment"),
]

SECRET = "horse battery staple"  # noqa: S105 the test's own


def encrypted(root: Path) -> Workspace:
    """Return a workspace whose lab.toml wants the CA's key encrypted."""
    Workspace.open(root, {})
    file = root / "lab.toml"
    file.write_text(file.read_text().replace("encrypted = false", "encrypted = true"))
    return Workspace.open(root, {})


def answering(*answers: str) -> tuple[Passphrase, list[str]]:
    """Return who is asked, with the answers that will be typed, and what was asked."""
    asked: list[str] = []
    typed = iter(answers)

    def ask(question: str) -> str:
        asked.append(question)
        return next(typed)

    return Passphrase(ask), asked


@pytest.fixture
def bench_with(tmp_path: Path) -> Callable[[Passphrase], Workbench]:
    """Return a workbench for a workspace with an encrypted CA key."""
    place = encrypted(tmp_path / "lab")
    now = datetime.now(UTC).replace(microsecond=0)
    return lambda asks: Workbench(place, None, None, Randomness(), now, passphrase=asks)  # type: ignore[arg-type]  # files alone are used


def test_the_passphrase_is_typed_twice_and_the_key_is_encrypted(
    bench_with: Callable[[Passphrase], Workbench],
) -> None:
    """The file is PKCS #8, encrypted, 0600; openssl's label says so; no other file knows of it."""
    asks, asked = answering(SECRET, SECRET)
    bench = bench_with(asks)
    create_ca(bench, None)
    assert len(asked) == 2
    file = bench.workspace.path("rootCA.key")
    assert file.read_bytes().startswith(b"-----BEGIN ENCRYPTED ")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = certificates.load_private_key(file.read_bytes(), SECRET)
    ca = certificates.load_certificate(bench.read("rootCA.pem"))
    assert key.public_key() == ca.public_key()
    written = files(bench.workspace.root)
    assert not any(SECRET.encode() in text for text in written.values())
    assert SECRET not in repr(bench) + repr(asks)


def test_it_is_asked_for_once_in_a_program(bench_with: Callable[[Passphrase], Workbench]) -> None:
    """Made or opened, it is remembered; another program asks again."""
    asks, asked = answering(SECRET, SECRET)
    bench = bench_with(asks)
    create_ca(bench, None)
    create_ca(bench, None)
    load_ca_key(bench)
    assert len(asked) == 2
    asks, asked = answering(SECRET)
    again = bench_with(asks)
    create_ca(again, None)
    load_ca_key(again)
    assert asked == ["passphrase of ca/rootCA.key: "]


def test_a_wrong_passphrase_is_said_and_not_remembered(
    bench_with: Callable[[Passphrase], Workbench],
) -> None:
    """The message does not hold it, and the next try asks again."""
    create_ca(bench_with(answering(SECRET, SECRET)[0]), None)
    asks, asked = answering("not it", "", SECRET)
    bench = bench_with(asks)
    with pytest.raises(CertificateError, match="passphrase does not open") as caught:
        load_ca_key(bench)
    assert "not it" not in str(caught.value)
    with pytest.raises(CertificateError, match="encrypted: give its passphrase"):
        load_ca_key(bench)
    load_ca_key(bench)
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("typed", "message"),
    [((SECRET, "another"), "differ: nothing was written"), (("",), "is empty")],
)
def test_a_slip_makes_no_key(
    bench_with: Callable[[Passphrase], Workbench], typed: tuple[str, ...], message: str
) -> None:
    """Two that differ, or none, write nothing: a key that no one can open would be lost."""
    bench = bench_with(answering(*typed)[0])
    with pytest.raises(CertificateError, match=message):
        create_ca(bench, None)
    assert not bench.workspace.path("rootCA.key").exists()


def test_lab_toml_says_whether(tmp_path: Path) -> None:
    """In the clear unless it says true; text in quotes is refused."""
    place = Workspace.open(tmp_path, {})
    assert place.settings.ca_is_encrypted is False
    file = tmp_path / "lab.toml"
    file.write_text(file.read_text().replace("encrypted = false", 'encrypted = "yes"'))
    with pytest.raises(WorkspaceError, match=r"ca\.encrypted.*expected true or false"):
        Workspace.open(tmp_path, {})


@pytest.mark.skipif(sys.platform == "win32", reason="Windows asks its console, not a terminal")
def test_where_nobody_can_type_the_run_says_so(tmp_path: Path) -> None:
    """Without a terminal `labkit run` ends with exit code 1 and what to do, and shows nothing."""
    root = tmp_path / "lab"
    encrypted(root)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "labkit", "run"],
            env=environment(root),
            input=f"{SECRET}\n{SECRET}\n",
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        assert ended.returncode == 1
        assert "no one can type its passphrase here. Run the step in a " in ended.stderr
        assert SECRET not in ended.stdout + ended.stderr
        assert not (root / "ca" / "rootCA.key").exists()
    finally:
        labkit(root, "stop")


def test_a_whole_lab_asks_once(tmp_path: Path) -> None:
    """CA, verification certificate and device certificate: one question, typed twice."""
    encrypted(tmp_path)
    lab = open_lab(tmp_path)
    lab.passphrase, asked = answering(SECRET, SECRET)
    try:
        lab.register_certificate()
        assert len(asked) == 2
        assert SECRET not in repr(lab) + str(lab.journal)
        assert not any(SECRET.encode() in text for text in files(tmp_path).values())
    finally:
        end(lab)
