"""Real consoles, healthy and not, and what terminals and other tasks do to them."""

from __future__ import annotations

import re

import pytest
from board_bench import Authority
from console_shapes import key
from diagnosis_cases import account, headers, of_202012
from diagnosis_transcripts import HEALTHY, TRANSCRIPTS
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labkit.diagnosis import CAUSES, Evidence, diagnose

FAILED = {name: each for name, each in TRANSCRIPTS.items() if name not in HEALTHY}


@pytest.mark.parametrize(("cause", "log"), TRANSCRIPTS.values(), ids=TRANSCRIPTS)
def test_real_consoles(cause: str, log: bytes) -> None:
    """What real code printed leads to what was done to it."""
    assert diagnose(log).best.id == cause


@pytest.mark.parametrize("log", HEALTHY.values(), ids=HEALTHY)
def test_a_healthy_log_has_no_cause(log: bytes) -> None:
    """Whatever comes with it, even headers and an account that are wrong, nothing is blamed."""
    wrong = Evidence(
        headers=headers(certificate="Paste client certificate here.", endpoint="", force="1"),
        certificate=Authority().issue(key("another").load()),
        account=account(certificate_status="REVOKED", policies=(), things=()),
    )
    for evidence in (None, wrong):
        assert [cause.id for cause in diagnose(log, evidence).causes] == ["ok"]


@pytest.mark.parametrize(("cause", "log"), FAILED.values(), ids=FAILED)
def test_only_the_newest_boot_counts(cause: str, log: bytes) -> None:
    """A failure before a healthy boot is history; an earlier healthy boot does not help."""
    healthy = HEALTHY["accepted, with a just-in-time CA"]
    after = diagnose(log + b"\r\n" + healthy)
    assert after.best.id == "ok"
    assert any("2 boots" in note for note in after.notes)
    before = diagnose(healthy + b"\r\n" + log)
    assert cause in {each.id for each in before.causes}
    assert before.best.id != "ok"


def test_a_failure_that_was_got_over() -> None:
    """A first attempt that drops and a second that is accepted, in one boot: nothing to fix."""
    first = (
        "Wait complete with result TIMEOUT. CONNECT operation",
        "MQTT CONNECT: MQTTRecvFailed",
    )
    assert diagnose(of_202012(*first)).best.id != "ok"
    assert diagnose(of_202012(*first, "MQTT CONNECT: MQTTSuccess")).best.id == "ok"


def test_a_boot_that_has_said_nothing_yet_is_unknown() -> None:
    """A newest boot of other tasks' lines alone is not healthy because an older one was."""
    begun = b"\r\n0 1 [ETHER_RECEI] Heap: current 2\r\n1 2 [ETHER_RECEI] Heap: current 2\r\n"
    found = diagnose(HEALTHY["202012.01, provisioned"] + begun)
    assert found.best.id == "unknown"
    assert "2 boots" in found.notes[0]


def test_an_unknown_failure_is_not_guessed() -> None:
    """An error that no table knows is shown with its line, under the name unknown."""
    log = of_202012("vDevModeKeyProvisioning returned 0x0", "ERROR: frobnication failed (0x55)")
    found = diagnose(log)
    assert [cause.id for cause in found.causes] == ["unknown"]
    assert any("frobnication failed" in item.text for item in found.best.evidence)
    assert diagnose(of_202012("vDevModeKeyProvisioning returned 0x0")).best.id == "ok"


# What terminals and other tasks do

