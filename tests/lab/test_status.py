"""Where a device stands: asked once, from one snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lab_bench import THREADS_OF_PYSERIAL

from labkit.firmware import tree
from labkit.lab import lab as lab_module
from labkit.lab.procedure import ROUTES, Status, stages
from labkit.manual.widgets.route_panel import RoutePanel

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.lab.lab import Lab

pytest_plugins = ("bench_fixtures",)
pytestmark = pytest.mark.filterwarnings(THREADS_OF_PYSERIAL)


@pytest.fixture
def journal_reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Collect each reading of a whole journal."""
    reads: list[Path] = []
    read_bytes = Path.read_bytes

    def counted(path: Path) -> bytes:
        if path.name == "journal.jsonl":
            reads.append(path)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    return reads


def test_a_call_on_a_finished_device_reads_the_journal_three_times_at_most(
    finished: Lab, journal_reads: list[Path]
) -> None:
    """One snapshot serves all the steps that are checked before the hello world."""
    finished.run_hello_world()
    assert 1 <= len(journal_reads) <= 3


def test_the_map_reads_once_and_searches_once(
    finished: Lab, journal_reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn again, it reads the journal once and does not search the firmware tree."""
    panel = RoutePanel(finished)
    panel.draw(live=True)
    journal_reads.clear()
    searched: list[Path] = []
    monkeypatch.setattr(tree, "find_sources", searched.append)
    panel.draw(live=True)
    assert len(journal_reads) == 1
    assert searched == []


def test_a_source_that_moved_is_found_again(tmp_path: Path, finished: Lab) -> None:
    """What was found is used as long as it is there."""
    folder = tmp_path / "tree"
    source = tree.find_sources(finished.workspace.firmware)
    for file in (source.credentials, source.keys, source.provisioning):
        copy = folder / "a" / file.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    assert tree.known_sources(folder).keys == folder / "a" / source.keys.name
    (folder / "a").rename(folder / "b")
    assert tree.known_sources(folder).keys == folder / "b" / source.keys.name


def test_a_snapshot_stays_as_it_was(finished: Lab) -> None:
    """A file that changes makes another snapshot, not another answer of the same one."""
    step = finished.procedure.find("issue_certificate")
    before = Status(finished.workspace)
    assert before.is_done(step)
    file = finished.workspace.path("deviceCert.pem")
    pem = file.read_bytes()
    file.write_bytes(pem + b"\n")
    try:
        assert not Status(finished.workspace).is_done(step)
        assert [each.state for each in stages(finished.workspace)].count("next") == 1
    finally:
        file.write_bytes(pem)
    assert {each.state for each in Status(finished.workspace).stages()} == {"done"}
    assert len(stages(finished.workspace)) == len(ROUTES["option-2"].steps)


@pytest.mark.parametrize(
    "question",
    [
        lambda lab: list(lab.route()),
        lambda lab: lab.file("deviceCert.pem"),
        lambda lab: lab.source("aws_clientcredential.h"),
        lambda lab: (lab.public_key, lab.certificate_id, lab.journal),
        repr,
    ],
)
def test_a_question_about_files_makes_no_client(
    finished: Lab, question: Callable[[Lab], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No boto3 client is made for it; the account is opened when it is needed."""
    opened: list[object] = []
    real = lab_module.open_account
    monkeypatch.setattr(lab_module, "open_account", lambda *a: opened.append(a) or real(*a))
    lab = lab_module.open_lab(finished.workspace.root)
    question(lab)
    assert opened == []
    assert lab.account.account_id
    assert len(opened) == 1
