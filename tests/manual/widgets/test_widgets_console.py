"""The console panel: it shows lines as they are printed, and its buttons make the lab's calls."""

from __future__ import annotations

import re
import sys
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from board_bench import private_pem
from console_shapes import boot_202107, key, text
from lab_bench import THREADS_OF_PYSERIAL
from second_board import SecondBoard, esp32
from secret_traces import traces

from labkit import console
from labkit.device.board import Board
from labkit.device.capture import LogWriter
from labkit.errors import DeviceError
from labkit.manual import widgets
from labkit.support.seeding import Randomness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from labkit.lab.lab import Lab
    from labkit.manual.widgets.console_panel import ConsolePanel

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

BOOT = text(boot_202107(key(), makes_pair=True))
SECRET = Randomness("widgets console").ec_key("device", "key pair")


class PastingLab:
    """A lab of which only the board and the pasting are asked."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.taken: list[object] = []

    def paste_console(self, raw: bytes) -> object:
        """Take a text, or refuse it."""
        if b"refuse" in raw:
            raise DeviceError("it is refused.")
        self.taken.append(raw)
        return self.board.paste(raw)


@pytest.fixture
def board(tmp_path: Path) -> Board:
    """Return a board without a port."""
    return Board("loop://", 115200, tmp_path / "console.log", tmp_path, (), ())


@pytest.fixture
def panel(board: Board) -> ConsolePanel:
    """Return a panel on a lab whose board has printed nothing yet."""
    return widgets.console(cast("Lab", PastingLab(board)))


def until(true: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def words(html: str) -> str:
    """Return what is read of a drawn panel."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


# Text and HTML


def test_text_twin_and_view_say_the_same(panel: ConsolePanel, board: Board) -> None:
    """Each line, each row's note and the verdict are in all three; buttons are in the view only."""
    board.log.write_text(BOOT)
    text_, twin, view = repr(panel), panel.html(live=False), panel.html(live=True)
    for word in ("row 6 of 6: whole", "declares 91 bytes", f"SHA-256 {key().short}"):
        assert word in text_
        assert word in words(twin)
        assert word in words(view)
    for line in (line.strip() for line in BOOT.splitlines()):
        assert line in text_
        assert line in words(twin)
    assert twin.count("lk-dump") == view.count("lk-dump") == 7
    assert "<button" not in twin
    assert "<input" not in twin
    assert "<button" in view


def test_no_log_yet(panel: ConsolePanel) -> None:
    """Before anything was printed the panel says so and what to do."""
    assert repr(panel).startswith("console.log: 0 lines\ndump: no dump: no public-key dump")
    assert 'class="warn"' in panel.html(live=False)


def test_times_are_in_the_view_only(panel: ConsolePanel, board: Board) -> None:
    """The computer's times are shown to who looks, and stored nowhere."""
    with LogWriter(board.console_log) as log:
        log.write(BOOT.encode())
    time_of_day = r"\d\d:\d\d:\d\d\.\d\d\d"
    assert re.search(time_of_day, panel.html(live=True))
    assert not re.search(time_of_day, panel.html(live=False) + repr(panel))


def test_nothing_of_a_log_is_markup(panel: ConsolePanel, board: Board) -> None:
    """Hostile text stays text, also where a part of it is searched and marked."""
    codes = "\x1b]0;title\x07\x1b[31m"
    board.log.write_text(f"0 1 [<b>] <script>alert(1)</script> {codes}<img src=x>\n")
    panel.press("ask", search="<script>")
    for live in (True, False):
        html = panel.html(live=live)
        assert "<script>" not in html
        assert "<img" not in html
        assert "<b>" not in html
        assert "\x1b" not in html
        assert "<mark>&lt;script&gt;</mark>" in html


def test_a_private_key_in_a_log_is_not_shown(panel: ConsolePanel, board: Board) -> None:
    """A key that was printed, pasted or taken is in no output of the panel and cannot be found."""
    log = f"{BOOT}{private_pem(SECRET)}".encode()
    board.log.write_bytes(log)
    secret = private_pem(SECRET).splitlines()[1]
    shown_texts = [repr(panel), panel.html(live=True), panel.html(live=False)]
    panel.press("ask", search=secret[8:20])
    shown_texts += [repr(panel).replace(secret[8:20], ""), panel.html(live=False)]
    assert "is in 0 of them" in repr(panel)
    panel.press("inspect", file=log)
    panel.wait()
    panel.press("take")
    shown_texts += [repr(panel), panel.html(live=True), panel.message]
    assert not any(trace in each.encode() for each in shown_texts for trace in traces(SECRET))
    assert "(not shown)" in shown_texts[0]