DEFECTS = {
    "blank lines": lambda log: log.replace(b"\n", b"\n\r\n"),
    "LF": lambda log: log.replace(b"\r\n", b"\n"),
    "CR": lambda log: log.replace(b"\r\n", b"\r").replace(b"\n", b"\r"),
    "indented": lambda log: b"    " + log.replace(b"\n", b"\n    "),
    "quoted": lambda log: b"> " + log.replace(b"\n", b"\n> "),
    "upper case": lambda log: re.sub(rb"\] .*", lambda it: it[0].upper(), log),
    "coloured": lambda log: re.sub(rb"(?m)^(\d.*?)(\r?)$", b"\x1b[32m\\1\x1b[0m\\2", log),
    "timestamps": lambda log: re.sub(rb"(?m)^", b"[12:59:07.313] ", log),
    "no task names": lambda log: log.replace(b"[iot_thread]", b"[]"),
    "noise at the boot": lambda log: b"\xff\x00\xfe\x80rst:0x1 (POWERON)\r\n" + log,
    "UTF-16": lambda log: log.decode("latin-1").encode("utf-16"),
    "no line end": lambda log: log.rstrip(),
}


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
@pytest.mark.parametrize(("cause", "log"), TRANSCRIPTS.values(), ids=TRANSCRIPTS)
def test_terminals_change_nothing(cause: str, log: bytes, defect: object) -> None:
    """Colours, quoting, time stamps, line ends: the same best cause."""
    assert diagnose(defect(log)).best.id == cause  # type: ignore[operator]  # a function


OTHERS = st.sampled_from(
    [
        "[ETHER_RECEI] Heap: current 233772 lowest 233248",
        "[IP-task] vDHCPProcess: offer c0a80164ip",
        "[Tmr Svc] WiFi firmware version is: C3.5.2.3.BETA9",
        "[sensor] reading 21.5 C, error of measurement 0.1",
    ]
)
ESP = "E (3617) PKCS11: failed nvs get file size 4354 0"


@given(data=st.data(), name=st.sampled_from(sorted(TRANSCRIPTS)))
@settings(max_examples=150, deadline=None)
def test_other_tasks_change_nothing(data: st.DataObject, name: str) -> None:
    """Lines of other tasks, put between any messages, leave the best cause as it is."""
    cause, log = TRANSCRIPTS[name]
    lines = log.decode().split("\r\n")
    out, shift, tick = [], 0, 0
    for line in lines:
        prefix = re.match(r"(\d+) (\d+) (\[.*)", line, re.DOTALL)
        glued = re.search(r".(\d+ \d+ \[)", line)
        if prefix and glued is None:
            if data.draw(st.integers(0, 3)) == 0:
                out.append(f"{int(prefix[1]) + shift} {prefix[2]} {data.draw(OTHERS)}")
                shift += 1
            tick = int(prefix[2])
            line = f"{int(prefix[1]) + shift} {tick} {prefix[3]}"  # noqa: PLW2901 renumbered
            if data.draw(st.integers(0, 5)) == 0:
                out.append(ESP)
        out.append(line)
    assert diagnose("\r\n".join(out)).best.id == cause


@given(st.text(max_size=400) | st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
@example("TLS_Connect fail (0xffffffff")
@example("Failed to provision device certificate. 9999999999")
@example("Failed to resolve ")
@example("4294967295 4294967295 [] Handshake failed with error code -")
def test_never_raises(text: str | bytes) -> None:
    """Any text gets a diagnosis with a known cause, a confidence, and something to do."""
    found = diagnose(text)
    assert found.causes
    assert all(cause.id in CAUSES and 0 < cause.confidence <= 1 for cause in found.causes)
    assert repr(found)
    assert found.as_dict()["causes"]


PIECES = st.lists(
    st.sampled_from(
        [line for _, log in TRANSCRIPTS.values() for line in log.decode().split("\r\n") if line]
    ),
    max_size=40,
)


@given(PIECES)
@settings(max_examples=300, deadline=None)
def test_line_numbers_are_right(lines: list[str]) -> None:
    """In any mixture of real lines, evidence is on the line that is named."""
    text = "\n".join(lines)
    split = text.split("\n")
    for cause in diagnose(text).causes:
        for item in cause.evidence:
            if item.line is not None and item.text != "a whole public-key dump":
                assert item.text.removesuffix("…").strip() in split[item.line - 1]


def test_a_long_log_changes_nothing() -> None:
    """Fifty thousand lines of another task after the failure leave it the cause."""
    cause, log = TRANSCRIPTS["the macro was left at 1"]
    busy = b"".join(
        b"%d %d [ETHER_RECEI] Heap: current 1\r\n" % (n, n + 50) for n in range(20, 50_020)
    )
    found = diagnose(log + busy)
    assert found.best.id == cause
    assert found.causes == diagnose(log).causes
