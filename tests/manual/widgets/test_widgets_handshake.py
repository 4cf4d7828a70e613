"""The handshake panel shows what the gateway observed, or else the console's verdict."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from lab_bench import THREADS_OF_PYSERIAL, another
from markupsafe import escape

from labkit import firmware
from labkit.errors import BenchError
from labkit.firmware.tree import find_sources
from labkit.lab.handshake import read_last_handshake
from labkit.lab.procedure.steps.headers import THING_NAME
from labkit.manual.widgets.handshake_panel import HandshakePanel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)


@pytest.fixture(scope="module", autouse=True)
def accepted(finished: Lab) -> Lab:
    """Begin with an accepted hello world; a test that boots the board does not end otherwise."""
    return finished


@contextmanager
def fault(lab: Lab, name: str) -> Iterator[None]:
    """Plant a fault on the board, boot it, and take the fault away afterwards."""
    lab.bench.post("boards/lab-device/fault", {"plant": name})
    lab.board.boot()
    try:
        yield
    finally:
        lab.bench.post("boards/lab-device/fault", {"plant": None})
        lab.board.boot()


def says_the_same(panel: HandshakePanel) -> None:
    """Hold the panel's HTML, with buttons and without, to its text."""
    for html in (panel.html(live=True), panel.html(live=False)):
        shown = " ".join(re.sub(r"<[^>]+>", " ", html).split())
        for line in panel.text().splitlines():
            for part in re.split(r" {2,}", line):
                assert escape(part.strip()) in shown, part
    assert "<button" not in panel.html(live=False)


def test_accepted(lab: Lab) -> None:
    """The hello world's handshake, whole, and the panel looks again when it is pressed."""
    panel = HandshakePanel(lab)
    assert "Nothing broke" in repr(panel)
    assert "broke here" not in panel.html(live=True)
    assert f"id {lab.certificate_id[:16]}…" in repr(panel)
    says_the_same(panel)


def test_refused(lab: Lab) -> None:
    """The twin: INACTIVE, it fails at the certificate; refresh shows it, and the fix."""
    panel = HandshakePanel(lab)
    lab.account.set_certificate_status(lab.certificate_id, "INACTIVE")
    lab.board.boot()
    assert "Nothing broke" in repr(panel)
    panel.press("read")
    assert "alert certificate_unknown: the certificate is INACTIVE" in repr(panel)
    assert "The handshake was read again." in repr(panel)
    assert "Certificate: broke here" in panel.html(live=False)
    says_the_same(panel)
    lab.activate_certificate()
    lab.board.boot()
    panel.press("read")
    assert "Nothing broke" in repr(panel)


def test_wrong_root_on_the_board(lab: Lab) -> None:
    """The board itself ends it, at the server's certificate, and has shown nothing."""
    with fault(lab, "wrong-root-or-endpoint"):
        seen = lab.last_handshake()
        assert seen.alert == "unknown_ca"
        assert (seen.broke_at.sender, seen.broke_at.message) == ("AWS IoT", "Certificate")
        says_the_same(HandshakePanel(lab))


def test_wrong_client_id(lab: Lab) -> None:
    """Both have proved who they are; the policy refuses the name in the header."""
    header = find_sources(lab.workspace.firmware).credentials
    before = header.read_bytes()
    text = firmware.edit(firmware.decode(before), THING_NAME, "somebody-else").new
    header.write_bytes(firmware.encode(text))
    try:
        lab.board.build()
        lab.board.flash()
        lab.board.boot()
        seen = lab.last_handshake()
        assert seen.broke_at.message == "CONNECT"
        assert seen.broke_at.means.endswith(": somebody-else")
        assert "iot:Connect on client/somebody-else: denied" in seen.verdict
    finally:
        header.write_bytes(before)
        lab.board.build()
        lab.board.flash()
        lab.board.boot()


def test_who_met_another_server_was_not_seen(lab: Lab) -> None:
    """What the board met was not the gateway: no older handshake is shown for it."""
    with fault(lab, "server-closed-handshake"):
        panel = HandshakePanel(lab)
        assert "did not reach AWS IoT's gateway" in repr(panel)
        assert "The console says: The server closed the connection" in repr(panel)
        assert "<svg" not in panel.html(live=True)
        says_the_same(panel)


def test_two_devices_are_not_mixed(lab: Lab) -> None:
    """Another device's board has not tried to connect; this one's handshake is not its."""
    other = another(lab, "handshake-other")
    assert "has not tried to connect" in repr(other.last_handshake())
    assert "Nothing broke" in repr(lab.last_handshake())


class RealLab:
    """A lab whose account is a real one, as far as a handshake asks it."""

    def __init__(self, lab: Lab, **settings: str) -> None:
        place = lab.workspace
        self.workspace = replace(place, settings=replace(place.settings, **settings))
        self.account, self.bench = lab.account, None


@pytest.mark.parametrize(
    ("real", "reason"),
    [
        ({"cloud": "aws"}, "AWS IoT is real; its traffic"),
        ({"device_url": "/dev/ttyACM0"}, "the board is a real one"),
    ],
)
def test_a_real_connection_is_not_observed(lab: Lab, real: dict[str, str], reason: str) -> None:
    """The panel gives the reason and the console's verdict; no step is invented."""
    seen = read_last_handshake(RealLab(lab, **real))
    assert reason in repr(seen)
    assert "The console says: " in repr(seen)
    assert seen.steps == ()
    assert not seen.is_accepted


def test_without_a_console_log_it_says_what_to_do(lab: Lab) -> None:
    """Nothing was seen and nothing printed: boot the board."""
    seen = read_last_handshake(RealLab(another(lab, "handshake-silent"), cloud="aws"))
    assert "There is no console log either. Boot the board" in repr(seen)


def test_the_control_url_reports_a_boards_handshake(lab: Lab) -> None:
    """The last attempt of a board that exists; for any other an error."""
    answer = lab.bench.get("boards/lab-device/handshake")
    assert answer["has_tried"]
    assert answer["handshake"]["subject"] == "CN=lab-device"
    with pytest.raises(BenchError, match="no board 'nobody'"):
        lab.bench.get("boards/nobody/handshake")


def test_a_bench_that_does_not_answer(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The panel says what the lab says, in place of the steps."""

    def silent(_: Lab) -> None:
        raise BenchError("the simulated bench does not answer.")

    monkeypatch.setattr(type(lab), "last_handshake", silent)
    panel = HandshakePanel(lab)
    assert repr(panel) == "No handshake to show: the simulated bench does not answer."
    assert "does not answer" in panel.html(live=True)
