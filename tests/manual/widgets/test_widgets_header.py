"""The header panel: nothing is written before confirm, and undo restores every byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lab_bench import THREADS_OF_PYSERIAL, another

from labkit import certificates, firmware
from labkit.firmware.tree import find_sources
from labkit.lab.procedure.steps.header_previews import numbered
from labkit.lab.procedure.steps.headers import FORCE, PLANNED, PRIVATE_KEY_PEM
from labkit.manual.widgets.header_panel import HeaderPanel
from labkit.support.seeding import Randomness

if TYPE_CHECKING:
    from pathlib import Path

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)

SOURCES = {
    "set_endpoint_and_thing": "credentials",
    "force_key_generation": "provisioning",
    "stop_key_generation": "provisioning",
    "import_certificate": "keys",
}
"""The source that each step edits."""

OTHERWISE: dict[str, str | None] = {
    "set_endpoint_and_thing": "other",
    "force_key_generation": "0",
    "stop_key_generation": "1",
    "import_certificate": None,
}
"""A value that each step does not set."""


def source(lab: Lab, step: str) -> Path:
    """Return the file that a step edits."""
    file: Path = getattr(find_sources(lab.workspace.firmware), SOURCES[step])
    return file


def unlike(lab: Lab, step: str) -> bytes:
    """Make a step's file unlike what the step writes, and return its bytes."""
    file = source(lab, step)
    for macro in PLANNED[step](lab.workbench(step)):
        text = firmware.decode(file.read_bytes())
        file.write_bytes(firmware.encode(firmware.edit(text, macro, OTHERWISE[step]).new))
    return file.read_bytes()


def test_every_step_that_sets_macros_can_be_previewed() -> None:
    """The steps of this test are all that there are."""
    assert set(SOURCES) == set(PLANNED)


@pytest.mark.parametrize("step", [step for step in SOURCES if step != "force_key_generation"])
def test_each_step_writes_what_was_shown(finished: Lab, step: str) -> None:
    """Looking writes nothing; confirm writes the shown lines and no others; undo gives all back."""
    before = unlike(finished, step)
    panel = HeaderPanel(finished, step)
    shown = panel.text()
    assert "added" in panel.html(live=False)
    assert "<button" not in panel.html(live=False)
    assert source(finished, step).read_bytes() == before
    panel.press("confirm")
    assert "Written: " in repr(panel)
    assert "already has" in panel.text()
    after = firmware.decode(source(finished, step).read_bytes())
    for line in shown.splitlines()[4:]:
        number, text = line[:4], line[5:]
        lines = firmware.decode(before) if text.startswith("-") else after
        assert lines.split("\n")[int(number) - 1].rstrip() == text[1:].rstrip()
    panel.press("undo")
    assert source(finished, step).read_bytes() == before
    panel.press("confirm")


def test_the_steps_own_call_can_be_taken_back(lab: Lab) -> None:
    """The cell after the panel writes it; the panel can still undo it."""
    device = another(lab, "header-cell")
    before = source(device, "set_endpoint_and_thing").read_bytes()
    panel = HeaderPanel(device, "set_endpoint_and_thing")
    device.set_endpoint_and_thing()
    panel.press("confirm")
    assert "It is already written." in repr(panel)
    panel.press("undo")
    assert "Restored: " in repr(panel)
    assert source(device, "set_endpoint_and_thing").read_bytes() == before
    panel.press("undo")
    assert "there is nothing to undo" in repr(panel)
    panel.press("confirm")
    assert "Written: " in repr(panel)


def test_forcing_keys_is_shown_and_written(lab: Lab) -> None:
    """The step that a later one undoes, at its own place in the route."""
    device = another(lab, "header-force")
    unlike(device, "force_key_generation")
    panel = HeaderPanel(device, "force_key_generation")
    assert f"+#define {FORCE}" in repr(panel)
    panel.press("confirm")
    assert "Written: " in repr(panel)
    panel.press("undo")
    assert "Restored: " in repr(panel)


def test_what_the_procedure_does_not_write_again_is_not_called_written(finished: Lab) -> None:
    """Forcing keys is behind it: a later step has set the macro otherwise, and it stays so."""
    before = unlike(finished, "force_key_generation")
    panel = HeaderPanel(finished, "force_key_generation")
    panel.press("confirm")
    assert "Nothing was written: force_key_generation was done before" in repr(panel)
    assert source(finished, "force_key_generation").read_bytes() == before


def test_what_was_never_shown_cannot_be_taken_back(lab: Lab) -> None:
    """A panel that found everything written has no bytes to restore."""
    device = another(lab, "header-late")
    device.set_endpoint_and_thing()
    panel = HeaderPanel(device, "set_endpoint_and_thing")
    assert "already has" in repr(panel)
    panel.press("undo")
    assert "has shown no change" in repr(panel)


def test_a_step_whose_files_are_missing_says_so(lab: Lab) -> None:
    """Without a certificate there is nothing to import; no path is shown."""
    device = another(lab, "header-early")
    panel = HeaderPanel(device, "import_certificate")
    assert "cannot be previewed: deviceCert.pem does not exist yet" in repr(panel)
    assert str(device.workspace.root) not in repr(panel)
    panel.press("confirm")
    assert "has changed since it was shown" in repr(panel)


def test_a_private_key_in_the_header_is_refused_and_not_shown(finished: Lab) -> None:
    """As the step itself refuses it; the key is on no panel."""
    file = source(finished, "import_certificate")
    before = file.read_bytes()
    key = Randomness().ec_key("header", "a key")
    pem = certificates.private_key_to_pem(key).decode()
    text = firmware.edit(firmware.decode(before), PRIVATE_KEY_PEM, pem).new
    file.write_bytes(firmware.encode(text))
    try:
        panel = HeaderPanel(finished, "import_certificate")
        assert "cannot be previewed" in repr(panel)
        assert pem.splitlines()[1] not in repr(panel) + panel.html(live=True)
    finally:
        file.write_bytes(before)


def test_lines_have_their_own_files_numbers() -> None:
    """A removed line has its number before, any other its number after; heads have none."""
    edit = firmware.Edit("a\nb\nc\nd\n", "a\nx\ny\nc\nd\n", "it")
    assert [number for number, _ in numbered(edit.diff("file.h"))] == [
        *(None, None, None),
        *(1, 2, 2, 3, 4, 5),
    ]
    assert list(numbered("")) == []
    without_end = list(numbered(firmware.Edit("a", "b", "it").diff("file.h")))
    assert [number for number, line in without_end if line.startswith("\\")] == [None, None]
    assert [number for number, line in without_end if line in ("-a", "+b")] == [1, 1]


def test_a_file_that_was_changed_is_shown_again(lab: Lab) -> None:
    """The difference is not the one that was shown, so nothing is written."""
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
