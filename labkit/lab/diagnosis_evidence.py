"""The evidence that a lab has for a diagnosis: console, headers, certificates, account."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from labkit import diagnosis
from labkit.cloud.state import read_account_state
from labkit.diagnosis import Evidence
from labkit.errors import ConsoleError, DeviceError
from labkit.lab.header_evidence import read_headers
from labkit.support.seeding import SEEDED_BENCH_STEP, Clock

if TYPE_CHECKING:
    from labkit.cloud.account import Account
    from labkit.diagnosis import Diagnosis, Headers
    from labkit.workspace import Workspace


class DiagnosedLab(Protocol):
    """The parts of a lab that a diagnosis uses; a `Lab` has them."""

    @property
    def workspace(self) -> Workspace:
        """Files and settings."""

    @property
    def account(self) -> Account:
        """The AWS account."""


def diagnose(lab: DiagnosedLab) -> Diagnosis:
    """Diagnose a lab's console log with all other evidence of the lab.

    Raises:
        ConsoleError: there is no console log, or it is empty.
    """
    place = lab.workspace
    log = place.content("console.log")
    if log is None or not log.strip():
        raise ConsoleError(
            f"{place.path('console.log')} is missing or empty; expected the board's console text. "
            "Capture a boot, for instance with lab.board.boot()."
        )
    evidence = Evidence(
        headers=_headers(place),
        certificate=place.content("deviceCert.pem"),
        ca=place.content("rootCA.pem"),
    )
    return diagnosis.diagnose(log, with_account(lab, evidence))


def with_account(lab: DiagnosedLab, evidence: Evidence) -> Evidence:
    """Add the account's answers about the device's certificate, and the time.

    If the evidence has no certificate, the lab's own files are used.
    """
    place = lab.workspace
    if evidence.device_certificate is None:
        evidence = replace(evidence, certificate=place.content("deviceCert.pem"))
    if evidence.ca_certificate is None or evidence.ca_certificate.certificate is None:
        evidence = replace(evidence, ca=place.content("rootCA.pem"))
    certificate, ca = evidence.device_certificate, evidence.ca_certificate
    state = read_account_state(
        lab.account,
        certificate=certificate.certificate if certificate else None,
        ca=ca.certificate if ca else None,
    )
    seed = place.settings.seed
    if seed is not None:
        # A seeded account uses the seeded day, but answers with the date of the wall clock.
        state = replace(state, clock=None)
    return replace(evidence, account=state, now=Clock(seed).now(SEEDED_BENCH_STEP))


def _headers(place: Workspace) -> Headers | None:
    try:
        return read_headers(place.firmware)
    except DeviceError:
        return None