# Filter and search


def test_filter_and_search(panel: ConsolePanel, board: Board) -> None:
    """A filter leaves lines out and says of how many; hits are marked, counted and gone through."""
    board.log.write_text(text([f"{n} {n} [a] line {n}" for n in range(500)]) + BOOT)
    panel.press("ask", kind="row")
    assert "console.log: 6 lines of 513" in repr(panel)
    panel.press("ask", search="LINE 10")
    assert "'LINE 10' is in 11 of them" in repr(panel)
    assert panel.html(live=True).count("<mark>line 10</mark>") == 8
    here = re.compile(r"aria-current=\"true\"><td class=\"quiet\">(\d+)<")
    seen = []
    for _ in range(12):
        seen += here.findall(panel.html(live=True))
        panel.press("hit", "1")
    assert seen == ["110", "11", *(str(n) for n in range(101, 111))]
    panel.press("hit", "-1")
    assert here.findall(panel.html(live=True)) == ["110"]
    panel.press("ask", search="nowhere")
    assert "is in 0 of them" in repr(panel)
    panel.press("hit", "1")
    panel.press("ask", search="")
    assert "console.log: 513 lines\n" in repr(panel)


def test_only_a_window_is_drawn(panel: ConsolePanel, board: Board) -> None:
    """Of a long log the last lines are drawn, the rest is counted, and one can go there."""
    board.log.write_text(text([f"{n} {n} [a] line {n}" for n in range(20_000)]))
    assert "(19,800 lines before these left out)" in words(panel.html(live=True))
    assert panel.html(live=True).count("<tr") == 201
    assert len(panel.html(live=True)) < 60_000
    assert "(19,960 lines before these left out)" in repr(panel)
    panel.press("page", "-1")
    assert "line 19799" in panel.html(live=True)
    assert "(200 lines after these left out)" in words(panel.html(live=True))
    panel.press("page", "1")
    panel.press("page", "1")
    assert "line 19999" in panel.html(live=True)
    panel.press("ask", search="line 777")
    panel.press("end")
    assert "line 19999" in repr(panel)


def test_a_long_line_is_cut(panel: ConsolePanel, board: Board) -> None:
    """A line without an end does not fill the page, and says how much of it is left out."""
    board.log.write_text("x" * 5000 + "\n")
    assert "(4,600 more characters)" in repr(panel)
    assert len(panel.html(live=False)) < 2000


def test_a_log_that_is_replaced(panel: ConsolePanel, board: Board) -> None:
    """A log that became shorter is another log, and is read from its beginning."""
    board.log.write_text(BOOT)
    assert "row 6 of 6" in repr(panel)
    board.log.write_text("0 1 [a] new\r\n")
    assert repr(panel).startswith("console.log: 1 line\n1  0 1 [a] new\n")


# Logs from elsewhere


def test_a_log_is_looked_at_and_then_taken(panel: ConsolePanel, board: Board) -> None:
    """What is dropped or pasted is shown and is nowhere in the lab, until it is taken."""
    lab = cast("PastingLab", panel.lab)
    panel.press("inspect", pasted=BOOT)
    panel.wait()
    assert "a log that is not in the lab: 13 lines" in repr(panel)
    assert f"SHA-256 {key().short}" in repr(panel)
    assert not board.log.exists()
    panel.press("back")
    assert "console.log: 0 lines" in repr(panel)
    panel.press("inspect", file=BOOT.encode("utf-16"))
    panel.wait()
    assert f"SHA-256 {key().short}" in repr(panel)
    panel.press("take")
    assert lab.taken == [BOOT.encode("utf-16")]
    assert "console.log: 13 lines" in repr(panel)
    assert board.log.read_bytes() == BOOT.encode()


