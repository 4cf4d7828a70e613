"""The handshake of a device's last connection, from the simulated gateway or from the console.

The traffic between a device and the real AWS IoT does not reach this computer, and nearly all of it
is encrypted. Only the device's console text is known then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from labkit import certificates
from labkit.bench import handshake
from labkit.bench.client import board_path
from labkit.bench.handshake import Handshake
from labkit.errors import ConsoleError
from labkit.lab.diagnosis_evidence import DiagnosedLab, diagnose

if TYPE_CHECKING:
    from labkit.bench.client import Bench
    from labkit.workspace import Settings, Workspace


class _Lab(DiagnosedLab, Protocol):
    """The parts of a lab that are used here."""

    @property
    def bench(self) -> Bench | None:
        """The simulated bench, if any."""


def read_last_handshake(lab: _Lab) -> Handshake:
    """Return the handshake of a device's last connection; its repr is a list of its steps.

    Raises:
        BenchError: the simulated bench does not answer.
    """
    settings = lab.workspace.settings
    if lab.bench is not None and settings.board_is_at_gateway:
        return _at_gateway(lab, lab.bench)
    if lab.bench is None or not settings.is_simulated:
        return _from_console(lab, f"Not seen: {_real(settings)}")
    answer: dict[str, Any] = lab.bench.get(board_path(settings.thing_name, "handshake"))
    if answer["handshake"]:
        return handshake.read(answer["handshake"])
    if answer["has_tried"]:
        return _from_console(lab, "Not seen: the board did not reach AWS IoT's gateway.")
    return Handshake(
        "Not seen: the board has not tried to connect since its bench was started.",
        "Reset the board, for instance with lab.board.boot(), and call this again.",
    )


def _at_gateway(lab: _Lab, bench: Bench) -> Handshake:
    """Return the last connection at the gateway if it can be this device's."""
    attempt: Any = bench.get("handshake")["handshake"]
    if attempt:
        shown = {attempt["client_id"], attempt["certificate_id"]} - {"", None}
        if not shown or shown & {lab.workspace.settings.thing_name, _certificate_id(lab.workspace)}:
            return handshake.read(attempt)
    return _from_console(lab, "Not seen: another device was the last at the simulated gateway.")


def _certificate_id(workspace: Workspace) -> str:
    file = workspace.path("deviceCert.pem")
    if not file.exists():
        return ""
    return certificates.certificate_id(certificates.load_certificate(file.read_bytes()))


def _real(settings: Settings) -> str:
    if settings.account_is_simulated:
        return "the board is a real one, and cannot reach the simulated account."
    return "AWS IoT is real; its traffic with the device does not reach this computer."


def _from_console(lab: _Lab, source: str) -> Handshake:
    """Return what the device's console shows instead of the steps."""
    try:
        found = diagnose(lab)
    except ConsoleError:
        return Handshake(source, "There is no console log either. Boot the board first.")
    lines = [str(item) for item in found.best.evidence if item.source == "console"]
    return Handshake(source, "\n".join([f"The console says: {found.says}", *lines]))
