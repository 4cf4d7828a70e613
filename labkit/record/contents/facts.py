"""A record's facts, `record.json`: what an index reads, and a person asks for first."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from labkit import __version__, certificates
from labkit.errors import LabError
from labkit.lab.procedure.status import stages as stages_of
from labkit.lab.procedure.steps import headers as header_steps
from labkit.record.contents.executed_pages import PageFacts, look_at
from labkit.record.contents.surroundings import port, surroundings, who
from labkit.record.fingerprints import Fingerprint, fingerprints, of_certificate
from labkit.record.record_json import FORMAT, VERSION
from labkit.support.seeding import Clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from labkit.check import Check
    from labkit.lab.lab import Lab
    from labkit.lab.procedure.status import Stage
    from labkit.workspace import Settings

_SIMULATED_BOARD = "The board was SIMULATED: its key is in no device."
_SIMULATED_ACCOUNT = "The account was SIMULATED: AWS knows nothing of this."
_REAL = "Board and account were REAL."


@dataclass(frozen=True, slots=True)
class Told:
    """What only the caller of `make` knows.

    Attributes:
        operator: who did it; the login name where nobody is named.
        board: which board, such as the label on it.
        notes: what else there is to say.
        failed: the first line of what went wrong, where a run was ended by it.
        cut_off: whether somebody ended a run before its end.
        parameters: what the pages were given.
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
    told: Told,
    headers: Mapping[str, str],
) -> dict[str, Any]:
    """Return the facts of a run; the verdicts of the record's own checks are not yet among them.

    Args:
        lab: the lab.
        files: what the record holds so far, by path, secrets taken out.
        name: the record's name.
        when: its date, UTC.
        told: what only the caller knows.
        headers: the SHA-256 of each source of the firmware as it was at the end.
    """
    settings = lab.workspace.settings
    stages = stages_of(lab.workspace)
    failed = {stage.step.name: stage.error for stage in stages if stage.state == "failed"}
    if told.failed:
        failed["run"] = told.failed
    outcome = _outcome(stages, failed, cut_off=told.cut_off)
    keys = (*fingerprints(files), *_in_header(lab))
    pages = {page.removeprefix("pages/"): raw for page, raw in files.items() if "pages/" in page}
    looked = {page: _looked(page, raw) for page, raw in pages.items()}
    region, account_id = _account(lab)
    return {
        "format": FORMAT,
        "version": VERSION,
        "labkit": __version__,
        "name": name,
        "outcome": outcome,
        "operator": told.operator or who(),
        "board": told.board,
        "notes": told.notes,
        "parameters": dict(told.parameters),
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
        "certificate": _certificate(lab, files, when),
        "steps": [_step(number, stage, lab) for number, stage in enumerate(stages, 1)],
        "checks": [
            {"where": page.removesuffix(".ipynb"), "verdict": verdict, "what": what, "value": value}
            for page, seen in looked.items()
            for verdict, what, value in seen.checks
        ],
        "pages": {
            page: {key: value for key, value in asdict(seen).items() if key != "checks"}
            for page, seen in looked.items()
        },
        "headers": dict(headers),
        "failed": failed,
        "diagnosis": None if outcome == "accepted" else _diagnosis(lab),
        "where": surroundings(lab.workspace),
        "port": port(settings),
    }


def told_checks(checks: Iterable[Check]) -> list[dict[str, str]]:
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
    words = [
        said
        for said, holds in (
            (_SIMULATED_BOARD, simulated["board"]),
            (_SIMULATED_ACCOUNT, simulated["account"]),
            (_REAL, not any(simulated.values())),
        )
        if holds
    ]
    told = {what: "simulated" if is_it else "real" for what, is_it in simulated.items()}
    return {**told, "words": " ".join(words)}


def _account(lab: Lab) -> tuple[str, str]:
    try:
        return lab.account.region, lab.account.account_id
    except LabError:
        return "", ""


def _looked(page: str, raw: bytes) -> PageFacts:
    """Look at a page; one that is damaged is in the record as it is, and tells nothing."""
    try:
        return look_at(page, raw)
    except ValueError:
        return PageFacts(0, 0, (), (), ())


def _in_header(lab: Lab) -> Iterator[Fingerprint]:
    """Yield the key of the certificate that the header holds, once the run has one to put there."""
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


def _certificate(lab: Lab, files: Mapping[str, bytes], when: datetime) -> dict[str, str] | None:
    pem = files.get("device/deviceCert.pem")
    if pem is None:
        return None
    try:
        told = certificates.describe(certificates.load_certificate(pem))
    except LabError:
        return None
    answer = json.loads(files.get("account/certificate.json", b"{}"))
    seed, last = lab.workspace.settings.seed, lab.procedure.steps[-1].name
    seeded_day = Clock(seed).now(lab.procedure.number(last))
    return {
        "id": told.certificate_id,
        "subject": told.subject,
        "issuer": told.issuer,
        "serial": told.serial_number,
        "not_before": told.not_before.isoformat(),
        "not_after": told.not_after.isoformat(),
        "looked_at": (seeded_day if seed else when).isoformat(),
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
