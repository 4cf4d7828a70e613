"""`labkit diagnose`: text and JSON, exit codes, and the same from a page with a whole lab."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from board_bench import Authority
from cli_runner import assert_refused, labkit
from console_shapes import key
from diagnosis_transcripts import TRANSCRIPTS
from lab_bench import THREADS_OF_PYSERIAL

from labkit import firmware
from labkit.errors import ConsoleError
from labkit.firmware.tree import find_sources
from labkit.lab.diagnosis_evidence import diagnose
from labkit.lab.procedure.steps.headers import CERTIFICATE_PEM

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

_, ALERT = TRANSCRIPTS["-force_pubkey forgotten"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A console log whose handshake was refused with an alert."""
    path = tmp_path / "console.log"
    path.write_bytes(ALERT)
    return path


@pytest.mark.parametrize(("cause", "log"), TRANSCRIPTS.values(), ids=TRANSCRIPTS)
def test_json_of_real_consoles(cause: str, log: bytes) -> None:
    """Causes come best first, each with id, confidence, evidence and action; the exit code is 0."""
    ended = labkit("diagnose", "-", "--format", "json", stdin=log)
    assert (ended.code, ended.err) == (0, "")
    causes = json.loads(ended.out)["causes"]
    assert causes[0]["id"] == cause
    assert [each["confidence"] for each in causes] == sorted(
        (each["confidence"] for each in causes), reverse=True
    )
    for each in causes:
        assert {"id", "confidence", "evidence", "action", "meaning", "distinguish"} <= set(each)
        assert all(item["text"] and item["line"] for item in each["evidence"])


def test_text_reads_like_a_colleague(log: Path) -> None:
    """What happened, why, what else it may be, and what to give so that it can be decided."""
    ended = labkit("diagnose", log)
    assert ended.code == 0
    heads = [line.split("  ")[0] for line in ended.out.splitlines() if not line.startswith(" ")]
    assert heads == [
        *("What happened", "Why", "Or else", "Do this next", "If it is that", "Read more")
    ]
    assert "line 17: 6 8 [iot_thread] ERROR: TLS handshake failed" in ended.out
    assert "cannot decide" in ended.out
    assert all(len(line) <= 100 for line in ended.out.splitlines())


def test_the_certificate_decides(log: Path, tmp_path: Path) -> None:
    """With the certificate of another key the cause is certain; with the right one, another is."""
    another, right = tmp_path / "another.pem", tmp_path / "right.pem"
    authority = Authority(now=None)
    another.write_text(authority.issue(key("another").load()))
    right.write_text(authority.issue(key("device").load()))
    decided = labkit("diagnose", log, "--certificate", another).out
    assert "certificate-not-for-this-key: almost certain" in decided
    assert "Do this next    Issue the certificate again" in decided
    assert "certificate-not-for-this-key" not in labkit("diagnose", log, "--certificate", right).out


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.log", None, "No such file"),
        ("empty.log", b"", "is empty; expected a console log"),
        ("blank.log", b" \r\n\r\n", "is empty; expected a console log"),
        ("binary.log", bytes(range(256)) * 8, "got a binary file"),
        ("program.log", b"\x7fELF\2\1\1" + bytes(2000), "got a binary file"),
    ],
)
def test_nothing_to_read(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    """A file that is missing, empty or binary ends with 1 and says so."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert_refused(labkit("diagnose", path), message)


def test_noise_at_a_boot_is_not_binary(tmp_path: Path) -> None:
    """What a serial line prints at another speed before a boot does not make a log binary."""
    path = tmp_path / "console.log"
    path.write_bytes(bytes(range(128, 255)) * 2 + b"\0\0\r\n" + ALERT)
    assert labkit("diagnose", path).code == 0


@pytest.mark.parametrize("arguments", [(), ("a.log", "b.log"), ("a.log", "--format", "xml")])
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    """Wrong usage ends with 2."""
    assert labkit("diagnose", *arguments).code == 2


# With a whole lab


def test_a_finished_lab_is_healthy(finished: Lab) -> None:
    """On a page: after the hello world nothing is blamed, whatever failed in the boots before."""
    found = finished.diagnose()
    assert found.best.id == "ok"
    assert repr(found).startswith("What happened   The hello world completed.")


def test_the_account_decides_on_a_page_and_in_a_terminal(
    finished: Lab, clean_environment: pytest.MonkeyPatch
) -> None:
    """INACTIVE: the account says it, to the page and to --ask-account; ACTIVE again, it is over."""
    account, identifier = finished.account, finished.certificate_id
    account.set_certificate_status(identifier, "INACTIVE")
    finished.board.boot()
    assert finished.diagnose().best.id == "certificate-not-active"
    clean_environment.setenv("LABKIT_WORKSPACE", str(finished.workspace.root))
    log = finished.workspace.path("console.log")
    alone = json.loads(labkit("diagnose", log, "--format", "json").out)
    assert alone["causes"][0]["confidence"] < 0.5
    asked = json.loads(labkit("diagnose", log, "--ask-account", "--format", "json").out)
    assert asked["causes"][0]["id"] == "certificate-not-active"
    assert asked["needs"] == []
    account.set_certificate_status(identifier, "ACTIVE")
    finished.board.boot()
    assert finished.diagnose().best.id == "ok"


def test_the_firmware_tree_decides(finished: Lab) -> None:
    """A header that holds a public key: the tree tells it, the console alone cannot."""
    place = finished.workspace
    header = find_sources(place.firmware).keys
    before = header.read_bytes()
    pem = place.path("DevicePublicKey.pem").read_text()
    value = firmware.get(firmware.decode(before), CERTIFICATE_PEM).value or ""
    lines, bad = value.splitlines(), pem.splitlines()
    text = firmware.decode(before)
    # The header's comments hold sample lines of their own.
    begin = text.rindex(f'"{lines[0]}', 0, text.index(lines[1]))
    head, text = text[:begin], text[begin:]
    for old, new in zip(lines, [*bad, *[""] * (len(lines) - len(bad))], strict=True):
        text = text.replace(f'"{old}\\n"', f'"{new}\\n"' if new else '""', 1)
    try:
        header.write_bytes(firmware.encode(head + text))
        finished.board.build()
        finished.board.flash()
        finished.board.boot()
        log = place.path("console.log")
        output = json.loads(
            labkit("diagnose", log, "--firmware", place.firmware, "--format", "json").out
        )
        assert output["causes"][0]["id"] == "public-key-as-certificate"
        assert finished.diagnose().best.id == "public-key-as-certificate"
    finally:
        header.write_bytes(before)
        finished.board.build()
        finished.board.flash()
        finished.board.boot()
    assert finished.diagnose().best.id == "ok"


def test_no_console_log(finished: Lab) -> None:
    """Before the board was ever captured there is nothing to diagnose, and the message says so."""
    log = finished.workspace.path("console.log")
    content = log.read_bytes()
    log.unlink()
    try:
        with pytest.raises(ConsoleError, match="is missing or empty"):
            diagnose(finished)
    finally:
        log.write_bytes(content)
