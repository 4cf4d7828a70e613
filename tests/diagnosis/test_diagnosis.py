"""Every cause, from logs of three releases' shapes, without and with what decides it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from console_shapes import PRINTING
from diagnosis_boards import ON_BOARD, OnBoard
from diagnosis_cases import ALERT_1_4, ALERT_202012, PLACEHOLDER, Made, dump, of_1_4, of_202012
from diagnosis_consoles import BY_HAND, DECIDED, WRITE

from labkit.diagnosis import CAUSES, CODES, PLACES, Evidence, diagnose
from labkit.diagnosis.judges import JUDGES
from labkit.diagnosis.recognition import sign_of
from labkit.diagnosis.signs import ENDS, TEXTS, Sign
from labkit.diagnosis.symptoms import SYMPTOMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.diagnosis import Code

RELEASES = ("202203.00", "201910.00")


@pytest.fixture(scope="module", params=RELEASES)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Made]:
    """A board of each release that the simulator has."""
    made = Made(tmp_path_factory.mktemp("board"), request.param)
    yield made
    made.close()


def best(log: str | bytes, evidence: Evidence | None = None) -> str:
    """Return the best cause's id."""
    return diagnose(log, evidence).best.id


@pytest.mark.parametrize("case", ON_BOARD, ids=lambda case: case.id)
def test_on_a_simulated_board(case: OnBoard, made: Made) -> None:
    """What the board prints by itself leads to the cause, with what decides it where it must."""
    log = case.log(made)
    alone = diagnose(log)
    assert case.id in {cause.id for cause in alone.causes}
    if case.alone is None:
        assert alone.best.confidence < 0.6
        assert alone.needs
    else:
        assert alone.best.id == case.alone
    if case.decided_by is not None:
        decided = diagnose(log, case.decided_by(made))
        assert decided.best.id == case.id
        assert decided.best.confidence >= alone.best.confidence
        assert decided.needs == ()


@pytest.mark.parametrize(("cause", "log"), [(row[0], row[2]) for row in BY_HAND],
                         ids=[f"{row[0]} {row[1]}" for row in BY_HAND])  # fmt: skip
def test_from_the_console_alone(cause: str, log: str) -> None:
    """Older releases' consoles lead to the cause that they are known for."""
    assert best(log) == cause


@pytest.mark.parametrize(
    ("cause", "log", "evidence"), DECIDED, ids=[f"{n} {row[0]}" for n, row in enumerate(DECIDED)]
)
def test_decided_by_what_came_with_it(cause: str, log: str, evidence: Evidence) -> None:
    """With everything right but one thing, that thing is the cause, and its evidence says it."""
    found = diagnose(log, evidence)
    assert found.best.id == cause
    if cause != "unknown":
        assert found.best.confidence >= 0.9
        assert all(item.line for item in found.best.evidence if item.source == "console")


def test_a_refused_header_is_named_though_the_flash_still_serves(made: Made) -> None:
    """A board that refused its header's certificate and connects with its old one is not all right.

    The same boot with the right certificate is.
    """
    assert best(made.serve().boot()) == "ok"
    found = diagnose(made.boot(certificate=PLACEHOLDER))
    assert found.best.id == "placeholder-text"
    assert "accepted the connection nevertheless" in found.notes[-1]


ALERTS = {
    "202203.00": of_202012(WRITE, PRINTING, dump(), *ALERT_202012),
    "202012.00": of_202012(WRITE, *ALERT_202012),
    "1.4": of_1_4(*ALERT_1_4),
}


@pytest.mark.parametrize("log", ALERTS.values(), ids=ALERTS)
def test_an_alert_alone_is_never_decided(log: str) -> None:
    """Many mistakes print 0x7780: without more, the certificate is asked for, then the account."""
    found = diagnose(log)
    assert found.best.confidence < 0.5
    assert len(found.causes) > 6
    wanted = [need for need in found.needs if "--" in need]
    assert "--certificate" in wanted[0]
    assert "--ask-account" in wanted[1]


BY_CONSOLE = {
    *("private-key-missing", "storage-failed", "server-closed-handshake", "generation-delay")
}
"""Causes without a judge: only the console shows them."""


def test_every_cause_can_be_reached() -> None:
    """Each is behind a symptom, has a judge or is the console's alone, and has all its texts."""
    named = {cause for symptom in SYMPTOMS for cause in symptom.causes}
    assert named == set(JUDGES) | BY_CONSOLE == set(CAUSES) - set(PLACES["no cause"])
    assert all(text.meaning and text.action for text in CAUSES.values())
    assert all(CAUSES[cause].source for cause in named)


LINES = (
    "TLS_Connect fail ({}, host)",
    "TLS_Connect failed with error code {}",
    "Failed to provision device certificate. {}",
    "Failed to provision device private key. {}",
    "MQTT CONNECT: {}",
    "MQTT SUBSCRIBE: {}",
    "Failed to establish new connection. {}.",
    "Failed to receive data over network. bytesReceived={}",
    "{} host.",
)
"""Lines in which firmware prints codes."""


def signs_in_lines(code: str) -> set[Sign]:
    """Return what the lines with a code are signs of, but for a handshake's unknown code."""
    found = {sign_of(line.format(code)) for line in LINES}
    return {each for each in found if each} - {Sign.HANDSHAKE_FAILED}


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
def test_every_code_is_recognized(code: Code) -> None:
    """A code of the table is recognized as its signs in the lines that print it."""
    shapes = (code.name, *code.others)
    assert set(code.signs) <= {sign for shape in shapes for sign in signs_in_lines(shape)}


@pytest.mark.parametrize("code", ["0x7781", "-30593", "3000"])
def test_a_code_that_is_not_in_the_table(code: str) -> None:
    """A code next to a known one is no sign but of a handshake that failed for some reason."""
    assert signs_in_lines(code) <= {Sign.NOT_REACHED}
    assert sign_of(f"TLS_Connect fail ({code}, host)") is Sign.HANDSHAKE_FAILED


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in TEXTS])
def test_texts_are_in_lower_case(pattern: str) -> None:
    """A pattern with a capital would match nothing, for lines are searched in lower case."""
    assert not re.search(r"[A-Z]", re.sub(r"\\[A-Z]|\(\?P<", "", pattern))


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        ("Demo completed successfully.", True),
        ("Error running demo.", True),
        ("TLS_Connect fail (0x7780, host)", True),
        ("ERROR: Handshake failed with error code -30592", True),
        ("Failed to resolve host.", True),
        ("Write certificate...", False),
        ("MQTT CONNECT: MQTTSuccess", False),
        ("Demo starts", False),
    ],
)
def test_what_ends_a_boot(line: str, ends: bool) -> None:
    """A capture ends behind the demo's last line or a failed handshake, and not before."""
    assert (sign_of(line) in ENDS) is ends
