"""Gathering what a lab has for a diagnosis: console, headers, certificates, the account."""

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


class Bench(Protocol):
    """What has a workspace and an account: a lab."""

    @property
    def workspace(self) -> Workspace:
        """Files and settings."""

    @property
    def account(self) -> Account:
        """The account."""


def diagnose(lab: Bench) -> Diagnosis:
    """Diagnose a lab's console log with everything that the lab has beside it.

    Raises:
        ConsoleError: there is no console log, or nothing in it.
    """
    place = lab.workspace
    log = _content(place, "console.log")
    if log is None or not log.strip():
        raise ConsoleError(
            "console.log: expected what the board printed, found nothing. Boot the board with the "
            "console captured, for instance: lab.board.boot()."
        )
    evidence = Evidence(
        headers=_headers(place),
        certificate=_content(place, "deviceCert.pem"),
        ca=_content(place, "rootCA.pem"),
    )
    return diagnosis.diagnose(log, with_account(lab, evidence))


def with_account(lab: Bench, evidence: Evidence) -> Evidence:
    """Add what the account says about the device's certificate, and the time.

    Where the evidence names no certificate, the lab's own files are taken.
    """
    place = lab.workspace
    if evidence.device_certificate is None:
        evidence = replace(evidence, certificate=_content(place, "deviceCert.pem"))
    if evidence.ca_certificate is None or evidence.ca_certificate.certificate is None:
        evidence = replace(evidence, ca=_content(place, "rootCA.pem"))
    certificate, ca = evidence.device_certificate, evidence.ca_certificate
    state = read_account_state(
        lab.account,
        certificate=certificate.certificate if certificate else None,
        ca=ca.certificate if ca else None,
    )
    seed = place.settings.seed
    if seed is not None:
        # A seeded account lives on the seeded day and answers with the wall clock's date.
        state = replace(state, clock=None)
    return replace(evidence, account=state, now=Clock(seed).now(SEEDED_BENCH_STEP))


def _headers(place: Workspace) -> Headers | None:
    try:
        return read_headers(place.firmware)
    except DeviceError:
        return None


def _content(place: Workspace, name: str) -> bytes | None:
    path = place.path(name)
    return path.read_bytes() if path.is_file() else None