def test_one_run_is_shown_whatever_came_before_and_after(board: Board) -> None:
    """A panel on a run shows that run only, with its times, until the whole log is asked for."""
    board.log.write_text("0 1 [a] before\r\n")
    with LogWriter(board.console_log) as log:
        start = log.offset
        log.write(BOOT.encode())
    run = board.stored(start, start + len(BOOT))
    lab = cast("Lab", PastingLab(board))
    alone = repr(widgets.console(lab, run))
    board.paste("0 1 [a] after\r\n")
    panel = widgets.console(lab, run)
    assert repr(panel) == alone
    assert alone.startswith("this run: 13 lines\n")
    assert "take it" not in panel.html(live=True)
    assert re.search(r"\d\d:\d\d:\d\d\.\d\d\d", panel.html(live=True))
    panel.press("back")
    assert "before" in repr(panel)
    assert "after" in panel.html(live=True)


def test_what_is_refused_is_said(panel: ConsolePanel, board: Board) -> None:
    """An empty or refused text gets a message; a path is a text like any other."""
    panel.press("inspect", pasted=" \n")
    assert panel.message.startswith("The text is empty.")
    panel.press("take")
    panel.press("inspect", pasted="refuse this")
    panel.wait()
    panel.press("take")
    assert panel.message == "it is refused."
    assert "a log that is not in the lab" in repr(panel)
    board.log.write_text("the file's own text\n")
    panel.press("inspect", pasted=str(board.log))
    panel.wait()
    assert "own text" not in repr(panel)


# Boards


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals")
class TestASecondBoard:
    """A board on a port without reset lines."""

    @pytest.fixture
    def second(self) -> Iterator[SecondBoard]:
        """Return a board that plays logs."""
        board = SecondBoard()
        yield board
        board.close()

    @pytest.fixture
    def panel(self, second: SecondBoard, tmp_path: Path) -> ConsolePanel:
        """Return a panel on it."""
        lab = SimpleNamespace(board=second.as_board(tmp_path))
        return widgets.console(cast("Lab", lab))

    def test_rows_are_lit_as_they_arrive(self, panel: ConsolePanel, second: SecondBoard) -> None:
        """While the board prints its dump, the panel shows the rows printed so far."""
        lines = esp32(second.key).splitlines(keepends=True)
        third = lines.index(f"{second.key.der[32:48].hex(' ', -2)} \r\n")
        second.fault = lambda of: [*of[: third + 1], 2.0, *of[third + 1 :]]
        panel.press("listen")
        until(lambda: "row 3 of 6: whole" in panel.html(live=True))
        assert "row 4 of 6" not in panel.html(live=True)
        assert "<progress" in panel.html(live=True)
        assert "data-press='stop'" in panel.html(live=True).replace('"', "'")
        panel.wait()
        assert "row 6 of 6: whole" in panel.html(live=True)
        assert panel.message.startswith("The capture has ended")
        assert f"SHA-256 {second.key.short}" in repr(panel)

    def test_listening_is_stopped(self, panel: ConsolePanel, second: SecondBoard) -> None:
        """Stop ends the capture at a line's end and frees the port; the next boot is whole."""
        second.fault = lambda of: [*of[:6], 20.0, *of[6:]]
        panel.press("listen")
        until(lambda: "POWERON_RESET" in panel.html(live=True))
        panel.press("listen")
        assert "Stop it first" in panel.message
        panel.stop()
        panel.wait()
        log = panel.lab.board.log.read_bytes()
        assert log.endswith(b"\n")
        second.fault = list
        panel.press("listen")
        panel.wait()
        assert panel.lab.board.log.read_bytes() == log + esp32(second.key).encode()

    def test_a_board_that_is_silent(self, panel: ConsolePanel, second: SecondBoard) -> None:
        """The panel shows an error of the capture."""
        second.powered = False
        panel.press("listen")
        panel.wait()
        assert "no byte was received" in panel.message


def test_a_step_is_followed(lab: Lab) -> None:
    """What a step of another cell captures is seen while it does; stop ends the looking only."""
    panel = widgets.console(lab)
    panel.press("follow")
    step = threading.Thread(target=lab.run_demo_first)
    step.start()
    until(lambda: "row 6 of 6" in panel.front.html)
    step.join()
    panel.stop()
    panel.wait()
    assert panel.message == ""
    log = lab.file("console.log").read_bytes()
    assert console.parse(log).public_key().short in repr(panel)
    panel.press("listen")
    panel.wait()
    assert panel.message.startswith("The capture has ended")
    assert lab.file("console.log").read_bytes().startswith(log)
    assert "2 boots" in repr(panel)
