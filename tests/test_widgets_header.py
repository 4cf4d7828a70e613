"""The header panel: nothing is written before confirm, and undo restores every byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lab_bench import THREADS_OF_PYSERIAL, another

from labkit.device.image import find_sources
from labkit.widgets.header import HeaderPanel

if TYPE_CHECKING:
    from labkit.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)


def test_confirm_writes_what_was_shown_and_undo_restores_it(lab: Lab) -> None:
    """Looking writes nothing; confirm does the lab's own step; undo gives the same bytes back."""
    device = another(lab, "header-undo")
    file = find_sources(device.workspace.firmware).credentials
    before = file.read_bytes()
    panel = HeaderPanel(device, "set_endpoint_and_thing")
    assert "header-undo" in repr(panel)
    assert "added" in panel.html(live=False)
    assert "<button" not in panel.html(live=False)
    assert file.read_bytes() == before
    panel.press("confirm")
    assert b"header-undo" in file.read_bytes()
    assert "says already" in repr(panel)
    panel.press("undo")
    assert file.read_bytes() == before
    assert "would write" in repr(panel)
    panel.press("confirm")
    assert b"header-undo" in file.read_bytes()


def test_a_file_changed_since_it_was_shown_is_shown_anew(lab: Lab) -> None:
    """What would be written is no longer what was seen: nothing is written."""
    device = another(lab, "header-stale")
    file = find_sources(device.workspace.firmware).credentials
    panel = HeaderPanel(device, "set_endpoint_and_thing")
    file.write_bytes(file.read_bytes() + b"/* mine */\n")
    by_hand = file.read_bytes()
    panel.press("confirm")
    assert "has changed since it was shown" in repr(panel)
    assert file.read_bytes() == by_hand


def test_undo_refuses_a_file_changed_by_hand(lab: Lab) -> None:
    """What was edited after confirm is not lost."""
    device = another(lab, "header-hand")
    file = find_sources(device.workspace.firmware).credentials
    panel = HeaderPanel(device, "set_endpoint_and_thing")
    panel.press("confirm")
    file.write_bytes(file.read_bytes() + b"/* mine */\n")
    by_hand = file.read_bytes()
    panel.press("undo")
    assert "was changed after" in repr(panel)
    assert file.read_bytes() == by_hand
