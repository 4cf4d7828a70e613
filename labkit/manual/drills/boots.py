"""Booting the drill device and diagnosing what it printed, with and without what lies beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit import diagnosis
from labkit.console.shapes import Kind, kind_of
from labkit.diagnosis import Evidence
from labkit.lab import diagnosing as gathering
from labkit.lab.header_evidence import read_headers

if TYPE_CHECKING:
    from labkit.device.capture import Capture
    from labkit.diagnosis import Diagnosis
    from labkit.lab.lab import Lab


class _PausedError(Exception):
    """The board waits before it makes its key pair, as long as in life."""


def boot(lab: Lab, *, waits: bool = False) -> Capture:
    """Boot the drill device and return what it prints.

    Args:
        lab: its lab.
        waits: do not sit the pause before the key pair out, but return what came before it.
    """
    log = lab.workspace.path("console.log")
    start = log.stat().st_size if log.exists() else 0

    def watch(line: str) -> None:
        if waits and kind_of(line)[0] is Kind.WAITING:
            raise _PausedError

    try:
        return lab.board.boot(show=watch)
    except _PausedError:
        return lab.board.stored(start, log.stat().st_size)


def evidence(lab: Lab) -> Evidence:
    """Return headers, certificates and the account's state."""
    headers = Evidence(headers=read_headers(lab.workspace.firmware))
    return gathering.with_account(lab, headers)


def diagnose(lab: Lab, capture: Capture, *, alone: bool = False) -> Diagnosis:
    """Diagnose one boot.

    Args:
        lab: the drill device's lab.
        capture: what it printed.
        alone: from the console alone.
    """
    return diagnosis.diagnose(capture.text, None if alone else evidence(lab))
