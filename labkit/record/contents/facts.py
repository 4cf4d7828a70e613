"""Collect the facts of a run, `record.json`, which lists and reports are made from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from labkit import __version__, certificates
from labkit.errors import LabError
from labkit.lab.procedure.status import stages as stages_of
from labkit.lab.procedure.steps import headers as header_steps
from labkit.record.contents.executed_pages import PageFacts, page_facts
from labkit.record.contents.surroundings import login_name, port, surroundings
from labkit.record.fingerprints import Fingerprint, fingerprints, of_certificate
from labkit.record.record_json import FORMAT, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from labkit.check import Check
    from labkit.lab.lab import Lab
    from labkit.lab.procedure.status import Stage
    from labkit.workspace import Settings

_SIMULATED = {
    "board": "The board was SIMULATED: its key is not in a device.",
    "account": "The account was SIMULATED: nothing was made in AWS.",
}
_REAL = "The board and the account were REAL."


@dataclass(frozen=True, slots=True)
class RunNotes:
    """What the caller of `make` adds to the facts.

    Attributes:
        operator: the operator's name; the login name if empty.
        board: the board, such as the label on it.
        notes: any other text.
        failed: the first line of the error that ended a run; empty if none did.
        cut_off: whether a signal ended a run.
        parameters: the parameters of the pages.
    """

    operator: str = ""
    board: str = ""
    notes: str = ""
    failed: str = ""
    cut_off: bool = False
    parameters: Mapping[str, object] = field(default_factory=dict)


def facts(
    lab: Lab,
    files: Mapping[str, bytes],
    *,
    name: str,
    when: datetime,
    notes: RunNotes,
    headers: Mapping[str, str],
) -> dict[str, Any]:
    """Return the facts of a run, without the verdicts of the record's own checks.

    Args:
        lab: the lab.
        files: the content of the record so far, by path, without secrets.
        name: the record's name.
        when: its date, UTC.
        notes: what the caller adds.
        headers: the SHA-256 of each source of the firmware at the end of the run.
    """
    settings = lab.workspace.settings
    stages = stages_of(lab.workspace)
    failed = {stage.step.name: stage.error for stage in stages if stage.state == "failed"}
    if notes.failed:
        failed["run"] = notes.failed
    outcome = _outcome(stages, failed, cut_off=notes.cut_off)
    keys = (*fingerprints(files), *_in_header(lab))
    pages = {page.removeprefix("pages/"): raw for page, raw in files.items() if "pages/" in page}
    found = {page: _page(page, raw) for page, raw in pages.items()}
    region, account_id = _account(lab)
    return {
        "format": FORMAT,
        "version": VERSION,
        "labkit": __version__,
        "name": name,
        "outcome": outcome,
        "operator": notes.operator or login_name(),
        "board": notes.board,
        "notes": notes.notes,
        "parameters": dict(notes.parameters),
        "mode": _mode(settings),
        "made_at": when.isoformat().replace("+00:00", "Z"),
        "thing": settings.thing_name,
        "route": settings.route,
        "seed": settings.seed or None,
        "release": settings.release if settings.board_is_simulated else "",
        "region": region,
        "account_id": account_id,
        "fingerprint": next((each.sha256 for each in keys if each.sha256), None),
        "fingerprints": [asdict(each) for each in keys],
        "certificate": _certificate(files),
        "steps": [_step(number, stage, lab) for number, stage in enumerate(stages, 1)],
        "checks": [
            {"where": page.removesuffix(".ipynb"), "verdict": verdict, "what": what, "value": value}
            for page, seen in found.items()
            for verdict, what, value in seen.checks
        ],
        "pages": {
            page: {key: value for key, value in asdict(seen).items() if key != "checks"}
            for page, seen in found.items()
        },
        "headers": dict(headers),
        "failed": failed,
        "diagnosis": None if outcome == "accepted" else _diagnosis(lab),
        "where": surroundings(lab.workspace),
        "port": port(settings),
    }


def checks_as_facts(checks: Iterable[Check]) -> list[dict[str, str]]:
    """Return the record's own checks as `record.json` has them."""
    return [
        {
            "where": "record",
            "verdict": "ok" if each else "FAIL",
            "what": each.claim,
            "value": each.shown,
        }
        for each in checks
    ]


def _outcome(stages: Sequence[Stage], failed: Mapping[str, str], *, cut_off: bool) -> str:
    if failed:
        return "failed"
    is_whole = not cut_off and all(each.state == "done" for each in stages)
    return "accepted" if is_whole else "unfinished"


def _mode(settings: Settings) -> dict[str, str]:
    simulated = {"board": settings.board_is_simulated, "account": settings.account_is_simulated}
    words = [words for what, words in _SIMULATED.items() if simulated[what]] or [_REAL]
    mode = {what: "simulated" if is_it else "real" for what, is_it in simulated.items()}
    return {**mode, "words": " ".join(words)}


def _account(lab: Lab) -> tuple[str, str]:
    try:
        return lab.account.region, lab.account.account_id
    except LabError:
        return "", ""


def _page(name: str, raw: bytes) -> PageFacts:
    """Return the facts of a page; a damaged page has none."""
    try:
        return page_facts(name, raw)
    except ValueError:
        return PageFacts(0, 0, (), (), ())


def _in_header(lab: Lab) -> Iterator[Fingerprint]:
    """Yield the key of the certificate in the header, once the run has a certificate."""
    at = "the certificate in aws_clientcredential_keys.h"
    if not lab.workspace.path("deviceCert.pem").exists():
        return
    try:
        workbench = lab.workbench(lab.procedure.steps[0].name)
        pem = header_steps.value_now(workbench, header_steps.CERTIFICATE_PEM)
        if pem:
            yield Fingerprint(at, of_certificate(pem.encode()))
    except LabError as error:
        yield Fingerprint(at, "", str(error))


def _certificate(files: Mapping[str, bytes]) -> dict[str, str] | None:
    pem = files.get("device/deviceCert.pem")
    if pem is None:
        return None
    try:
        described = certificates.describe(certificates.load_certificate(pem))
    except LabError:
        return None
    answer = json.loads(files.get("account/certificate.json", b"{}"))
    return {
        "id": described.certificate_id,
        "subject": described.subject,
        "issuer": described.issuer,
        "serial": described.serial_number,
        "not_before": described.not_before.isoformat(),
        "not_after": described.not_after.isoformat(),
        "status": answer.get("status", ""),
        "arn": answer.get("certificateArn", ""),
    }


def _step(number: int, stage: Stage, lab: Lab) -> dict[str, Any]:
    entry = lab.workspace.journal.newest(stage.step.name)
    return {
        "number": number,
        "step": stage.step.name,
        "page": stage.step.page,
        "does": stage.step.does,
        "state": stage.state,
        "done": stage.state == "done",
        "at": entry.at if entry else "",
        "made": entry.made if entry else {},
    }


def _diagnosis(lab: Lab) -> dict[str, object] | None:
    try:
        return lab.diagnose().as_dict()
    except LabError:
        return None
